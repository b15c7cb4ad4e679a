"""The threads between the app and the terminal: the app never waits for a slow link."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from enum import Enum, auto
from queue import Empty, SimpleQueue
from typing import NamedTuple

from ossature.tui.driver.canvas import Canvas
from ossature.tui.driver.pace import Pace

CHUNK_BYTES = 1024
PATIENCE_S = 5.0
"""How long the terminal may take to read the rest when the screen is left."""


class Resized(NamedTuple):
    """The terminal's new size in cells."""

    width: int
    height: int


class Sign(Enum):
    """What the painter is told besides text."""

    TOUCHED = auto()
    WRITTEN = auto()
    LOST = auto()
    CLOSED = auto()


Note = str | Resized | Sign


class Painter(threading.Thread):
    """Folds writes into the canvas and sends a frame when one is due and the link has taken the one before.

    A SimpleQueue may be put to from a signal handler, whatever the interrupted code was doing.
    """

    def __init__(self, fd: int, canvas: Canvas, pace: Pace) -> None:
        super().__init__(daemon=True, name="screen-painter")
        self._canvas = canvas
        self._pace = pace
        self._notes: SimpleQueue[Note] = SimpleQueue()
        self._outlet = Outlet(fd, self._notes)
        self._is_writing = False
        self._is_lost = False
        self._closes_at: float | None = None

    def tell(self, note: Note) -> None:
        """Never blocks."""
        self._notes.put(note)

    def finish(self) -> None:
        """Send what is left and end; gives up on a terminal that takes nothing any more."""
        self.tell(Sign.CLOSED)
        self.join()

    def run(self) -> None:
        self._outlet.start()
        is_over = False
        try:
            while self._take(self._timeout()):
                self._send()
            is_over = True
        finally:
            self._outlet.finish()
            if not is_over:
                # A screen that shows nothing new must not hold the terminal: the launcher gives it back.
                os.kill(os.getpid(), signal.SIGTERM)

    def _timeout(self) -> float | None:
        now = time.monotonic()
        if self._closes_at is not None:
            return max(0.0, self._closes_at - now)
        if self._is_writing:
            return None
        return self._pace.wait(now) if self._canvas.has_news else None

    def _take(self, timeout: float | None) -> bool:
        """Take in all notes there are, or the next; False when it is over."""
        try:
            self._note(self._notes.get(timeout=timeout))
            while True:
                self._note(self._notes.get_nowait())
        except Empty:
            pass
        if self._closes_at is None:
            return True
        if not self._is_writing:
            self._send()
        return self._is_writing and time.monotonic() < self._closes_at

    def _note(self, note: Note) -> None:
        now = time.monotonic()
        match note:
            case str():
                if self._canvas.take(note):
                    self._pace.changed(now)
            case Resized(width, height):
                self._canvas.resize(width, height)
                self._pace.resized(now)
            case Sign.TOUCHED:
                self._pace.touched(now)
            case Sign.WRITTEN:
                self._is_writing = False
            case Sign.LOST:
                self._is_lost = True
                self._is_writing = False
            case Sign.CLOSED:
                self._closes_at = now + PATIENCE_S

    def _send(self) -> None:
        if self._is_writing:
            return
        text = self._canvas.passed()
        now = time.monotonic()
        if self._canvas.has_news and (self._closes_at is not None or self._pace.wait(now) == 0):
            frame = self._canvas.frame()
            self._pace.sent(now, len(frame.encode()))
            text += frame
        if text and not self._is_lost:
            self._is_writing = True
            self._outlet.write(text.encode("utf-8", "replace"))


class Outlet(threading.Thread):
    """The one that waits for the terminal."""

    def __init__(self, fd: int, notes: SimpleQueue[Note]) -> None:
        super().__init__(daemon=True, name="screen-outlet")
        self._fd = fd
        self._notes = notes
        self._texts: SimpleQueue[bytes | None] = SimpleQueue()
        self._is_over = False

    def write(self, text: bytes) -> None:
        """Answers with `Sign.WRITTEN`, or `Sign.LOST` when the terminal is gone."""
        self._texts.put(text)

    def finish(self) -> None:
        """Write nothing more; a write that the terminal does not take is left behind."""
        self._is_over = True
        self._texts.put(None)

    def run(self) -> None:
        while (text := self._texts.get()) is not None:
            try:
                self._write(text)
            except OSError:
                self._notes.put(Sign.LOST)
                return
            self._notes.put(Sign.WRITTEN)

    def _write(self, text: bytes) -> None:
        while text and not self._is_over:
            try:
                text = text[os.write(self._fd, text[:CHUNK_BYTES]) :]
            except BlockingIOError:
                # Another program on the same terminal has made it refuse instead of wait.
                select.select([], [self._fd], [])
