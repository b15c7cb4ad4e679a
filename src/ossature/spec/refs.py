"""Finds the part of a spec or an architecture that a plan refers to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ossature.domain.spec import Section, SpecTree
from ossature.spec.amd import COMPONENTS, DATA_MODELS
from ossature.spec.closest import closest
from ossature.spec.document import fold
from ossature.spec.report import shown
from ossature.spec.smd import EXAMPLES, REQUIREMENTS

_ARROW = re.compile(r"[ \t]*>[ \t]*")
_DECORATION = re.compile(r"[`*]")
_MARKER = re.compile(r"[ \t]*\{[#.][^{}]*\}[ \t]*\Z")


@dataclass(frozen=True, slots=True)
class Resolved:
    """The part that a reference names."""

    name: str
    """Canonical: `SPEC:Section` or `SPEC:Section > Heading`, as the file spells them."""
    text: str
    """The raw section, heading included, without blank lines at its end; several of that name are joined."""
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A reference that names nothing."""

    ref: str
    message: str
    closest: str
    """A reference that would resolve; empty when none is near."""


@dataclass(frozen=True, slots=True)
class _Found:
    path: str
    section: Section


class Refs:
    """Looks references up; each spec is indexed when the first one asks for it."""

    def __init__(self, tree: SpecTree) -> None:
        self._tree = tree
        self._ids = {fold(name): name for name in [*tree.architectures, *tree.specs]}
        self._of_specs: dict[str, _Index] = {}
        self._of_architectures: dict[str, _Index] = {}
        self._known: dict[tuple[str, str, str], Resolved | Unresolved] = {}

    def spec(self, spec_id: str, ref: str) -> Resolved | Unresolved:
        """Part of the SMD of *spec_id*, or of the spec that a `SPEC:` prefix names."""
        return self._looked_up(spec_id, ref, self._spec_index, "spec")

    def architecture(self, spec_id: str, ref: str) -> Resolved | Unresolved:
        """Part of the AMDs of *spec_id*, or of the spec that a `SPEC:` prefix names."""
        return self._looked_up(spec_id, ref, self._architecture_index, "architecture")

    def _looked_up(
        self, spec_id: str, ref: str, index_of: Callable[[str], _Index], what: str
    ) -> Resolved | Unresolved:
        key = (what, spec_id, ref)
        if key not in self._known:
            self._known[key] = self._resolve(spec_id, ref, index_of, what)
        return self._known[key]

    def _resolve(
        self, spec_id: str, ref: str, index_of: Callable[[str], _Index], what: str
    ) -> Resolved | Unresolved:
        own = index_of(spec_id)
        found = own.find(ref)
        head, colon, rest = ref.partition(":")
        if found is None and colon and fold(head) in self._ids:
            own = index_of(self._ids[fold(head)])
            found = own.find(rest)
        if found is not None:
            return found
        if not own.names:
            message = f"'{shown(ref)}' names nothing: {shown(own.spec_id)} has no {what}"
            near = closest(own.spec_id, self._ids.values())
            return Unresolved(
                ref, message, f"{near}:{ref.strip()}" if near and index_of(near).find(ref) else ""
            )
        near = closest(ref.strip(), own.names)
        return Unresolved(ref, f"'{shown(ref)}' names no section of the {what} of {shown(own.spec_id)}", near)

    def _spec_index(self, spec_id: str) -> _Index:
        if spec_id not in self._of_specs:
            spec = self._tree.specs.get(spec_id)
            found = [_Found(spec.path, section) for section in spec.sections] if spec else []
            self._of_specs[spec_id] = _Index(spec_id, found, (REQUIREMENTS, EXAMPLES))
        return self._of_specs[spec_id]

    def _architecture_index(self, spec_id: str) -> _Index:
        if spec_id not in self._of_architectures:
            files = self._tree.architectures.get(spec_id, ())
            found = [_Found(file.path, section) for file in files for section in file.sections]
            self._of_architectures[spec_id] = _Index(spec_id, found, (COMPONENTS, DATA_MODELS))
        return self._of_architectures[spec_id]


def resolve_spec_ref(tree: SpecTree, spec_id: str, ref: str) -> Resolved | Unresolved:
    """The part of a spec that *ref* names; for many references make one `Refs`."""
    return Refs(tree).spec(spec_id, ref)


def resolve_arch_ref(tree: SpecTree, spec_id: str, ref: str) -> Resolved | Unresolved:
    """The part of the architecture of *spec_id* that *ref* names; for many references make one `Refs`."""
    return Refs(tree).architecture(spec_id, ref)


class _Index:
    """Every name that a part of one spec or architecture goes by."""

    def __init__(self, spec_id: str, found: Sequence[_Found], first: tuple[str, str]) -> None:
        """*first* are the H2s whose H3s win over others of the same name."""
        self.spec_id = spec_id
        self.names: dict[str, None] = {}
        """For people: what can be written to name a part."""
        self._groups: dict[str, list[_Found]] = {}
        self._exact: dict[str, str] = {}
        self._loose: dict[str, str] = {}
        for part in found:
            name = _name(part.section)
            if part.section.title:
                self._groups.setdefault(_key(name), []).append(part)
                self.names.update({name: None, part.section.title: None, f"{spec_id}:{name}": None})
        for key, group in self._by_rank(first):
            for alias in key:
                self._exact.setdefault(_key(alias), group)
                self._loose.setdefault(_loose_key(alias), group)

    def find(self, ref: str) -> Resolved | None:
        wanted = ref.strip().lstrip("#")
        group = self._exact.get(_key(wanted)) or self._loose.get(_loose_key(wanted))
        if group is None:
            return None
        parts = self._groups[group]
        section = parts[0].section
        text = "\n\n".join(part.section.text.rstrip() for part in parts)
        return Resolved(f"{self.spec_id}:{_name(section)}", text, parts[0].path, section.line)

    def _by_rank(self, first: tuple[str, str]) -> Iterator[tuple[tuple[str, ...], str]]:
        """Names with the group that they stand for; the first to claim a name has it."""
        sections = [(parts[0].section, group) for group, parts in self._groups.items()]
        tops = [pair for pair in sections if pair[0].level == 2]
        inner = [pair for pair in sections if pair[0].level == 3]
        for section, group in tops:
            yield (section.title,), group
        for parent in first:
            for section, group in inner:
                if fold(section.parent) == fold(parent):
                    yield (section.title,), group
        for group, parts in self._groups.items():
            for part in parts:
                anchor = part.section.anchor
                if anchor:
                    yield (anchor, f"{part.section.parent} > {anchor}"), group
        for section, group in [*inner, *sections]:
            yield (_name(section), section.title), group


def _name(section: Section) -> str:
    return f"{section.parent} > {section.title}" if section.parent else section.title


def _key(name: str) -> str:
    return _ARROW.sub(" > ", fold(name)).strip()


def _loose_key(name: str) -> str:
    return _key(_DECORATION.sub("", _MARKER.sub("", fold(name))))
