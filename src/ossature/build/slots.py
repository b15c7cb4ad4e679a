"""Worker slots: each has a stage of its own, and one task at a time works in it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from heapq import heappop, heappush
from typing import TypeVar

from ossature.build.tools import Tools

Answer = TypeVar("Answer")


class Slots:
    """Hands out slots. A task that waits for a person gives its slot up as soon as another one wants it."""

    def __init__(self, tools_of: Callable[[int], Tools], count: int, *, changed: Callable[[], None]) -> None:
        """*tools_of* makes the tools of a slot; *changed* is called when there may be room, or all wait."""
        self._tools_of = tools_of
        self._made: dict[int, Tools] = {}
        self._free = list(range(count))
        self._changed = changed
        self._idle: dict[Seat, Callable[[], None]] = {}
        """Tasks that wait for a person in their slot -> what to do before they lose it."""
        self._returning: deque[asyncio.Future[int]] = deque()
        """Tasks that have their answer and want a slot again; they go before new ones."""
        self.waiting = 0
        """Tasks that wait for a person, with or without a slot."""

    @property
    def has_room(self) -> bool:
        """A new task may take a slot."""
        return not self._returning and bool(self._free or self._idle)

    def take(self) -> Seat:
        """A slot for a new task; only where there is room."""
        if not self._free:
            seat, leave = next(iter(self._idle.items()))
            leave()
            del self._idle[seat]
            self.give_back(seat)
        return Seat(self, heappop(self._free))

    def give_back(self, seat: Seat) -> None:
        """The slot of *seat*, if it has one, is free again."""
        if seat.number is not None:
            heappush(self._free, seat.number)
            seat.number = None
        while self._free and self._returning:
            coming = self._returning.popleft()
            if not coming.done():
                coming.set_result(heappop(self._free))
        self._changed()

    def tools(self, number: int) -> Tools:
        """The tools of a slot; made when it is first used."""
        if number not in self._made:
            self._made[number] = self._tools_of(number)
        return self._made[number]

    async def wait_idle(
        self, seat: Seat, answer: Awaitable[Answer], leave: Callable[[], None] | None
    ) -> Answer:
        """Await a person's *answer*; see `Seat.wait_for`."""
        if leave is not None:
            self._idle[seat] = leave
        self.waiting += 1
        self._changed()
        try:
            return await answer
        finally:
            self.waiting -= 1
            self._idle.pop(seat, None)

    async def come_back(self) -> int:
        """A slot for a task that lost its own; waits for one."""
        if self._free:
            return heappop(self._free)
        coming: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._returning.append(coming)
        try:
            return await coming
        except asyncio.CancelledError:
            if coming.done() and not coming.cancelled():
                heappush(self._free, coming.result())
            raise


class Seat:
    """The place of one task: a slot, or none while a person is asked and others need it."""

    def __init__(self, slots: Slots, number: int) -> None:
        self._slots = slots
        self.number: int | None = number

    @property
    def tools(self) -> Tools:
        """Those of the slot that the task is in now."""
        if self.number is None:
            raise RuntimeError("a task without a slot works in none")
        return self._slots.tools(self.number)

    async def wait_for(self, answer: Awaitable[Answer], *, leave: Callable[[], None] | None) -> Answer:
        """Await a person's *answer*. Meanwhile the slot may go to another task, after a call of *leave*.

        Afterwards the task is in a slot again, maybe another one, with a stage that is not its own. Without
        *leave* it keeps its slot. Cancelled, it has the slot that it had last, or none.
        """
        result = await self._slots.wait_idle(self, answer, leave)
        if self.number is None:
            self.number = await self._slots.come_back()
        return result
