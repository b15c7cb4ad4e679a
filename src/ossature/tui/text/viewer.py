"""The viewer of a text: counts, searches and watches its document while keys are heard."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.message import Message

from ossature.tui.keys.actions import bindings
from ossature.tui.look.spans import Span
from ossature.tui.text.document import Document
from ossature.tui.text.paint import Painter, paint_plain
from ossature.tui.text.pattern import Pattern
from ossature.tui.text.searching import MAX_KEPT, Search
from ossature.tui.text.view import Place, TextView

IDLE_S = 0.25
"""How often a file that may grow is looked at."""
TELL_S = 0.1
"""How often work in a thread says how far it is."""


class Jump(NamedTuple):
    """Where to go once it has been found: the first match from *row* on, in this direction."""

    row: int
    step: int


class LineViewer(TextView, inherit_bindings=False):
    """What takes long is done in threads; they end when the viewer shows something else."""

    BINDINGS = bindings("viewer")

    class Worked(Message, bubble=False):
        """A thread has come farther, or has ended."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # passed on as they are
        self.pattern: Pattern | None = None
        self.search: Search | None = None
        self.note = ""
        """What the last thing that was asked for came to; shown until the next key."""
        self._news = ""
        """What became of the file."""
        self._jump: Jump | None = None
        self._is_counting = False
        self._drawn_count = 0
        self._seen = 0
        """Rows when following stopped."""

    def on_mount(self) -> None:
        self.set_interval(IDLE_S, self._tick)

    def on_unmount(self) -> None:
        self._end_search()

    def open(self, document: Document, painter: Painter = paint_plain, *, follow: bool = False) -> None:
        """Show another document from its top, or from its end when it is followed."""
        self._end_search()
        self.pattern, self.note, self._news, self._seen = None, "", "", 0
        self.painter, self.is_following = painter, follow
        self._take(document)

    def _take(self, document: Document) -> None:
        self.document, self.marked_row = document, None
        self._is_counting = False
        self.go(Place(0))
        self._look_for_more()
        self.refresh_document()

    def refresh_document(self) -> None:
        """The document has other or more rows."""
        self._drawn_count = self.document.count
        self.draw()

    def _tick(self) -> None:
        """See whether the document has grown, or is another one now."""
        if not self.is_attached or self._is_counting:
            return
        news = self.document.changed()
        if news and news != self._news:
            self._replace(news)
        self._look_for_more()
        self._settle()

    def _replace(self, news: str) -> None:
        self._news = news
        try:
            document = self.document.reopened()
        except OSError:
            self.say_changed()
            return
        pattern = self.pattern
        self._end_search()
        self._take(document)
        if pattern:
            self._begin_search(pattern, 0)

    def _look_for_more(self) -> None:
        if self.document.advance():
            self._is_counting = True
            document = self.document
            self._work(document.advance, lambda: self.document is document, "count")

    def _work(self, step: Callable[[], bool], is_wanted: Callable[[], bool], group: str) -> None:
        """Take steps in a thread until there is no more to do, or nobody wants it any more."""

        def work() -> None:
            told = time.monotonic()
            while is_wanted() and step():
                if time.monotonic() - told > TELL_S:
                    self.post_message(self.Worked())
                    told = time.monotonic()
            if group == "count" and is_wanted():
                self._is_counting = False
            self.post_message(self.Worked())

        self.run_worker(work, thread=True, group=group)

    def on_line_viewer_worked(self) -> None:
        self._settle()

    def _settle(self) -> None:
        """Show how far the threads are; go where they have found something."""
        search = self.search
        if search and search.is_done and not self._is_counting and search.resume():
            self._run_search(search)
        if self._jump:
            self._try_jump(self._jump)
        if self.document.count != self._drawn_count or self.is_placed_by_end:
            self.refresh_document()
        elif search and not search.is_done:
            self.say_changed()

    # Searching

    def find(self, text: str) -> None:
        """Search for *text*, a regular expression or plain text; empty ends it."""
        self._end_search()
        if text:
            self.is_following = False
            row = 0 if self.is_placed_by_end else self.top
            self._begin_search(Pattern(text), row)
            self._jump = Jump(row, 1)
        self.refresh_document()

    def _begin_search(self, pattern: Pattern, start: int) -> None:
        self.pattern = pattern
        self.search = Search(self.document, pattern, start=start)
        self._run_search(self.search)

    def _run_search(self, search: Search) -> None:
        self._work(search.run, lambda: self.search is search, "search")

    def _end_search(self) -> None:
        if self.search:
            self.search.is_cancelled = True
        self.search, self.pattern, self._jump, self.marked_row, self.note = None, None, None, None, ""

    def leave(self) -> bool:
        """End the search; false when there was none."""
        if self.search is None:
            return False
        self._end_search()
        self.refresh_document()
        return True

    def _try_jump(self, jump: Jump) -> None:
        search = self.search
        if search is None:
            self._jump = None
            return
        row = search.nearest(*jump)
        if row is None and search.is_done:
            row = search.first(jump.step)
        if row is not None:
            self._jump = None
            self._mark(row)
        elif search.is_done:
            self._jump = None
        self.say_changed()

    def _mark(self, row: int) -> None:
        """Let this row stand out, and bring it on the screen."""
        self.marked_row = row
        seen = [one.piece.row for one in self.shown()[: max(self.room // 2, 1)]]
        if self.is_placed_by_end or row not in seen:
            self.go(min(Place(max(row - 2, 0)), max(self.last_place(), Place(0))))
        self._shown = None
        self.refresh()

    def action_next_match(self, step: int) -> None:
        if self.search:
            row = self.top if self.marked_row is None else self.marked_row + step
            self._jump = Jump(max(row, 0), step)
            self._try_jump(self._jump)

    def _found_text(self, search: Search) -> str:
        progress = "" if search.is_done else f", {search.progress:.0%}"
        if not search.found:
            return search.given_up or ("not found" if search.is_done else f"searching{progress}")
        count = f"{search.found:,}"
        if self.marked_row is None:
            text = f"{count} found{progress}"
        elif search.is_done:
            text = (
                f"match {search.ordinal(self.marked_row):,} of {count}, line {self._number(self.marked_row)}"
            )
        else:
            text = f"line {self._number(self.marked_row)}, {count} found{progress}"
        if search.found > search.kept:
            text += f", the first {MAX_KEPT:,} can be gone to"
        slow = f", {search.pattern.slow} lines too slow to search" if search.pattern.slow else ""
        return text + (f", {search.given_up}" if search.given_up else slow)

    def _number(self, row: int) -> int:
        pieces = self.document.lines(row, row + 1)
        return pieces[0].number if pieces else 0

    def marks(self, spans: Sequence[Span]) -> Sequence[Span]:
        """What the search finds stands out."""
        if self.pattern is None:
            return spans
        marked: list[Span] = []
        for span in spans:
            position = 0
            for start, end in self.pattern.spans(span.text):
                marked.append(Span(span.text[position:start], span.tone))
                marked.append(Span(span.text[start:end], "found"))
                position = end
            marked.append(Span(span.text[position:], span.tone))
        return [span for span in marked if span.text] or spans

    # State and moving

    @property
    def state(self) -> str:
        """Follow state, search and position in a few words."""
        return ", ".join(part for part in (self._news, self._where()) if part)

    def _where(self) -> str:
        count = self.document.count
        counting = "" if self.is_counted else f", {self.document.counted:.0%} counted"
        if self.is_following:
            return f"following{counting}"
        if self.note:
            return self.note
        if self.search and (self._jump or self.marked_row is not None or not self.search.is_done):
            return self._found_text(self.search)
        if self.search and not self.search.found:
            return self._found_text(self.search)
        if self.is_placed_by_end:
            return f"end{counting}"
        last = min(self.top + self.room, count)
        if self._seen and count > last:
            return f"PAUSED +{count - last}"
        percent = f" {last * 100 // count}%" if count > self.room and not counting else ""
        return f"{min(self.top + 1, count)}/{count}{percent}{counting}"

    def move(self, rows: int) -> None:
        self._pause(self.is_following and rows < 0)
        self._forget_jump()
        super().move(rows)

    def _forget_jump(self) -> None:
        """The person is elsewhere now."""
        self._jump, self.note, self._news, self.marked_row = None, "", "", None

    def _pause(self, is_wanted: bool) -> None:
        if is_wanted:
            self.is_following = False
            self._seen = self.document.count
            self.say_changed()

    def action_page(self, pages: float) -> None:
        self.move(int(pages * max(self.room - 2, 1)))

    def action_first(self) -> None:
        self._pause(self.is_following)
        self._forget_jump()
        self.go(Place(0))

    def action_last(self) -> None:
        self._forget_jump()
        self.to_end()

    def action_follow(self) -> None:
        self.is_following = not self.is_following
        self._seen = self.document.count
        self._forget_jump()
        self.draw()
