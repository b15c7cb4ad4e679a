"""Where the terminal draws, and how: the shortest way to the next run of cells."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from ossature.tui.driver.sgr import PLAIN, Look, change, drawing_blank, marks_blanks

_MANY_BLANKS = re.compile("( {11,}| {6,}$)")
"""Erasing takes five bytes, and going on behind it five more."""


class Run(NamedTuple):
    """Cells side by side that are drawn alike."""

    x: int
    y: int
    look: Look
    text: str
    end: int
    """Column behind it."""


@dataclass
class Pen:
    """Follows the terminal's cursor and look, and collects what is to be sent."""

    edge: int
    """Width of the screen."""
    can_erase: bool = False
    """Erased cells take the background that is drawn with."""
    look: Look = PLAIN
    x: int | None = None
    """None when nobody knows where the cursor is."""
    y: int = 0
    parts: list[str] = field(default_factory=list)

    def copy(self) -> Pen:
        return Pen(self.edge, self.can_erase, self.look, self.x, self.y, self.parts.copy())

    def take(self) -> str:
        """What has been collected, once."""
        text = "".join(self.parts)
        self.parts.clear()
        return text

    def wear(self, look: Look) -> None:
        if look != self.look:
            self.parts.append(change(self.look, look))
            self.look = look

    def move(self, x: int, y: int) -> None:
        if (self.x, self.y) == (x, y):
            return
        way = _absolute(x, y)
        if self.x is not None and len(step := _relative(x - self.x, y - self.y)) < len(way):
            way = step
        self.parts.append(way)
        self.x, self.y = x, y

    def cost(self, run: Run) -> int:
        """Characters that it takes to get there and to draw like that."""
        way = len(_absolute(run.x, run.y))
        if self.x is not None and (self.x, self.y) != (run.x, run.y):
            way = min(way, len(_relative(run.x - self.x, run.y - self.y)))
        elif self.x is not None:
            way = 0
        return way + len(change(self.look, self._look_for(run)))

    def _look_for(self, run: Run) -> Look:
        return run.look if run.text.strip(" ") else drawing_blank(self.look, run.look)

    def draw(self, run: Run) -> None:
        """The cells of a run, whose widths are beyond doubt."""
        self.move(run.x, run.y)
        self.wear(self._look_for(run))
        if not self.can_erase or marks_blanks(run.look):
            self._write(run.text, run.end)
            return
        at = run.x
        pieces = _MANY_BLANKS.split(run.text)
        for place, piece in enumerate(pieces):
            if not piece:
                continue
            is_erased = place % 2 == 1
            end = at + len(piece) if is_erased else run.end - len("".join(pieces[place + 1 :]))
            if is_erased:
                self.move(at, run.y)
                self.parts.append(f"\x1b[{len(piece)}X")
            else:
                self.move(at, run.y)
                self._write(piece, end)
            at = end

    def _write(self, text: str, end: int) -> None:
        self.parts.append(text)
        # At the edge terminals wait in different places for the next character.
        self.x = end if end < self.edge else None


def _absolute(x: int, y: int) -> str:
    if x:
        return f"\x1b[{y + 1};{x + 1}H"
    return f"\x1b[{y + 1 if y else ''}H"


def _relative(right: int, down: int) -> str:
    vertical = f"\x1b[{_count(abs(down))}{'B' if down > 0 else 'A'}" if down else ""
    if right > 0:
        return f"{vertical}\x1b[{_count(right)}C"
    if right < -3:
        return f"{vertical}\x1b[{-right}D"
    return vertical + "\b" * -right


def _count(number: int) -> str:
    return "" if number == 1 else str(number)
