"""What one task is made from: the parts that its prompt shows, and the tree that its verify sees.

Prompt and fingerprint come from the same parts, so a fingerprint can never miss what a model was shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from ossature.build.copying import sources_of
from ossature.build.input_tree import InputTrees
from ossature.digest import canonical_json, digest_json, digest_text
from ossature.domain.plan import Graph, Plan, Task, writers_of
from ossature.domain.spec import SpecTree
from ossature.settings import Isolation
from ossature.spec.refs import Refs, Resolved
from ossature.store.ledger import Landing

PartKind = Literal["spec", "arch", "interface", "file", "context", "task", "project", "template"]
VERIFY_LEAF = "verify commands"
TREE_LEAF = "input tree"
BYPRODUCTS_LEAF = "byproducts"
NEVER = "0" * 64
"""Stands for a file that is not there yet."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a prompt shows."""

    kind: PartKind
    name: str
    """Within its kind: a canonical section name, a path, a spec id, a field of the task."""
    digest: str
    text: str | None = None
    """None for files, whose content is found by the digest (outputs) or the name (context)."""

    @property
    def leaf(self) -> str:
        """How `why` names it."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Material:
    """All parts of a task and what its verify sees."""

    parts: tuple[Part, ...]
    commands: tuple[str, ...]
    tree_digest: str
    """Of the outputs of everything the task waits for, as they landed."""
    byproducts: tuple[str, ...] = ()

    @property
    def leaves(self) -> dict[str, str]:
        """Leaf -> digest, for what the model sees."""
        return {part.leaf: part.digest for part in self.parts}

    @property
    def verify_leaves(self) -> dict[str, str]:
        """Leaf -> digest, for what the verify sees."""
        leaves = {VERIFY_LEAF: digest_json(list(self.commands)), TREE_LEAF: self.tree_digest}
        return leaves | ({BYPRODUCTS_LEAF: digest_json(list(self.byproducts))} if self.byproducts else {})

    @property
    def generate(self) -> str:
        """Fingerprint over what the model sees."""
        return digest_json(self.leaves)

    @property
    def verify(self) -> str:
        """Fingerprint over what the verify sees."""
        return digest_json(self.verify_leaves)

    def of(self, kind: PartKind) -> list[Part]:
        return [part for part in self.parts if part.kind == kind]


@dataclass
class Sources:
    """Everything that fingerprints are made from, read once and asked per task.

    `landings` changes while a build goes on; the rest stays.
    """

    tree: SpecTree
    plan: Plan
    graph: Graph
    language: str
    framework: str
    landings: dict[str, Landing]
    """Task id -> what that task landed last."""
    interfaces: Mapping[str, str] = field(default_factory=dict)
    """Spec id -> text of its interface."""
    contexts: Mapping[str, str] = field(default_factory=dict)
    """Path under the context folder -> digest."""
    origins: dict[str, str] = field(default_factory=dict)
    """Output path -> digest of the file that a person had there before its first task."""
    setup: Mapping[str, str] = field(default_factory=dict)
    """Output path -> digest of what `[build] setup` made: every task sees it."""
    isolation: Isolation = "deps"
    templates: Mapping[str, str] = field(default_factory=dict)
    """Template name -> digest, only for those that the project overrides."""
    unowned_digest: Callable[[str], str | None] = lambda _path: None
    """Digest of a file in the output folder that no task writes."""
    refs: Refs | None = None
    """An index of `tree` that is made already."""
    _sections: dict[tuple[str, str, str], Part | None] = field(default_factory=dict)

    @cached_property
    def position(self) -> dict[str, int]:
        """Task id -> place in building order."""
        return {task_id: index for index, task_id in enumerate(self.graph.order)}

    @cached_property
    def writers(self) -> dict[str, list[str]]:
        """Output path -> ids of its writers, earlier ones first."""
        position = self.position
        writers = writers_of(self.plan.tasks)
        for path, ids in writers.items():
            if len(ids) > 1:
                writers[path] = sorted(ids, key=lambda task_id: position.get(task_id, len(position)))
        return writers

    @cached_property
    def input_trees(self) -> InputTrees:
        return InputTrees(self.graph, self.landings, self.isolation)

    @cached_property
    def _index(self) -> Refs:
        return self.refs or Refs(self.tree)

    @cached_property
    def common(self) -> tuple[Part, ...]:
        """The parts that every prompt shows."""
        settings = (("language", self.language), ("framework", self.framework))
        return (
            *(Part("project", name, digest_text(text), text) for name, text in settings),
            *(Part("template", name, digest) for name, digest in sorted(self.templates.items())),
        )

    @cached_property
    def tasks(self) -> dict[str, Task]:
        return self.plan.by_id()

    def landed(self, task_id: str, landing: Landing) -> None:
        """Take note of a new landing; digests that hang on it are made anew."""
        self.landings[task_id] = landing
        self.input_trees.landed(task_id)

    def is_shown_from_architecture(self, spec_id: str) -> bool:
        """The spec's interface is what its architecture says; no model has to read it from the code."""
        return any(
            component.interface or component.contracts
            for architecture in self.tree.architectures.get(spec_id, ())
            for component in architecture.components
        )

    def set_interface(self, spec_id: str, text: str) -> None:
        """Take the interface that was read from what has landed."""
        self.interfaces = {**self.interfaces, spec_id: text}

    def part_of_spec(self, kind: Literal["spec", "arch"], spec: str, ref: str) -> Part | None:
        """The section that a reference names; None when it names none (the plan's checks report it)."""
        key = (kind, spec, ref)
        if key not in self._sections:
            resolve = self._index.spec if kind == "spec" else self._index.architecture
            found = resolve(spec, ref)
            self._sections[key] = (
                Part(kind, found.name, digest_text(found.text), found.text)
                if isinstance(found, Resolved)
                else None
            )
        return self._sections[key]

    def version(self, task: Task, path: str) -> str | None:
        """Digest of *path* as *task* may see it: by its last writer among what the task waits for."""
        if writer := self.last_writer(task, path):
            landing = self.landings.get(writer)
            return landing.files.get(path, NEVER) if landing else NEVER
        if path in self.origins:
            return self.origins[path]
        if path in self.setup:
            return self.setup[path]
        return None if path in self.writers else self.unowned_digest(path)

    def last_writer(self, task: Task, path: str) -> str:
        """Id of the last task before *task* that writes *path*; empty where none does."""
        writers = [name for name in self.writers.get(path, ()) if name != task.id]
        above = self.graph.ancestors(task.id) if writers else frozenset()
        return next((name for name in reversed(writers) if name in above), "")

    def input_digest(self, task_id: str) -> str:
        """Of what the stage of *task_id* holds of others: landings of tasks, and what the setup made."""
        return digest_text(self._setup_node(task_id)) if self.setup else self.input_trees.digest(task_id)

    def input_nodes(self, task_id: str, is_kept: Callable[[str], bool]) -> list[str]:
        """Canonical JSON of every node of that tree, the lowest first; none below one that *is_kept*.

        The digest of a node is that of its text. Within it, pairs are path and digest of a file, and a digest
        by itself names a node below.
        """
        nodes = self.input_trees.nodes(task_id, is_kept)
        return [*nodes, self._setup_node(task_id)] if self.setup else nodes

    def _setup_node(self, task_id: str) -> str:
        return canonical_json([self.input_trees.digest(task_id), sorted(self.setup.items())])


