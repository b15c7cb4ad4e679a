"""The last filter before the terminal: no control character passes, whatever a widget did."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from ossature.tui.look.depth import Depth, reduced

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")

_PLAIN: Mapping[str, str] = {
    **dict.fromkeys("─━═╌┄–—\u2010\u2011−", "-"),
    **dict.fromkeys("│┃║╎┆▌▐▎▏▊", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝", "+"),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("“”", '"'),
    **dict.fromkeys("·•∙", "."),
    **dict.fromkeys("█▇▆▓▮■", "#"),
    **dict.fromkeys("▅▄▃▒", "="),
    **dict.fromkeys("▂▁░▔", "_"),
    **{"…": "~", "←": "<", "→": ">", "↑": "^", "↓": "v", "▸": ">", "▾": "v", "×": "x", "\u00a0": " "},
}
"""What stands for signs of one cell in ASCII; everything else becomes question marks."""


class Backstop(LineFilter):
    """Replaces what would move the cursor or hide, and signs and colours that the terminal does not have."""

    def __init__(self, *, is_ascii: bool, depth: Depth = "truecolor") -> None:
        super().__init__()
        self.is_ascii = is_ascii
        self.depth = depth

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [self._filtered(segment) for segment in segments]

    def _filtered(self, segment: Segment) -> Segment:
        if segment.control:
            return segment
        if segment.style is not None and self.depth != "truecolor":
            segment = Segment(segment.text, reduced(segment.style, self.depth))
        if segment.text.isascii() and segment.text.isprintable():
            return segment
        text = _CONTROL.sub(_replacement, segment.text)
        if self.is_ascii and not text.isascii():
            text = "".join(_plain(char) for char in text)
        return Segment(text, segment.style)


def _plain(char: str) -> str:
    return char if char.isascii() else _PLAIN.get(char, "?" * cell_len(char))


def _replacement(found: re.Match[str]) -> str:
    """As wide as the terminal layout took the character for, so that columns hold."""
    return "?" * cell_len(found[0])
