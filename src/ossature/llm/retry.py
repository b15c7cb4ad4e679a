"""The one layer that makes a failed call again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import tenacity

from ossature.llm.client import ModelError, OnText, Reply, Request
from ossature.llm.patience import MAX_WAIT_S as MAX_WAIT_OF_RUN_S
from ossature.llm.patience import Patience

MIN_WAIT_S = 1.0
MAX_WAIT_S = 60.0
MAX_ASKED_WAIT_S = 120.0
"""Longest `Retry-After` that a run sits out; beyond it the run stops and says when to come back."""


class Answers(Protocol):
    """What is called again: a client, or the router over clients."""

    async def complete(self, request: Request, on_text: OnText) -> Reply: ...


async def complete(
    client: Answers,
    request: Request,
    on_text: OnText,
    *,
    on_wait: Callable[[ModelError, float], None],
    patience: Patience | None = None,
    attempts: int = 5,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Reply:
    """Call until a reply comes, at most *attempts* times; raises the last ModelError.

    *on_wait* is told the failure and the seconds until the next try; the text given to *on_text* so far is
    void from then on. *patience* counts over all calls of a run; when its pauses are used up, the call fails.
    """
    counted = _Counted(client, patience)
    guess = tenacity.wait_random_exponential(multiplier=2, min=MIN_WAIT_S, max=MAX_WAIT_S)

    def wait(state: tenacity.RetryCallState) -> float:
        asked = _error_of(state).retry_after_s
        return guess(state) if asked is None else max(asked, 0.0)

    def report(state: tenacity.RetryCallState) -> None:
        counted.note_wait(state.upcoming_sleep)
        on_wait(_error_of(state), state.upcoming_sleep)

    retrying = tenacity.AsyncRetrying(
        stop=lambda state: state.attempt_number >= attempts or counted.is_spent(state.upcoming_sleep),
        wait=wait,
        retry=tenacity.retry_if_exception(_may_pass),
        before_sleep=report,
        sleep=sleep,
        reraise=True,
    )
    try:
        return await retrying(counted.complete, request, on_text)
    except ModelError as error:
        if error.is_retryable and _asks_too_much(error):
            raise _come_back_later(error) from error
        if error.is_retryable and counted.is_spent(MIN_WAIT_S):
            raise _waited_enough(error) from error
        raise


class _Counted:
    """A client whose failures and pauses are told to the patience of the run, if there is one."""

    def __init__(self, client: Answers, patience: Patience | None) -> None:
        self._client = client
        self._patience = patience

    async def complete(self, request: Request, on_text: OnText) -> Reply:
        try:
            reply = await self._client.complete(request, on_text)
        except ModelError as error:
            if self._patience is not None:
                self._patience.note_failure(error)
            raise
        if self._patience is not None:
            self._patience.note_reply()
        return reply

    def note_wait(self, seconds: float) -> None:
        if self._patience is not None:
            self._patience.note_wait(seconds)

    def is_spent(self, seconds: float) -> bool:
        """Another pause of so many seconds is more than the run waits in all."""
        return self._patience is not None and not self._patience.may_wait(seconds)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, ModelError) and error.is_retryable and not _asks_too_much(error)


def _asks_too_much(error: ModelError) -> bool:
    return error.retry_after_s is not None and error.retry_after_s > MAX_ASKED_WAIT_S


def _come_back_later(error: ModelError) -> ModelError:
    hint = f"try again in {_duration(error.retry_after_s or 0.0)}; what is done stays done"
    return ModelError(
        error.message, kind=error.kind, hint=hint, retry_after_s=error.retry_after_s, is_retryable=False
    )


def _waited_enough(error: ModelError) -> ModelError:
    message = (
        f"{error.message}; a run waits {_duration(MAX_WAIT_OF_RUN_S)} for its providers, and they are over"
    )
    hint = "try again later; what is done stays done"
    return ModelError(message, kind=error.kind, hint=hint, is_retryable=False)


def _duration(seconds: float) -> str:
    """`90 s`, `12 min` or `5 h`, rounded up."""
    whole = int(-(-seconds // 1))
    if whole < 120:
        return f"{whole} s"
    minutes = -(-whole // 60)
    return f"{minutes} min" if minutes < 120 else f"{-(-minutes // 60)} h"


def _error_of(state: tenacity.RetryCallState) -> ModelError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, ModelError):
        raise TypeError(f"only a ModelError is tried again, not {error!r}")
    return error
