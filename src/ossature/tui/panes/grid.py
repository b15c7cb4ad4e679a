"""The plan over the runs: a row for each task, a column for each run, the newest at the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ossature.domain.plain_text import clean_line
from ossature.engine.outcomes import Outcome, RunOutcomes
from ossature.tui.keys.actions import bindings
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span, fit, width_of
from ossature.tui.look.theme import tone_styles
from ossature.tui.panes.task_lines import TaskLine
from ossature.tui.panes.views import TaskPointed, ViewWanted
from ossature.tui.widgets.bar import title

Way = Literal["left", "right", "up", "down"]
FOOT_ROWS = 2
"""What the cell under the cursor says, and what the signs mean."""
_TONES: Mapping[str, str] = {
    "landed": "good",
    "up-to-date": "faint",
    "failed": "bad",
    "interrupted": "warn",
    "blocked": "warn",
    "running": "active",
}


class GridPane(ScrollView, can_focus=True, inherit_bindings=False):
    """Head and foot stay; tasks scroll below each other, runs sideways."""

    DEFAULT_CSS = "GridPane { scrollbar-size: 0 1; overflow: hidden auto; }"
    BINDINGS = bindings("grid")

    class CellChosen(Message):
        """The person wants to see what a run did to a task."""

        def __init__(self, task: str, run: RunOutcomes, outcome: Outcome) -> None:
            super().__init__()
            self.task = task
            self.run = run
            self.outcome = outcome

    def __init__(self, *, glyphs: Glyphs, empty: str) -> None:
        super().__init__(id="grid", classes="pane")
        self.glyphs = glyphs
        self.empty = empty
        """What is said where there are no tasks."""
        self.is_read = False
        """The runs have been read."""
        self._tasks: tuple[TaskLine, ...] = ()
        self._runs: tuple[RunOutcomes, ...] = ()
        self._row = 0
        self._column = -1
        """Counted from the newest: -1 is that one."""

    def show(self, tasks: Sequence[TaskLine], runs: Sequence[RunOutcomes], key: str) -> None:
        """The cursor goes to the row of the task *key* and stays in its column."""
        rows = [line.id for line in tasks]
        row = rows.index(key) if key in rows else 0
        if (tuple(tasks), tuple(runs), row) != (self._tasks, self._runs, self._row):
            chosen = self._pointed if self._column < -1 else None
            self._tasks, self._runs, self._row = tuple(tasks), tuple(runs), row
            self._column = self._column_of(chosen)
            self.virtual_size = Size(1, len(rows) + 1 + FOOT_ROWS)
            self._reveal()
            self.refresh()
        self.border_title = title("3 Plan by runs")

    def _column_of(self, chosen: RunOutcomes | None) -> int:
        """Where that run is now; the newest one where it is gone, or was the newest before."""
        ids = [run.run for run in self._runs]
        return ids.index(chosen.run) - len(ids) if chosen and chosen.run in ids else -1

    @property
    def _line(self) -> TaskLine | None:
        return self._tasks[self._row] if self._row < len(self._tasks) else None

    @property
    def _pointed(self) -> RunOutcomes | None:
        return self._runs[self._column] if self._runs else None

    @property
    def _cell_width(self) -> int:
        return len(str(max((run.number for run in self._runs), default=0))) + 1

    def _columns(self) -> tuple[int, list[RunOutcomes]]:
        """Cells for the names of tasks, and the runs for which there is room with the cursor's among them."""
        width = self.scrollable_content_region.width
        names = max(12, min(34, width - 5 * self._cell_width, width // 2))
        room = max((width - names) // self._cell_width, 1)
        last = len(self._runs) if -self._column <= room else len(self._runs) + self._column + room
        return names, list(self._runs[max(last - room, 0) : last])

    def _rows_shown(self) -> int:
        return max(self.scrollable_content_region.height - 1 - FOOT_ROWS, 1)

    def _reveal(self) -> None:
        top, room = self.scroll_offset.y, self._rows_shown()
        if self._row < top:
            self.scroll_to(y=self._row, animate=False, force=True)
        elif self._row >= top + room:
            self.scroll_to(y=self._row - room + 1, animate=False, force=True)

    def on_resize(self) -> None:
        self._reveal()
        self.refresh()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        height = self.scrollable_content_region.height
        names, runs = self._columns()
        if not self._runs or not self._tasks:
            return self._strip([Span(f" {self._note()}", "quiet")] if y == 0 else [])
        if y == 0:
            heads = [Span(f"{run.number:>{self._cell_width}}", self._head_tone(run)) for run in runs]
            return self._strip([Span(" " * names), *heads])
        if y >= height - FOOT_ROWS:
            width = self.scrollable_content_region.width
            return self._strip(self._said() if y == height - FOOT_ROWS else legend(self.glyphs, width))
        row = y - 1 + self.scroll_offset.y
        return self._task_strip(row, names, runs) if row < len(self._tasks) else self._strip([])

    def _note(self) -> str:
        if not self._tasks:
            return self.empty
        return "no run has gone by a plan yet" if self.is_read else "reading the runs …"

    def _head_tone(self, run: RunOutcomes) -> str:
        return "label" if run is self._pointed else "quiet"

    def _task_strip(self, row: int, names: int, runs: Sequence[RunOutcomes]) -> Strip:
        line = self._tasks[row]
        is_here = row == self._row
        mark = Span(self.glyphs.cursor if is_here and self.has_focus else " ", "active")
        name = Span(f"{clean_line(line.id)} {clean_line(line.title)}", "strong" if is_here else "plain")
        spans = [*fit([mark, name], names - 1, ellipsis=self.glyphs.ellipsis), Span(" ")]
        covered = -1
        for run in runs:
            if is_here and run is self._pointed:
                covered = len(spans) + 1
            spans += [Span(" " * (self._cell_width - 1)), cell(run.tasks.get(line.lineage), self.glyphs)]
        return self._strip(spans, covered=covered)

    def _strip(self, spans: Sequence[Span], *, covered: int = -1) -> Strip:
        styles = tone_styles(self.app.current_theme)
        cover = styles["cursor" if self.has_focus else "cursor-blurred"]
        segments = [
            Segment(span.text, self.rich_style + styles[span.tone] + (cover if index == covered else Style()))
            for index, span in enumerate(spans)
        ]
        width = self.scrollable_content_region.width
        return Strip(segments).crop_extend(0, width, self.rich_style)

    def _said(self) -> list[Span]:
        line, run = self._line, self._pointed
        if line is None or run is None:
            return []
        outcome = run.tasks.get(line.lineage)
        where = f" run {run.number}, {run.started_at.replace('T', ' ')[:16]}, {run.outcome}: "
        tone = _TONES.get(outcome.kind, "plain") if outcome else "quiet"
        return [Span(where, "quiet"), Span(f"{clean_line(line.id)} {told(outcome)}", tone)]

    def on_click(self, event: events.Click) -> None:
        row = event.y - 1 + self.scroll_offset.y
        names, runs = self._columns()
        if event.y < 1 or row >= len(self._tasks) or event.y > self._rows_shown():
            return
        index = (event.x - names) // self._cell_width
        if 0 <= index < len(runs):
            self._column = self._runs.index(runs[index]) - len(self._runs)
        self._go(row)
        if event.chain > 1:
            self.action_choose()

    def _go(self, row: int) -> None:
        row = max(0, min(row, len(self._tasks) - 1))
        if self._tasks and row != self._row:
            self._row = row
            self._reveal()
            self.post_message(TaskPointed(self._tasks[row].id))
        self.refresh()

    def action_go(self, way: Way) -> None:
        """To the task above or below, to the run before or after."""
        if way in ("up", "down"):
            self._go(self._row + (1 if way == "down" else -1))
            return
        column = self._column + (1 if way == "right" else -1)
        if -len(self._runs) <= column <= -1:
            self._column = column
            self.refresh()

    def action_page(self, pages: float) -> None:
        self._go(self._row + int(pages * self._rows_shown()))

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self._tasks) - 1)

    def action_end(self, way: Way) -> None:
        """To the oldest run, or the newest."""
        if self._runs:
            self._column = -1 if way == "right" else -len(self._runs)
            self.refresh()

    def action_choose(self) -> None:
        line, run = self._line, self._pointed
        if line is None or run is None:
            return
        outcome = run.tasks.get(line.lineage)
        if outcome is not None:
            self.post_message(self.CellChosen(line.id, run, outcome))

    def action_view(self, view: Literal["plan", "chart"]) -> None:
        self.post_message(ViewWanted(view))


def cell(outcome: Outcome | None, glyphs: Glyphs) -> Span:
    """One sign; a task that needed fixes shows how many."""
    if outcome is None:
        return Span(" ")
    tone = _TONES.get(outcome.kind, "quiet")
    if outcome.kind == "landed" and outcome.fixes:
        return Span(str(outcome.fixes) if outcome.fixes < 10 else "9", "fix")
    if outcome.kind == "up-to-date":
        return Span(glyphs.dot, tone)
    return Span(glyphs.status[outcome.kind], tone)


def told(outcome: Outcome | None) -> str:
    """The same in words."""
    if outcome is None:
        return "was not in the plan"
    fixes = f" after {outcome.fixes} fix{'es' if outcome.fixes > 1 else ''}" if outcome.fixes else ""
    word = {
        "landed": "landed" + (fixes or " at once"),
        "up-to-date": "was up to date",
        "failed": f"failed{fixes}",
        "skipped": "was skipped",
        "manual": "is written by hand",
        "blocked": "waited for one that failed",
        "interrupted": "was interrupted",
        "pending": "was not reached",
        "running": "is under way",
    }[outcome.kind]
    seconds = f", {outcome.seconds:.0f} s" if outcome.seconds else ""
    cost = f", ${outcome.cost_usd:.3f}" if outcome.cost_usd else ""
    return f"{word}{seconds}{cost}"


def legend(glyphs: Glyphs, width: int) -> list[Span]:
    """What the signs mean, as many as fit whole: the rare ones are last."""
    signs = [
        (glyphs.status["landed"], "landed", "good"),
        ("1-9", "fixes", "fix"),
        (glyphs.dot, "up to date", "faint"),
        (glyphs.status["failed"], "failed", "bad"),
        (glyphs.status["blocked"], "blocked", "warn"),
        (glyphs.status["skipped"], "skipped", "quiet"),
        (glyphs.status["interrupted"], "interrupted", "warn"),
        (glyphs.status["pending"], "not reached", "quiet"),
        ("blank", "not in plan", "quiet"),
    ]
    spans = [Span(" ")]
    for sign, word, tone in signs:
        entry = [Span(sign, tone), Span(f" {word}  ", "quiet")]
        if width_of([*spans, *entry]) - 2 > width:
            break
        spans += entry
    return spans
