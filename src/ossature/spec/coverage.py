"""Which tasks of a plan use which part of the specs, and which part nobody uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ossature.domain.plan import Plan
from ossature.domain.spec import Section, SpecTree
from ossature.spec.amd import COMPONENTS
from ossature.spec.document import fold
from ossature.spec.refs import Refs, Resolved

Spot = tuple[str, int]
"""Path of a file and the line of a heading in it; line 0 is the whole file."""
_TOLD_OTHERWISE = frozenset({"overview", "goals", "non-goals", "notes"})
"""Sections that the briefs carry to every task."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """A section is used by the tasks that name it, or the section that it lies in, or one that lies in it."""

    tasks: Mapping[Spot, tuple[str, ...]] = field(default_factory=dict)
    """In the order of the plan; also for whole files."""
    spots: Mapping[str, frozenset[Spot]] = field(default_factory=dict)
    """Task -> the sections that it names, with what lies in them."""
    unused: frozenset[Spot] = frozenset()
    """Sections to be built that no task shows its model."""

    def tasks_at(self, path: str, line: int) -> tuple[str, ...]:
        return self.tasks.get((path, line), ())

    def unused_in(self, path: str) -> int:
        return sum(1 for spot in self.unused if spot[0] == path)


def coverage_of(plan: Plan, tree: SpecTree, *, refs: Refs | None = None) -> Coverage:
    """What the references of *plan* reach; empty for a plan without tasks."""
    if not plan.tasks:
        return Coverage()
    refs = refs or Refs(tree)
    specs, architectures = _files(tree)
    files = specs | architectures
    spots: dict[str, frozenset[Spot]] = {}
    direct: dict[Spot, dict[str, None]] = {}
    for task in plan.tasks:
        named: set[Spot] = set()
        found = [refs.spec(task.spec, ref) for ref in task.spec_refs]
        found += [refs.architecture(task.spec, ref) for ref in task.arch_refs]
        for item in found:
            if isinstance(item, Resolved):
                named |= _within(item, files.get(item.path, ()))
        spots[task.id] = frozenset(named)
        for spot in named:
            direct.setdefault(spot, {})[task.id] = None
    order = {task.id: index for index, task in enumerate(plan.tasks)}
    tasks = {
        spot: tuple(sorted(names, key=order.__getitem__)) for spot, names in _upward(direct, files).items()
    }
    unused = frozenset(spot for spot in _to_be_built(specs, architectures) if spot not in direct)
    return Coverage(tasks, spots, unused)


_Files = dict[str, Sequence[Section]]


def _files(tree: SpecTree) -> tuple[_Files, _Files]:
    specs: _Files = {spec.path: spec.sections for spec in tree.specs.values()}
    return specs, {file.path: file.sections for group in tree.architectures.values() for file in group}


def _within(item: Resolved, sections: Sequence[Section]) -> set[Spot]:
    """The section, all others of its name, and what lies in them."""
    named = next((section for section in sections if section.line == item.line), None)
    if named is None:
        return set()
    tops = [s for s in sections if (fold(s.title), fold(s.parent)) == (fold(named.title), fold(named.parent))]
    return {(item.path, s.line) for top in tops for s in sections if top.line <= s.line <= top.end_line}


def _upward(
    direct: Mapping[Spot, Mapping[str, None]], files: Mapping[str, Sequence[Section]]
) -> dict[Spot, set[str]]:
    """What uses a part uses the section and the file that it lies in."""
    found: dict[Spot, set[str]] = {}
    for path, sections in files.items():
        top = 0
        for section in sections:
            top = section.line if section.level < 3 else top
            names = direct.get((path, section.line), ())
            for line in {0, top, section.line}:
                found.setdefault((path, line), set()).update(names)
    return found


def _to_be_built(specs: _Files, architectures: _Files) -> Iterable[Spot]:
    """Sections without what is told otherwise and without headings of lists; of architectures, components."""
    for path, sections in architectures.items():
        yield from ((path, s.line) for s in sections if fold(s.parent) == fold(COMPONENTS))
    for path, sections in specs.items():
        parents = {fold(section.parent) for section in sections if section.level == 3}
        for section in sections:
            name = fold(section.parent if section.level == 3 else section.title)
            is_container = section.level < 3 and fold(section.title) in parents
            if section.level > 1 and not is_container and name not in _TOLD_OTHERWISE:
                yield path, section.line
