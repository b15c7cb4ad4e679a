"""Text of any size as numbered rows, read piece by piece."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from ossature.tui.text.index import Extent, LineIndex, Piece, tail_pieces

BLOCK_ROWS = 2048
"""Rows of a text in memory that are searched at once."""
HEAD_BYTES = 64
"""By its first bytes a file is known again after it has grown."""


class Block(NamedTuple):
    """Rows *first* up to, not including, *last*; *text* is None where a row is part of a longer line."""

    first: int
    last: int
    text: str | None


class Document(Protocol):
    """Rows that can be asked for by number; there may be more of them later."""

    @property
    def count(self) -> int:
        """Rows that are known so far."""

    @property
    def length(self) -> int:
        """What has been counted, in a unit of its own; it differs when there is more."""

    @property
    def counted(self) -> float:
        """How much of the text the count knows, from 0 to 1."""

    def advance(self) -> bool:
        """Look for more rows, a bounded step; True when there may be still more right away."""

    def changed(self) -> str:
        """Why what is known of it does not hold any more, as a sentence; empty while it does."""

    def reopened(self) -> Document:
        """What is there now; raises OSError where nothing is."""

    def lines(self, first: int, last: int) -> Sequence[Piece]:
        """Rows *first* up to, not including, *last*."""

    def row_of(self, number: int) -> int:
        """The row with which a line of this number, from 1, begins; `count` when there are not so many."""

    def tail(self, wanted: int) -> Sequence[Piece]:
        """The last rows, at once, whether or not the count has come to them."""

    def block(self, row: int) -> Block:
        """What a search looks at in one step; it holds *row*."""


class TextDocument:
    """Lines in memory."""

    counted = 1.0

    def __init__(self, text: str = "") -> None:
        self._lines = text.split("\n") if text else []

    @property
    def count(self) -> int:
        return len(self._lines)

    @property
    def length(self) -> int:
        return len(self._lines)

    def append(self, line: str) -> None:
        self._lines.append(line)

    def advance(self) -> bool:
        return False

    def changed(self) -> str:
        return ""

    def reopened(self) -> TextDocument:
        return self

    def lines(self, first: int, last: int) -> list[Piece]:
        rows = range(first, min(last, len(self._lines)))
        return [Piece(self._lines[row], row, row + 1, True) for row in rows]

    def row_of(self, number: int) -> int:
        return min(max(number - 1, 0), self.count)

    def tail(self, wanted: int) -> list[Piece]:
        return self.lines(max(self.count - wanted, 0), self.count)

    def block(self, row: int) -> Block:
        last = min(row + BLOCK_ROWS, self.count)
        return Block(row, last, "\n".join(self._lines[row:last]))


class FileDocument:
    """A file that may grow. Only what is asked for is read, beside one pass in slices that counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        # A thread may still be reading when nobody shows the file any more: closed after the last one.
        weakref.finalize(self, os.close, self._fd)
        self._identity = _identity(os.fstat(self._fd))
        self._index = LineIndex(self.read)
        self._head = self.read(0, HEAD_BYTES)

    def read(self, offset: int, size: int) -> bytes:
        """The one place that touches the content. What cannot be read is as good as not there."""
        try:
            return os.pread(self._fd, size, offset)
        except OSError:
            return b""

    @property
    def count(self) -> int:
        return self._index.count

    @property
    def length(self) -> int:
        return self._index.size

    @property
    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self._fd).st_size

    @property
    def counted(self) -> float:
        size = self.size
        return min(self._index.size / size, 1.0) if size else 1.0

    def advance(self) -> bool:
        return self._index.advance()

    def changed(self) -> str:
        try:
            now = os.stat(self.path)
        except OSError:
            return "the file is gone: this is what it was"
        if _identity(now) != self._identity:
            return "another file has taken its place"
        if now.st_size < self._index.size:
            return "the file was cut: read anew"
        if self.read(0, len(self._head)) != self._head:
            return "the file was written anew"
        if len(self._head) < HEAD_BYTES:
            self._head = self.read(0, HEAD_BYTES)
        return ""

    def reopened(self) -> FileDocument:
        return FileDocument(self.path)

    def lines(self, first: int, last: int) -> list[Piece]:
        return self._index.pieces(first, last)

    def row_of(self, number: int) -> int:
        return self._index.row_of(number)

    def tail(self, wanted: int) -> list[Piece]:
        return tail_pieces(self.read, self.size, wanted)

    def block(self, row: int) -> Block:
        extent = self._index.extent(row)
        return Block(extent.first, extent.last, None if extent.is_folded else self._text(extent))

    def _text(self, extent: Extent) -> str:
        raw = self.read(extent.offset, extent.size).replace(b"\r\n", b"\n")
        return raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "replace")


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino
