"""What a build with nothing to do costs beside ninja with as many up-to-date edges."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _kit import BIN, OSSATURE, command_s, environ, report

from ossature.build.material import material_of
from ossature.digest import digest_bytes
from ossature.domain.plan import Task
from ossature.engine.sources import Loaded, load
from ossature.project import load_project
from ossature.store.ledger import Landing, Ledger

SPEC = """---
id: BENCH
status: draft
priority: low
---

# Bench

## Overview

Many small things.

## Requirements

{requirements}
"""
GOALS = {1_000: 8, 10_000: 4}
EDITED_GOAL = 15
EDITS = {
    "a comment": lambda text, turn: f"{text}\n# {turn}\n",
    "a model": lambda text, turn: text.replace('title = "Thing 7"', f'title = "Thing 7"\nmodel = "m{turn}"'),
}
"""Edits of the plan that make nothing stale; after the second one every task is judged."""


def make_project(root: Path, count: int) -> None:
    """A project of *count* tasks, all of them landed."""
    (root / "specs").mkdir(parents=True)
    (root / "output").mkdir()
    (root / ".ossature").mkdir()
    (root / "ossature.toml").write_text('[llm]\nmodel = "exec:true"\n')
    requirements = "\n".join(f"### Thing {n}\n\nDoes thing {n}.\n" for n in range(min(count, 200)))
    (root / "specs" / "bench.smd").write_text(SPEC.format(requirements=requirements))
    blocks = []
    for number in range(1, count + 1):
        needs = f'"{number - 1:03d}"' if number % 10 > 1 else ""
        shows = f'inject_files = ["f{number - 1}.txt"]\n' if needs else ""
        blocks.append(
            f'[[task]]\nid = "{number:03d}"\nspec = "BENCH"\ntitle = "Thing {number}"\n'
            f'outputs = ["f{number}.txt"]\n'
            f'depends_on = [{needs}]\nspec_refs = ["Thing {number % min(count, 200)}"]\n'
            f'verify = ["true"]\n{shows}'
        )
    (root / ".ossature" / "plan.toml").write_text("\n".join(blocks))
    project = load_project(root)
    with Ledger.open(project.ledger_path) as ledger:
        loaded = load(project, ledger=ledger)
        for task_id in loaded.graph.order:
            _land(loaded.sources.tasks[task_id], loaded, ledger, root)


def _land(task: Task, loaded: Loaded, ledger: Ledger, root: Path) -> None:
    content = f"{task.id}\n".encode()
    (root / "output" / task.outputs[0]).write_bytes(content)
    material = material_of(task, loaded.sources)
    landing = Landing(
        lineage=loaded.lineages[task.id],
        task=task.id,
        spec=task.spec,
        title=task.title,
        outputs=task.outputs,
        generate=material.generate,
        verify=material.verify,
        leaves=material.leaves,
        verify_leaves=material.verify_leaves,
        files={task.outputs[0]: digest_bytes(content)},
    )
    ledger.append_landed(ledger.append_intent(landing, {task.outputs[0]: None}))
    loaded.sources.landed(task.id, landing)


def make_ninja(root: Path, count: int) -> None:
    """As many edges of ninja, all up to date."""
    root.mkdir()
    rules = ["rule make", "  command = touch $out", "build f0.txt: make"]
    rules += [f"build f{n}.txt: make{f' f{n - 1}.txt' if n % 10 > 1 else ''}" for n in range(1, count + 1)]
    (root / "build.ninja").write_text("\n".join(rules) + "\n")
    subprocess.run([str(BIN / "ninja")], cwd=root, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    for count, goal in GOALS.items():
        with tempfile.TemporaryDirectory() as folder:
            make_project(Path(folder) / "project", count)
            make_ninja(Path(folder) / "ninja", count)
            reference = command_s([str(BIN / "ninja")], cwd=Path(folder) / "ninja", repeats=5)
            ours = command_s([OSSATURE, "build"], cwd=Path(folder) / "project", repeats=5)
            after = {name: edited_s(Path(folder) / "project", edit) for name, edit in EDITS.items()}
        figures = {"tasks": count, "ninja": reference}
        report("noop_build", {**figures, "seconds": ours, "ratio": ours / reference, "goal": goal})
        for name, seconds in after.items():
            row = {**figures, "plan_edited": name, "seconds": seconds, "ratio": seconds / reference}
            report("noop_build", {**row, "goal": EDITED_GOAL})


def edited_s(root: Path, edit: Callable[[str, int], str]) -> float:
    """Median wall time of a build that finds nothing to do, each after another edit of the plan."""
    path = root / ".ossature" / "plan.toml"
    text = path.read_text("utf-8")
    times: list[float] = []
    for turn in range(6):
        path.write_text(edit(text, turn), "utf-8")
        started = time.perf_counter()
        subprocess.run([OSSATURE, "build"], cwd=root, check=True, stdout=subprocess.DEVNULL, env=environ())
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
