"""Prints unified diffs in colour."""

from __future__ import annotations

from ossature.cli.terminal import Terminal

_TONES = {"+": "good", "-": "bad", "@": "ask"}


def print_diff(text: str, terminal: Terminal) -> None:
    """Line by line; what is in the files cannot act on the terminal."""
    for line in text.removesuffix("\n").split("\n") if text else ():
        terminal.line(line, tone=_TONES.get(line[:1], "plain"))
