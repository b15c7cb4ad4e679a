"""What the terminal shows and what it is to show; turns the one into the other."""

from __future__ import annotations

import re

from ossature.tui.driver.delta import send_difference
from ossature.tui.driver.frame import draw, is_frame
from ossature.tui.driver.grid import UNKNOWN, Grid
from ossature.tui.driver.pen import Pen
from ossature.tui.driver.sgr import PLAIN

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
"""The alternate screen."""
SYNC_START, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
"""A synchronised update. Textual writes them around a frame once the terminal has said that it knows them."""
_CLEAR = "\x1b[0m\x1b[2J"
_MOVES_NOTHING = re.compile(
    r"(?:\x1b\[[?>=<][\d;:]*\$?[a-zL-Z]"  # modes, keyboard protocol, queries
    r"|\x1b\[[\d;]*(?:[cnt]| q)"  # queries, cursor shape
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # title, clipboard, notification
    r"|\x1bP.*?\x1b\\"  # the same, wrapped for tmux
    r"|\x07)*",
    re.DOTALL,
)
"""Sequences after which cells and cursor are as before."""


class Canvas:
    """Takes what Textual writes; gives what has to be sent, as late as one likes.

    Frames are drawn on a grid, so that several make one. Everything else is passed on as it is, in order.
    """

    def __init__(self, width: int, height: int, *, can_erase: bool = False) -> None:
        """*can_erase*: the terminal fills erased cells with the background that it draws with."""
        self._wanted = Grid(width, height)
        self._shown = Grid(width, height)
        self._pen = Pen(width, can_erase)
        self._cursor = (0, 0)
        self._passed: list[str] = []
        self._is_entered = False
        self._is_synchronised = False
        self._has_news = False

    @property
    def has_news(self) -> bool:
        """`frame` may have something to say."""
        return self._has_news and self._is_entered

    def take(self, text: str) -> bool:
        """One write of Textual's; true when it has drawn something."""
        if text in (SYNC_START, SYNC_END):
            self._is_synchronised = True
            return False
        if is_frame(text):
            drawn = draw(self._wanted, text)
            self._cursor = (drawn.x, drawn.y)
            self._has_news = True
            if not drawn.is_whole:
                self._pass(text)
                self.forget()
            return True
        if ENTER in text:
            self._enter(text)
        elif LEAVE in text:
            self._leave(text)
        else:
            self._pass(text)
            if not _MOVES_NOTHING.fullmatch(text):
                self.forget()
                return True
        return False

    def resize(self, width: int, height: int) -> None:
        """The terminal has this size from now on, and shows nobody knows what."""
        if (width, height) != (self._wanted.width, self._wanted.height):
            self._wanted.resize(width, height)
        self.forget()

    def forget(self) -> None:
        """Whatever the terminal shows, send all of it anew."""
        wanted = self._wanted
        self._shown = Grid(wanted.width, wanted.height)
        wanted.changed = set(range(wanted.height))
        self._pen.x = None
        self._pen.edge = wanted.width
        self._has_news = True

    def passed(self) -> str:
        """What is not drawing, once; to be sent before the next frame."""
        text = "".join(self._passed)
        self._passed.clear()
        return text

    def frame(self) -> str:
        """What makes the terminal show the newest state; empty when it does already, or is not ours."""
        if not self.has_news:
            return ""
        self._has_news = False
        rows = len(self._wanted.changed)
        self._pen = send_difference(self._wanted, self._shown, self._pen)
        self._pen.move(*self._cursor)
        text = self._pen.take()
        return f"{SYNC_START}{text}{SYNC_END}" if self._is_synchronised and rows > 1 and text else text

    def _enter(self, text: str) -> None:
        self._pass(text + _CLEAR)
        self._is_entered = True
        self.forget()
        self._shown.fill(" ")
        self._pen.look = PLAIN

    def _leave(self, text: str) -> None:
        """The rest of the terminal's life is not drawn with our colours."""
        self._pen.wear(PLAIN)
        self._pass(self._pen.take() + text)
        self._is_entered = False
        self._shown.fill(UNKNOWN)

    def _pass(self, text: str) -> None:
        self._passed.append(text)
