"""The signs on the screen, in Unicode or in ASCII, and which of the two a locale can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_STATUS = {
    "pending": "○",
    "running": "●",
    "verifying": "◔",
    "fixing": "◆",
    "waiting": "?",
    "landed": "✓",
    "up-to-date": "✓",
    "done": "✓",
    "failed": "✗",
    "invalid": "✗",
    "skipped": "–",
    "manual": "■",
    "blocked": "□",
    "interrupted": "!",
    "stale": "◇",
    "verify": "◇",
    "restore": "◇",
}
_STATUS_ASCII = {
    "pending": "o",
    "running": "*",
    "verifying": "v",
    "fixing": "f",
    "waiting": "?",
    "landed": "+",
    "up-to-date": "+",
    "done": "+",
    "failed": "x",
    "invalid": "x",
    "skipped": "-",
    "manual": "m",
    "blocked": "#",
    "interrupted": "!",
    "stale": "~",
    "verify": "~",
    "restore": "~",
}


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One cell each, but for `ellipsis` in ASCII."""

    is_ascii: bool
    status: Mapping[str, str] = field(repr=False)
    severity: Mapping[str, str]
    live: str
    full: str
    empty: str
    opened: str
    closed: str
    ellipsis: str
    dot: str
    up: str
    down: str
    cursor: str
    arrow: str
    unused: str
    """A part of a spec that no task uses."""
    used: str
    """A part of a spec that the task under the plan's cursor uses."""
    spark: str
    """Heights of a series: nothing, then the lowest to the highest."""

    def rail(self, text: str) -> str:
        """Rails as this set of signs draws them."""
        return text.translate(_RAIL_ASCII) if self.is_ascii else text


_RAIL_ASCII = str.maketrans(
    {
        "│": "|",
        "─": "-",
        "├": "+",
        "┤": "+",
        "┼": "+",
        "└": "`",
        "┘": "'",
        "┴": "+",
        "┌": ".",
        "┐": ".",
        "┬": "+",
        "▸": ">",
    }
)

UNICODE = Glyphs(
    is_ascii=False,
    status=_STATUS,
    severity={"error": "✗", "warning": "▲", "info": "·"},
    live="●",
    full="▮",
    empty="▯",
    opened="▾",
    closed="▸",
    ellipsis="…",
    dot="·",
    up="↑",
    down="↓",
    cursor="▌",
    arrow="→",
    unused="◌",
    used="§",
    spark=" ▁▂▃▄▅▆▇█",
)
ASCII = Glyphs(
    is_ascii=True,
    status=_STATUS_ASCII,
    severity={"error": "x", "warning": "!", "info": "."},
    live="*",
    full="#",
    empty="-",
    opened="v",
    closed=">",
    ellipsis="~",
    dot="-",
    up="^",
    down="v",
    cursor=">",
    arrow=">",
    unused="o",
    used="=",
    spark=" .:-=+*#@",
)


def glyphs_for(environ: Mapping[str, str]) -> Glyphs:
    """Unicode where the locale says UTF-8.

    Python turns the C locale into C.UTF-8 for itself and its children (PEP 538); a `LANG` that asks for C
    is believed over that.
    """
    if environ.get("OSSATURE_ASCII"):
        return ASCII
    named = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    if not environ.get("LC_ALL") and named == "C.UTF-8" and environ.get("LANG") in ("C", "POSIX"):
        return ASCII
    return UNICODE if "utf" in named.lower() else ASCII
