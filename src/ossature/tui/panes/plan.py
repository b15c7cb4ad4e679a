"""The plan pane: the task graph as rails, one row a task."""

from __future__ import annotations

from typing import Literal

from textual.message import Message

from ossature.domain.plain_text import clean_line
from ossature.tui.graph.rails import NODE, RailRow, narrowed
from ossature.tui.keys.actions import bindings
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.panes.layout import Pane
from ossature.tui.panes.task_lines import TaskBoard, TaskLine
from ossature.tui.panes.views import ViewWanted
from ossature.tui.widgets.bar import title
from ossature.tui.widgets.rows import Row, RowList

MAX_RAIL_CELLS = 11
"""Six lanes; a plan with more open threads than that shows the rest as cut."""

NARROW_CELLS = 44
"""A pane below this draws its rails without the cells between the lanes."""


Verb = Literal["change", "block", "edges", "add", "delete", "down", "up", "split", "merge", "manual", "skip"]
"""What a key wants done to the task under the cursor."""


class PlanPane(RowList, inherit_bindings=False):
    """Marks what the task under the cursor waits for and what waits for it."""

    BINDINGS = bindings("plan", "list")

    class Wanted(Message):
        """An edit of the plan."""

        def __init__(self, verb: Verb, task: str) -> None:
            super().__init__()
            self.verb = verb
            self.task = task

    no_plan = "no plan yet: A reviews the specs and makes one"

    def __init__(self, *, glyphs: Glyphs) -> None:
        super().__init__(id="plan", classes="pane", glyphs=glyphs, empty=self.no_plan)
        self._board = TaskBoard()
        self._width = 0

    def show(self, board: TaskBoard, *, follows: bool, key: str | None = None) -> None:
        """*key* moves the cursor to that task."""
        self._board = board
        self.set_rows(self._rows_for(key or self.key), key=key)
        self.border_title = title("3 Plan")
        self.border_subtitle = title(self._subtitle(follows))

    def mark(self) -> None:
        """Draw the marks for the task under the cursor."""
        self.set_rows(self._rows_for(self.key))

    def action_plan(self, verb: Verb) -> None:
        self.post_message(self.Wanted(verb, self.key))

    def action_view(self, view: Pane) -> None:
        self.post_message(ViewWanted(view))

    def on_resize(self) -> None:
        self.mark()

    def _rows_for(self, key: str) -> list[Row]:
        # A pane that is not shown has no width; it will most likely come back with the one it had.
        self._width = self.size.width or self._width
        return plan_rows(self._board, key, self.glyphs, is_narrow=0 < self._width < NARROW_CELLS)

    def _subtitle(self, follows: bool) -> str:
        if self.filter:
            return f"/{self.filter}"
        return "following the run" if follows else ""


def plan_rows(board: TaskBoard, selected: str, glyphs: Glyphs, *, is_narrow: bool = False) -> list[Row]:
    """One row for each task; tasks on a cycle come last and have no rails."""
    upstream = board.graph.ancestors(selected) if board.graph else frozenset()
    downstream = board.graph.descendants(selected) if board.graph else frozenset()
    drawn = [narrowed(row) for row in board.rails] if is_narrow else board.rails
    width = min(max((len(row.cells) for row in drawn), default=0), MAX_RAIL_CELLS)
    rows: list[Row] = []
    for index, line in enumerate(board.lines):
        mark = Span(" ")
        if line.id in upstream:
            mark = Span(glyphs.up, "up")
        elif line.id in downstream:
            mark = Span(glyphs.down, "down")
        rail = drawn[index] if index < len(drawn) else RailRow(NODE, 0)
        rows.append(_row(line, mark, rail=rail, width=width, glyphs=glyphs))
    return rows


def _row(line: TaskLine, mark: Span, *, rail: RailRow, width: int, glyphs: Glyphs) -> Row:
    sign = Span(glyphs.status.get(line.status, "?"), line.tone)
    cells = glyphs.rail(rail.cells).ljust(width)
    node = min(rail.node, max(width - 1, 0))
    left = (
        mark,
        Span(cells[:node], "faint"),
        sign,
        Span(cells[node + 1 : width] + " ", "faint"),
        Span(f"{clean_line(line.id)} ", mark.tone if mark.text.strip() else "quiet"),
        Span(clean_line(line.title), "strong" if line.is_active else "plain"),
    )
    note = (Span(f"{line.note} ", "fix"),) if line.note else ()
    return Row(line.id, left, (*note, Span(f"{line.word} ", line.tone)))
