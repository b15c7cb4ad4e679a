"""A difference in two columns: what goes beside what comes in its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from ossature.tui.look.spans import Span, fit, wrap
from ossature.tui.text.paint import paint_diff, shown

WIDE_COLUMNS = 116
"""From here on two columns fit: a pane of a screen of 120 columns that has it for itself."""
MAX_BYTES = 500_000
"""A longer difference is shown in one column, of which only what is visible is read."""
_BETWEEN = 3
"""Cells between the columns."""


class Pair(NamedTuple):
    """One row of two columns; a line that speaks of both sides has the row for itself."""

    before: str | None
    after: str | None
    whole: str | None = None

    @property
    def is_same(self) -> bool:
        return self.before is not None and self.before == self.after


class _Left(NamedTuple):
    """Lines of a hunk that are still to come, of each side."""

    before: int
    after: int

    def after_line(self, sign: str) -> _Left:
        if sign == "\\":
            return self
        return _Left(max(self.before - (sign != "+"), 0), max(self.after - (sign != "-"), 0))


def read_columns(path: Path, width: int) -> list[list[Span]] | None:
    """A file that holds a unified diff, in two columns; None where it is too long. Raises OSError."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        return None
    lines = content.decode("utf-8", "replace").removesuffix("\n").split("\n")
    return [row for pair in pair_diff(lines) for row in paint_pair(pair, width)]


def pair_diff(lines: Iterable[str]) -> list[Pair]:
    """A unified diff, line by line, as rows. Lines that go stand beside those that come right after them."""
    pairs: list[Pair] = []
    gone: list[str] = []
    come: list[str] = []
    left = _Left(0, 0)
    for line in lines:
        sign = line[:1] if any(left) else ""
        if sign in ("-", "+"):
            (gone if sign == "-" else come).append(line[1:])
        else:
            pairs += pair_lines(gone, come)
            gone, come = [], []
            is_line = any(left) and sign != "\\"
            pairs.append(Pair(line[1:], line[1:]) if is_line else Pair(None, None, line))
        left = left.after_line(sign) if any(left) else _left_of(line)
    return [*pairs, *pair_lines(gone, come)]


def pair_lines(gone: Sequence[str], come: Sequence[str]) -> Iterator[Pair]:
    """Lines of one change beside each other, first by first."""
    for before, after in zip_longest(gone, come):
        yield Pair(before, after)


def paint_pair(pair: Pair, width: int) -> list[list[Span]]:
    """The row in *width* cells, on as many lines as its longer side takes."""
    if pair.whole is not None:
        return [list(paint_diff(0, pair.whole))]
    room = max((width - _BETWEEN) // 2, 4)
    before, after = (wrap(shown(side), room) if side is not None else [] for side in pair[:2])
    tones = ("plain", "plain") if pair.is_same else ("del", "add")
    return [
        [*_cell(left, tones[0], room), Span(" | ", "faint"), *_cell(right, tones[1], room)]
        for left, right in zip_longest(before, after)
    ]


def _cell(text: str | None, tone: str, width: int) -> list[Span]:
    return [Span(" " * width)] if text is None else fit([Span(text, tone)], width)


def _left_of(head: str) -> _Left:
    """The lines of a hunk by its head `@@ -1,2 +3,4 @@`; none for any other line."""
    words = head.split(" ")
    if words[0] != "@@" or len(words) < 3:
        return _Left(0, 0)
    return _Left(_length(words[1]), _length(words[2]))


def _length(side: str) -> int:
    count = side.partition(",")[2] or "1"
    return int(count) if count.isdecimal() else 0
