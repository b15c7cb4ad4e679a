"""What people ask of a run while it works: to pause, to end, to take a task once more."""

from __future__ import annotations

import asyncio

from ossature.domain.decision import Requeue


class Controls:
    """Read by whatever starts work; set by commands and signals."""

    def __init__(self) -> None:
        self._is_running = asyncio.Event()
        self._is_running.set()
        self.is_draining = False
        """Nothing new starts; what runs goes on to its end."""
        self.is_building = False
        """Tasks are under way; a draining build ends by itself once all of them wait for people."""
        self.changed = asyncio.Event()
        """Set whenever a build has to look again at what it may start."""
        self._requeued: list[Requeue] = []

    def pause(self) -> None:
        """Start nothing new; what runs goes on."""
        self._is_running.clear()

    def resume(self) -> None:
        self._is_running.set()
        self.changed.set()

    def drain(self) -> None:
        """End after the work in flight."""
        self.is_draining = True
        self.resume()

    def requeue(self, wish: Requeue) -> None:
        """Build a task of this run once more."""
        self._requeued.append(wish)
        self.changed.set()

    def take_requeued(self) -> list[Requeue]:
        """What was asked for since the last call."""
        taken, self._requeued = self._requeued, []
        return taken

    async def wait_while_paused(self) -> None:
        """Return at once unless a person paused the run."""
        await self._is_running.wait()
