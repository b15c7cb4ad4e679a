"""The rows of a document that match, with rows around them."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from ossature.tui.text.document import BLOCK_ROWS, Block, Document
from ossature.tui.text.index import Piece
from ossature.tui.text.searching import Search

STEP = 50_000
"""Matches that one step takes in."""
MAX_AROUND = 1000


class FilteredDocument:
    """Grows with what a search finds; rows keep their numbers.

    The search goes from top to bottom, or is done.
    """

    counted = 1.0

    def __init__(self, source: Document, search: Search, *, around: int = 0) -> None:
        self.source = source
        self.search = search
        self.around = max(0, min(around, MAX_AROUND))
        self._forget()

    def _forget(self) -> None:
        self._firsts, self._lasts, self._befores = array("Q"), array("Q"), array("Q")
        """Of each run of rows: its first, the one after its last, how many are shown before it."""
        self._taken = 0
        self._corrections = self.search.corrections
        self._end = self.source.count

    @property
    def count(self) -> int:
        return self._befores[-1] + self._lasts[-1] - self._firsts[-1] if self._firsts else 0

    @property
    def length(self) -> int:
        return self.count

    def advance(self) -> bool:
        """Take in what the search has found meanwhile."""
        if self._corrections != self.search.corrections:
            self._forget()
        kept = self.search.kept
        stop = min(self._taken + STEP, kept)
        if self._taken and self._end != self.source.count:
            self._add(self.search.at(self._taken - 1))
        self._end = self.source.count
        for place in range(self._taken, stop):
            self._add(self.search.at(place))
        self._taken = stop
        return stop < kept

    def _add(self, row: int) -> None:
        first, last = max(row - self.around, 0), min(row + self.around + 1, self.source.count)
        if self._lasts and first <= self._lasts[-1]:
            self._lasts[-1] = max(last, self._lasts[-1])
            return
        self._befores.append(self.count)
        self._firsts.append(first)
        self._lasts.append(last)

    def changed(self) -> str:
        return ""

    def reopened(self) -> FilteredDocument:
        return self

    def lines(self, first: int, last: int) -> list[Piece]:
        last = min(last, self.count)
        found: list[Piece] = []
        place = bisect_right(self._befores, first) - 1
        while first < last and place < len(self._firsts):
            start = self._firsts[place] + first - self._befores[place]
            stop = min(start + last - first, self._lasts[place])
            found += self.source.lines(start, stop)
            first += stop - start
            place += 1
        return found

    def row_of(self, number: int) -> int:
        return self.place_of(self.source.row_of(number))

    def tail(self, wanted: int) -> list[Piece]:
        return self.lines(max(self.count - wanted, 0), self.count)

    def block(self, row: int) -> Block:
        last = min(row + BLOCK_ROWS, self.count)
        return Block(row, last, "\n".join(piece.text for piece in self.lines(row, last)))

    def place_of(self, row: int) -> int:
        """Where a row of the source is shown; the next one that is, else the last."""
        run = bisect_right(self._firsts, row) - 1
        if run >= 0 and row < self._lasts[run]:
            return self._befores[run] + row - self._firsts[run]
        after = self._befores[run + 1] if run + 1 < len(self._befores) else self.count - 1
        return max(after, 0)
