"""Rails beside a list of tasks, one row a task, in the manner of `git log --graph`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NODE = "●"


@dataclass(frozen=True, slots=True)
class RailRow:
    """The rails left of one task: lanes in the even cells, connections in the odd ones."""

    cells: str
    """`NODE` stands where the task is."""
    node: int
    """Index of that cell."""


def reduced(order: Sequence[str], dependencies: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Dependencies without those that others imply; *order* puts a task after all that it waits for."""
    position = {task: index for index, task in enumerate(order)}
    reach: dict[str, int] = {}
    kept: dict[str, tuple[str, ...]] = {}
    for task in order:
        wanted = sorted({d for d in dependencies.get(task, ()) if d in reach}, key=lambda d: -position[d])
        seen = 0
        direct: list[str] = []
        for name in wanted:
            if not seen >> position[name] & 1:
                direct.append(name)
                seen |= reach[name] | 1 << position[name]
        reach[task] = seen
        kept[task] = tuple(sorted(direct, key=position.__getitem__))
    return kept


def rails(order: Sequence[str], dependencies: Mapping[str, Sequence[str]]) -> list[RailRow]:
    """One row for each task of *order*, which puts a task after all that it waits for.

    A lane belongs to the task above whose dependents are still to come. Cells above each other in a lane are
    connected, so a lane that has just ended at a task stays empty for one row.
    """
    edges = reduced(order, dependencies)
    waiting = dict.fromkeys(order, 0)
    for wanted in edges.values():
        for name in wanted:
            waiting[name] += 1
    lanes: list[str] = []
    blocked = -1
    rows: list[RailRow] = []
    for task in order:
        joined = {lanes.index(name) for name in edges[task]}
        for name in edges[task]:
            waiting[name] -= 1
        ending = {lane for lane in joined if not waiting[lanes[lane]]}
        node = min(ending) if ending else _free_lane(lanes, joined, blocked)
        lanes.extend([""] * (node + 1 - len(lanes)))
        rows.append(_draw(lanes, node, joined=joined, ending=ending))
        for lane in ending:
            lanes[lane] = ""
        lanes[node] = task if waiting[task] else ""
        blocked = -1 if waiting[task] else node
        while lanes and not lanes[-1]:
            lanes.pop()
    return rows


def narrowed(row: RailRow) -> RailRow:
    """The same rails in one cell a lane."""
    return RailRow(row.cells[::2], row.node // 2)


def _free_lane(lanes: Sequence[str], joined: set[int], blocked: int) -> int:
    """The first empty lane, right of what the task hangs from."""
    lane = min(joined) + 1 if joined else 0
    while (lane < len(lanes) and lanes[lane]) or lane == blocked:
        lane += 1
    return lane


def _draw(lanes: Sequence[str], node: int, *, joined: set[int], ending: set[int]) -> RailRow:
    first, last = min(joined | {node}), max(joined | {node})
    cells: list[str] = []
    for lane, owner in enumerate(lanes):
        if lane == node:
            cells.append(NODE)
        elif lane in joined:
            cells.append(_joint(lane, node, is_outermost=lane in (first, last), is_ending=lane in ending))
        elif owner:
            cells.append("│")
        else:
            cells.append("─" if first < lane < last else " ")
        cells.append("─" if first <= lane < last else " ")
    return RailRow("".join(cells).rstrip(), 2 * node)


def _joint(lane: int, node: int, *, is_outermost: bool, is_ending: bool) -> str:
    if not is_outermost:
        return "┴" if is_ending else "┼"
    if lane < node:
        return "└" if is_ending else "├"
    return "┘" if is_ending else "┤"
