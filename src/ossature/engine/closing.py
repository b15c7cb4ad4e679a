"""Give every run an end: what a crash left open is closed by the next owner."""

from __future__ import annotations

import os
from pathlib import Path

from ossature.domain import event as ev
from ossature.domain.state import RunState
from ossature.engine.session import run_ids
from ossature.project import Project
from ossature.store.checked_lines import decode_line
from ossature.store.disk import disk_errors
from ossature.store.exchange import Exchanges
from ossature.store.journal import Journal, read_records

_TAIL_BYTES = 64 * 1024
"""A last line longer than this only means that the whole journal is read."""


def close_crashed(project: Project, *, except_run: str) -> list[str]:
    """End every run that has no end, and note the replies that it got; returns their ids.

    Only for the owner of the project.
    """
    closed: list[str] = []
    exchanges = Exchanges(project.exchanges_dir, project.tasks_dir)
    for run in run_ids(project):
        path = project.runs_dir / run / "events.jsonl"
        if run != except_run and not has_end(path):
            exchanges.record_run(run)
            close(path)
            closed.append(run)
    return closed


def has_end(path: Path) -> bool:
    """The last line of the journal is `run_finished`."""
    with disk_errors(path, "read"), path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
    line = tail.rstrip(b"\n").rpartition(b"\n")[2]
    payload = decode_line(line)
    return tail.endswith(b"\n") and payload is not None and b'"kind":"run_finished"' in payload


def close(path: Path) -> None:
    """Append what an orderly end would have said: void questions, interrupted tasks, `crashed`."""
    state = RunState()
    for record in read_records(path):
        state.apply(record)
    if state.is_over:
        return
    journal = Journal(path)
    for question_id in list(state.questions):
        state.apply(journal.append(ev.QuestionClosed(question_id=question_id, decision=None)))
    for task in interrupted(state):
        journal.append(ev.TaskInterrupted(task=task))
    journal.append(
        ev.RunFinished(
            outcome="crashed",
            exit_code=1,
            reason="the process that ran it is gone",
            hint="what landed stays; go on with `ossature build`",
        )
    )
    journal.close()


def interrupted(state: RunState) -> list[str]:
    """Ids of tasks in flight."""
    flying = ("running", "verifying", "fixing", "waiting")
    return [task_id for task_id, task in state.tasks.items() if task.status in flying]
