"""When the next frame may be sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

RESIZE_SETTLE_S = 0.3
"""How long the app may take to draw itself in a new size before what is left of the old one is sent."""
BURST_BYTES = 3000
"""What a slow link gets at once, and after a pause again, before its rate counts."""
AFTER_KEY_S = 0.5
"""So long after a key or a click the person waits for the screen, and the rate does not hold it back."""


class Tempo(NamedTuple):
    """What a link is given."""

    settle_s: float
    """An update that follows this soon goes into the same frame, which waits no longer than a frame lasts: a
    key's consequences are painted in steps."""
    frames_per_s: float
    bytes_per_s: float | None
    """For what comes by itself, not for answers to keys; None is no limit."""


LOCAL = Tempo(0.01, 30, None)
REMOTE = Tempo(0.04, 10, 2500)


def tempo_for(environ: Mapping[str, str]) -> Tempo:
    """Over SSH frames are fewer, and a log that runs does not fill the link."""
    return REMOTE if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY") else LOCAL


class Pace:
    """Times in seconds of one monotonic clock, handed in."""

    def __init__(self, tempo: Tempo) -> None:
        self._tempo = tempo
        self._changed_at: float | None = None
        """The first change since the last frame."""
        self._settled_at: float | None = None
        """The changes since the last frame have come to rest; None without any."""
        self._free_at = 0.0
        self._patient_at = 0.0
        self._credit = float(BURST_BYTES)
        self._sent_at = 0.0

    def changed(self, now: float) -> None:
        """There is something to send."""
        if self._changed_at is None:
            self._changed_at = now
        self._settled_at = min(now + self._tempo.settle_s, self._changed_at + 1 / self._tempo.frames_per_s)

    def resized(self, now: float) -> None:
        self._changed_at = None
        self._settled_at = now + RESIZE_SETTLE_S
        self._patient_at = self._settled_at + AFTER_KEY_S

    def touched(self, now: float) -> None:
        """The person has done something."""
        self._patient_at = now + AFTER_KEY_S

    def wait(self, now: float) -> float | None:
        """How long until a frame is due; 0 when it is, None when there is none."""
        if self._settled_at is None:
            return None
        due = max(self._settled_at, self._free_at)
        rate = self._tempo.bytes_per_s
        if rate is not None and self._credit < 0 and now >= self._patient_at:
            due = max(due, self._sent_at - self._credit / rate)
        return max(0.0, due - now)

    def sent(self, now: float, size: int) -> None:
        """A frame of *size* bytes is on its way."""
        self._changed_at = self._settled_at = None
        self._free_at = now + 1 / self._tempo.frames_per_s if size else self._free_at
        rate = self._tempo.bytes_per_s
        if rate is not None:
            earned = self._credit + (now - self._sent_at) * rate
            self._credit = max(min(earned, BURST_BYTES) - size, -float(BURST_BYTES))
        self._sent_at = now
