"""The plan in layers: the graph around a task, or all of it, with the state of each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ossature.domain.plain_text import clean_line
from ossature.tui.graph.drawing import Box, Drawing, drawn
from ossature.tui.graph.neighbourhood import neighbourhood, neighbours, within
from ossature.tui.graph.rails import reduced
from ossature.tui.keys.actions import bindings
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span, fit
from ossature.tui.look.theme import tone_styles
from ossature.tui.panes.task_lines import TaskBoard, TaskLine
from ossature.tui.panes.views import TaskPointed, ViewWanted
from ossature.tui.widgets.bar import title

Way = Literal["left", "right", "up", "down"]
WHOLE = -1
"""As a depth: all tasks."""
USUAL_DEPTH = 2
BOX_CELLS = (30, 26, 22, 19, 15)
"""Widths of a box, with more and less of its title."""
SMALL = 60
"""So many tasks are drawn whole, whether or not they fit; beyond, only where they do."""


class ChartPane(ScrollView, can_focus=True, inherit_bindings=False):
    """Leaves out edges that others imply, as the rails do; stays as it is while the cursor moves in it."""

    DEFAULT_CSS = "ChartPane { scrollbar-size: 0 1; overflow: auto auto; }"
    BINDINGS = bindings("chart")

    def __init__(self, *, glyphs: Glyphs) -> None:
        super().__init__(id="chart", classes="pane")
        self.glyphs = glyphs
        self.key = ""
        self.depth = USUAL_DEPTH
        self.drawing = drawn((), {}, {})
        self._centre = ""
        self._board = TaskBoard()
        self._lines: Mapping[str, TaskLine] = {}
        self._edges: Mapping[str, tuple[str, ...]] = {}
        self._drawn: object = None
        self._texts: dict[str, tuple[Span, ...]] = {}
        self._lit: dict[tuple[int, int], str] = {}
        """Cells of the edges of the task under the cursor, and their tone."""
        self._back: tuple[str, str] = ("", "")
        """Where the cursor came from along an edge, by where it is."""

    def open(self, board: TaskBoard, key: str) -> None:
        """Draw what is around *key*: everything, where that is little."""
        self._take(board)
        self.depth = WHOLE if len(self._edges) <= SMALL or self._fits(self._edges) else USUAL_DEPTH
        self._centre = ""
        self.show(board, key)

    def show(self, board: TaskBoard, key: str) -> None:
        """Bring the drawing up to date; another *key* moves the cursor there."""
        self._take(board)
        if key not in self._edges:
            key = next(iter(self._edges), "")
        if self._centre not in self._edges or (key != self.key and key not in self._shown()):
            self._centre = key
        self.key = key
        self._draw()

    def _take(self, board: TaskBoard) -> None:
        if board is self._board:
            return
        if board.graph is not None and (
            self._board.graph is None or board.graph.dependencies != self._board.graph.dependencies
        ):
            self._edges = reduced(board.graph.order, board.graph.dependencies)
        self._board = board
        self._lines = {line.id: line for line in board.lines}

    def _shown(self) -> frozenset[str]:
        if self.depth == WHOLE or self._centre not in self._edges:
            return frozenset(self._edges)
        return neighbourhood(self._centre, self._edges, self.depth)

    def _fits(self, edges: Mapping[str, Sequence[str]]) -> bool:
        drawing = drawn(list(edges), edges, dict.fromkeys(edges, BOX_CELLS[-1]))
        return drawing.width <= self.size.width and drawing.height <= self.size.height

    def _draw(self) -> None:
        graph = self._board.graph
        marks: dict[str, Span] = {}
        if graph:
            marks |= dict.fromkeys(graph.ancestors(self.key), Span(self.glyphs.up, "up"))
            marks |= dict.fromkeys(graph.descendants(self.key), Span(self.glyphs.down, "down"))
        shown = self._shown()
        form = (shown, self._edges, self.size, {task: self._label_of(task) for task in shown})
        is_new = form != self._drawn
        if is_new:
            self._drawn = form
            self._lay_out(shown)
        texts = {
            task: self._box_text(box, marks.get(task, Span(" "))) for task, box in self.drawing.boxes.items()
        }
        if is_new or texts != self._texts:
            self._texts = texts
            self._lit = self._edge_tones()
            self.refresh()
        self._reveal(centres=is_new)
        self.border_title = title("3 Plan in layers")
        self.border_subtitle = title(self._subtitle())

    def _lay_out(self, shown: frozenset[str]) -> None:
        """Draw with the longest titles for which there is room; with many tasks, with short ones."""
        edges = within(shown, self._edges)
        for room in BOX_CELLS if len(shown) <= SMALL else BOX_CELLS[-1:]:
            widths = {task: min(room, 2 + cell_len(self._label_of(task))) for task in edges}
            self.drawing = drawn(list(edges), edges, widths)
            if self.drawing.width <= self.size.width:
                break
        self.virtual_size = Size(self.drawing.width, self.drawing.height)

    def _label_of(self, task: str) -> str:
        line = self._lines[task]
        return f" {clean_line(line.id)} {clean_line(line.title)}"

    def _box_text(self, box: Box, mark: Span) -> tuple[Span, ...]:
        """Mark, state, id and title."""
        line = self._lines[box.task]
        name = Span(self._label_of(box.task), "strong" if line.is_active else "plain")
        sign = Span(self.glyphs.status.get(line.status, "?"), line.tone)
        return tuple(fit([mark, sign, name], box.width, ellipsis=self.glyphs.ellipsis))

    def _edge_tones(self) -> dict[tuple[int, int], str]:
        above, below = neighbours(self.key, self._edges)
        tones: dict[tuple[int, int], str] = {}
        boxes = self.drawing.boxes
        if self.key in boxes:
            for task in above:
                if task in boxes:
                    tones |= dict.fromkeys(self.drawing.path(task, self.key), "up")
            for task in below:
                if task in boxes:
                    tones |= dict.fromkeys(self.drawing.path(self.key, task), "down")
        return tones

    def _subtitle(self) -> str:
        """The task under the cursor and what the marks mean, in words."""
        line, graph = self._lines.get(self.key), self._board.graph
        if line is None or graph is None:
            return "no plan yet"
        up, down = len(graph.ancestors(self.key)), len(graph.descendants(self.key))
        marks = f"{self.glyphs.up} {up} upstream, {self.glyphs.down} {down} downstream"
        drawn_now = len(self.drawing.boxes)
        extent = "all" if drawn_now == len(self._edges) else f"{drawn_now} of {len(self._edges)}"
        depth = "" if self.depth == WHOLE else f", depth {self.depth}"
        dot = f" {self.glyphs.dot} "
        return dot.join([f"{clean_line(line.id)} {line.word}", marks, f"{extent} tasks{depth}"])

    def _reveal(self, *, centres: bool) -> None:
        """Scroll where the cursor would be out of sight, far enough that the next step does not."""
        box = self.drawing.boxes.get(self.key)
        width, height = self.scrollable_content_region.size
        if box is None or not width or not height:
            return
        x, y = self.scroll_offset
        is_seen = x <= box.x and box.x + box.width <= x + width and y <= box.y < y + height
        if centres or not is_seen:
            left = x if x <= box.x and box.x + box.width <= x + width else box.x + box.width // 2 - width // 2
            top = y if y <= box.y < y + height else box.y - height // 2
            self.scroll_to(x=max(left, 0), y=max(top, 0), animate=False, force=True)

    def on_resize(self) -> None:
        if self._lines:
            self._draw()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if not self._lines:
            note = " no plan yet: A reviews the specs and makes one" if y == 0 else ""
            return self._strip([Span(note, "quiet")], {}).crop_extend(0, width, self.rich_style)
        x, top = self.scroll_offset
        row = y + top
        if row >= self.drawing.height:
            return Strip.blank(width, self.rich_style)
        spans, covers = row_spans(self.drawing, row, self._texts, self._lit, glyphs=self.glyphs, key=self.key)
        return self._strip(spans, covers).crop_extend(x, x + width, self.rich_style)

    def _strip(self, spans: Sequence[Span], covers: Mapping[int, str]) -> Strip:
        styles = tone_styles(self.app.current_theme)
        tone = "cursor" if self.has_focus else "cursor-blurred"
        return Strip(
            [
                Segment(
                    span.text,
                    self.rich_style + styles[span.tone] + (styles[tone] if i in covers else Style()),
                )
                for i, span in enumerate(spans)
            ]
        )

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        x, y = event.x + self.scroll_offset.x, event.y + self.scroll_offset.y
        for box in self.drawing.boxes.values():
            if box.y == y and box.x <= x < box.x + box.width:
                self._go(box.task)
                if event.chain > 1:
                    self.action_choose()

    def _go(self, task: str) -> None:
        if task == self.key:
            self._reveal(centres=False)
        elif task:
            self.post_message(TaskPointed(task))
            self.show(self._board, task)

    def action_go(self, way: Way) -> None:
        """Along an edge to the nearest task, or to the next one of the layer."""
        if way in ("left", "right"):
            self._follow_edge(way)
            return
        box = self.drawing.boxes.get(self.key)
        if box is None:
            return
        column = sorted((b for b in self.drawing.boxes.values() if b.layer == box.layer), key=lambda b: b.y)
        index = column.index(box) + (1 if way == "down" else -1)
        if 0 <= index < len(column):
            self._go(column[index].task)

    def _follow_edge(self, way: Way) -> None:
        linked = neighbours(self.key, self._edges)[0 if way == "left" else 1]
        if linked and not any(task in self.drawing.boxes for task in linked):
            self.action_centre()
        boxes = self.drawing.boxes
        found = [task for task in linked if task in boxes]
        if not found:
            return
        came_from = self._back[1] if self._back[0] == self.key else ""
        mine = boxes[self.key].y
        chosen = came_from if came_from in found else min(found, key=lambda t: (abs(boxes[t].y - mine), t))
        self._back = (chosen, self.key)
        self._go(chosen)

    def action_choose(self) -> None:
        if self.key:
            self.post_message(TaskPointed(self.key, is_chosen=True))

    def action_centre(self) -> None:
        """Draw what is around the cursor."""
        self._centre = self.key
        self._draw()

    def action_deepen(self, step: int) -> None:
        """One edge more or less around the cursor."""
        known = USUAL_DEPTH if self.depth == WHOLE else self.depth
        self.depth = max(1, known + (0 if self.depth == WHOLE else step))
        self.action_centre()

    def action_whole(self) -> None:
        """All tasks, or the cursor's neighbourhood again."""
        self.depth = USUAL_DEPTH if self.depth == WHOLE else WHOLE
        self.action_centre()

    def action_first(self) -> None:
        self._go(next(iter(self._edges), ""))

    def action_last(self) -> None:
        self._go(next(reversed(list(self._edges)), ""))

    def action_page(self, pages: float) -> None:
        self.scroll_relative(y=int(pages * max(self.size.height - 1, 1)), animate=False, force=True)

    def action_sideways(self, cells: int) -> None:
        self.scroll_relative(x=cells, animate=False, force=True)

    def action_view(self, view: Literal["plan", "grid"]) -> None:
        self.post_message(ViewWanted(view))


