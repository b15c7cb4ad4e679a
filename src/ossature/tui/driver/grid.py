"""Cells of a screen: characters and looks, row by row."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import split_graphemes

from ossature.tui.driver.sgr import PLAIN, Look, on_blank

UNKNOWN = "\0"
"""Stands in a cell whose content nobody knows."""
_WIDE_FOR_ALL = (
    (0x1100, 0x115F), (0x2E80, 0x303E), (0x3041, 0xA4CF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF),
    (0xFE30, 0xFE6F), (0xFF00, 0xFF60), (0xFFE0, 0xFFE6), (0x20000, 0x3FFFD),
)  # fmt: skip
"""East Asian wide and full-width: two cells in every terminal and every version of Unicode."""
_EMOJI = 0x1F000


class Row:
    """One line of cells."""

    __slots__ = ("characters", "looks")

    def __init__(self, width: int, character: str) -> None:
        self.characters = [character] * width
        """What each cell shows, with its combining characters; empty for the right half of a wide one."""
        self.looks = [PLAIN] * width

    def copy(self) -> Row:
        row = Row(0, UNKNOWN)
        row.characters, row.looks = self.characters.copy(), self.looks.copy()
        return row

    def put(self, x: int, characters: list[str], looks: list[Look]) -> None:
        """Set cells from column *x* on; half of a wide character without its other half becomes a space."""
        end = x + len(characters)
        if self.characters[x] == "" and x:
            self._blank(x - 1)
        if end < len(self.characters) and self.characters[end] == "":
            self._blank(end)
        self.characters[x:end] = characters
        self.looks[x:end] = looks

    def fit(self, width: int) -> None:
        """Cut, or add unknown cells."""
        if width < len(self.characters) and self.characters[width] == "":
            self._blank(width - 1)
        missing = max(0, width - len(self.characters))
        self.characters = self.characters[:width] + [UNKNOWN] * missing
        self.looks = self.looks[:width] + [PLAIN] * missing

    def _blank(self, x: int) -> None:
        self.characters[x] = " "
        self.looks[x] = on_blank(self.looks[x])


class Grid:
    """A screen of *width* by *height* cells, which are unknown at first."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.rows = [Row(width, UNKNOWN) for _ in range(height)]
        self.changed: set[int] = set()
        """Rows that have been written to; the reader empties it."""

    def resize(self, width: int, height: int) -> None:
        """What is in both sizes stays."""
        for row in self.rows:
            row.fit(width)
        self.rows = self.rows[:height] + [Row(width, UNKNOWN) for _ in range(height - self.height)]
        self.width, self.height = width, height
        self.changed = set(range(height))

    def fill(self, character: str) -> None:
        """Every cell alike, in the terminal's own colours."""
        self.rows = [Row(self.width, character) for _ in range(self.height)]

    def put(self, x: int, y: int, text: str, look: Look) -> int:
        """Write *text*, which holds no control characters, and clip it; returns the column after it."""
        characters = [*text] if text.isascii() else _cells(text)
        end = x + len(characters)
        if not 0 <= y < self.height or x >= self.width:
            return end
        if end > self.width:
            room = self.width - x
            is_split = characters[room] == ""
            characters = [*characters[: room - 1], " "] if is_split else characters[:room]
        if characters:
            blank = on_blank(look)
            looks = [blank if one == " " else look for one in characters]
            self.rows[y].put(x, characters, looks)
            self.changed.add(y)
        return end

    def combine(self, x: int, y: int, marks: str) -> None:
        """Add combining characters to what stands left of column *x*."""
        if not (0 <= y < self.height and 0 < x <= self.width):
            return
        characters = self.rows[y].characters
        lead = x - 1 if characters[x - 1] or x == 1 else x - 2
        if characters[lead] not in ("", UNKNOWN):
            characters[lead] += marks
            self.changed.add(y)


def leading_marks(text: str) -> int:
    """How many characters at the start of *text* take no cell of their own."""
    if text.isascii():
        return 0
    spans, _ = split_graphemes(text)
    return next((start for start, _, width in spans if width), len(text))


@lru_cache(1024)
def is_sure(character: str) -> bool:
    """Every terminal agrees with us on the width of this cell's content."""
    if len(character) != 1:
        return character == ""
    number = ord(character)
    if _is_wide(character):
        return any(first <= number <= last for first, last in _WIDE_FOR_ALL)
    return number < _EMOJI


def has_doubt(row: Row) -> bool:
    """Terminals may disagree on where some cell of the row is."""
    return not "".join(row.characters).isascii() and not all(map(is_sure, row.characters))


@lru_cache(1024)
def _is_wide(character: str) -> bool:
    return split_graphemes(character)[1] == 2


def _cells(text: str) -> list[str]:
    """One entry a cell, as wide as the layout took the text for."""
    cells: list[str] = []
    for start, end, width in split_graphemes(text)[0]:
        cells.append(text[start:end])
        cells.extend([""] * (width - 1))
    return cells
