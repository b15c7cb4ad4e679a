"""Rails say exactly which task waits for which: what is drawn is read back and compared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ossature.tui.graph.rails import NODE, RailRow, narrowed, rails, reduced

Edges = dict[str, tuple[str, ...]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], Edges]:
    """Tasks in an order that puts each after what it waits for."""
    count = draw(st.integers(0, 14))
    order = [f"{number:03d}" for number in range(count)]
    edges = {
        task: tuple(draw(st.lists(st.sampled_from(order[:index]), unique=True, max_size=5))) if index else ()
        for index, task in enumerate(order)
    }
    return order, edges


def read_back(order: list[str], rows: list[RailRow]) -> Edges:
    """The edges that a reader of the drawing would see."""
    lanes: dict[int, str] = {}
    found: Edges = {}
    for index, (task, row) in enumerate(zip(order, rows, strict=True)):
        cells = row.cells
        needs = {lanes[row.node]} if row.node in lanes else set()
        ended = {row.node}
        for step in (-1, 1):
            at = row.node + step
            while 0 <= at < len(cells) and cells[at] == "─":
                at += step
                sign = cells[at]
                if sign in "├┤┼└┘┴":
                    needs.add(lanes[at])
                    if sign in "└┘┴":
                        ended.add(at)
                if sign in "├┤└┘":
                    break
                at += step
        for lane in ended:
            lanes.pop(lane, None)
        below = rows[index + 1].cells if index + 1 < len(rows) else ""
        if row.node < len(below) and below[row.node] in f"│├┤┼└┘┴{NODE}":
            lanes[row.node] = task
        found[task] = tuple(sorted(needs))
    return found


@given(graphs())
def test_the_drawing_says_what_the_graph_says(graph: tuple[list[str], Edges]) -> None:
    order, edges = graph
    assert read_back(order, rails(order, edges)) == {
        t: tuple(sorted(d)) for t, d in reduced(order, edges).items()
    }


@given(graphs())
def test_every_row_has_one_node_where_it_says(graph: tuple[list[str], Edges]) -> None:
    order, edges = graph
    rows = rails(order, edges)
    assert len(rows) == len(order)
    for row in rows:
        assert row.cells.count(NODE) == 1
        assert row.cells[row.node] == NODE
        assert row.node % 2 == 0
        small = narrowed(row)
        assert small.cells[small.node] == NODE


@given(graphs())
def test_reduction_loses_no_reachability(graph: tuple[list[str], Edges]) -> None:
    order, edges = graph
    kept = reduced(order, edges)

    def reach(of: Edges, task: str) -> set[str]:
        return {other for need in of[task] for other in {need} | reach(of, need)}

    for task in order:
        assert reach(kept, task) == reach(edges, task)
        assert set(kept[task]) <= set(edges[task])


def test_a_chain_stays_in_one_lane() -> None:
    assert [row.cells for row in rails(["1", "2", "3"], {"1": (), "2": ("1",), "3": ("2",)})] == [NODE] * 3


def test_unconnected_tasks_do_not_look_connected() -> None:
    rows = rails(["1", "2"], {"1": (), "2": ()})
    assert rows[0].node != rows[1].node


def test_a_thousand_tasks_have_rails() -> None:
    order = [f"{number:04d}" for number in range(1000)]
    edges = {task: tuple(order[max(0, i - 3) : i]) for i, task in enumerate(order)}
    assert len(rails(order, edges)) == 1000
