"""How many colours a terminal shows, and segments in no more than that."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, get_args

from rich.color import Color, ColorSystem
from rich.style import Style

Depth = Literal["truecolor", "256", "16", "none"]
DEPTHS: tuple[Depth, ...] = get_args(Depth)
_MILLIONS = ("kitty", "alacritty", "foot", "wezterm", "ghostty", "contour", "-direct", "-truecolor")
_SYSTEMS: Mapping[Depth, ColorSystem] = {
    "truecolor": ColorSystem.TRUECOLOR,
    "256": ColorSystem.EIGHT_BIT,
    "16": ColorSystem.STANDARD,
}


def depth_for(environ: Mapping[str, str]) -> Depth:
    """From `NO_COLOR`, `COLORTERM` and `TERM`.

    GNU screen passes `COLORTERM` on and shows 256 colours at most; tmux turns what the terminal outside does
    not show into what it does.
    """
    term = environ.get("TERM", "")
    # https://no-color.org: set to anything that is not empty.
    if environ.get("NO_COLOR"):
        return "none"
    if environ.get("STY") and not environ.get("TMUX"):
        return "256" if "256" in term else "16"
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "truecolor"
    if any(name in term for name in _MILLIONS):
        return "truecolor"
    if "256" in term or term.startswith(("xterm", "tmux", "rxvt-unicode")) or not term:
        return "256"
    return "16"


def is_light(environ: Mapping[str, str]) -> bool:
    """Some terminals say what lies below their text: `COLORFGBG=0;15`."""
    ground = environ.get("COLORFGBG", "").rpartition(";")[2]
    return ground in ("7", "15")


@lru_cache(4096)
def reduced(style: Style, depth: Depth) -> Style:
    """*style* in the colours that there are; its attributes and its meta stay."""
    if depth == "truecolor" or not (style.color or style.bgcolor):
        return style
    if depth == "none":
        bare = Style(
            bold=style.bold,
            dim=style.dim,
            italic=style.italic,
            underline=style.underline,
            strike=style.strike,
            reverse=style.reverse,
        )
        return bare + Style.from_meta(style.meta) if style.meta else bare
    front, back = _shown(style.color, depth), _shown(style.bgcolor, depth)
    return style + Style(color=front, bgcolor=back)


def _shown(colour: Color | None, depth: Depth) -> Color | None:
    return colour.downgrade(_SYSTEMS[depth]) if colour is not None else None
