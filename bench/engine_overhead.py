"""What the engine adds to a task (wall less model and verify) beside a sandboxed `true` and its syncs."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from _kit import environ, report, sandboxed_nothing

from ossature.domain import event as ev
from ossature.engine.owner import own
from ossature.engine.session import RunRequest
from ossature.project import load_project
from ossature.store.journal import read_records

TASKS = 200
SYNCS_PER_TASK = 12
"""Counted with strace: journal, blob, intent, landing, response and attempt."""
SPEC = (
    "---\nid: BENCH\nstatus: draft\npriority: low\n---\n\n# Bench\n\n## Overview\n\nx\n\n"
    "## Requirements\n\n### Thing\n\nDoes it.\n"
)
MODEL = (
    "import os,sys; sys.stdin.read(); n=os.environ['OSSATURE_TASK']\n"
    "print(f'<file path=\"f{int(n)}.txt\">\\n{n}\\n</file>')"
)


def main() -> None:
    os.environ.update(environ())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("specs", ".ossature"):
            (root / name).mkdir()
        (root / "model.py").write_text(MODEL)
        (root / "ossature.toml").write_text(f'[llm]\nmodel = "exec:{sys.executable} -S -E {root}/model.py"\n')
        (root / "specs" / "b.smd").write_text(SPEC)
        (root / ".ossature" / "plan.toml").write_text("\n".join(_task(n) for n in range(1, TASKS + 1)))
        request = RunRequest(preset="auto", is_headless=True)
        code = own(load_project(root), request)
        assert code == 0, code
        run = next((root / ".ossature" / "runs").iterdir())
        costs = _overheads(list(read_records(run / "events.jsonl")))
        reference = _reference(root)
    quarter = TASKS // 4
    first, last = sorted(costs[:quarter])[quarter // 2], sorted(costs[-quarter:])[quarter // 2]
    figures = {"tasks": TASKS, "first": first, "last": last, "reference": reference}
    report("engine_overhead", {**figures, "ratio": last / reference, "growth": last / first, "goal": 3})


def _task(number: int) -> str:
    needs = f'depends_on = ["{number - 1:03d}"]\n' if number > 1 else ""
    return (
        f'[[task]]\nid = "{number:03d}"\nspec = "BENCH"\ntitle = "Thing {number}"\n'
        f'outputs = ["f{number}.txt"]\n'
        f'spec_refs = ["Thing"]\nverify = ["true"]\n{needs}'
    )


def _overheads(records: list) -> list[float]:  # type: ignore[type-arg]
    """Seconds per task that were neither the model's nor the verify's."""
    costs: list[float] = []
    started = spent = 0.0
    for record in records:
        match record.event:
            case ev.TaskStarted():
                started, spent = record.at.timestamp(), 0.0
            case ev.ModelReplied(seconds=seconds) | ev.VerifyFinished(seconds=seconds):
                spent += seconds
            case ev.TaskLanded():
                costs.append(record.at.timestamp() - started - spent)
    return costs


def _reference(root: Path) -> float:
    """Median seconds of one command that does nothing, in the sandbox, and as many fdatasyncs as a task."""
    run_nothing = sandboxed_nothing(root / ".ossature" / "work" / "0")
    times: list[float] = []
    fd = os.open(root / "reference", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(30):
        started = time.perf_counter()
        run_nothing()
        for _ in range(SYNCS_PER_TASK):
            os.write(fd, b"x" * 200)
            os.fdatasync(fd)
        times.append(time.perf_counter() - started)
    os.close(fd)
    return sorted(times)[len(times) // 2]


if __name__ == "__main__":
    main()
