"""What is near a task in its graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Edges = Mapping[str, Sequence[str]]
"""Task -> what it waits for."""


def neighbourhood(task: str, edges: Edges, depth: int) -> frozenset[str]:
    """*task*, what it waits for over at most *depth* edges, and what waits for it over as many."""
    return frozenset({task, *_spread(task, edges, depth), *_spread(task, turned(edges), depth)})


def neighbours(task: str, edges: Edges) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What *task* waits for, and what waits for it."""
    return tuple(edges.get(task, ())), tuple(name for name in edges if task in edges[name])


def turned(edges: Edges) -> dict[str, list[str]]:
    """The same edges from the other end."""
    found: dict[str, list[str]] = {task: [] for task in edges}
    for task, names in edges.items():
        for name in names:
            found[name].append(task)
    return found


def within(tasks: Iterable[str], edges: Edges) -> dict[str, tuple[str, ...]]:
    """The edges among *tasks*."""
    kept = set(tasks)
    return {task: tuple(name for name in edges[task] if name in kept) for task in edges if task in kept}


def _spread(task: str, edges: Edges, depth: int) -> set[str]:
    found: set[str] = set()
    edge = {task}
    for _ in range(depth):
        edge = {name for one in edge for name in edges.get(one, ())} - found
        found |= edge
    return found
