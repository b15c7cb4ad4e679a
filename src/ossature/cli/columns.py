"""Lines up cells in columns, in terminal cells."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import combining, east_asian_width

from ossature.domain.plain_text import clean_line


def width(text: str) -> int:
    """Columns that *text* takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def shorten(text: str, limit: int) -> str:
    """*text* in at most *limit* columns, with `…` where something was cut."""
    if width(text) <= limit:
        return text
    kept, used = "", 1
    for char in text:
        used += width(char)
        if used > limit:
            break
        kept += char
    return f"{kept.rstrip()}…"


def aligned(rows: Sequence[Sequence[str]], *, limit: int = 60) -> list[list[str]]:
    """The cells of *rows*, clean and padded, so that columns line up; the last column is left as it is."""
    shown = [[clean_line(cell) for cell in row] for row in rows]
    shown = [[*(shorten(cell, limit) for cell in row[:-1]), *row[-1:]] for row in shown]
    if not shown:
        return []
    widths = [max(width(row[index]) for row in shown) for index in range(len(shown[0]) - 1)]
    return [
        [
            cell + " " * (widths[index] - width(cell) + 2) if index < len(widths) else cell
            for index, cell in enumerate(row)
        ]
        for row in shown
    ]