def material_of(task: Task, sources: Sources) -> Material:
    """Collect the parts of *task*, the stable ones first."""
    parts = list(sources.common)
    for spec in task.cross_spec_interfaces:
        text = sources.interfaces.get(spec, "")
        parts.append(Part("interface", spec, digest_text(text), text))
    parts += _sections("spec", task, task.spec_refs, sources)
    parts += _sections("arch", task, (*task.arch_refs, *_own_components(task, sources.tree)), sources)
    parts += _files(task, sources)
    shown = task.context_files
    if task.source:
        shown = tuple(dict.fromkeys((*shown, *sources_of(task, sources.contexts))))
    parts += [Part("context", path, sources.contexts.get(path, NEVER)) for path in shown]
    for name, text in (
        ("title", task.title),
        ("description", task.description),
        ("notes", task.notes),
        ("outputs", "\n".join(task.outputs)),
        *((("source", "\n".join(task.source)),) if task.source else ()),
    ):
        parts.append(Part("task", name, digest_text(text), text))
    return Material(
        parts=tuple(parts),
        commands=task.verify,
        byproducts=task.byproducts,
        tree_digest=sources.input_digest(task.id),
    )


def changed_leaves(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Leaves that are new, gone or different, in the order of *new*."""
    changed = [leaf for leaf, digest in new.items() if old.get(leaf) != digest]
    return changed + [leaf for leaf in old if leaf not in new]


def _sections(
    kind: Literal["spec", "arch"], task: Task, refs: tuple[str, ...], sources: Sources
) -> list[Part]:
    parts: dict[str, Part] = {}
    for ref in refs:
        part = sources.part_of_spec(kind, task.spec, ref)
        if part is not None:
            parts.setdefault(part.name, part)
    return list(parts.values())


def _own_components(task: Task, tree: SpecTree) -> tuple[str, ...]:
    """Components whose `@path` is one of the task's outputs are always shown."""
    outputs = {path.lower() for path in task.outputs}
    return tuple(
        f"Components > {component.name}"
        for architecture in tree.architectures.get(task.spec, ())
        for component in architecture.components
        if component.path and component.path.lower() in outputs
    )


def _files(task: Task, sources: Sources) -> list[Part]:
    """Files named by the plan, and outputs that something before the task already wrote."""
    parts: list[Part] = []
    for path in dict.fromkeys((*task.inject_files, *task.outputs)):
        digest = sources.version(task, path)
        if digest is not None:
            parts.append(Part("file", path, digest))
        elif path in task.inject_files:
            parts.append(Part("file", path, NEVER))
    return parts
