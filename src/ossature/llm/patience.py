"""What one run puts up with from its providers: how long it waits in all, how many failures in a row."""

from __future__ import annotations

import asyncio

from ossature.domain.decision import Question, Retry
from ossature.domain.record import Channel
from ossature.errors import OssatureError
from ossature.llm.client import ErrorKind, ModelError

MAX_WAIT_S = 20 * 60.0
"""Of a whole run, all pauses between tries together."""
MAX_FAILURES = 5
"""In a row, whichever calls they belong to."""
_OF_THE_REQUEST: frozenset[ErrorKind] = frozenset(
    {"replay_miss", "context_too_long", "content_filter", "bad_request", "too_long"}
)
"""Failures that say nothing about the provider."""


class ProvidersDown(OssatureError):
    """Too many calls failed one after the other, and nobody wants to go on."""


class Patience:
    """Counts over all calls of a run. Where it ends, the run waits for a person, or stops without one."""

    def __init__(
        self, channel: Channel, *, max_wait_s: float = MAX_WAIT_S, max_failures: int = MAX_FAILURES
    ) -> None:
        self._channel = channel
        self._max_wait_s = max_wait_s
        self._max_failures = max_failures
        self._failures = 0
        self._asked = 0
        self._deciding = asyncio.Lock()
        self.waited_s = 0.0

    def may_wait(self, seconds: float) -> bool:
        """So long a pause is still within what a run waits in all."""
        return self.waited_s + seconds <= self._max_wait_s

    def note_wait(self, seconds: float) -> None:
        self.waited_s += seconds

    def note_failure(self, error: ModelError) -> None:
        if error.kind not in _OF_THE_REQUEST:
            self._failures += 1

    def note_reply(self) -> None:
        self._failures = 0

    async def go_on(self, error: ModelError | None = None) -> bool:
        """Return at once while few calls failed in a row, else when a person said to try again.

        True where the call that failed with *error* is to be made again. Raises ProvidersDown.
        """
        has_tripped = self._failures >= self._max_failures
        # Whoever comes while a question is open waits for its answer.
        async with self._deciding:
            if self._failures < self._max_failures:
                return has_tripped
            await self._ask(error)
            self._failures = 0
            return True

    async def _ask(self, error: ModelError | None) -> None:
        self._asked += 1
        subject = f"{self._failures} model calls in a row failed"
        detail = f"the last one: {error}" if error else ""
        answer = await self._channel.ask(
            Question(
                id=f"providers-{self._asked}",
                gate="task_failed",
                subject=f"{subject}; the run waits. Try again?",
                detail=detail,
                verbs=("retry", "abort"),
            )
        )
        if not isinstance(answer, Retry):
            raise ProvidersDown(
                f"{subject}{f', {detail}' if detail else ''}",
                hint=(error.hint if error else "") or "what is done stays done; the same command goes on",
            )
