"""Keys typed ahead act one after the other, each where the one before it has led."""

from __future__ import annotations

import time
from collections import deque

from textual import events
from textual.app import App
from textual.dom import DOMNode

ROUNDS = 3
"""So many steps a key's consequences may take, each a message that goes up from where the focus is: the key
itself, the row that it chose, the dialog that this closes."""
PATIENCE_S = 2.0
"""After so long the next key goes its way, even when a widget has taken the one before it into its grave."""


class InOrder(App[int], inherit_bindings=False):
    """Textual gives a key to the widget that has the focus when it arrives. The key before it may still be on
    its way to the app, where it would open a field or go to another pane: `/a` would approve what is asked.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._acting = 0
        """Number of the key that is on its way; 0 when none is."""
        self._acting_since = 0.0
        self._keys = 0

    async def on_event(self, event: events.Event) -> None:
        """A key that comes from the terminal waits for its turn."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._acting and time.monotonic() < self._acting_since + PATIENCE_S:
            self._waiting.append(event)
            self.set_timer(PATIENCE_S, self._next_if_stuck)
        else:
            await self._act(event)

    async def _act(self, event: events.Event) -> None:
        self._keys += 1
        self._acting, self._acting_since = self._keys, time.monotonic()
        start = self.focused or self.screen
        await super().on_event(event)
        self._climb(start, self._keys, ROUNDS)

    def _climb(self, pump: DOMNode, number: int, rounds: int) -> None:
        """Follow the key from one message queue to the next, behind all that it has set off."""
        if pump is not self:
            above = pump.parent or self
            if not pump.call_later(self._climb, above, number, rounds):
                self._climb(above, number, rounds)
        elif rounds and self.screen_stack:
            self.call_later(self._climb, self.focused or self.screen, number, rounds - 1)
        else:
            self.call_later(self._next, number)

    async def _next(self, number: int) -> None:
        if number == self._acting:
            self._acting = 0
            if self._waiting:
                await self._act(self._waiting.popleft())

    async def _next_if_stuck(self) -> None:
        if self._acting and time.monotonic() >= self._acting_since + PATIENCE_S:
            await self._next(self._acting)
