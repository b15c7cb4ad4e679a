"""Terminals to compare: what a person would see of each cell, as pyte understands what was sent."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

import pyte


class Cell(NamedTuple):
    """What is to be seen in a cell; the colour of a character that is not there is not."""

    character: str
    foreground: str
    background: str
    attributes: tuple[str, ...]


_ATTRIBUTES = ("bold", "italics", "underscore", "strikethrough", "reverse", "blink")
_ON_BLANK = ("underscore", "strikethrough", "reverse")


class Screen(pyte.Screen):
    """Where half of a wide character is drawn over, the other half is a space, as on real terminals."""

    has_wide = False

    def draw(self, data: str) -> None:
        if data.isascii() and not self.has_wide:
            super().draw(data)
            return
        self.has_wide = self.has_wide or not data.isascii()
        for char in data:
            x, line = self.cursor.x, self.buffer[self.cursor.y]
            if 0 < x < self.columns and line[x].data == "" and not unicodedata.combining(char):
                line[x - 1] = line[x - 1]._replace(data=" ")
            super().draw(char)
            x = self.cursor.x
            if x < self.columns and line[x].data == "":
                line[x] = line[x]._replace(data=" ")


class Terminal:
    """A screen that bytes or text can be sent to."""

    def __init__(self, width: int, height: int, *, screen: type[Screen] = Screen) -> None:
        self.screen = screen(width, height)
        self._stream = pyte.Stream(self.screen)
        self._bytes = pyte.ByteStream(self.screen)
        self.sent = 0
        """Bytes that it got."""

    def send(self, text: str) -> None:
        self.sent += len(text.encode())
        self._stream.feed(_known(text))

    def send_bytes(self, content: bytes) -> None:
        """A piece of what goes over a wire, which may end anywhere."""
        self.sent += len(content)
        self._bytes.feed(content.replace(b"\x1b[>25u", b"").replace(b"\x1b[<u", b""))

    def resize(self, width: int, height: int) -> None:
        self.screen.resize(height, width)

    def rows(self) -> list[list[Cell]]:
        screen = self.screen
        return [[_cell(screen.buffer[y][x]) for x in range(screen.columns)] for y in range(screen.lines)]

    @property
    def cursor(self) -> tuple[int, int]:
        return self.screen.cursor.x, self.screen.cursor.y

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)


@lru_cache(10_000)
def _cell(char: pyte.screens.Char) -> Cell:
    attributes = tuple(name for name in _ATTRIBUTES if getattr(char, name))
    if char.data in (" ", "") and not any(name in _ON_BLANK for name in attributes):
        return Cell(char.data, "", char.bg, ())
    return Cell(char.data, char.fg, char.bg, attributes)


def _known(text: str) -> str:
    """Without the two sequences of the keyboard protocol, which pyte takes for others and would print."""
    return text.replace("\x1b[>25u", "").replace("\x1b[<u", "")
