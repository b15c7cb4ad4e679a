"""Text of any size as numbered lines, read piece by piece."""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

LINE_BYTES = 4096
"""Longer lines are folded at this length."""
STRIDE = 64
"""Every so many lines the index keeps an offset, so a look-up reads at most `STRIDE * LINE_BYTES` bytes."""
SLICE = 1 << 20
"""Bytes that one step of indexing reads."""
_LINE = re.compile(rb"[^\n]{0,%d}(?:\n|[^\n])" % (LINE_BYTES - 1))


class Document(Protocol):
    """Lines that can be asked for by number; there may be more of them later."""

    @property
    def count(self) -> int:
        """Lines that are known so far."""

    def advance(self) -> bool:
        """Look for more lines, a bounded step; True when there may be still more right away."""

    def lines(self, first: int, last: int) -> list[str]:
        """Lines *first* up to, not including, *last*; without line ends."""

    def close(self) -> None:
        """Let go of the file."""


class TextDocument:
    """Lines in memory."""

    def __init__(self, text: str = "") -> None:
        self._lines = text.split("\n") if text else []

    @property
    def count(self) -> int:
        return len(self._lines)

    def append(self, line: str) -> None:
        self._lines.append(line)

    def advance(self) -> bool:
        return False

    def lines(self, first: int, last: int) -> list[str]:
        return self._lines[first:last]

    def close(self) -> None:
        """Nothing is held."""


class FileDocument:
    """A file that may grow. Only what is asked for is read, beside one pass in slices for the index."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._starts = array("Q")
        """Offset of every line whose number is a multiple of `STRIDE`."""
        self._indexed = 0
        """Bytes up to the end of the last whole line."""
        self._tail = 0
        """Bytes after that: a last line without its end, counted as a line."""

    def read(self, offset: int, size: int) -> bytes:
        """The one place that touches the file."""
        return os.pread(self._fd, size, offset)

    def advance(self) -> bool:
        chunk = self.read(self._indexed, SLICE)
        if len(chunk) == self._tail:
            return False
        whole = self.count - (1 if self._tail else 0)
        end = 0
        for found in _LINE.finditer(chunk):
            if found.end() - found.start() < LINE_BYTES and chunk[found.end() - 1] != 10:
                break
            if whole % STRIDE == 0:
                self._starts.append(self._indexed + found.start())
            whole += 1
            end = found.end()
        self._indexed += end
        self._tail = len(chunk) - end
        self.count = whole + (1 if self._tail else 0)
        return len(chunk) == SLICE

    def lines(self, first: int, last: int) -> list[str]:
        last = min(last, self.count)
        if first >= last:
            return []
        stride = first // STRIDE
        number = stride * STRIDE
        texts: list[str] = []
        for text in self._from(self._starts[stride] if stride < len(self._starts) else self._indexed):
            if number >= first:
                texts.append(text)
            number += 1
            if number >= last:
                break
        return texts

    def _from(self, offset: int) -> Iterator[str]:
        """Lines from *offset*, which starts one, read in small blocks."""
        rest = b""
        carried = 0
        while True:
            block = self.read(offset + len(rest), 8 * LINE_BYTES)
            held = rest + block
            start = 0
            for found in _LINE.finditer(held):
                piece = found[0]
                is_cut = not piece.endswith(b"\n")
                # A fold may go through a character, whose end has to be here; at the end of the file it is.
                if is_cut and (len(piece) < LINE_BYTES or (block and found.end() + 3 > len(held))):
                    break
                start = found.end()
                text, carried = _decoded(piece, held[start : start + 3], carried)
                yield text
            offset += start
            rest = held[start:]
            if not block:
                if rest:
                    yield _decoded(rest, b"", carried)[0]
                return

    def close(self) -> None:
        os.close(self._fd)


def _decoded(piece: bytes, following: bytes, carried: int) -> tuple[str, int]:
    """A line's text, and how many bytes of the next piece belong to a character that a fold has cut."""
    cut = 0
    if not piece.endswith(b"\n"):
        while cut < len(following) and following[cut] & 0xC0 == 0x80:
            cut += 1
    whole = piece[carried:] + following[:cut]
    return whole.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "replace"), cut


def search(document: Document, pattern: re.Pattern[str], *, start: int, step: int) -> Iterator[int | None]:
    """Go round once from line *start*, backwards when *step* is -1.

    Gives None for each block without a match, then the number of the matching line.
    """
    total = document.count
    left = total
    position = start % total if total else 0
    while left > 0:
        first, last = (position, min(position + STRIDE, total)) if step > 0 else _block_before(position)
        texts = document.lines(first, last)
        for offset in range(len(texts)) if step > 0 else reversed(range(len(texts))):
            if pattern.search(texts[offset]):
                yield first + offset
                return
        left -= max(last - first, 1)
        position = (last if step > 0 else first - 1) % total
        yield None


def _block_before(position: int) -> tuple[int, int]:
    return max(position - STRIDE + 1, 0), position + 1
