"""Where the upright parts of lines run between two layers, so that no two lines look like one."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Node = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Net:
    """The line that leaves one node, with all that it leads to in the next layer."""

    node: Node
    row: int
    ends: tuple[tuple[Node, int], ...]
    """Each with its row."""

    @property
    def rows(self) -> frozenset[int]:
        """Where something branches off the upright part."""
        return frozenset({self.row, *(row for _, row in self.ends)})

    @property
    def is_straight(self) -> bool:
        return len(self.rows) == 1


class Trackless:
    """Says which rows a layer may use beside the one left of it.

    A node in the row of another one that does not lead to it would seem to be joined with it. One in the row
    of a node that leads there and to others, too, wants that one's upright part left of all that come in.
    """

    def __init__(
        self,
        left: Sequence[Node],
        y: Mapping[Node, int],
        nexts: Mapping[Node, Sequence[Node]],
        before: Mapping[Node, Sequence[Node]],
    ) -> None:
        self._at = {y[node]: node for node in left}
        self._nexts = nexts
        self._before = before
        self._later: dict[Node, set[Node]] = {}
        """Node -> those whose upright part is right of its own."""

    def allows(self, node: Node, row: int) -> bool:
        """The node may be there."""
        source = self._at.get(row)
        if source is None:
            return True
        if node not in self._nexts[source]:
            return False
        others = self._others(node, source)
        return not any(source in self._reach(other) for other in others)

    def take(self, node: Node, row: int) -> None:
        """Remember that the node is there."""
        source = self._at.get(row)
        if source is not None:
            self._later.setdefault(source, set()).update(self._others(node, source))

    def _others(self, node: Node, source: Node) -> list[Node]:
        """What else leads to *node*, where the line of *source* branches."""
        if len(self._nexts[source]) == 1:
            return []
        return [other for other in self._before[node] if other != source]

    def _reach(self, start: Node) -> set[Node]:
        seen: set[Node] = {start}
        todo = [start]
        while todo:
            for node in self._later.get(todo.pop(), ()):
                if node not in seen:
                    seen.add(node)
                    todo.append(node)
        return seen


def tracks(nets: Sequence[Net]) -> dict[Node, int]:
    """A track for the upright part of each net that has one, from 0, left to right."""
    bent = {net.node: net for net in nets if not net.is_straight}
    later = _later(bent)
    waits = dict.fromkeys(bent, 0)
    for nodes in later.values():
        for node in nodes:
            waits[node] += 1
    ready = [(_rank(bent[node]), node) for node, count in waits.items() if not count]
    heapq.heapify(ready)
    first = dict.fromkeys(bent, 0)
    taken: list[list[tuple[int, int]]] = []
    found: dict[Node, int] = {}
    while ready:
        _, node = heapq.heappop(ready)
        rows = bent[node].rows
        found[node] = _first_free(taken, first[node], (min(rows), max(rows)))
        for other in later.get(node, ()):
            first[other] = max(first[other], found[node] + 1)
            waits[other] -= 1
            if not waits[other]:
                heapq.heappush(ready, (_rank(bent[other]), other))
    return found


def _later(bent: Mapping[Node, Net]) -> dict[Node, set[Node]]:
    """Node -> nets that enter a row through which its own line runs on."""
    at = {net.row: net.node for net in bent.values()}
    later: dict[Node, set[Node]] = {}
    for net in bent.values():
        for _, row in net.ends:
            source = at.get(row)
            if source is not None and source != net.node:
                later.setdefault(source, set()).add(net.node)
    return later


def _rank(net: Net) -> tuple[int, int]:
    """Lines that go up and lines that go down each nest into their like."""
    middle = sum(row for _, row in net.ends) / len(net.ends)
    return (0, net.row) if middle <= net.row else (1, -net.row)


def _first_free(taken: list[list[tuple[int, int]]], first: int, span: tuple[int, int]) -> int:
    number = first
    while number < len(taken) and any(low <= span[1] and span[0] <= high for low, high in taken[number]):
        number += 1
    while number >= len(taken):
        taken.append([])
    taken[number].append(span)
    return number
