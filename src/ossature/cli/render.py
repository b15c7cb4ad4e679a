"""Colour on a terminal; the only part of the command line that imports rich."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.text import Text

from ossature.cli.terminal import Painter, Span

_STYLES = {
    "plain": "",
    "good": "green",
    "bad": "bold red",
    "warn": "yellow",
    "ask": "bold cyan",
    "quiet": "dim",
    "strong": "bold",
}


def painter(stdout: TextIO) -> Painter:
    """Writes spans in colour; NO_COLOR and a dumb terminal are honoured by rich."""
    console = Console(file=stdout, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def paint(spans: Sequence[Span]) -> None:
        text = Text()
        for tone, part in spans:
            text.append(part, style=_STYLES.get(tone, ""))
        console.print(text)

    return paint