def row_spans(
    drawing: Drawing,
    y: int,
    texts: Mapping[str, Sequence[Span]],
    lit: Mapping[tuple[int, int], str],
    *,
    glyphs: Glyphs,
    key: str,
) -> tuple[list[Span], dict[int, str]]:
    """A row of the drawing as spans, and which of them belong to the task under the cursor."""
    cells = glyphs.rail(drawing.row(y))
    spans: list[Span] = []
    covers: dict[int, str] = {}
    x = 0
    for box in sorted(_boxes_of(drawing, y), key=lambda box: box.x):
        spans += _line_spans(cells, x, box.x, y, lit)
        if box.task == key:
            covers |= dict.fromkeys(range(len(spans), len(spans) + len(texts[key])), key)
        spans += texts[box.task]
        x = box.x + box.width
    return [*spans, *_line_spans(cells, x, drawing.width, y, lit)], covers


def _boxes_of(drawing: Drawing, y: int) -> list[Box]:
    return [box for box in drawing.boxes.values() if box.y == y]


def _line_spans(cells: str, first: int, end: int, y: int, lit: Mapping[tuple[int, int], str]) -> list[Span]:
    """Lines between two boxes, in as few spans as their tones allow."""
    spans: list[Span] = []
    start = first
    for x in range(first, end + 1):
        tone = lit.get((start, y), "faint")
        if x == end or lit.get((x, y), "faint") != tone:
            if x > start:
                spans.append(Span(cells[start:x], tone))
            start = x
    return spans
