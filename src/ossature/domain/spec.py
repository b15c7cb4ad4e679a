"""Specs as values: what a person wrote, section by section, with every line of it kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ossature.errors import Diagnostic

MetadataStyle = Literal["frontmatter", "at-keys"]
Status = Literal["draft", "review", "approved", "implemented", "deprecated"]
Priority = Literal["critical", "high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Section:
    """An H2 or H3 heading with the raw text beneath it."""

    level: int
    """2 or 3. Text before the first H2 (after the title) is a section of level 1 with the title's name."""
    title: str
    """Without `#`s and without the trailing `{#anchor .class}` marker."""
    anchor: str
    """From `{#anchor}`; empty where there is none."""
    line: int
    """Line of the heading, counted from 1."""
    end_line: int
    """Last line of the section (inclusive); an H2 ends where the next H2 starts, its H3s lie within."""
    text: str
    """Raw lines from the heading to the end, byte for byte as in the file (newlines as \\n)."""
    parent: str = ""
    """Title of the H2 an H3 lies in; empty for H2."""


@dataclass(frozen=True, slots=True)
class ErrorCase:
    """One bullet under `**Errors:**`."""

    condition: str
    response: str
    line: int


@dataclass(frozen=True, slots=True)
class Requirement:
    """An H3 under `## Requirements`."""

    title: str
    anchor: str
    is_exempt: bool
    """Marked `.no-verify`: not counted by coverage."""
    line: int
    end_line: int
    text: str
    """The whole raw section, heading included: this is what a model sees."""
    description: str = ""
    accepts: str = ""
    returns: str = ""
    """Raw text of the block under the label, all of its lines."""
    errors: tuple[ErrorCase, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """An H3 under `## Examples`."""

    name: str
    line: int
    text: str
    input: str = ""
    output: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """One SMD file."""

    id: str
    title: str
    status: str
    priority: str
    depends: tuple[str, ...]
    path: str
    """Project-relative, with `/`."""
    style: MetadataStyle
    text: str
    """The whole file."""
    body: str
    """The file without its metadata block: what fingerprints and prompts are made from."""
    digest: str
    """Of `body` and of `depends`: a changed status or priority does not count."""
    sections: tuple[Section, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    examples: tuple[Example, ...] = ()
    depends_line: int = 1


@dataclass(frozen=True, slots=True)
class Component:
    """An H3 under `## Components` of an AMD."""

    name: str
    path: str
    """From `@path:`, relative to the output folder; empty where it is missing."""
    line: int
    text: str
    description: str = ""
    interface: str = ""
    """Code of the fenced block under `**Interface:**`."""
    interface_language: str = ""
    contracts: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    path_line: int = 0
    depends_line: int = 0
    """Of `**Depends on:**`; 0 where it is missing."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One AMD file."""

    spec: str
    title: str
    status: str
    path: str
    style: MetadataStyle
    text: str
    body: str
    digest: str
    sections: tuple[Section, ...] = ()
    components: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class SpecTree:
    """All specs of a project, cross-checked."""

    specs: Mapping[str, Spec] = field(default_factory=dict)
    """By id, in dependency order (a spec comes after those it depends on; ties by id)."""
    architectures: Mapping[str, tuple[Architecture, ...]] = field(default_factory=dict)
    """By spec id."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """Of every file and of the cross checks, by path and line."""

    @property
    def has_errors(self) -> bool:
        return any(d.severity == "error" for d in self.diagnostics)

    def upstream(self, spec_id: str) -> tuple[str, ...]:
        """Ids that *spec_id* depends on, directly or through others, in dependency order."""
        seen: set[str] = set()
        waiting = list(self.specs[spec_id].depends) if spec_id in self.specs else []
        while waiting:
            name = waiting.pop()
            if name in self.specs and name not in seen:
                seen.add(name)
                waiting.extend(self.specs[name].depends)
        return tuple(name for name in self.specs if name in seen and name != spec_id)
