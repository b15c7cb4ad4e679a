"""Reads what Textual writes for an update of the screen, and draws it on a grid."""

from __future__ import annotations

import re
from typing import NamedTuple

from ossature.tui.driver.grid import Grid, leading_marks
from ossature.tui.driver.sgr import PLAIN, applied

_STARTS_FRAME = re.compile(r"\x1b\[\d+;\d+H")
_TOKEN = re.compile(
    r"\x1b\[(?P<row>\d+);(?P<column>\d+)H"
    r"|\x1b\[(?P<sgr>[\d;:]*)m"
    r"|\x1b\]8;(?P<link>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|(?P<text>[^\x00-\x1f\x7f]+)"
    r"|(?P<line>\n)"
    r"|(?P<other>.)",
    re.DOTALL,
)


class Drawn(NamedTuple):
    """What became of a frame."""

    x: int
    y: int
    """Where it leaves the cursor."""
    is_whole: bool
    """False when it holds a sequence that is not known here; the rest of it has not been drawn."""


def is_frame(text: str) -> bool:
    """Textual's updates start by moving the cursor; nothing else that it writes does."""
    return _STARTS_FRAME.match(text) is not None


def draw(grid: Grid, text: str) -> Drawn:
    """Do to *grid* what the terminal would do to its cells."""
    x = y = 0
    look = PLAIN
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "column":
                x, y = max(int(token["column"]) - 1, 0), max(int(token["row"]) - 1, 0)
            case "sgr":
                look = applied(look, token["sgr"])
            case "text":
                content = token["text"]
                if marks := leading_marks(content):
                    grid.combine(x, y, content[:marks])
                if content := content[marks:]:
                    x = grid.put(x, y, content, look)
            case "link":
                link = token["link"]
                look = look._replace(link=link if link.partition(";")[2] else "")
            case "line":
                x, y = 0, y + 1
            case _:
                return Drawn(x, y, is_whole=False)
    return Drawn(x, y, is_whole=True)
