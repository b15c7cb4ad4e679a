"""Pieces of a line with the tone they are shown in, before any widget or colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size, split_graphemes


class Span(NamedTuple):
    """Text in one tone; tones are the keys of `theme.tone_styles`."""

    text: str
    tone: str = "plain"


def width_of(spans: Iterable[Span]) -> int:
    """Cells that the spans take."""
    return sum(cell_len(span.text) for span in spans)


def text_of(spans: Iterable[Span]) -> str:
    return "".join(span.text for span in spans)


def fit(spans: Sequence[Span], width: int, *, ellipsis: str = "…") -> list[Span]:
    """The spans in exactly *width* cells: padded with spaces, or cut with an ellipsis of one cell."""
    if width < 1:
        return []
    missing = width - width_of(spans)
    if missing >= 0:
        return [*spans, Span(" " * missing)] if missing else list(spans)
    fitted: list[Span] = []
    left = width - 1
    for span in spans:
        piece = span if cell_len(span.text) <= left else Span(set_cell_size(span.text, left), span.tone)
        fitted.append(piece)
        left -= cell_len(piece.text)
        if left <= 0:
            break
    return [*fitted, Span(ellipsis, "quiet")]


def wrap(text: str, width: int) -> list[str]:
    """Break at spaces where that loses little, else within the word; the pieces joined are *text* again."""
    if width < 1 or cell_len(text) <= width:
        return [text]
    pieces: list[str] = []
    while text:
        cut = _cells_prefix(text, width)
        if cut < len(text):
            space = text.rfind(" ", 0, cut)
            cut = space + 1 if space > cut // 2 else cut
        pieces.append(text[:cut])
        text = text[cut:]
    return pieces


def _cells_prefix(text: str, width: int) -> int:
    """Length of the longest beginning of *text* that fits in *width* cells; at least 1."""
    if text.isascii():
        return min(width, len(text))
    size = 4 * width
    while True:
        used = 0
        for start, end, cells in split_graphemes(text[:size])[0]:
            used += cells
            if used > width:
                return start or end
        if size >= len(text):
            return len(text)
        size *= 4
