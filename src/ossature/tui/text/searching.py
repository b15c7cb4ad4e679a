"""Looks through a whole document for a pattern, a bounded step at a time, and keeps what it found."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left, bisect_right

from ossature.tui.text.document import Block, Document
from ossature.tui.text.pattern import Pattern, TooSlow

MAX_KEPT = 1_000_000
"""Matching rows that one can go through; more are only counted."""
WAIT_S = 0.005
"""Pause of a search that has caught up with the count of rows."""


class Search:
    """Begins at a row, goes to the end, then from the top to where it began.

    One thread calls `step`; any other may ask for what has been found so far.
    """

    def __init__(self, document: Document, pattern: Pattern, *, start: int = 0) -> None:
        self.document = document
        self.pattern = pattern
        self.found = 0
        """Matching rows."""
        self.is_done = False
        self.is_cancelled = False
        self.given_up = ""
        """Why it has not gone through everything."""
        self.corrections = 0
        """How often a last row that had matched was looked at again, as it had no end yet."""
        self._after, self._before = array("Q"), array("Q")
        self._start = document.block(start).first if start < document.count else 0
        self._next = self._start
        self._is_back_at_top = self._start == 0
        self._end = 0
        """Rows that had been there when it was done."""
        self._begun_with = document.length

    @property
    def kept(self) -> int:
        return len(self._before) + len(self._after)

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        if self.is_done:
            return 1.0
        total = max(self.document.count, 1)
        looked_at = self._next - self._start
        if self._is_back_at_top and self._start:
            looked_at = total - self._start + self._next
        return min(looked_at / total * self.document.counted, 0.99)

    def run(self) -> bool:
        """`step`, for a thread: waits a little where the count of rows has not come yet."""
        if self.is_cancelled:
            return False
        if not self._is_back_at_top or not self._start:
            is_ahead = self._next >= self.document.count
            if is_ahead and self.document.counted < 1.0:
                time.sleep(WAIT_S)
                return True
        return self.step()

    def step(self) -> bool:
        """Look at one block; true when there is more to look at."""
        if self._is_back_at_top and self._start:
            if self._next >= self._start:
                return self._finish()
        elif self._next >= self.document.count:
            if not self._start:
                return self._finish()
            self._end, self._next, self._is_back_at_top = self._next, 0, True
            return True
        try:
            self._look_at(self.document.block(self._next))
        except TooSlow:
            self.given_up = f"too slow an expression: given up at {self.progress:.0%}"
            return self._finish()
        return True

    def _finish(self) -> bool:
        self._end = max(self._end, self._next)
        self.is_done = True
        return False

    def _look_at(self, block: Block) -> None:
        in_front = self._is_back_at_top and self._start > 0
        last = min(block.last, self._start) if in_front else block.last
        if block.text is None:
            rows = self._folded(block.first, last)
        else:
            rows = [block.first + row for row in self.pattern.rows(block.text)]
        rows = [row for row in rows if self._next <= row < last]
        self.found += len(rows)
        room = MAX_KEPT - self.kept
        (self._before if in_front else self._after).extend(rows[: max(room, 0)])
        self._next = last

    def _folded(self, first: int, last: int) -> list[int]:
        """A match may go on in the row after the one where it begins."""
        pieces = self.document.lines(first, last + 1)
        found = []
        for index, piece in enumerate(pieces[: last - first]):
            follower = pieces[index + 1] if index + 1 < len(pieces) else None
            goes_on = follower is not None and not follower.is_first
            whole = piece.text + follower.text if follower and goes_on else piece.text
            if self.pattern.matches(whole) and (not goes_on or self._begins_in(piece.text, whole)):
                found.append(piece.row)
        return found

    def _begins_in(self, text: str, whole: str) -> bool:
        spans = self.pattern.spans(whole)
        return not spans or spans[0][0] < len(text)

    def resume(self) -> bool:
        """Rows have come, or the last one is longer now: look at them, too. True when there is work."""
        if not self.is_done or self.given_up:
            return not self.is_done
        if self.document.length == self._begun_with:
            return False
        self._begun_with = self.document.length
        again = max(self._end - 1, 0)
        if self._after and self._after[-1] == again:
            self._after.pop()
            self.found -= 1
            self.corrections += 1
        self._next, self._start, self._is_back_at_top, self.is_done = again, 0, True, False
        return True

    def ordinal(self, row: int) -> int:
        """How many matches there are up to and with *row*, among those known."""
        return bisect_right(self._before, row) + bisect_right(self._after, row)

    def nearest(self, row: int, step: int) -> int | None:
        """The first match at *row* or after it; with *step* -1 the last at *row* or before it.

        None while that cannot be told, and where there is none.
        """
        is_known = self.is_done or row >= self._start
        if not is_known or (step < 0 and not self.is_done and row >= self._next):
            return None
        for rows in (self._before, self._after) if step > 0 else (self._after, self._before):
            index = bisect_left(rows, row) if step > 0 else bisect_right(rows, row) - 1
            if 0 <= index < len(rows):
                return rows[index]
        return None

    def first(self, step: int) -> int | None:
        """Where to go on after the last one."""
        return self.nearest(0 if step > 0 else self.document.count, step)

    def at(self, index: int) -> int:
        """The row of a match by its place among those kept."""
        before = len(self._before)
        return self._before[index] if index < before else self._after[index - before]
