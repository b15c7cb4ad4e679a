"""What a run came to in figures, without making values of all its events."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_ENDS = frozenset({"task_landed", "task_failed", "task_up_to_date"})
FREE = frozenset({"replayed", "slot", "recorded"})
"""Sources of replies that were played back: they cost nothing now."""


@dataclass(frozen=True, slots=True)
class RunTotals:
    """Figures of one run; a task counts as what it came to last."""

    seconds: float = 0.0
    """From the first event to the last."""
    landed: int = 0
    failed: int = 0
    up_to_date: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of the input."""
    cost_usd: float = 0.0
    has_unknown_cost: bool = False


def totals_from(events: Sequence[Mapping[str, Any]], *, payloads: Sequence[bytes]) -> RunTotals:
    """Of *events*, which hold at least those that count; *payloads* are all lines, for the time they took."""
    ends = {event["task"]: event["kind"] for event in events if event["kind"] in _ENDS}
    tasks = Counter(ends.values())
    paid = [event for event in events if event["kind"] == "model_replied" and event["source"] not in FREE]
    return RunTotals(
        seconds=(_at(payloads[-1]) - _at(payloads[0])).total_seconds() if payloads else 0.0,
        landed=tasks["task_landed"],
        failed=tasks["task_failed"],
        up_to_date=tasks["task_up_to_date"],
        input_tokens=sum(event["input_tokens"] for event in paid),
        output_tokens=sum(event["output_tokens"] for event in paid),
        cached_tokens=sum(event["cached_tokens"] for event in paid),
        cost_usd=sum(event["cost_usd"] or 0.0 for event in paid),
        has_unknown_cost=any(event["cost_usd"] is None for event in paid),
    )


def _at(payload: bytes) -> datetime:
    return datetime.fromisoformat(json.loads(payload)["at"])
