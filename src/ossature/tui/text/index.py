"""Where the rows of a file are: counted in slices, found again with one short read.

A row is a line, or a piece of a line that is longer than `LINE_BYTES`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple

LINE_BYTES = 4096
"""Longer lines are folded at this length."""
SLICE = 1 << 20
"""Bytes that one step of counting reads."""
STRIDE_BYTES, STRIDE_ROWS = 1 << 16, 4096
"""After at least so many bytes or rows there is a mark: a look-up reads little more than one stride."""
BLOCK_STRIDES = 8
"""Strides that are searched at once."""

Read = Callable[[int, int], bytes]
"""Bytes at an offset, at most so many; less only at the end."""


class Piece(NamedTuple):
    """One row."""

    text: str
    row: int
    number: int
    """Of its line, from 1; 0 when the lines before it have not been counted."""
    is_first: bool
    """False when it goes on with the line of the row before."""


class Extent(NamedTuple):
    """Rows that lie side by side."""

    first: int
    last: int
    """One after."""
    offset: int
    size: int
    is_folded: bool


class _Known(NamedTuple):
    """What has been counted, replaced as one so that any thread sees a state that fits together."""

    end: int = 0
    """Bytes up to the end of the last whole row."""
    rows: int = 0
    lines: int = 0
    tail: int = 0
    """Bytes after `end`: a last row without its end, counted as a row."""


class LineIndex:
    """Of one file that may grow. One thread counts; any thread may look up."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known = _Known()
        self._offsets = array("Q", [0])
        self._lines = array("Q", [0])
        self._rows = array("Q", [0])
        """The three of a mark; rows last, for the look-up begins with them."""

    @property
    def count(self) -> int:
        known = self._known
        return known.rows + (1 if known.tail else 0)

    @property
    def size(self) -> int:
        """Bytes that have been counted."""
        return self._known.end + self._known.tail

    def advance(self) -> bool:
        """Count the next slice; true when there may be more right away."""
        known = self._known
        chunk = self._read(known.end, SLICE)
        if len(chunk) == known.tail:
            return False
        self._known = self._counted(chunk, known)
        return len(chunk) == SLICE

    def _counted(self, chunk: bytes, known: _Known) -> _Known:
        position, rows, lines = 0, known.rows, known.lines
        marked_offset, marked_row = self._offsets[-1], self._rows[-1]
        while True:
            end = chunk.rfind(b"\n", position, position + LINE_BYTES + 1) + 1
            if end:
                newlines = chunk.count(b"\n", position, end)
                lines += newlines
                rows += newlines
                position = end
            elif len(chunk) - position > LINE_BYTES:
                position += LINE_BYTES
                rows += 1
            else:
                return _Known(known.end + position, rows, lines, len(chunk) - position)
            offset = known.end + position
            if offset - marked_offset >= STRIDE_BYTES or rows - marked_row >= STRIDE_ROWS:
                self._offsets.append(offset)
                self._lines.append(lines)
                self._rows.append(rows)
                marked_offset, marked_row = offset, rows

    def pieces(self, first: int, last: int) -> list[Piece]:
        """Rows *first* up to, not including, *last*."""
        last = min(last, self.count)
        if first >= last:
            return []
        mark = bisect_right(self._rows, first) - 1
        offset, row, lines = self._offsets[mark], self._rows[mark], self._lines[mark]
        found: list[Piece] = []
        is_first = self._starts_line(offset)
        for raw, following in _rows_from(self._read, offset):
            if row >= first:
                found.append(Piece(_text(raw, following, is_first=is_first), row, lines + 1, is_first))
            is_first = raw.endswith(b"\n")
            lines += is_first
            row += 1
            if row >= last:
                break
        return found

    def _starts_line(self, offset: int) -> bool:
        return offset == 0 or self._read(offset - 1, 1) == b"\n"

    def row_of(self, number: int) -> int:
        """The row with which a line begins; that after the last row when there are not so many lines."""
        mark = bisect_right(self._lines, max(number - 1, 0)) - 1
        row = self._rows[mark]
        while pieces := self.pieces(row, row + STRIDE_ROWS):
            for piece in pieces:
                if piece.number >= number:
                    return piece.row
            row += len(pieces)
        return self.count

    def extent(self, row: int) -> Extent:
        """The strides from the one that holds *row*, as many as are searched at once."""
        mark = bisect_right(self._rows, row) - 1
        offset, first, lines = self._offsets[mark], self._rows[mark], self._lines[mark]
        after = mark + BLOCK_STRIDES
        if after < len(self._rows):
            size, last, newlines = self._offsets[after] - offset, self._rows[after], self._lines[after]
            return Extent(first, last, offset, size, last - first != newlines - lines)
        known = self._known
        last = known.rows + (1 if known.tail else 0)
        is_folded = known.rows - first != known.lines - lines
        return Extent(first, last, offset, known.end + known.tail - offset, is_folded)


def tail_pieces(read: Read, size: int, wanted: int) -> list[Piece]:
    """The last rows of a file of *size* bytes, read from its end; which rows they are is not known."""
    span = STRIDE_BYTES
    while True:
        start = max(size - span, 0) // LINE_BYTES * LINE_BYTES
        raw = read(start, size - start)
        cut = raw.find(b"\n") + 1 if start else 0
        held = raw[cut:]
        is_first = start == 0 or cut > 0
        pieces: list[Piece] = []
        for row, following in _rows_from(lambda offset, length: held[offset : offset + length], 0):  # noqa: B023  # used up within this round
            pieces.append(Piece(_text(row, following, is_first=is_first), 0, 0, is_first))
            is_first = row.endswith(b"\n")
        if len(pieces) >= wanted or start == 0:
            return pieces[-wanted:]
        span *= 4


def _rows_from(read: Read, offset: int) -> Iterator[tuple[bytes, bytes]]:
    """Rows from *offset*, where one starts, with their line ends; and three bytes of what follows a fold."""
    held = b""
    while True:
        block = read(offset + len(held), STRIDE_BYTES)
        held += block
        start = 0
        while True:
            stop = held.find(b"\n", start, start + LINE_BYTES + 1) + 1
            if not stop:
                # A fold may go through a character, whose end has to be here; at the end of the file it is.
                if len(held) - start <= LINE_BYTES + (2 if block else 0):
                    break
                stop = start + LINE_BYTES
            yield held[start:stop], b"" if held[stop - 1] == 10 else held[stop : stop + 3]
            start = stop
        offset += start
        held = held[start:]
        if not block:
            if held:
                yield held, b""
            return


def _text(raw: bytes, following: bytes, *, is_first: bool) -> str:
    """A row's text. A character that a fold has cut belongs whole to the row where it begins."""
    whole = (raw if is_first else raw[_continued(raw) :]) + following[: _continued(following)]
    return whole.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "replace")


def _continued(raw: bytes) -> int:
    """Bytes at the beginning that can only go on with a character; at most three."""
    count = 0
    while count < min(len(raw), 3) and raw[count] & 0xC0 == 0x80:
        count += 1
    return count
