"""An event with its stamp, and the port through which the engine reports and asks."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict, TypeAdapter

from ossature.domain.decision import Decision, Question
from ossature.domain.event import Event, UnknownEvent

DURABLE = frozenset(
    {
        "run_started",
        "model_replied",
        "question_asked",
        "question_closed",
        "task_landed",
        "task_failed",
        "run_finished",
    }
)
"""Kinds that reach the disk (fdatasync) before the engine goes on."""


class Record(BaseModel):
    """One journal line: an event, stamped."""

    model_config = ConfigDict(frozen=True)

    seq: int
    at: datetime
    event: Event


class UnknownRecord(BaseModel):
    """A journal line whose event this version does not know."""

    model_config = ConfigDict(frozen=True)

    seq: int
    at: datetime
    event: UnknownEvent


RECORD: TypeAdapter[Record] = TypeAdapter(Record)


class Channel(Protocol):
    """How audit, planning and build talk upward."""

    def emit(self, event: Event) -> None:
        """Append to the journal; returns once the event is written (and synced, for durable kinds)."""

    async def ask(self, question: Question) -> Decision:
        """Open a gate and wait for the first valid answer."""
