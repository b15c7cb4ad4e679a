"""A viewer for text of any size: only the visible lines are read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from rich.segment import Segment
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from ossature.tui.keys.actions import bindings
from ossature.tui.look.glyphs import UNICODE, Glyphs
from ossature.tui.look.spans import Span, text_of, width_of, wrap
from ossature.tui.look.theme import tone_styles
from ossature.tui.text.document import LINE_BYTES, Document, TextDocument, search
from ossature.tui.text.paint import Painter, paint_plain
from ossature.tui.widgets.scrolling import Scrolled

BUSY_S = 0.01
"""Pause between two steps of the index, so that keys are heard."""
IDLE_S = 0.25
"""How often a file that may grow is looked at."""


class LineViewer(Scrolled, can_focus=True, inherit_bindings=False):
    """Scrolls by document lines. With wrapping on, a line takes as many rows as it needs."""

    DEFAULT_CSS = "LineViewer { scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }"
    BINDINGS = bindings("viewer")

    class Changed(Message):
        """Position, length, follow or search state is not what it was: titles may want to show it."""

        def __init__(self, viewer: LineViewer) -> None:
            super().__init__()
            self.viewer = viewer

        @property
        def control(self) -> LineViewer:
            return self.viewer

    def __init__(self, *, id: str | None = None, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self.document: Document = TextDocument()
        self.is_following = False
        self.wraps = True
        self.pattern: re.Pattern[str] | None = None
        self.note = ""
        """What the search has to say."""
        self._painter: Painter = paint_plain
        self._found: int | None = None
        self._timer: Timer | None = None
        self._rows: tuple[int, list[tuple[int, Sequence[Span]]]] | None = None
        """Rows of the present view, kept until it changes: top line, then line number and spans."""
        self._seen = 0

    def on_mount(self) -> None:
        self._timer = self.set_interval(IDLE_S, self._tick)

    def on_unmount(self) -> None:
        self.document.close()

    def open(self, document: Document, painter: Painter = paint_plain, *, follow: bool = False) -> None:
        """Show another document from its top, or from its end when it is followed."""
        self.document.close()
        self.document = document
        self._painter = painter
        self.is_following = follow
        self._found, self.note, self._seen = None, "", 0
        self.scroll_to(0, 0, animate=False, force=True)
        self.document.advance()
        self._resized()
        self.set_timer(BUSY_S, self._tick)

    @property
    def top(self) -> int:
        """Number of the topmost visible line."""
        return self.scroll_offset.y

    @property
    def state(self) -> str:
        """Follow state and position in a few words."""
        count = self.document.count
        if self.is_following:
            return "following"
        below = count - min(self.top + max(self.size.height, 1), count)
        if self.note:
            return self.note
        return f"PAUSED +{below}" if self._seen and below else f"{min(self.top + 1, count)}/{count}"

    def _tick(self) -> None:
        """Take the next step of the index, or see whether the file has grown."""
        if not self.is_attached:
            return
        before = self.document.count
        is_unfinished = self.document.advance()
        if self.document.count != before:
            self._resized()
        if is_unfinished:
            self.set_timer(BUSY_S, self._tick)

    def refresh_document(self) -> None:
        """The document in memory has other or more lines."""
        self._resized()

    def _resized(self) -> None:
        self._rows = None
        count = self.document.count
        room = max(self.size.height, 1)
        extra = room - 1 if self.wraps and count > 1 else 0
        width = 1 if self.wraps else max(self.size.width, 2 * LINE_BYTES)
        self.virtual_size = Size(width, count + extra if count > room or self._overflows() else count)
        if self.is_following:
            self.scroll_to(y=self._last_top(), animate=False, force=True)
        self.refresh()
        self.post_message(self.Changed(self))

    def _overflows(self) -> bool:
        """With wrapping, even few lines may take more rows than there are."""
        return self.wraps and self._last_top() > 0

    def _last_top(self) -> int:
        """The top line that brings the last line to the bottom edge."""
        height, count = max(self.size.height, 1), self.document.count
        first = max(count - height, 0)
        if not self.wraps:
            return first
        texts = self.document.lines(first, count)
        used = 0
        for offset in reversed(range(len(texts))):
            used += len(self._wrapped(first + offset, texts[offset]))
            if used > height:
                return min(first + offset + 1, count - 1)
        return first

    def on_resize(self) -> None:
        self._resized()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._rows = None
        self.post_message(self.Changed(self))

    def _wrapped(self, number: int, text: str) -> list[Sequence[Span]]:
        spans = self._marked(self._painter(number, text))
        width = self.scrollable_content_region.width
        if not self.wraps or width < 8:
            return [spans]
        whole = text_of(spans)
        if len(set(whole)) == 1:
            return [[Span(whole[:width], spans[0].tone)]]
        pieces = wrap(whole, width)
        return [spans] if len(pieces) == 1 else _cut(spans, [len(piece) for piece in pieces])

    def _marked(self, spans: Sequence[Span]) -> Sequence[Span]:
        """The spans with what the search found standing out."""
        if self.pattern is None:
            return spans
        marked: list[Span] = []
        for span in spans:
            position = 0
            for found in self.pattern.finditer(span.text):
                if found.end() > found.start():
                    marked.append(Span(span.text[position : found.start()], span.tone))
                    marked.append(Span(found[0], "found"))
                    position = found.end()
            marked.append(Span(span.text[position:], span.tone))
        return [span for span in marked if span.text] or spans

    def _view(self) -> list[tuple[int, Sequence[Span]]]:
        if self._rows is None or self._rows[0] != self.top:
            height = self.size.height
            rows: list[tuple[int, Sequence[Span]]] = []
            for offset, text in enumerate(self.document.lines(self.top, self.top + height)):
                number = self.top + offset
                rows.extend((number, piece) for piece in self._wrapped(number, text))
                if len(rows) >= height:
                    break
            self._rows = (self.top, rows)
        return self._rows[1]

    def render_line(self, y: int) -> Strip:
        styles = tone_styles(self.app.current_theme)
        ground = self.rich_style
        rows = self._view()
        width = self.scrollable_content_region.width
        if y >= len(rows):
            return Strip.blank(width, ground)
        number, spans = rows[y]
        over = styles["cursor-blurred"] if number == self._found else None
        segments = [
            Segment(span.text, ground + styles[span.tone] + over if over else ground + styles[span.tone])
            for span in spans
        ]
        left = 0 if self.wraps else self.scroll_offset.x
        tail = styles[spans[-1].tone].bgcolor if spans else None
        fill = ground + styles[spans[-1].tone] if tail else ground
        return Strip(segments).crop_extend(left, left + width, fill)

    async def find(self, text: str) -> None:
        """Search for *text*, a regular expression or plain text; small letters match any case."""
        if not text:
            self.pattern, self._found, self.note = None, None, ""
            self._resized()
            return
        flags = re.IGNORECASE if text == text.lower() else 0
        try:
            self.pattern = re.compile(text, flags)
        except re.error:
            self.pattern = re.compile(re.escape(text), flags)
        await self._search(self.top, 1)

    async def _search(self, start: int, step: int) -> None:
        if self.pattern is None:
            return
        self.is_following = False
        self._found = None
        for number in search(self.document, self.pattern, start=start, step=step):
            if number is not None:
                self._found = number
                break
            await asyncio.sleep(0)
        if self._found is None:
            self.note = "not found"
        else:
            self.note = f"line {self._found + 1} of {self.document.count}"
            if not self.top <= self._found < self.top + max(self.size.height // 2, 1):
                self.scroll_to(y=max(self._found - 2, 0), animate=False, force=True)
        self._rows = None
        self.refresh()
        self.post_message(self.Changed(self))

    def action_next_match(self, step: int) -> None:
        start = (self.top if self._found is None else self._found) + (step if self._found is not None else 0)
        self.run_worker(self._search(start, step), exclusive=True, group="search")

    def _scroll_by(self, lines: int) -> None:
        target = max(0, min(self.top + lines, self._last_top()))
        if lines > 0:
            target = max(target, self.top)
        self._pause(self.is_following and lines < 0)
        self.note = ""
        self.scroll_to(y=target, animate=False, force=True)

    def on_mouse_scroll_up(self) -> None:
        self._pause(self.is_following)

    def _pause(self, is_wanted: bool) -> None:
        if is_wanted:
            self.is_following = False
            self._seen = self.document.count
            self.post_message(self.Changed(self))

    def action_line(self, lines: int) -> None:
        self._scroll_by(lines)

    def action_page(self, pages: float) -> None:
        self._scroll_by(int(pages * max(self.size.height - 2, 1)))

    def action_first(self) -> None:
        self._pause(self.is_following)
        self.scroll_to(y=0, animate=False, force=True)

    def action_last(self) -> None:
        self.scroll_to(y=self._last_top(), animate=False, force=True)

    def action_sideways(self, cells: int) -> None:
        if not self.wraps:
            longest = max((width_of(spans) for _, spans in self._view()), default=0)
            x = min(self.scroll_offset.x + cells, max(longest - abs(cells), 0))
            self.scroll_to(x=max(x, 0), animate=False, force=True)

    def action_follow(self) -> None:
        self.is_following = not self.is_following
        self._seen = self.document.count
        self._resized()

    def action_wrap(self) -> None:
        self.wraps = not self.wraps
        self._resized()


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
