"""How long until the screen is there, and obeys, with 500 tasks and 50 runs; beside an empty Textual app."""

from __future__ import annotations

import os
import pty
import select
import statistics
import sys
import tempfile
import time
from pathlib import Path

from _kit import environ, report
from noop_build import make_project
from wire import Link

from ossature.domain import event as ev
from ossature.project import load_project
from ossature.store.journal import Journal

TASKS, RUNS, REPEATS = 500, 50, 5
EMPTY = "from textual.app import App\nApp().run()"


def make_runs(root: Path) -> None:
    """Fifty ended runs, in each of which one of ten tasks landed."""
    project = load_project(root, {})
    rows = tuple(
        ev.TaskRow(id=f"{number:03d}", spec="BENCH", title=f"Task {number}") for number in range(1, TASKS + 1)
    )
    for run in (f"20260301-{number:06d}-aaaa" for number in range(RUNS)):
        folder = project.runs_dir / run
        folder.mkdir(parents=True)
        journal = Journal(folder / "events.jsonl")
        journal.append(
            ev.RunStarted(run=run, goal="build", pid=1, host="bench", project="bench", version="1")
        )
        journal.append(ev.PlanAdopted(tasks=rows))
        for row in rows[::10]:
            journal.append(ev.TaskStarted(task=row.id, lineage=row.lineage, reason="stale"))
            journal.append(ev.TaskLanded(task=row.id, attempt=1, files=("a",), changed=1, seconds=3))
        journal.append(ev.RunFinished(outcome="succeeded", exit_code=0))
        journal.close()


def screen_s(root: Path) -> tuple[float, float]:
    """Seconds to the first paint, and to the first key that moves the cursor of the plan."""
    began = time.perf_counter()
    link = Link(root, "delta")
    try:
        link.wait("3 Plan")
        painted = time.perf_counter() - began
        link.wait(" 002 ")
        link.press("j")
        link.wait("4 002 ")
        return painted, time.perf_counter() - began
    finally:
        link.end()


def empty_s() -> float:
    """Seconds until an app without widgets has its alternate screen."""
    began = time.perf_counter()
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-c", EMPTY], {**environ(), "TERM": "xterm-256color"})
    seen = b""
    while b"\x1b[?1049h" not in seen and select.select([fd], [], [], 60)[0]:
        seen += os.read(fd, 65536)
    taken = time.perf_counter() - began
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    os.close(fd)
    return taken


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "bench"
        make_project(root, TASKS)
        make_runs(root)
        screens = [screen_s(root) for _ in range(REPEATS)]
    empty = statistics.median(empty_s() for _ in range(REPEATS))
    painted = statistics.median(first for first, _ in screens)
    obeyed = statistics.median(last for _, last in screens)
    report(
        "screen_start",
        {
            "tasks": TASKS,
            "runs": RUNS,
            "first_paint_s": round(painted, 2),
            "first_key_s": round(obeyed, 2),
            "empty_textual_app_s": round(empty, 2),
            "first_paint_ratio": round(painted / empty, 1),
            "first_key_ratio": round(obeyed / empty, 1),
        },
    )


if __name__ == "__main__":
    main()
