"""How a cell looks, and the shortest sequence from one look to the next."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

_OFF = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "7": "27", "8": "28", "9": "29"}
"""Attributes that every terminal can switch off alone; the others are left by a full reset."""
_MARKS_BLANKS = frozenset({"4", "7", "9", "21", "51", "52", "53"})
"""Attributes that show where there is no character: lines, frames, reverse."""
_CACHED = 4096


class Look(NamedTuple):
    """Colours and attributes as the SGR parameters that set them; empty is the terminal's own."""

    foreground: str = ""
    background: str = ""
    attributes: tuple[str, ...] = ()
    """In ascending order, such as `1` or `4:3`."""
    link: str = ""
    """Parameters and address of a hyperlink, `id=7;https://…`."""


PLAIN = Look()


@lru_cache(_CACHED)
def applied(look: Look, parameters: str) -> Look:
    """The look after `CSI parameters m`."""
    foreground, background, attributes = look.foreground, look.background, set(look.attributes)
    codes = iter(parameters.split(";"))
    for code in codes:
        if code in ("38", "48"):
            kind = next(codes, "5")
            colour = ";".join((code, kind, *(next(codes, "0") for _ in range(3 if kind == "2" else 1))))
            foreground, background = (colour, background) if code == "38" else (foreground, colour)
        elif code in ("", "0"):
            foreground, background, attributes = "", "", set()
        elif code == "39" or _is_colour(code, 30, 90, "38:"):
            foreground = "" if code == "39" else code
        elif code == "49" or _is_colour(code, 40, 100, "48:"):
            background = "" if code == "49" else code
        elif code in _OFF.values():
            attributes -= {on for on, off in _OFF.items() if off == code}
        else:
            attributes.add(code)
    return Look(foreground, background, tuple(sorted(attributes)), look.link)


def _is_colour(code: str, normal: int, bright: int, extended: str) -> bool:
    if not code.isdecimal():
        return code.startswith(extended)
    return 0 <= int(code) - normal <= 7 or 0 <= int(code) - bright <= 7


@lru_cache(_CACHED)
def on_blank(look: Look) -> Look:
    """What is left to see of *look* where the character is a space."""
    if marks_blanks(look):
        return look
    return Look("", look.background, (), look.link)


@lru_cache(_CACHED)
def marks_blanks(look: Look) -> bool:
    """A space shows more than the background."""
    return any(code.partition(":")[0] in _MARKS_BLANKS for code in look.attributes)


@lru_cache(_CACHED)
def drawing_blank(now: Look, blank: Look) -> Look:
    """The look to draw a space in that has to look like *blank*: the nearest to the one in use."""
    if marks_blanks(blank) or marks_blanks(now) or now.link != blank.link:
        return blank
    return now._replace(background=blank.background)


@lru_cache(_CACHED)
def change(now: Look, wanted: Look) -> str:
    """The sequence that makes a terminal which draws in *now* draw in *wanted*."""
    link = "" if now.link == wanted.link else f"\x1b]8;{wanted.link or ';'}\x1b\\"
    if now._replace(link="") == wanted._replace(link=""):
        return link
    colours = [code for code in (wanted.foreground, wanted.background) if code]
    whole = ";".join(("0", *wanted.attributes, *colours)) if wanted.attributes or colours else ""
    step = _step(now, wanted)
    codes = whole if step is None or len(whole) <= len(step) else step
    return f"{link}\x1b[{codes}m"


def _step(now: Look, wanted: Look) -> str | None:
    """Only what differs; None where an attribute cannot be switched off alone."""
    gone = [code for code in now.attributes if code not in wanted.attributes]
    if any(code not in _OFF for code in gone):
        return None
    off = {_OFF[code] for code in gone}
    codes = sorted(off)
    # 22 ends bold and dim alike, so what stays of the two has to be said again.
    codes += [a for a in wanted.attributes if a not in now.attributes or _OFF.get(a) in off]
    if now.foreground != wanted.foreground:
        codes.append(wanted.foreground or "39")
    if now.background != wanted.background:
        codes.append(wanted.background or "49")
    return ";".join(codes)
