"""Requests and a channel for tests of model calls."""

from __future__ import annotations

from typing import Any

from ossature.domain.decision import Decision, Question
from ossature.domain.event import Event
from ossature.llm.client import Request


def a_request(**changes: Any) -> Request:
    """An ordinary request, with some fields changed."""
    fields: dict[str, Any] = {
        "role": "implement",
        "spec": "EXPENSES",
        "task": "001",
        "lineage": "store-1a2b",
        "attempt": 1,
        "model": "openai:m",
        "system": "You write code.",
        "prompt": "Write a.py.\n",
        "max_output_tokens": 1000,
        "inputs": {"EXPENSES: Requirements > Add": "d1", "task": "d2"},
        "timeout_s": 20.0,
    }
    return Request(**{**fields, **changes})


class FakeChannel:
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)

    async def ask(self, question: Question) -> Decision:
        raise AssertionError(f"nobody answers {question}")

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]
