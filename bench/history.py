"""How long it takes to list 1,000 runs, to add up 30,000 calls, and to step back in 100,000 events."""

from __future__ import annotations

import random
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from _kit import call_s, report

from ossature.domain import event as ev
from ossature.domain.record import Record
from ossature.engine.accounts import CACHE_NAME, accounts
from ossature.engine.replay import Recording
from ossature.engine.run_query import matching
from ossature.engine.spend import BYS, spend_by
from ossature.project import Project
from ossature.store.checked_lines import encode_line

RUNS = 1_000
CALLS = 30_000
EVENTS = 100_000
TASKS = 40


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        make_history(Path(folder))
        measure_runs(Project(Path(folder)))
    with tempfile.TemporaryDirectory() as folder:
        measure_replay(Path(folder))


def measure_replay(folder: Path) -> None:
    """Reading a long journal once, then stepping back through it and jumping about in it."""
    rows = tuple(
        ev.TaskRow(id=f"{n:04d}", spec="S", title=f"Task {n}", lineage=f"t-{n}") for n in range(1_000)
    )
    start = datetime(2026, 1, 1, tzinfo=UTC)
    events: list[ev.Event] = [ev.PlanAdopted(tasks=rows)]
    while len(events) < EVENTS:
        row = rows[len(events) % len(rows)]
        events += [
            ev.TaskStarted(task=row.id, lineage=row.lineage, reason="never built"),
            ev.VerifyStarted(task=row.id, attempt=1, commands=("true",), log="verify.log"),
            ev.VerifyFinished(task=row.id, attempt=1, verdict="ok", seconds=0.1),
        ]
    lines = (
        Record(seq=seq, at=start + timedelta(seconds=seq), event=event).model_dump_json()
        for seq, event in enumerate(events, start=1)
    )
    (folder / "events.jsonl").write_bytes(b"".join(encode_line(line.encode()) for line in lines))
    started, cpu = time.perf_counter(), time.process_time()
    recording = Recording(folder)
    read_s, read_cpu_s = time.perf_counter() - started, time.process_time() - cpu
    dice = random.Random(4)
    end = recording.count
    steps = [_seconds(recording, moment) for moment in range(end - 1, end - 200, -1)]
    jumps = [_seconds(recording, dice.randrange(end)) for _ in range(50)]
    figures = {
        "events": end,
        "read_s": read_s,
        "read_cpu_s": read_cpu_s,
        "back_median_s": statistics.median(steps),
        "back_worst_s": max(steps),
        "jump_median_s": statistics.median(jumps),
        "jump_worst_s": max(jumps),
        "goal_s": 0.5,
    }
    report("replay", figures)


def _seconds(recording: Recording, moment: int) -> float:
    started = time.perf_counter()
    state = recording.state_at(moment)
    assert state.seq == moment
    return time.perf_counter() - started


def measure_runs(project: Project) -> None:
    """Listing without and with what is remembered, filtering as one types, adding up."""
    started, cpu = time.perf_counter(), time.process_time()
    found = accounts(project)
    first_s, first_cpu_s = time.perf_counter() - started, time.process_time() - cpu
    assert len(found) == RUNS
    again_s = call_s(lambda: accounts(project))
    shares = [share for run in found for share in run.shares]
    assert sum(share.sums.calls for share in shares) == CALLS
    figures = {
        "runs": RUNS,
        "first_s": first_s,
        "first_cpu_s": first_cpu_s,
        "again_s": again_s,
        "filter_s": call_s(lambda: matching(found, "failed goal:build >2026-01-05 cost>0.5")),
        "goal_first_s": 2,
    }
    report("runs_listed", figures)
    spend_s = {f"by_{by}_s": call_s(lambda by=by: spend_by(shares, by)) for by in BYS}
    kept = project.work_dir / CACHE_NAME
    report("spend", {"calls": CALLS, **spend_s, "kept_bytes": kept.stat().st_size, "goal_s": 1})


def make_history(root: Path) -> None:
    """Journals of many runs, half a day apart, with a few calls each."""
    dice = random.Random(4)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = tuple(
        ev.TaskRow(id=f"{n:03d}", spec=f"S{n % 7}", title=f"Task {n}", lineage=f"task-{n}")
        for n in range(TASKS)
    )
    shutil.rmtree(root / ".ossature" / "runs", ignore_errors=True)
    for number in range(RUNS):
        at = start + timedelta(hours=12 * number)
        run = f"{at:%Y%m%d-%H%M%S}-{number:04x}"
        events = _run_events(run, rows, dice)
        folder = root / ".ossature" / "runs" / run
        folder.mkdir(parents=True)
        lines = (
            Record(seq=seq, at=at + timedelta(seconds=seq), event=event).model_dump_json()
            for seq, event in enumerate(events, start=1)
        )
        (folder / "events.jsonl").write_bytes(b"".join(encode_line(line.encode()) for line in lines))


def _run_events(run: str, rows: tuple[ev.TaskRow, ...], dice: random.Random) -> list[ev.Event]:
    events: list[ev.Event] = [
        ev.RunStarted(run=run, goal="build", pid=1, host="h", project="p", version="1"),
        ev.PlanAdopted(tasks=rows),
    ]
    for number in range(CALLS // RUNS):
        row = dice.choice(rows)
        folder = f".ossature/tasks/{row.lineage}/{run}-{number}-implement"
        task = {"task": row.id, "lineage": row.lineage, "spec": row.spec}
        called = ev.ModelCalled(
            role="implement", attempt=1, model=dice.choice(("a/large", "b/small")), folder=folder, **task
        )
        replied = ev.ModelReplied(
            role="implement",
            attempt=1,
            folder=folder,
            source="live",
            input_tokens=dice.randrange(10_000),
            output_tokens=dice.randrange(2_000),
            cost_usd=dice.choice((None, dice.random() / 10)),
            **task,
        )
        events += [
            ev.TaskStarted(task=row.id, lineage=row.lineage, reason="never built"),
            called,
            replied,
            ev.FilesStaged(task=row.id, attempt=1, files=("a.py",), folder=folder),
            ev.VerifyStarted(task=row.id, attempt=1, commands=("true",), log=f"{folder}/verify.log"),
            ev.VerifyFinished(task=row.id, attempt=1, verdict="ok", seconds=0.1),
            ev.TaskLanded(task=row.id, attempt=1, files=("a.py",), changed=1),
        ]
    outcome = dice.choice(("succeeded", "failed"))
    return [*events, ev.RunFinished(outcome=outcome, exit_code=0 if outcome == "succeeded" else 1)]


if __name__ == "__main__":
    sys.exit(main())
