"""What may start next: a pure state machine over the graph, linear in tasks and edges."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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

    def __init__(
        self,
        graph: Graph,
        wanted: Collection[str],
        *,
        started: Collection[str] = (),
        by_critical_path: bool = False,
    ) -> None:
        """*wanted* has to hold, with each task, all that it waits for.

        *started* are under way already and will be finished here. Of several ready tasks the first one of the
        plan starts first; *by_critical_path*: the one with the longest chain of tasks behind it.
        """
        self._graph = graph
        self._wanted = set(wanted)
        position = {task_id: index for index, task_id in enumerate(graph.order)}
        self._position = position
        heights = _heights(graph, self._wanted) if by_critical_path else {}
        self._rank = {name: (-heights.get(name, 0), position[name]) for name in self._wanted}
        self._waiting = {
            name: sum(1 for other in graph.dependencies[name] if other in self._wanted)
            for name in graph.order
            if name in self._wanted
        }
        self._ready: list[tuple[tuple[int, int], str]] = []
        self._started = set(started)
        self._closed: set[str] = set()
        for name, count in self._waiting.items():
            if not count and name not in self._started:
                heappush(self._ready, (self._rank[name], name))

    @property
    def has_more(self) -> bool:
        """Something is left that has neither been started nor blocked."""
        return len(self._started | self._closed) < len(self._wanted)

    def start(self) -> str | None:
        """Take the next ready task; None when there is none now."""
        if not self._ready:
            return None
        name = heappop(self._ready)[1]
        self._started.add(name)
        return name

    def finish(self, task_id: str, end: End) -> list[Blocked]:
        """Close *task_id*; returns what is blocked by that, in dependency order."""
        self._closed.add(task_id)
        if end == "unmet":
            return self._block(task_id)
        for name in self._graph.dependents[task_id]:
            if name in self._waiting and name not in self._closed:
                self._waiting[name] -= 1
                if not self._waiting[name] and name not in self._started:
                    heappush(self._ready, (self._rank[name], name))
        return []

    def reopen(self, task_id: str) -> None:
        """Put a task that was started back: it starts once more as soon as all that it waits for is met."""
        self._started.discard(task_id)
        if not self._waiting[task_id] and task_id not in self._closed:
            heappush(self._ready, (self._rank[task_id], task_id))

    def _block(self, task_id: str) -> list[Blocked]:
        lost = self._graph.descendants(task_id) & self._wanted - self._closed - self._started
        self._closed |= lost
        return [Blocked(name, task_id) for name in sorted(lost, key=self._position.__getitem__)]


def with_dependencies(graph: Graph, task_ids: Collection[str]) -> set[str]:
    """*task_ids* and everything they wait for."""
    wanted = set(task_ids)
    for task_id in task_ids:
        wanted |= graph.ancestors(task_id)
    return wanted


def _heights(graph: Graph, wanted: Collection[str]) -> Mapping[str, int]:
    """Task id -> number of tasks on the longest chain that begins with it."""
    heights: dict[str, int] = {}
    for name in reversed(graph.order):
        if name in wanted:
            heights[name] = 1 + max((heights.get(other, 0) for other in graph.dependents[name]), default=0)
    return heights
