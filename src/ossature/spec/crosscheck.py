"""Checks specs and architectures against each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush

from ossature.domain.spec import Architecture, Component, Spec
from ossature.errors import Diagnostic, Place
from ossature.spec.closest import Hints
from ossature.spec.document import fold
from ossature.spec.report import shown

_MAX_CYCLES = 10


def check_specs(specs: Sequence[Spec], architectures: Sequence[Architecture]) -> Iterator[Diagnostic]:
    """What no file can know alone: clashing ids, references to nothing, cycles."""
    by_id: dict[str, Spec] = {}
    for spec in specs:
        if spec.id in by_id:
            first = by_id[spec.id]
            message = f"Spec id '{shown(spec.id)}' is already taken by {first.path}"
            yield _error(
                "duplicate-id", spec.path, _id_line(spec), message, "every spec needs an id of its own"
            )
            yield _error("duplicate-id", first.path, _id_line(first), f"{spec.path} has the same id")
        by_id.setdefault(spec.id, spec)
    yield from _check_depends(specs, by_id)
    hints = Hints(by_id)
    by_spec: dict[str, list[Architecture]] = {}
    for architecture in architectures:
        by_spec.setdefault(architecture.spec, []).append(architecture)
        if architecture.spec not in by_id:
            message = f"Unknown spec '{shown(architecture.spec)}'"
            hint = hints.did_you_mean(architecture.spec)
            yield _error("unknown-spec", architecture.path, 1, message, hint)
    for group in by_spec.values():
        yield from _check_components(group)


def ordered(specs: Mapping[str, Spec]) -> tuple[str, ...]:
    """Ids so that each comes after those it depends on, ties by id; those on or behind a cycle last."""
    waiting = {name: {d for d in spec.depends if d in specs} for name, spec in specs.items()}
    users: dict[str, list[str]] = {}
    for name, depends in waiting.items():
        for other in depends:
            users.setdefault(other, []).append(name)
    ready = [name for name, depends in waiting.items() if not depends]
    heapify(ready)
    done: dict[str, None] = {}
    while ready:
        name = heappop(ready)
        done[name] = None
        for user in users.get(name, ()):
            waiting[user].discard(name)
            if not waiting[user]:
                heappush(ready, user)
    return (*done, *sorted(name for name in specs if name not in done))


def find_cycle(edges: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Names along one cycle, the smallest first and again at the end; empty when there is none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        # graphlib lists each name before the one that waits for it.
        loop = list(reversed(error.args[1]))[:-1]
        start = loop.index(min(loop))
        return (*loop[start:], *loop[:start], loop[start])
    return ()


def _check_depends(specs: Sequence[Spec], by_id: Mapping[str, Spec]) -> Iterator[Diagnostic]:
    hints = Hints(by_id)
    for spec in specs:
        for name in spec.depends:
            if name not in by_id:
                message = f"Unknown spec in depends: '{shown(name)}'"
                hint = hints.did_you_mean(name)
                yield _error("unknown-depends", spec.path, spec.depends_line, message, hint)
    edges = {name: [d for d in spec.depends if d in by_id] for name, spec in by_id.items()}
    for cycle in _cycles(edges):
        spec = by_id[cycle[0]]
        message = f"Specs depend on each other: {' -> '.join(shown(name) for name in cycle)}"
        yield _error("cycle", spec.path, spec.depends_line, message)


def _check_components(architectures: Sequence[Architecture]) -> Iterator[Diagnostic]:
    """Components of one spec, over all of its files."""
    known: dict[str, tuple[str, Component]] = {}
    for architecture in architectures:
        for component in architecture.components:
            first_path, first = known.setdefault(fold(component.name), (architecture.path, component))
            if first is not component:
                message = f"Component '{shown(component.name)}' is already in {Place(first_path, first.line)}"
                yield _error("duplicate-component", architecture.path, component.line, message)
    hints = Hints(component.name for _, component in known.values())
    edges: dict[str, list[str]] = {}
    for architecture in architectures:
        for component in architecture.components:
            targets = edges.setdefault(fold(component.name), [])
            for name in component.depends_on:
                if fold(name) in known:
                    targets.append(fold(name))
                    continue
                message = f"Component '{shown(component.name)}' depends on unknown component '{shown(name)}'"
                hint = hints.did_you_mean(name)
                yield _error("unknown-component", architecture.path, component.depends_line, message, hint)
    for cycle in _cycles(edges):
        path, component = known[cycle[0]]
        names_on_it = " -> ".join(shown(known[name][1].name) for name in cycle)
        message = f"Components depend on each other: {names_on_it}"
        yield _error("component-cycle", path, component.depends_line, message)


def _cycles(edges: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Cycles that share no name, one after the other; the first 10, as each search looks at every edge."""
    left = dict(edges)
    for _ in range(_MAX_CYCLES):
        cycle = find_cycle(left)
        if not cycle:
            return
        yield cycle
        left = {
            name: [other for other in targets if other not in cycle]
            for name, targets in left.items()
            if name not in cycle
        }


def _id_line(spec: Spec) -> int:
    return 1 if spec.style == "at-keys" else 2


def _error(code: str, path: str, line: int, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(f"tree-{code}", "error", Place(path, line, 1 if line else 0), message, hint)
