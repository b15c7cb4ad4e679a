"""How long it takes to draw a plan of 300 tasks, and to read 50 runs of 500; prints JSON."""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ossature.domain import event as ev
from ossature.engine.outcomes import Outcomes
from ossature.project import load_project
from ossature.store.journal import Journal
from ossature.tui.graph.drawing import drawn
from ossature.tui.graph.neighbourhood import neighbourhood, within
from ossature.tui.graph.rails import rails, reduced

TASKS, RUNS, REPEATS = 300, 50, 5


def graph(size: int) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Tasks that wait for up to three of those shortly before them."""
    dice = random.Random(584)
    order = [f"{number:03d}" for number in range(size)]
    edges: dict[str, tuple[str, ...]] = {}
    for number, task in enumerate(order):
        count = dice.choice((0, 1, 2, 3, 3))
        wanted = {max(0, number - 1 - int(dice.expovariate(1 / 15))) for _ in range(count)}
        edges[task] = tuple(order[index] for index in sorted(wanted)) if number else ()
    return order, edges


def milliseconds(act: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        act()
        times.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(times), 1)


def runs(root: Path) -> None:
    """Fifty runs of a build of 500 tasks, one of ten landed."""
    (root / "ossature.toml").write_text('[project]\nname = "bench"\n[output]\nlanguage = "text"\n')
    project = load_project(root, {})
    rows = tuple(
        ev.TaskRow(id=f"{n:03d}", spec="A", title=f"Task {n}", lineage=f"task-{n}") for n in range(500)
    )
    for number in range(RUNS):
        folder = project.runs_dir / f"20260301-{number:06d}-aaaa"
        folder.mkdir(parents=True)
        journal = Journal(folder / "events.jsonl")
        journal.append(ev.PlanAdopted(tasks=rows))
        for row in rows:
            if int(row.id) % 10:
                journal.append(ev.TaskUpToDate(task=row.id))
            else:
                journal.append(ev.TaskStarted(task=row.id, lineage=row.lineage, reason="stale"))
                journal.append(ev.TaskLanded(task=row.id, attempt=1, files=("a",), changed=1, seconds=3))
        journal.close()


def main() -> int:
    order, edges = graph(TASKS)
    kept = reduced(order, edges)
    widths = dict.fromkeys(order, 15)
    drawing = drawn(order, kept, widths)
    near = within(neighbourhood(order[TASKS // 2], kept, 2), kept)
    found = {
        "tasks": TASKS,
        "edges": sum(len(names) for names in edges.values()),
        "layers": len(drawing.layers.rows),
        "cells": [drawing.width, drawing.height],
        "rails_ms": milliseconds(lambda: rails(order, edges)),
        "layers_ms": milliseconds(lambda: drawn(order, kept, widths)),
        "neighbourhood_ms": milliseconds(lambda: drawn(list(near), near, widths)),
        "screen_ms": milliseconds(lambda: [drawing.row(y) for y in range(40)]),
    }
    with tempfile.TemporaryDirectory() as folder:
        runs(Path(folder))
        project = load_project(Path(folder), {})
        reader = Outcomes(project)
        began = time.perf_counter()
        seen = reader.read()
        found["grid_first_ms"] = round(1000 * (time.perf_counter() - began), 1)
        found["grid"] = [500, len(seen)]
        found["grid_again_ms"] = milliseconds(reader.read)
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
