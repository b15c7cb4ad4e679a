"""A graph in layers: tasks in columns, each right of all that it waits for, and lines between them.

Layers by the longest path, order within them by barycentres (Sugiyama, Tagawa, Toda 1981). All lines that
leave a task share one trunk, and all that enter it share its row; no other two ever share a stretch.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ossature.tui.graph.tracks import Net, Trackless

SWEEPS = 4
"""Down and up again; more changes next to nothing on graphs of hundreds of tasks."""

Node = tuple[str, int]
"""A task and a layer: its own, where the task is, or a later one, through which its trunk passes."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Who is in which layer in which order, and what is drawn between two layers."""

    layer: Mapping[str, int]
    rows: tuple[tuple[Node, ...], ...]
    """By layer, top first."""
    nexts: Mapping[Node, tuple[Node, ...]]
    """What a node's line leads to in the layer behind it."""

    def is_task(self, node: Node) -> bool:
        return self.layer[node[0]] == node[1]


def layered(order: Sequence[str], edges: Mapping[str, Sequence[str]]) -> Layers:
    """*edges* says what a task waits for; *order* puts each task after that."""
    layer: dict[str, int] = {}
    last: dict[str, int] = {}
    dependents: dict[str, list[str]] = {task: [] for task in order}
    for task in order:
        layer[task] = 1 + max((layer[name] for name in edges[task]), default=-1)
        for name in edges[task]:
            dependents[name].append(task)
            last[name] = max(last.get(name, 0), layer[task])
    rows: list[list[Node]] = [[] for _ in range(1 + max(layer.values(), default=-1))]
    nexts: dict[Node, tuple[Node, ...]] = {}
    for task in order:
        for number in range(layer[task], max(last.get(task, 0), layer[task] + 1)):
            rows[number].append((task, number))
            ends = [(name, number + 1) for name in dependents[task] if layer[name] == number + 1]
            trunk = [(task, number + 1)] if last.get(task, 0) > number + 1 else []
            nexts[task, number] = (*trunk, *ends)
    return Layers(layer, _ordered(rows, nexts), nexts)


def _ordered(rows: list[list[Node]], nexts: Mapping[Node, Sequence[Node]]) -> tuple[tuple[Node, ...], ...]:
    """Each layer in the order with the fewest crossings that the sweeps come by."""
    before: dict[Node, list[Node]] = {node: [] for row in rows for node in row}
    for node, ends in nexts.items():
        for end in ends:
            before[end].append(node)
    best, fewest = [list(row) for row in rows], _crossings(rows, nexts)
    for _ in range(SWEEPS):
        if not fewest:
            break
        for above, row in pairwise(rows):
            _sort_by(row, before, above)
        for row, below in zip(rows[-2::-1], rows[:0:-1], strict=True):
            _sort_by(row, nexts, below)
        found = _crossings(rows, nexts)
        if found < fewest:
            best, fewest = [list(row) for row in rows], found
    return tuple(tuple(row) for row in best)


def _sort_by(row: list[Node], linked: Mapping[Node, Sequence[Node]], other: Sequence[Node]) -> None:
    position = {node: index for index, node in enumerate(other)}
    weight = {
        node: sum(position[end] for end in linked[node]) / len(linked[node]) if linked[node] else index
        for index, node in enumerate(row)
    }
    row.sort(key=weight.__getitem__)


def _crossings(rows: Sequence[Sequence[Node]], nexts: Mapping[Node, Sequence[Node]]) -> int:
    count = 0
    for row, below in pairwise(rows):
        position = {node: index for index, node in enumerate(below)}
        seen: list[int] = []
        for node in row:
            ends = sorted(position[end] for end in nexts[node])
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def placed(layers: Layers) -> dict[Node, int]:
    """The row of every node, from 0; each line is as straight as its neighbours let it be.

    In neighbouring layers two nodes are in one row only where a straight line joins them, and only if lines
    can still be told apart then; see `tracks`.
    """
    before: dict[Node, list[Node]] = {node: [] for row in layers.rows for node in row}
    for node, ends in layers.nexts.items():
        for end in ends:
            before[end].append(node)
    loose = {node: float(2 * index) for row in layers.rows for index, node in enumerate(row)}
    for row in layers.rows[1:]:
        _settle(row, {node: _middle([loose[n] for n in before[node]]) for node in row}, loose, layers)
    for row in layers.rows[-2::-1]:
        wanted = {node: _middle([loose[n] for n in layers.nexts[node]] or [loose[node]]) for node in row}
        _settle(row, wanted, loose, layers)
    y: dict[Node, int] = {}
    left: Sequence[Node] = ()
    for row in layers.rows:
        wanted = {node: _middle([float(y[n]) for n in before[node]] or [loose[node]]) for node in row}
        _settle(row, wanted, loose, layers)
        _fix(row, loose, y, Trackless(left, y, layers.nexts, before))
        left = row
    top = min(y.values(), default=0)
    return {node: row - top for node, row in y.items()}


def _middle(values: list[float]) -> float:
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _settle(
    row: Sequence[Node], wanted: Mapping[Node, float], loose: dict[Node, float], layers: Layers
) -> None:
    """Move each node of a layer as near to where it wants to be as order and gaps allow (least squares)."""
    pools: list[list[float]] = []
    offsets: list[float] = []
    offset = 0.0
    for index, node in enumerate(row):
        if index:
            offset += _gap(row[index - 1], node, layers)
        offsets.append(offset)
        pools.append([wanted[node] - offset, 1.0])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, weight = pools.pop()
            pools[-1] = [
                (pools[-1][0] * pools[-1][1] + mean * weight) / (pools[-1][1] + weight),
                pools[-1][1] + weight,
            ]
    base = [mean for mean, weight in pools for _ in range(int(weight))]
    for node, mean, offset in zip(row, base, offsets, strict=True):
        loose[node] = mean + offset


def _gap(above: Node, below: Node, layers: Layers) -> int:
    """Tasks have an empty row between them, into which a line can go."""
    return 2 if layers.is_task(above) and layers.is_task(below) else 1


def _fix(row: Sequence[Node], loose: Mapping[Node, float], y: dict[Node, int], rule: Trackless) -> None:
    lowest: int | None = None
    for node in row:
        wished = round(loose[node])
        spot = wished if lowest is None else max(wished, lowest)
        while not rule.allows(node, spot):
            spot += 1
        rule.take(node, spot)
        y[node] = spot
        lowest = spot + 1


def nets_of(layers: Layers, y: Mapping[Node, int], number: int) -> list[Net]:
    """What is drawn between layer *number* and the next one."""
    nets: list[Net] = []
    for node in layers.rows[number]:
        ends = layers.nexts[node]
        if ends:
            nets.append(Net(node, y[node], tuple((end, y[end]) for end in ends)))
    return nets
