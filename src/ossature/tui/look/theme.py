"""Colours: the dark theme of our own, the terminal's own sixteen, and the style of every tone."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from textual.theme import Theme

NIGHT = Theme(
    name="ossature",
    primary="#6fb3ff",
    secondary="#8fa3c4",
    accent="#f5b86a",
    warning="#f0c674",
    error="#ff7b86",
    success="#86d99c",
    foreground="#dbe2ee",
    background="#10141b",
    surface="#10141b",
    panel="#1a212c",
    boost="#222b39",
    dark=True,
    variables={
        "border": "#6fb3ff",
        "border-blurred": "#3a4759",
        "scrollbar": "#3a4759",
        "scrollbar-hover": "#526480",
        "scrollbar-active": "#6fb3ff",
        "scrollbar-background": "#10141b",
        "scrollbar-background-hover": "#10141b",
        "scrollbar-background-active": "#10141b",
        "scrollbar-corner-color": "#10141b",
        "input-cursor-background": "#f5b86a",
        "input-cursor-foreground": "#10141b",
        "input-selection-background": "#2f4468",
        "block-cursor-background": "#2a3a55",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
    },
)

_NIGHT_TONES = {
    "plain": "#dbe2ee",
    "quiet": "#8b98ad",
    "faint": "#566378",
    "strong": "bold #ffffff",
    "good": "#86d99c",
    "bad": "#ff7b86",
    "warn": "#f0c674",
    "ask": "bold #f5b86a",
    "active": "bold #6fb3ff",
    "fix": "bold #d3a6ff",
    "title": "bold #6fb3ff",
    "label": "#8fa3c4",
    "key": "bold #f5b86a",
    "up": "#7fd4d9",
    "down": "#d3a6ff",
    "add": "#86d99c on #14261b",
    "del": "#ff8f98 on #2c171c",
    "hunk": "#7fd4d9",
    "code": "#c9d6ea",
    "found": "#10141b on #f0c674",
    "tab": "bold #10141b on #6fb3ff",
    "cursor": "on #2a3a55",
    "cursor-blurred": "on #1c2532",
}
_ANSI_TONES = {
    "plain": "default",
    "quiet": "default",
    "faint": "default",
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
    "code": "default",
    "found": "reverse",
    "tab": "bold reverse",
    "cursor": "reverse",
    "cursor-blurred": "underline",
}


def tone_styles(theme: Theme) -> Mapping[str, Style]:
    """Tone -> style. With the terminal's own colours nothing but its sixteen names is used."""
    chosen = _ANSI_TONES if theme.ansi else _NIGHT_TONES
    return {tone: Style.parse(text) for tone, text in chosen.items()}


def theme_for(environ: Mapping[str, str]) -> str:
    """`OSSATURE_THEME` where it is set, else ours, or the terminal's colours where it has only those."""
    chosen = environ.get("OSSATURE_THEME", "")
    if chosen in ("ansi", "ansi-dark"):
        return "ansi-dark"
    if chosen in ("ansi-light", "ossature"):
        return chosen
    term = environ.get("TERM", "")
    has_many = "256" in term or environ.get("COLORTERM", "") in ("truecolor", "24bit") or "kitty" in term
    return NIGHT.name if has_many or not term or term.startswith(("xterm", "tmux", "screen")) else "ansi-dark"
