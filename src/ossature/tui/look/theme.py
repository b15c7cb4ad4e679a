"""Colours and tones: our dark and light themes, those in a terminal's sixteen, one without colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

Tones = Mapping[str, str]
"""Tone -> style, as rich writes styles."""


@dataclass
class Toned(Theme):
    """A theme of ours: Textual's colours, and the look of every tone."""

    tones: Tones = field(default_factory=dict)
    styles: Mapping[str, Style] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.styles = {tone: Style.parse(text) for tone, text in self.tones.items()}


COLOURS: Mapping[str, Mapping[str, str]] = {
    "dark": {
        "background": "#10141b",
        "panel": "#1a212c",
        "boost": "#222b39",
        "foreground": "#dbe2ee",
        "primary": "#7cb9ff",
        "secondary": "#9aadcc",
        "accent": "#f5b86a",
        "warning": "#f0c674",
        "error": "#ff8891",
        "success": "#86d99c",
        "border": "#6fb3ff",
        "border-blurred": "#3a4759",
        "scrollbar": "#4a5a72",
        "selection": "#2f4468",
    },
    "light": {
        "background": "#fbfcfe",
        "panel": "#eef1f6",
        "boost": "#e2e7ef",
        "foreground": "#1d2530",
        "primary": "#0b57b0",
        "secondary": "#3f5575",
        "accent": "#8a3f00",
        "warning": "#7a4b00",
        "error": "#b3172a",
        "success": "#146c34",
        "border": "#0b57b0",
        "border-blurred": "#b3bdcb",
        "scrollbar": "#a3aebd",
        "selection": "#b9d3f5",
    },
}
"""Of our own themes; user themes may set each of them."""
TONES: Mapping[str, Tones] = {
    "dark": {
        "plain": "#dbe2ee",
        "quiet": "#9aa6ba",
        "faint": "#94a0b4",
        "strong": "bold #ffffff",
        "good": "#86d99c",
        "bad": "#ff8891",
        "warn": "#f0c674",
        "ask": "bold #f5b86a",
        "active": "bold #7cb9ff",
        "fix": "bold #d3a6ff",
        "title": "bold #7cb9ff",
        "label": "#9aadcc",
        "key": "bold #f5b86a",
        "up": "#7fd4d9",
        "down": "#d3a6ff",
        "add": "#86d99c on #14261b",
        "del": "#ff8f98 on #2c171c",
        "hunk": "#7fd4d9",
        "code": "#c9d6ea",
        "found": "#10141b on #f0c674",
        "tab": "bold #10141b on #6fb3ff",
        "cursor": "on #24324b",
        "cursor-blurred": "on #1c2532",
    },
    "light": {
        "plain": "#1d2530",
        "quiet": "#4a5565",
        "faint": "#545f70",
        "strong": "bold #000000",
        "good": "#146c34",
        "bad": "#b3172a",
        "warn": "#7a4b00",
        "ask": "bold #8a3f00",
        "active": "bold #0b57b0",
        "fix": "bold #6d2fa8",
        "title": "bold #0b57b0",
        "label": "#3f5575",
        "key": "bold #8a3f00",
        "up": "#0b6068",
        "down": "#6d2fa8",
        "add": "#146c34 on #e2f5e7",
        "del": "#b3172a on #fde6e8",
        "hunk": "#0b6068",
        "code": "#24324a",
        "found": "#1d2530 on #ffd866",
        "tab": "bold #ffffff on #0b57b0",
        "cursor": "on #cfe0f7",
        "cursor-blurred": "on #e3eaf4",
    },
    "ansi-dark": {
        **dict.fromkeys(("plain", "quiet", "faint", "code"), "default"),
        "strong": "bold",
        "good": "green",
        "bad": "red",
        "warn": "yellow",
        "ask": "bold yellow",
        "active": "bold blue",
        "fix": "bold magenta",
        "title": "bold blue",
        "label": "cyan",
        "key": "bold yellow",
        "up": "cyan",
        "down": "magenta",
        "add": "green",
        "del": "red",
        "hunk": "cyan",
        "found": "reverse",
        "tab": "bold reverse",
        "cursor": "reverse",
        "cursor-blurred": "underline",
    },
    # Yellow and cyan cannot be read on white.
    "ansi-light": {
        **dict.fromkeys(("plain", "quiet", "faint", "code"), "default"),
        "strong": "bold",
        "good": "green",
        "bad": "red",
        "warn": "magenta",
        "ask": "bold magenta",
        "active": "bold blue",
        "fix": "bold magenta",
        "title": "bold blue",
        "label": "blue",
        "key": "bold blue",
        "up": "blue",
        "down": "magenta",
        "add": "green",
        "del": "red",
        "hunk": "blue",
        "found": "reverse",
        "tab": "bold reverse",
        "cursor": "reverse",
        "cursor-blurred": "underline",
    },
    "mono": {
        **dict.fromkeys(("plain", "quiet", "faint", "code", "label", "good", "up", "down"), "default"),
        **dict.fromkeys(("strong", "bad", "warn", "ask", "active", "fix", "title", "key"), "bold"),
        "add": "default",
        "del": "default",
        "hunk": "bold",
        "found": "reverse",
        "tab": "bold reverse",
        "cursor": "reverse",
        "cursor-blurred": "underline",
    },
}


def toned(name: str, colours: Mapping[str, str], tones: Tones, *, is_dark: bool) -> Toned:
    """A theme from a full set of colours and tones."""
    scrollbar, ground = colours["scrollbar"], colours["background"]
    variables = {
        "border": colours["border"],
        "border-blurred": colours["border-blurred"],
        "scrollbar": scrollbar,
        "scrollbar-hover": scrollbar,
        "scrollbar-active": colours["border"],
        **dict.fromkeys(
            (
                "scrollbar-background",
                "scrollbar-background-hover",
                "scrollbar-background-active",
                "scrollbar-corner-color",
            ),
            ground,
        ),
        "input-cursor-background": colours["accent"],
        "input-cursor-foreground": ground,
        "input-selection-background": colours["selection"],
        "block-cursor-background": colours["selection"],
        "block-cursor-foreground": colours["foreground"],
        "block-cursor-text-style": "none",
    }
    return Toned(
        name=name,
        primary=colours["primary"],
        secondary=colours["secondary"],
        accent=colours["accent"],
        warning=colours["warning"],
        error=colours["error"],
        success=colours["success"],
        foreground=colours["foreground"],
        background=ground,
        surface=ground,
        panel=colours["panel"],
        boost=colours["boost"],
        dark=is_dark,
        variables=variables,
        tones=tones,
    )


def _sixteen(name: str, like: str) -> Toned:
    """Textual's theme of the terminal's own colours, with our tones."""
    base = BUILTIN_THEMES[like]
    given = {one.name: getattr(base, one.name) for one in fields(Theme)}
    return Toned(**{**given, "name": name}, tones=TONES[name])


NIGHT = toned("dark", COLOURS["dark"], TONES["dark"], is_dark=True)
THEMES: Mapping[str, Toned] = {
    "dark": NIGHT,
    "light": toned("light", COLOURS["light"], TONES["light"], is_dark=False),
    "ansi-dark": _sixteen("ansi-dark", "ansi-dark"),
    "ansi-light": _sixteen("ansi-light", "ansi-light"),
    "mono": _sixteen("mono", "ansi-dark"),
}


def tone_styles(theme: Theme) -> Mapping[str, Style]:
    """Tone -> style. With the terminal's own colours nothing but its sixteen names is used."""
    return theme.styles if isinstance(theme, Toned) else NIGHT.styles
