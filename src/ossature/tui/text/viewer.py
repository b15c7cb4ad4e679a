"""The viewer of a text: searches, filters and goes from problem to problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from textual.message import Message

from ossature.domain.plain_text import count as counted
from ossature.tui.keys.actions import bindings
from ossature.tui.look.glyphs import UNICODE, Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.text.filtered import FilteredDocument
from ossature.tui.text.pattern import Pattern
from ossature.tui.text.problems import Problem
from ossature.tui.text.searching import MAX_KEPT, Search
from ossature.tui.text.view import Place
from ossature.tui.text.walking import Walk
from ossature.tui.text.working import WorkingView

Wish = Literal["only", "line", "next", "previous"]


class Jump(NamedTuple):
    """Where to go once it has been found: the first match from *row* on, in this direction."""

    row: int
    step: int


class LineViewer(WorkingView, inherit_bindings=False):
    """Rows are those of the source; places those of what is shown of it, which a filter makes less."""

    BINDINGS = bindings("viewer")

    class Wanted(Message):
        """A line has to be typed: which rows to show only, or where to go.

        Or there is no next match, since nothing is searched for.
        """

        def __init__(self, viewer: LineViewer, wish: Wish) -> None:
            super().__init__()
            self.viewer = viewer
            self.wish = wish

    def __init__(self, *, id: str | None = None, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(id=id, glyphs=glyphs)
        self.pattern: Pattern | None = None
        self.search: Search | None = None
        self.filter: FilteredDocument | None = None
        self.note = ""
        """What the last thing that was asked for came to; shown until the next key."""
        self.problem: Problem | None = None
        """What the marked row complains about, when it was gone to for that."""
        self._walk: Walk | None = None
        self._jump: Jump | None = None
        self._had_numbers = False
        self._seen = 0
        """Rows when following stopped."""

    def on_unmount(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._end_search()
        self.filter = None
        self._seen = 0

    def found_anew(self) -> None:
        pattern, around = self.pattern, self.filter.around if self.filter else None
        self._end_search()
        self.filter = None
        if pattern:
            self._begin_search(pattern, 0)
        if around is not None:
            self._filter(around)

    def settle(self) -> None:
        search = self.search
        if search and search.is_done and not self.is_counting and search.resume():
            self._run_search(search)
        if self.filter:
            self.filter.advance()
        if self._walk and self._walk.is_done:
            self._end_walk(self._walk)
        if self._jump:
            self._try_jump(self._jump)
        super().settle()
        if self._walk or (search and not search.is_done):
            self.say_changed()

    # Searching

    def find(self, text: str) -> None:
        """Search for *text*, a regular expression or plain text; empty ends it."""
        if self.filter and text:
            self.only(text)
            return
        row = self._row
        self.leave_filter()
        self._end_search()
        if text:
            self.is_following = False
            self._begin_search(Pattern(text), row)
            self._jump = Jump(row, 1)
        self.refresh_document()

    def _begin_search(self, pattern: Pattern, start: int) -> None:
        self.pattern = pattern
        self.search = Search(self.source, pattern, start=start)
        self._run_search(self.search)

    def _run_search(self, search: Search) -> None:
        self.work(search.run, lambda: self.search is search, "search")

    def _end_search(self) -> None:
        if self.search:
            self.search.is_cancelled = True
        self.search = self.pattern = None
        self._elsewhere()

    @property
    def _row(self) -> int:
        """The row that the person looks at."""
        shown = self.shown()
        return 0 if self.is_placed_by_end or not shown else shown[0].piece.row

    def leave(self) -> bool:
        """End the filter, else the search; false when there was neither."""
        if self.leave_filter():
            return True
        if self.search is None and self._walk is None and self.marked_row is None:
            return False
        self._end_search()
        self.refresh_document()
        return True

    def _try_jump(self, jump: Jump) -> None:
        search = self.search
        row = search.nearest(*jump) if search else None
        if search and row is None and search.is_done:
            row = search.first(jump.step)
        if search is None or search.is_done or row is not None:
            self._jump = None
        if row is not None:
            self._mark(row)
        self.say_changed()

    def _mark(self, row: int) -> None:
        """Let this row stand out, and bring it on the screen."""
        self.marked_row = row
        seen = [one.piece.row for one in self.shown()[: max(self.room // 2, 1)]]
        if self.is_placed_by_end or row not in seen:
            place = self._place_of(row)
            self.go(min(Place(max(place - 2, 0)), self.last_place()))
        self._shown = None
        self.refresh()

    def action_next_match(self, step: int) -> None:
        if self.search:
            row = self._row if self.marked_row is None else self.marked_row + step
            self._elsewhere(keeps_mark=True)
            self._jump = Jump(max(row, 0), step)
            self._try_jump(self._jump)
        else:
            self.post_message(self.Wanted(self, "next" if step > 0 else "previous"))

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

    # The filter

    def only(self, text: str) -> None:
        """Show only rows that match; of a filter that is on, a number says how many rows around each."""
        if self.filter and text.isdecimal() and len(text) < 6:
            self._filter(int(text))
        elif text:
            around = self.filter.around if self.filter else 0
            is_known = self.search and self.search.is_done and self.search.pattern.text == text
            if not is_known:
                row = self._row
                self._end_search()
                self._begin_search(Pattern(text), 0)
                self._jump = Jump(row, 1)
            self._filter(around)
        else:
            self.leave_filter()

    def _filter(self, around: int) -> None:
        if self.search is None:
            return
        row = self._row
        if self.filter is None:
            self._had_numbers, self.has_numbers = self.has_numbers, True
        self.document = self.filter = FilteredDocument(self.source, self.search, around=around)
        self.filter.advance()
        self._seen = 0
        self.refresh_document()
        self.go(min(Place(self.filter.place_of(row)), self.last_place()))
        self.say_changed()

    def leave_filter(self) -> bool:
        """Show all rows again; the search goes on. False when all were shown."""
        if self.filter is None:
            return False
        row = self._row
        self.filter, self.document, self.has_numbers = None, self.source, self._had_numbers
        self._seen = 0
        self.refresh_document()
        if not self.is_following:
            self.go(min(Place(row), self.last_place()))
        return True

    # Problems, lines

    def action_problem(self, step: int) -> None:
        """Go to the next or previous row that complains about something."""
        start = self._walk_start(step)
        self._elsewhere(keeps_mark=True)
        self.is_following = False
        walk = self._walk = Walk(self.document, start, step)
        self.work(walk.step, lambda: self._walk is walk, "walk")

    def _walk_start(self, step: int) -> int:
        """Beside the marked row; without one, what is visible is looked at, too."""
        if self.is_placed_by_end:
            return self.document.count - (step < 0)
        if self.marked_row is not None:
            return self._place_of(self.marked_row) + step
        shown = self.shown()
        return self._place_of(shown[0 if step > 0 else -1].piece.row) if shown else 0

    def _place_of(self, row: int) -> int:
        return self.filter.place_of(row) if self.filter else row

    def _end_walk(self, walk: Walk) -> None:
        self._walk = None
        pieces = [] if walk.found is None else self.document.lines(walk.found, walk.found + 1)
        if not pieces:
            self.note = "no problem further " + ("down" if walk.direction > 0 else "up")
        else:
            self._mark(pieces[0].row)
            self.problem = walk.problem
            place = f", {walk.problem.path}:{walk.problem.line}" if walk.problem and walk.problem.path else ""
            self.note = f"line {pieces[0].number}{place}"
        self.say_changed()

    def action_only(self) -> None:
        self.post_message(self.Wanted(self, "only"))

    def action_to_line(self) -> None:
        self.post_message(self.Wanted(self, "line"))

    def go_to_line(self, text: str) -> bool:
        """To a line by its number, or to a part of the text (`50%`); false when *text* is neither."""
        number = text.strip().removesuffix("%").replace(",", "")
        if not number.isdecimal() or len(number) > 15:
            return False
        self._elsewhere()
        self._pause(self.is_following)
        if text.strip().endswith("%"):
            place = self.document.count * min(int(number), 100) // 100
        else:
            place = self.document.row_of(int(number))
            if place >= self.document.count and not self.is_counted:
                self.note = f"only {self.document.counted:.0%} of the lines have been counted"
        self.go(min(Place(place), self.last_place()))
        self.say_changed()
        return True

    # State and moving

    @property
    def state(self) -> str:
        """Follow state, search and position in a few words."""
        return ", ".join(part for part in (self.news, self._where()) if part)

    def _where(self) -> str:
        if self._walk:
            return f"looking for a problem, {self._walk.progress:.0%}"
        search = self.search
        is_told = search and (
            self._jump or self.marked_row is not None or not search.is_done or not search.found
        )
        if self.note:
            return self.note
        if search and is_told and not (self.is_following or self.filter):
            return self._found_text(search)
        only = ""
        if self.filter:
            progress = "" if self.filter.search.is_done else f", {self.filter.search.progress:.0%}"
            only = f"{counted(self.filter.search.found, 'matching line')}{progress}, "
        return only + self._position()

    def _position(self) -> str:
        count = self.document.count
        counting = "" if self.is_counted else f", {self.document.counted:.0%} counted"
        if self.is_following:
            return f"following{counting}"
        if self.is_placed_by_end:
            return f"end{counting}"
        last = min(self.top + self.room, count)
        if self._seen and count > last:
            return f"PAUSED +{count - last}"
        percent = f" {last * 100 // count}%" if count > self.room and not counting else ""
        return f"{min(self.top + 1, count)}/{count}{percent}{counting}"

    def _found_text(self, search: Search) -> str:
        progress = "" if search.is_done else f", {search.progress:.0%}"
        if not search.found:
            return search.given_up or ("not found" if search.is_done else f"searching{progress}")
        found = f"{search.found:,}"
        if self.marked_row is None:
            text = f"{found} found{progress}"
        elif search.is_done:
            text = (
                f"match {search.ordinal(self.marked_row):,} of {found}, line {self._number(self.marked_row)}"
            )
        else:
            text = f"line {self._number(self.marked_row)}, {found} found{progress}"
        if search.found > search.kept:
            text += f", the first {MAX_KEPT:,} can be gone to"
        slow = f", {search.pattern.slow} lines too slow to search" if search.pattern.slow else ""
        return text + (f", {search.given_up}" if search.given_up else slow)

    def _number(self, row: int) -> int:
        pieces = self.source.lines(row, row + 1)
        return pieces[0].number if pieces else 0

    def _elsewhere(self, *, keeps_mark: bool = False) -> None:
        """The person does something else: nothing takes them away any more."""
        self._jump = self._walk = self.problem = None
        self.note = self.news = ""
        if not keeps_mark:
            self.marked_row = None

    def _pause(self, is_wanted: bool) -> None:
        if is_wanted:
            self.is_following = False
            self._seen = self.document.count

    def move(self, rows: int) -> None:
        self._pause(self.is_following and rows < 0)
        self._elsewhere()
        super().move(rows)
        self.say_changed()

    def action_page(self, pages: float) -> None:
        self.move(int(pages * max(self.room - 2, 1)))

    def action_first(self) -> None:
        self._pause(self.is_following)
        self._elsewhere()
        self.go(Place(0))

    def action_last(self) -> None:
        self._elsewhere()
        self.to_end()

    def action_follow(self) -> None:
        self.is_following = not self.is_following
        self._seen = self.document.count
        self._elsewhere()
        self.draw()
