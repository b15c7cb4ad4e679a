"""The layered drawing, for any graph: it is whole, and no two lines look like one."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.tui.graph.drawing import ARROW, Drawing, drawn
from ossature.tui.graph.neighbourhood import neighbourhood, neighbours

_ARMS = {
    (1, 0): set("─└┌├┬┴┼╶"),
    (-1, 0): set("─┘┐┤┬┴┼╴"),
    (0, -1): set("│└┘├┤┴┼╵"),
    (0, 1): set("│┌┐├┤┬┼╷"),
}
Edges = dict[str, tuple[str, ...]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], Edges]:
    count = draw(st.integers(0, 14))
    order = [f"{number:03d}" for number in range(count)]
    edges: Edges = {}
    for number, task in enumerate(order):
        chosen = draw(st.lists(st.integers(0, max(number - 1, 0)), max_size=4 if number else 0, unique=True))
        edges[task] = tuple(order[index] for index in chosen)
    return order, edges


def _steps(drawing: Drawing, source: str, target: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    return list(pairwise(drawing.path(source, target)))


@settings(max_examples=120, deadline=None)
@given(graphs(), st.data())
def test_a_drawing_is_whole_and_its_lines_can_be_told_apart(
    graph: tuple[list[str], Edges], data: st.DataObject
) -> None:
    order, edges = graph
    widths = {task: data.draw(st.integers(1, 9)) for task in order}
    drawing = drawn(order, edges, widths)
    rows = [drawing.row(y) for y in range(drawing.height)]
    assert all(len(row) == drawing.width for row in rows)
    _check_boxes(drawing, order, edges, widths, rows)
    every = [(source, target) for target in order for source in edges[target]]
    for source, target in every:
        _check_edge(drawing, source, target, rows)
    for one, other in combinations(every, 2):
        if one[0] != other[0] and one[1] != other[1]:
            assert not set(_steps(drawing, *one)) & set(_steps(drawing, *other)), (one, other)
    again = drawn(order, {task: tuple(reversed(edges[task])) for task in reversed(order)}, widths)
    assert (again.boxes, [again.row(y) for y in range(again.height)]) == (drawing.boxes, rows)


def _check_boxes(
    drawing: Drawing, order: list[str], edges: Edges, widths: dict[str, int], rows: list[str]
) -> None:
    assert set(drawing.boxes) == set(order)
    cells: set[tuple[int, int]] = set()
    for box in drawing.boxes.values():
        mine = {(box.x + step, box.y) for step in range(widths[box.task])}
        assert not cells & mine
        cells |= mine
        assert rows[box.y][box.x : box.x + box.width].strip() == ""
        for name in edges[box.task]:
            assert drawing.boxes[name].layer < box.layer
            assert drawing.boxes[name].x + widths[name] < box.x


def _check_edge(drawing: Drawing, source: str, target: str, rows: list[str]) -> None:
    path = drawing.path(source, target)
    start, end = drawing.boxes[source], drawing.boxes[target]
    assert path[0] == (start.x + start.width, start.y)
    assert path[-1] == (end.x - 1, end.y)
    assert rows[end.y][end.x - 1] == ARROW
    for (x, y), (next_x, next_y) in pairwise(path):
        way = (next_x - x, next_y - y)
        assert way in _ARMS
        # A level line goes below an upright one that it has nothing to do with.
        is_bridged = way[1] == 0 and rows[y][x] == "│"
        assert is_bridged or rows[y][x] in _ARMS[way], (source, target, x, y, rows[y][x])


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(0, 5))
def test_a_neighbourhood_grows_along_edges_until_it_holds_all_that_is_linked(
    graph: tuple[list[str], Edges], depth: int
) -> None:
    order, edges = graph
    for task in order[-3:]:
        near = neighbourhood(task, edges, depth)
        assert task in near
        assert near <= neighbourhood(task, edges, depth + 1)
        far = neighbourhood(task, edges, len(order))
        above, below = neighbours(task, edges)
        assert {*above, *below} <= far
        if depth:
            assert {*above, *below} <= near


def test_a_known_graph_is_drawn_like_this() -> None:
    edges: Edges = {"a": (), "b": (), "c": ("a", "b"), "d": ("a", "b"), "e": ("a", "c"), "f": ("d", "b")}
    drawing = drawn(list(edges), edges, dict.fromkeys(edges, 1))
    lines = [list(drawing.row(y)) for y in range(drawing.height)]
    for box in drawing.boxes.values():
        lines[box.y][box.x] = box.task
    assert "\n".join("".join(line).rstrip() for line in lines) == KNOWN


KNOWN = """\
   ┌───────┐
a──┼─┬─▸c──┴─▸e
   │ │
b──│─┤
   └─┼─▸d──┐
     └─────┴─▸f"""
