"""A list of one-line rows with a cursor and a filter: what all list panes are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from ossature.tui.keys.actions import bindings
from ossature.tui.look.glyphs import UNICODE, Glyphs
from ossature.tui.look.spans import Span, fit, text_of, width_of, wrap
from ossature.tui.look.theme import tone_styles
from ossature.tui.widgets.scrolling import Scrolled


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list."""

    key: str
    """Unique in its list; the cursor stays on it when the rows change."""
    left: tuple[Span, ...]
    right: tuple[Span, ...] = ()
    """Kept whole at the right edge while the left part is cut."""
    is_heading: bool = False
    """Stays while one of the rows below it matches a filter."""

    @property
    def words(self) -> str:
        """What a filter looks at."""
        return f"{text_of(self.left)} {text_of(self.right)}".lower()


class RowList(Scrolled, can_focus=True, inherit_bindings=False):
    """Draws only the visible rows; a cursor step refreshes the two rows that it touches."""

    DEFAULT_CSS = "RowList { overflow-x: hidden; scrollbar-size-vertical: 1; }"
    BINDINGS = bindings("list")

    class Moved(Message):
        """The cursor is on another row, by key or mouse or because the rows changed."""

        def __init__(self, rows: RowList, key: str, *, by_person: bool) -> None:
            super().__init__()
            self.rows = rows
            self.key = key
            self.by_person = by_person

        @property
        def control(self) -> RowList:
            return self.rows

    class Chosen(Message):
        """Enter, or a second click on the row."""

        def __init__(self, rows: RowList, key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> RowList:
            return self.rows

    def __init__(
        self, *, id: str | None = None, classes: str | None = None, glyphs: Glyphs = UNICODE, empty: str = ""
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.glyphs = glyphs
        self.cursor = 0
        self.empty = empty
        """What is shown while there is no row."""
        self.filter = ""
        self._all: tuple[Row, ...] = ()
        self._rows: tuple[Row, ...] = ()
        self._reported = ""
        self.is_moving = False
        """The person has moved the cursor, and whoever listens has not heard it yet."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that match the filter."""
        return self._rows

    @property
    def key(self) -> str:
        """Of the row under the cursor; empty while there is none."""
        return self._rows[self.cursor].key if self._rows else ""

    def set_rows(self, rows: Sequence[Row], *, key: str | None = None) -> None:
        """Show these; the cursor goes to *key*, else stays on its row, else near where it was."""
        wanted = self.key if key is None else key
        self._all = tuple(rows)
        self._show(wanted)

    def set_filter(self, text: str) -> None:
        """Keep only rows that hold every word of *text*."""
        self.filter = text
        self._show(self.key)

    def move_to(self, key: str) -> bool:
        """Put the cursor on the row with that key; False when it is not shown."""
        for index, row in enumerate(self._rows):
            if row.key == key:
                self._move(index, by_person=False)
                return True
        return False

    def _show(self, wanted: str) -> None:
        before, old_cursor = self._rows, self.cursor
        self._rows = _matching(self._all, self.filter)
        where = next((index for index, row in enumerate(self._rows) if row.key == wanted), None)
        if where is None and not before:
            where = next((index for index, row in enumerate(self._rows) if not row.is_heading), None)
        self.cursor = min(self.cursor, max(len(self._rows) - 1, 0)) if where is None else where
        if len(before) != len(self._rows):
            self.virtual_size = Size(1, len(self._rows))
            self.refresh()
        else:
            for index, (old, new) in enumerate(zip(before, self._rows, strict=True)):
                if old != new:
                    self.refresh_line(index)
            if old_cursor != self.cursor:
                self.refresh_line(old_cursor)
                self.refresh_line(self.cursor)
        if where is not None or not before:
            self._scroll_to_cursor()
        self._report(by_person=False)

    def _move(self, index: int, *, by_person: bool = True) -> None:
        index = max(0, min(index, len(self._rows) - 1))
        if index != self.cursor and self._rows:
            self.refresh_line(self.cursor)
            self.cursor = index
            self.refresh_line(index)
            self._scroll_to_cursor()
        self._report(by_person=by_person)

    def _scroll_to_cursor(self) -> None:
        height = self.size.height
        if not height:
            return
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True)

    def _report(self, *, by_person: bool) -> None:
        if self.key != self._reported:
            self._reported = self.key
            self.is_moving = self.is_moving or by_person
            self.post_message(self.Moved(self, self.key, by_person=by_person))

    def on_resize(self) -> None:
        self.virtual_size = Size(1, len(self._rows))
        self._scroll_to_cursor()

    def on_focus(self) -> None:
        self.refresh_line(self.cursor)

    def on_blur(self) -> None:
        self.refresh_line(self.cursor)

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if index < len(self._rows):
            self._move(index)
            if event.chain > 1:
                self.action_choose()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        if index >= len(self._rows):
            note = "nothing matches the filter" if self.filter else self.empty
            lines = wrap(note, max(width - 2, 1)) if not self._rows else []
            return self._strip([Span(f" {lines[y]}", "quiet")] if y < len(lines) else [], width)
        row = self._rows[index]
        is_current = index == self.cursor
        mark = Span(self.glyphs.cursor if is_current and self.has_focus else " ", "active")
        right = row.right if width_of(row.right) < width - 8 else ()
        room = width - 1 - width_of(right) - (1 if right else 0)
        gap = [Span(" ")] if right else []
        spans = [mark, *fit(row.left, room, ellipsis=self.glyphs.ellipsis), *gap, *right]
        tone = "" if not is_current else "cursor" if self.has_focus else "cursor-blurred"
        return self._strip(spans, width, over=tone)

    def _strip(self, spans: Sequence[Span], width: int, *, over: str = "") -> Strip:
        styles = tone_styles(self.app.current_theme)
        ground = self.rich_style
        cover = styles[over] if over else Style()
        segments = [Segment(span.text, ground + styles[span.tone] + cover) for span in spans]
        return Strip(segments).adjust_cell_length(width, ground + cover)

    def refresh_line(self, y: int) -> None:
        self.refresh(Region(0, y - self.scroll_offset.y, self.size.width, 1))

    def action_cursor_up(self) -> None:
        self._move(self.cursor - 1)

    def action_cursor_down(self) -> None:
        self._move(self.cursor + 1)

    def action_page(self, pages: float) -> None:
        self._move(self.cursor + int(pages * max(self.size.height - 1, 1)))

    def action_first(self) -> None:
        self._move(0)

    def action_last(self) -> None:
        self._move(len(self._rows) - 1)

    def action_choose(self) -> None:
        if self.key:
            self.post_message(self.Chosen(self, self.key))


def _matching(rows: Sequence[Row], text: str) -> tuple[Row, ...]:
    words = text.lower().split()
    if not words:
        return tuple(rows)
    kept: list[Row] = []
    for row in rows:
        if row.is_heading:
            while kept and kept[-1].is_heading:
                kept.pop()
            kept.append(row)
        elif all(word in row.words for word in words):
            kept.append(row)
    while kept and kept[-1].is_heading:
        kept.pop()
    return tuple(kept)
