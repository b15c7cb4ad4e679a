"""What may start next: a pure state machine over the graph, linear in tasks and edges."""

from __future__ import annotations

from collections.abc import Collection
from heapq import heappop, heappush
from typing import Literal, NamedTuple

from ossature.domain.plan import Graph

End = Literal["met", "unmet"]
"""met: dependents may go on; unmet: they are blocked."""


class Blocked(NamedTuple):
    """A task that will not run, and the one it waits for in vain."""

    task: str
    by: str


class Schedule:
    """Tasks in dependency order. Every task is started once and finished once, or blocked."""

    def __init__(self, graph: Graph, wanted: Collection[str]) -> None:
        """*wanted* has to hold, with each task, all that it waits for."""
        self._graph = graph
        self._wanted = set(wanted)
        self._position = {task_id: index for index, task_id in enumerate(graph.order)}
        self._waiting = {
            task_id: sum(1 for name in graph.dependencies[task_id] if name in self._wanted)
            for task_id in graph.order
            if task_id in self._wanted
        }
        self._ready: list[tuple[int, str]] = []
        self._closed: set[str] = set()
        for task_id, count in self._waiting.items():
            if not count:
                heappush(self._ready, (self._position[task_id], task_id))

    def start(self) -> str | None:
        """Take the next ready task; None when there is none now."""
        return heappop(self._ready)[1] if self._ready else None

    def finish(self, task_id: str, end: End) -> list[Blocked]:
        """Close *task_id*; returns what is blocked by that, in dependency order."""
        self._closed.add(task_id)
        if end == "unmet":
            return self._block(task_id)
        for name in self._graph.dependents[task_id]:
            if name in self._waiting and name not in self._closed:
                self._waiting[name] -= 1
                if not self._waiting[name]:
                    heappush(self._ready, (self._position[name], name))
        return []

    def _block(self, task_id: str) -> list[Blocked]:
        lost = self._graph.descendants(task_id) & self._wanted - self._closed
        self._closed |= lost
        return [Blocked(name, task_id) for name in sorted(lost, key=self._position.__getitem__)]


def with_dependencies(graph: Graph, task_ids: Collection[str]) -> set[str]:
    """*task_ids* and everything they wait for."""
    wanted = set(task_ids)
    for task_id in task_ids:
        wanted |= graph.ancestors(task_id)
    return wanted
