"""A window on a document: scrolls, wraps, numbers and follows; only the visible rows are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from ossature.tui.look.glyphs import UNICODE, Glyphs
from ossature.tui.look.spans import Span, text_of, width_of, wrap
from ossature.tui.look.theme import tone_styles
from ossature.tui.text.document import Document, TextDocument
from ossature.tui.text.index import LINE_BYTES, Piece
from ossature.tui.text.paint import Painter, paint_plain
from ossature.tui.widgets.scrolling import Scrolled

FARTHEST = 5000
"""So many screen rows above an end whose rows are not counted yet one can go."""
WHEEL_ROWS = 3


class Place(NamedTuple):
    """The top of the window."""

    row: int
    """Of the document."""
    hidden: int = 0
    """Screen rows of it that are above the window."""


class Shown(NamedTuple):
    """One row of the screen."""

    piece: Piece
    spans: Sequence[Span]
    is_start: bool
    """Of its row in the document, whose number belongs beside it."""


class TextView(Scrolled, can_focus=True, inherit_bindings=False):
    """Its vertical scroll position is a row of the document.

    While the rows of a file have not all been counted, its end is shown as read from there.
    """

    DEFAULT_CSS = "TextView { scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }"

    class Changed(Message):
        """Position, length, follow or search state is not what it was: titles may want to show it."""

    def __init__(self, *, id: str | None = None, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self.document: Document = TextDocument()
        self.painter: Painter = paint_plain
        self.is_following = False
        self.wraps = True
        self.has_numbers = False
        self.marked_row: int | None = None
        """The row that stands out."""
        self.number_width = 0
        """Cells beside the text that its line numbers take."""
        self._hidden = 0
        self._from_end: int | None = None
        """Screen rows below the window, while it is placed by the end."""
        self._shown: list[Shown] | None = None
        self._shown_in = Size(0, 0)

    @property
    def place(self) -> Place:
        return Place(self.scroll_offset.y, self._hidden)

    @property
    def top(self) -> int:
        """The topmost visible row."""
        return self.scroll_offset.y

    @property
    def line(self) -> int:
        """The number of the topmost visible line; 1 while it has none."""
        shown = self.shown()
        return shown[0].piece.number or 1 if shown else 1

    @property
    def room(self) -> int:
        """Rows of the screen."""
        return max(self.size.height, 1)

    @property
    def is_placed_by_end(self) -> bool:
        """The rows on the screen have no numbers yet."""
        return self._from_end is not None

    @property
    def is_counted(self) -> bool:
        return self.document.counted >= 1.0

    def say_changed(self) -> None:
        self.post_message(self.Changed())

    def marks(self, spans: Sequence[Span]) -> Sequence[Span]:
        """The spans with what stands out within them."""
        return spans

    def draw(self) -> None:
        """The document, its length or what stands out in it is not what it was."""
        self._shown = None
        self.number_width = self._number_width()
        count = self.document.count
        extra = self.room - 1 if self.wraps and count > 1 else 0
        width = 1 if self.wraps else max(self.size.width, 2 * LINE_BYTES)
        self.virtual_size = Size(width, count + extra if count > self.room or self._overflows() else count)
        if self.is_following:
            self.to_end()
        elif self._from_end is not None and self.is_counted:
            self._place_by_row(self._from_end)
        self.refresh()
        self.say_changed()

    def _overflows(self) -> bool:
        """With wrapping, even few rows may take more than the screen has."""
        return self.wraps and self.last_place() > Place(0)

    def on_resize(self) -> None:
        self.draw()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._hidden = 0
        self._shown = None
        self.say_changed()

    def go(self, place: Place) -> None:
        """Put this place at the top."""
        self._from_end = None
        self.scroll_to(y=place.row, animate=False, force=True)
        self._hidden = place.hidden
        self._shown = None
        self.refresh()

    def to_end(self) -> None:
        """Show the end, at once, whether or not the rows before it have been counted."""
        if self.is_counted:
            self.go(self.last_place())
        else:
            self._from_end = 0
            self._shown = None
            self.refresh()
            self.say_changed()

    def _place_by_row(self, from_end: int) -> None:
        self.go(self.moved(self.last_place(), -from_end))

    def last_place(self) -> Place:
        """The top that brings the last row to the bottom edge."""
        return self.moved(Place(self.document.count), -self.room)

    def moved(self, place: Place, by: int) -> Place:
        """*by* screen rows farther down, or up; between the first row and the one after the last."""
        row, hidden = place
        if by >= 0:
            by += hidden
            for piece in self.document.lines(row, row + by + 1):
                height = len(self._wrapped(piece))
                if by < height:
                    break
                by -= height
                row += 1
            return Place(row, by if row < self.document.count else 0)
        by += hidden
        if by >= 0:
            return Place(row, by)
        for piece in reversed(self.document.lines(max(row + by, 0), row)):
            row -= 1
            by += len(self._wrapped(piece))
            if by >= 0:
                return Place(row, by)
        return Place(0)

    def move(self, rows: int) -> None:
        """Scroll by screen rows."""
        if self._from_end is not None:
            self._from_end = max(0, min(self._from_end - rows, FARTHEST))
            self._shown = None
            self.refresh()
            self.say_changed()
        elif rows < 0:
            self.go(self.moved(self.place, rows))
        else:
            self.go(max(self.place, min(self.moved(self.place, rows), self.last_place())))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.prevent_default().stop()
        self.action_line(-WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.prevent_default().stop()
        self.action_line(WHEEL_ROWS)

    def action_line(self, lines: int) -> None:
        self.move(lines)

    def _number_width(self) -> int:
        if not self.has_numbers:
            return 0
        shown = self.document.lines(max(self.document.count - 1, 0), self.document.count)
        return max(len(str(shown[0].number)) if shown else 1, 3) + 1

    def _wrapped(self, piece: Piece) -> list[Sequence[Span]]:
        spans = self.marks(self.painter(piece.row, piece.text))
        width = self.scrollable_content_region.width - self.number_width
        if not self.wraps or width < 8:
            return [spans]
        whole = text_of(spans)
        if len(set(whole)) == 1 and piece.is_first and len(whole) < LINE_BYTES:
            return [[Span(whole[:width], spans[0].tone)]]
        pieces = wrap(whole, width)
        return [spans] if len(pieces) == 1 else _cut(spans, [len(piece) for piece in pieces])

    def shown(self) -> list[Shown]:
        """The rows of the screen, as far as there is text; kept until they change."""
        if self._shown is None or self._shown_in != self.size:
            self._shown_in = self.size
            # One that follows is drawn before it hears of its size: its scroll position comes after it.
            below = 0 if self.is_following else self._from_end
            self._shown = self._from_top() if below is None else self._above_end(below)
        return self._shown

    def _from_top(self) -> list[Shown]:
        rows: list[Shown] = []
        hidden = self._hidden
        for piece in self.document.lines(self.top, self.top + self.room):
            rows += self._rows_of(piece)[hidden:]
            hidden = 0
            if len(rows) >= self.room:
                break
        return rows

    def _above_end(self, below: int) -> list[Shown]:
        wanted = self.room + below
        rows: list[Shown] = []
        for piece in reversed(self.document.tail(wanted)):
            rows[:0] = self._rows_of(piece)
            if len(rows) >= wanted:
                break
        last = max(len(rows) - below, min(self.room, len(rows)))
        return rows[max(last - self.room, 0) : last]

    def _rows_of(self, piece: Piece) -> list[Shown]:
        return [Shown(piece, spans, index == 0) for index, spans in enumerate(self._wrapped(piece))]

    def render_line(self, y: int) -> Strip:
        styles = tone_styles(self.app.current_theme)
        ground = self.rich_style
        rows = self.shown()
        width = self.scrollable_content_region.width
        if y >= len(rows):
            return Strip.blank(width, ground)
        piece, spans, is_start = rows[y]
        is_marked = self.marked_row is not None and self._from_end is None and piece.row == self.marked_row
        over = styles["cursor-blurred"] if is_marked else None
        segments = [
            Segment(span.text, ground + styles[span.tone] + over if over else ground + styles[span.tone])
            for span in spans
        ]
        left = 0 if self.wraps else self.scroll_offset.x
        tail = styles[spans[-1].tone].bgcolor if spans else None
        fill = ground + styles[spans[-1].tone] if tail else ground
        gutter = self.number_width
        text = Strip(segments).crop_extend(left, left + width - gutter, fill)
        if not gutter:
            return text
        number = _numbered(piece) if is_start else ""
        return Strip([Segment(f"{number:>{gutter - 1}} ", ground + styles["faint"]), *text])

    def action_sideways(self, cells: int) -> None:
        if not self.wraps:
            longest = max((width_of(row.spans) for row in self.shown()), default=0)
            x = min(self.scroll_offset.x + cells, max(longest - abs(cells), 0))
            self.scroll_to(x=max(x, 0), animate=False, force=True)

    def action_wrap(self) -> None:
        self.wraps = not self.wraps
        self._hidden = 0
        self.draw()

    def action_numbers(self) -> None:
        self.has_numbers = not self.has_numbers
        self._hidden = 0
        self.draw()


def _numbered(piece: Piece) -> str:
    """What stands beside a row: nothing where it goes on with a line."""
    return "" if not piece.is_first else str(piece.number) if piece.number else "?"


def _cut(spans: Sequence[Span], lengths: Sequence[int]) -> list[Sequence[Span]]:
    """The spans as rows of these lengths (in characters)."""
    rows: list[Sequence[Span]] = []
    waiting = list(spans)
    for length in lengths:
        row: list[Span] = []
        left = length
        while left and waiting:
            span = waiting.pop(0)
            row.append(Span(span.text[:left], span.tone))
            if len(span.text) > left:
                waiting.insert(0, Span(span.text[left:], span.tone))
            left -= len(row[-1].text)
        rows.append(row)
    return rows
