"""How long a build will go on, by how long its tasks took before; nothing where that is not known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from ossature.domain.state import RunState, TaskState
from ossature.engine.outcomes import RunOutcomes

_RUNNING = ("running", "verifying", "fixing", "waiting")


def past_seconds(runs: Sequence[RunOutcomes]) -> dict[str, float]:
    """Lineage -> seconds that the task took when it landed last; *runs* are oldest first."""
    return {
        lineage: task.seconds
        for run in runs
        for lineage, task in run.tasks.items()
        if task.kind == "landed" and task.seconds
    }


def remaining_s(
    state: RunState, past: Mapping[str, float], now: datetime | None, *, settled: Collection[str] = ()
) -> float | None:
    """Seconds until a build has done what is left; None where nothing is known of one of its tasks.

    *settled* are ids of tasks that will take no time, as far as one knows.
    """
    if state.phase != "build" or state.is_over or state.is_stopping or now is None:
        return None
    running = [task for task in state.tasks.values() if task.status in _RUNNING]
    waiting = [t for t in state.tasks.values() if t.status == "pending" and t.row.id not in settled]
    landed = [_seconds(task) for task in state.tasks.values() if task.status == "landed"]
    usual = sum(landed) / len(landed) if landed else None
    total = 0.0
    for task in (*running, *waiting):
        expected = past.get(task.row.lineage, usual)
        if expected is None:
            return None
        spent = (now - task.started_at).total_seconds() if task in running and task.started_at else 0.0
        total += max(expected - spent, 0.0)
    return total / max(len(running), 1) if running or waiting else None


def _seconds(task: TaskState) -> float:
    if task.started_at is None or task.ended_at is None:
        return 0.0
    return (task.ended_at - task.started_at).total_seconds()
