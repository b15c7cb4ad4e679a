"""The shortest sequence from one grid to another."""

from __future__ import annotations

from ossature.tui.driver.grid import UNKNOWN, Grid, Row, has_doubt, is_sure
from ossature.tui.driver.sgr import PLAIN, Look, change, drawing_blank

MAX_BRIDGE = 4
"""So many unchanged cells are written again rather than jumped over: a jump takes four bytes."""


class Pen:
    """Where the terminal draws, and how; collects what is to be sent."""

    def __init__(self) -> None:
        self.look: Look = PLAIN
        self._x: int | None = None
        """None when terminals may disagree."""
        self._y = 0
        self._parts: list[str] = []

    def lose(self) -> None:
        """Nobody knows where the cursor is."""
        self._x = None

    def take(self) -> str:
        """What has been collected, once."""
        text = "".join(self._parts)
        self._parts.clear()
        return text

    def wear(self, look: Look) -> None:
        if look != self.look:
            self._parts.append(change(self.look, look))
            self.look = look

    def move(self, x: int, y: int) -> None:
        if self._y == y and self._x == x:
            return
        if self._x is not None and self._y == y and x > self._x:
            step = x - self._x
            self._parts.append(f"\x1b[{step if step > 1 else ''}C")
        elif x:
            self._parts.append(f"\x1b[{y + 1};{x + 1}H")
        else:
            self._parts.append(f"\x1b[{y + 1 if y else ''}H")
        self._x, self._y = x, y

    def bridge(self, x: int, y: int, row: Row) -> None:
        """Go to a column by drawing what is there already, where that is shorter than a jump."""
        at = self._x
        if at is None or self._y != y or not 0 < x - at <= MAX_BRIDGE:
            return
        between = row.characters[at:x]
        if all(map(self._draws, between, row.looks[at:x])):
            self._parts.extend(between)
            self._x = x

    def write(self, character: str, look: Look, *, width: int, edge: int) -> None:
        """One cell's content at the cursor; *edge* is the width of the screen."""
        self.wear(drawing_blank(self.look, look) if character == " " else look)
        self._parts.append(character)
        assert self._x is not None
        self._x += width
        # At the edge terminals wait in different places for the next character.
        if self._x >= edge or not is_sure(character):
            self._x = None

    def _draws(self, character: str, look: Look) -> bool:
        if not character.isascii() or character in ("", UNKNOWN):
            return False
        return self.look == (drawing_blank(self.look, look) if character == " " else look)


def send_difference(wanted: Grid, shown: Grid, pen: Pen) -> None:
    """Have *pen* draw what has changed in *wanted* where it differs from *shown*, and note it there.

    The grids are of one size. A row where terminals may disagree on the width of a character is drawn whole:
    what stands right of it may be elsewhere than we think.
    """
    for y in sorted(wanted.changed):
        row, old = wanted.rows[y], shown.rows[y]
        if row.characters != old.characters or row.looks != old.looks:
            _send_row(y, row, Row(wanted.width, UNKNOWN) if has_doubt(row) or has_doubt(old) else old, pen)
            shown.rows[y] = row.copy()
    wanted.changed.clear()


def _send_row(y: int, row: Row, old: Row, pen: Pen) -> None:
    characters, looks = row.characters, row.looks
    edge = len(characters)
    cells = zip(characters, looks, old.characters, old.looks, strict=True)
    for x, (character, look, old_character, old_look) in enumerate(cells):
        is_same = character == old_character and look == old_look
        if not is_same and character not in ("", UNKNOWN):
            pen.bridge(x, y, row)
            pen.move(x, y)
            width = 2 if x + 1 < edge and characters[x + 1] == "" else 1
            pen.write(character, look, width=width, edge=edge)
