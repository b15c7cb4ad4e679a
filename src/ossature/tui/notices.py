"""What tells a person who looks elsewhere that a question waits or that a run has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

from ossature.domain.plain_text import clean_line

Way = Literal["auto", "off", "bell", "osc9", "osc777"]
"""`auto` is what the terminal is known to take, beside the bell."""
When = Literal["away", "always"]
"""away: while the terminal has said that its window is not in front."""
WAYS: tuple[Way, ...] = get_args(Way)
WHENS: tuple[When, ...] = get_args(When)


class Wanted(NamedTuple):
    """What a person wants to be told, and how."""

    way: Way = "auto"
    when: When = "away"


BELL = "\x07"
MAX_CHARS = 200
"""Notification areas cut what is longer, and some terminals drop a long sequence."""
_OSC_9 = ("iTerm.app", "WezTerm", "ghostty")
"""Values of TERM_PROGRAM."""


def wanted_notices(table: Mapping[str, Any]) -> tuple[Wanted, dict[str, str]]:
    """From `[tui]` of the user's config; also which of its keys say something else, and what they may say."""
    problems: dict[str, str] = {}
    for key, allowed in (("notify", WAYS), ("notify_when", WHENS)):
        if table.get(key, allowed[0]) not in allowed:
            problems[key] = f"`{key}` is one of {', '.join(allowed)}"
    way: Way = next((one for one in WAYS if one == table.get("notify")), "auto")
    when: When = next((one for one in WHENS if one == table.get("notify_when")), "away")
    return Wanted(way, when), problems


def notice(title: str, text: str, *, way: Way, environ: Mapping[str, str]) -> str:
    """What to write to the terminal; empty where nothing is wanted."""
    if way == "off":
        return ""
    shown = clean_line(text)[:MAX_CHARS]
    # A semicolon would end the title early.
    named = clean_line(title)[:MAX_CHARS].replace(";", ",")
    match _settled(way, environ):
        case "osc9":
            # A name first: a number there would be a progress report to some terminals.
            return wrapped(f"\x1b]9;{named}: {shown}{BELL}", environ) + BELL
        case "osc777":
            return wrapped(f"\x1b]777;notify;{named};{shown}{BELL}", environ) + BELL
        case _:
            return BELL


def wrapped(sequence: str, environ: Mapping[str, str]) -> str:
    """*sequence* for the terminal outside, where tmux or GNU screen is in between.

    It has to end with BEL: the other end of a string would end the wrapping, too.
    """
    if environ.get("TMUX"):
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\"
    if environ.get("STY"):
        return f"\x1bP{sequence}\x1b\\"
    return sequence


def _settled(way: Way, environ: Mapping[str, str]) -> Way:
    if way != "auto":
        return way
    if environ.get("TERM_PROGRAM") in _OSC_9 or environ.get("TERM") == "xterm-kitty":
        return "osc9"
    if environ.get("VTE_VERSION") or environ.get("TERM", "").startswith(("foot", "rxvt")):
        return "osc777"
    return "bell"
