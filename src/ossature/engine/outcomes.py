"""What became of each task in each run: a journal is read once when its run is over."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ossature.domain.state import RunState, TaskState
from ossature.engine.session import live_holder, run_ids
from ossature.project import Project
from ossature.store.checked_lines import good_lines
from ossature.store.disk import read_existing

OutcomeKind = Literal[
    "landed",
    "up-to-date",
    "failed",
    "skipped",
    "manual",
    "blocked",
    "interrupted",
    "pending",
    "running",
]
_TOLD = re.compile(
    rb'"kind":"(?:run_started|run_finished|plan_adopted|task_[a-z_]+|model_called|model_replied)"'
)
_ENDS: Mapping[str, OutcomeKind] = {
    "task_landed": "landed",
    "task_up_to_date": "up-to-date",
    "task_failed": "failed",
    "task_skipped": "skipped",
    "task_blocked": "blocked",
    "task_interrupted": "interrupted",
    "task_requeued": "pending",
    "task_started": "running",
}
_FREE = frozenset({"replayed", "slot", "recorded"})
MAX_RUNS = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task in a run."""

    task: str
    """Its id in that run."""
    kind: OutcomeKind = "pending"
    fixes: int = 0
    seconds: float = 0.0
    """From its start to its landing; 0 where it did not land."""
    cost_usd: float = 0.0
    folder: str = ""
    """Of its last attempt in the run, project-relative; empty where no model was asked."""


@dataclass(frozen=True, slots=True)
class RunOutcomes:
    """A run that went by a plan."""

    run: str
    number: int
    started_at: str = ""
    outcome: str = ""
    """How it ended; `running` or `crashed` where it has no end."""
    tasks: Mapping[str, Outcome] = field(default_factory=dict)
    """By lineage."""


class Outcomes:
    """Knows the runs that are over; only what is new is read. May be asked from any thread."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._over: dict[str, RunOutcomes | None] = {}
        self._reading = threading.Lock()

    def read(self, *, limit: int = MAX_RUNS) -> list[RunOutcomes]:
        """The newest runs that went by a plan, oldest first. Raises DiskError."""
        with self._reading:
            return self._newest(limit)

    def _newest(self, limit: int) -> list[RunOutcomes]:
        holder = live_holder(self._project)
        live = holder.run if holder else ""
        found: list[RunOutcomes] = []
        ids = run_ids(self._project)
        for number, run in reversed(list(enumerate(ids, 1))):
            if len(found) == limit:
                break
            seen = self._over.get(run) if run in self._over else self._read(run, live)
            if seen is not None:
                found.append(replace(seen, number=number))
        existing = set(ids)
        self._over = {run: seen for run, seen in self._over.items() if run in existing}
        return found[::-1]

    def _read(self, run: str, live: str) -> RunOutcomes | None:
        content = read_existing(self._project.runs_dir / run / "events.jsonl") or b""
        events = [json.loads(line) for line in good_lines(content).payloads if _TOLD.search(line)]
        seen = _told(run, events, is_live=run == live)
        if run != live:
            self._over[run] = seen
        return seen


def outcomes_of(state: RunState) -> dict[str, Outcome]:
    """The same of a run that is followed, by lineage."""
    return {task.row.lineage: _of_task(task) for task in state.tasks.values() if task.row.lineage}


def _of_task(task: TaskState) -> Outcome:
    kind: OutcomeKind = "running"
    match task.status:
        case "running" | "verifying" | "fixing" | "waiting":
            pass
        case status:
            kind = status
    calls = [attempt for attempt in task.attempts if attempt.model]
    free = [attempt for attempt in calls if attempt.source in _FREE]
    seconds = 0.0
    if kind == "landed" and task.started_at and task.ended_at:
        seconds = (task.ended_at - task.started_at).total_seconds()
    return Outcome(
        task.row.id,
        kind,
        fixes=task.fixes,
        seconds=seconds,
        cost_usd=sum(attempt.cost_usd or 0.0 for attempt in calls if attempt not in free),
        folder=calls[-1].folder if calls else "",
    )


def _told(run: str, records: list[dict[str, Any]], *, is_live: bool) -> RunOutcomes | None:
    """None where the run adopted no plan."""
    lineages: dict[str, str] = {}
    tasks: dict[str, Outcome] = {}
    started, outcome = "", "running" if is_live else "crashed"
    for record in records:
        event = record["event"]
        match event["kind"]:
            case "run_started":
                started = record["at"]
            case "run_finished":
                outcome = event["outcome"]
            case "plan_adopted":
                lineages = {row["id"]: row["lineage"] for row in event["tasks"] if row.get("lineage")}
                tasks = {row["lineage"]: _adopted(tasks, row) for row in event["tasks"] if row.get("lineage")}
            case _ if (lineage := lineages.get(event.get("task", ""))) is not None:
                tasks[lineage] = _advanced(tasks[lineage], event)
    if not lineages:
        return None
    if not is_live:
        # A task in flight when its owner was killed.
        tasks = {
            lineage: replace(task, kind="interrupted") if task.kind == "running" else task
            for lineage, task in tasks.items()
        }
    return RunOutcomes(run, 0, started, outcome, tasks)


def _adopted(known: Mapping[str, Outcome], row: Mapping[str, Any]) -> Outcome:
    before = known.get(row["lineage"])
    if before is not None:
        return replace(before, task=row["id"])
    return Outcome(row["id"], "manual" if row.get("intent") == "manual" else "pending")


def _advanced(task: Outcome, event: Mapping[str, Any]) -> Outcome:
    match event["kind"]:
        case "model_called":
            is_fix = event["role"] in ("fix", "fix_escalation")
            return replace(task, folder=event["folder"], fixes=task.fixes + is_fix, kind="running")
        case "model_replied" if event.get("source") not in _FREE:
            return replace(task, cost_usd=task.cost_usd + (event.get("cost_usd") or 0.0))
        case "task_landed":
            return replace(task, kind="landed", seconds=event.get("seconds", 0.0))
        case kind if kind in _ENDS:
            return replace(task, kind=_ENDS[kind])
        case _:
            return task
