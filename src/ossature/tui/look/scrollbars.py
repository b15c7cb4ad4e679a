"""Scroll bars of whole cells: with no colours they are reversed blanks, and in ASCII there is no odd sign."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBar, ScrollBarRender


class WholeCells(ScrollBarRender):
    """Textual's, without the eighths of a block at both ends."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


def use_whole_cells() -> None:
    """For every scroll bar of the process: Textual keeps what draws them in the class."""
    ScrollBar.renderer = WholeCells
