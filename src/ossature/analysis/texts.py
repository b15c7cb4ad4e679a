"""Specs as the texts that audit and planning show a model."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from ossature.digest import digest_json, digest_text
from ossature.domain.spec import Component, Spec, SpecTree
from ossature.llm.prompt import join_parts
from ossature.project import Project

PROJECT_BRIEF = "brief.md"


def spec_text(tree: SpecTree, spec_id: str) -> str:
    """The raw text of a spec, without its metadata."""
    return tree.specs[spec_id].body.strip() + "\n"


def architecture_text(tree: SpecTree, spec_id: str) -> str:
    """The raw texts of a spec's architectures; empty where there is none."""
    return "\n\n".join(item.body.strip() for item in tree.architectures.get(spec_id, ()))


def all_specs(tree: SpecTree) -> str:
    """Every spec with its architecture, in dependency order."""
    parts: list[tuple[str, str]] = []
    for spec_id, spec in tree.specs.items():
        text = spec_text(tree, spec_id)
        if architecture := architecture_text(tree, spec_id):
            text = f"{text}\n{architecture}\n"
        depends = f' depends="{", ".join(spec.depends)}"' if spec.depends else ""
        parts.append((f'spec id="{spec_id}"{depends}', text))
    return join_parts(parts)


def overview(spec: Spec) -> str:
    """The text under `## Overview`, else the first requirement's title."""
    for section in spec.sections:
        if section.level == 2 and section.title.lower() == "overview":
            return section.text.split("\n", 1)[-1].strip()
    return spec.requirements[0].title if spec.requirements else ""


def upstream_text(tree: SpecTree, spec_id: str, interfaces: dict[str, str]) -> str:
    """Overview and interface of everything that a spec depends on."""
    parts = [
        (f'spec id="{name}"', f"{overview(tree.specs[name])}\n\n{interfaces.get(name, '')}".strip())
        for name in tree.upstream(spec_id)
    ]
    return join_parts(parts)


def spec_inputs(tree: SpecTree, spec_id: str) -> dict[str, str]:
    """Name -> digest of what a person wrote for one spec."""
    inputs = {f"spec {spec_id}": tree.specs[spec_id].digest}
    for item in tree.architectures.get(spec_id, ()):
        inputs[f"architecture {item.path}"] = item.digest
    return inputs


def tree_inputs(tree: SpecTree) -> dict[str, str]:
    """Name -> digest of what a person wrote for all specs."""
    inputs: dict[str, str] = {}
    for spec_id in tree.specs:
        inputs |= spec_inputs(tree, spec_id)
    return inputs


def interface_of_architecture(tree: SpecTree, spec_id: str) -> str:
    """The interface that a spec's architectures pin down; empty where no component has one."""
    components = [
        component
        for architecture in tree.architectures.get(spec_id, ())
        for component in architecture.components
        if component.interface or component.contracts
    ]
    if not components:
        return ""
    head = f"# Interface of {spec_id}\n"
    return "\n".join([head, *(_component(component) for component in components)])


def brief_name(spec_id: str) -> str:
    """File name of a spec's brief."""
    return f"{spec_id}.brief.md"


def read_briefs(project: Project, spec_id: str) -> str:
    """The project's brief, then the spec's; empty where they were not written."""
    texts: list[str] = []
    for name in (PROJECT_BRIEF, brief_name(spec_id)):
        path = project.brief_dir / name
        if path.is_file():
            texts.append(path.read_text("utf-8", errors="replace").strip())
    return "\n\n".join(texts)


def interface_name(spec_id: str, *, is_planned: bool = False) -> str:
    """File name of a spec's interface; a planned one, made before there is code, feeds planning only."""
    return f"{spec_id}.planned.md" if is_planned else f"{spec_id}.md"


def interface_origin(tree: SpecTree, spec_id: str, digests: Mapping[str, str]) -> str:
    """Of what a model reads an interface from: the spec, and the sources as path -> digest of the text."""
    return digest_json([digest_text(spec_text(tree, spec_id)), sorted(digests.items())])


def is_interface_current(project: Project, tree: SpecTree, spec_id: str, digests: Mapping[str, str]) -> bool:
    """The stored interface was read from just that."""
    path = project.interfaces_dir / interface_name(spec_id, is_planned=not digests)
    return path.exists() and read_origin(path) == interface_origin(tree, spec_id, digests)


def read_origin(path: Path) -> str:
    """Digest of what the text at *path* was made from; empty when that is not known."""
    try:
        note = json.loads(origin_path(path).read_bytes())
        return str(note["made_from"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def origin_path(path: Path) -> Path:
    """Where it is noted what the text at *path* was made from."""
    return path.with_name(f".{path.name}.json")


def stored_interfaces(project: Project, tree: SpecTree, landed: Collection[str]) -> dict[str, str]:
    """What is known now, without asking: the architecture's, else the stored file.

    *landed* are the specs that have code: an interface of another one was made from the spec alone.
    """
    found: dict[str, str] = {}
    for spec_id in tree.specs:
        text = interface_of_architecture(tree, spec_id)
        path = project.interfaces_dir / interface_name(spec_id, is_planned=spec_id not in landed)
        if not text and path.is_file():
            text = path.read_text("utf-8", errors="replace")
        if text:
            found[spec_id] = text
    return found


def _component(component: Component) -> str:
    lines = [f"## {component.name}" + (f" (`{component.path}`)" if component.path else ""), ""]
    if component.interface:
        lines += [f"```{component.interface_language}", component.interface.rstrip("\n"), "```", ""]
    lines += [f"- {contract}" for contract in component.contracts]
    if component.contracts:
        lines.append("")
    return "\n".join(lines)


def inputs_of_text(name: str, text: str) -> dict[str, str]:
    """One named input, empty where there is no text."""
    return {name: digest_text(text)} if text else {}
