"""Textual's driver on the terminal, once as it is but for the mouse, once sending changes alone."""

from __future__ import annotations

import curses
import os
from collections.abc import Mapping
from typing import Any

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from ossature.tui.driver.canvas import Canvas
from ossature.tui.driver.pace import Pace, tempo_for
from ossature.tui.driver.painter import Painter, Resized, Sign


def driver_for(environ: Mapping[str, str]) -> type[LinuxDriver]:
    """The one that sends changes; Textual's own writing with `OSSATURE_DRIVER=stock`."""
    return QuietDriver if environ.get("OSSATURE_DRIVER") == "stock" else DeltaDriver


class QuietDriver(LinuxDriver):
    """Mode 1003 sends bytes for every cell that the pointer crosses, which a slow link has to carry."""

    def _enable_mouse_support(self) -> None:
        if self._mouse:
            self.write("\x1b[?1000h\x1b[?1006h")
            self.flush()

    def use_mouse(self, *, is_on: bool) -> None:
        """Ask for what the mouse does, or leave it to the terminal, from now on."""
        if is_on == self._mouse:
            return
        self._disable_mouse_support()
        self._mouse = is_on
        self._enable_mouse_support()


class DeltaDriver(QuietDriver):
    """Keeps the cells that the terminal shows, and sends what differs, at the pace that the link allows."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._painter: Painter | None = None
        self._told_size: tuple[int, int] | None = None
        self._canvas = Canvas(*self._get_terminal_size(), can_erase=can_erase(self.fileno))

    def write(self, data: str) -> None:
        """Never blocks. While another program has the terminal it is dropped: all is drawn anew then."""
        if self._painter is not None:
            self._painter.tell(data)

    def start_application_mode(self) -> None:
        if self._painter is None and self._file is not None:
            self._painter = Painter(self._file.fileno(), self._canvas, Pace(tempo_for(os.environ)))
            self._painter.start()
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual's lacks its annotation

    def _sigcont_application(self, *_: object) -> None:
        """After SIGSTOP, which nobody is told of, begin as after SIGTSTP: the terminal was given back."""
        if self._auto_restart and not self._must_signal_resume:
            self.suspend_application_mode()
            self._must_signal_resume = True
        super()._sigcont_application()

    def close(self) -> None:
        painter, self._painter = self._painter, None
        if painter is not None:
            painter.finish()
        super().close()

    def process_message(self, message: Message) -> None:
        if self._painter is not None:
            if isinstance(message, events.Resize):
                # A terminal that reports sizes itself begins with the one that it has.
                if tuple(message.size) != self._told_size:
                    self._tell_size(*message.size)
            elif isinstance(message, events.InputEvent):
                self._painter.tell(Sign.TOUCHED)
        super().process_message(message)

    def _get_terminal_size(self) -> tuple[int, int]:
        """Textual asks at the start and at every SIGWINCH, which may mean that another client has drawn."""
        width, height = super()._get_terminal_size()
        self._tell_size(width, height)
        return width, height

    def _tell_size(self, width: int, height: int) -> None:
        if self._painter is not None:
            self._told_size = (width, height)
            self._painter.tell(Resized(width, height))


def can_erase(fd: int) -> bool:
    """The entry of the terminal in terminfo says that erasing fills with the background colour."""
    try:
        curses.setupterm(fd=fd)
    except curses.error:
        return False
    return curses.tigetflag("bce") > 0 and bool(curses.tigetstr("ech"))
