"""Lines that a person types, and Ctrl-C, without ever blocking a run's story."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Self

_CHUNK = 4096


class Keyboard:
    """Whole lines from a file descriptor, as they are there; without one, nobody ever types."""

    def __init__(self, fd: int | None) -> None:
        self.is_closed = False
        """The other end is gone, or Ctrl-D was pressed."""
        self._fds = [] if fd is None else [fd]
        self._pending = b""

    def line(self, wait_s: float) -> str | None:
        """The next line without its end; None when none has come within *wait_s* seconds."""
        if b"\n" not in self._pending and not self.is_closed:
            readable, _, _ = select.select(self._fds, [], [], wait_s)
            if readable:
                self._read(readable[0])
        if b"\n" not in self._pending:
            return None
        line, self._pending = self._pending.split(b"\n", 1)
        return line.decode("utf-8", "replace").strip()

    def _read(self, fd: int) -> None:
        try:
            chunk = os.read(fd, _CHUNK)
        except OSError:  # EIO: the terminal is gone
            chunk = b""
        self._pending += chunk
        self.is_closed = not chunk


class Interrupts:
    """Counts Ctrl-C instead of raising: a poll that is cut short would lose records."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
