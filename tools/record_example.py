"""Record the example's model calls anew: run it through the real engine and keep what it asked and got.

Without `--model` the replies come from the recordings that are there, so only the prompts, as the present
templates make them, are new. With it they come from that model (`exec:…` asks a program of yours).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from ossature.engine.example import RECORDINGS, copy_example, example_dir
from ossature.engine.owner import own
from ossature.engine.session import RunRequest
from ossature.project import load_project
from ossature.store.tasklog import parse_name

RUN = "recorded"
"""Stands for the run in folder names, so that recording twice changes no name."""
KEPT = ("prompt.md", "response.md", "attempt.json")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="", help="ask this model instead of the recordings")
    arguments = parser.parse_args()
    os.environ.pop("OSSATURE_MODEL", None)
    with tempfile.TemporaryDirectory(prefix="ossature-record-") as folder:
        target = Path(folder) / "project"
        recordings = copy_example(target)
        if arguments.model:
            os.environ["OSSATURE_MODEL"] = arguments.model
        project = load_project(target)
        request = RunRequest(
            goal="all",
            preset="auto",
            is_headless=True,
            is_demo=True,
            replay="" if arguments.model else str(recordings),
            matches_slots=True,
        )
        code = own(project, request, on_record=lambda record: print(record.event.kind, file=sys.stderr))
        if code:
            print(f"the run ended with {code}; nothing was recorded", file=sys.stderr)
            return code
        count = keep(project.tasks_dir, example_dir() / RECORDINGS)
    print(f"{count} exchanges recorded in {example_dir() / RECORDINGS}")
    return 0


def keep(tasks_dir: Path, recordings: Path) -> int:
    """Replace *recordings* by the attempts in *tasks_dir*; returns how many there are."""
    shutil.rmtree(recordings, ignore_errors=True)
    count = 0
    for attempt in sorted(tasks_dir.glob("*/*")):
        name = parse_name(attempt.name)
        if name is None or not (attempt / "response.md").is_file():
            continue
        target = recordings / attempt.parent.name / f"{RUN}-{name.number}-{name.kind}"
        target.mkdir(parents=True)
        for file in KEPT:
            content = (attempt / file).read_bytes()
            (target / file).write_bytes(stable(json.loads(content)) if file == "attempt.json" else content)
        count += 1
    return count


def stable(meta: dict[str, Any]) -> bytes:
    """What an attempt says of itself, without what differs from one recording to the next."""
    changes = {"run": RUN, "at": "", "seconds": 0.0, "source": "", "note": "", "sample": 0, "cost_usd": None}
    return (json.dumps({**meta, **changes}, indent=1, sort_keys=True) + "\n").encode()


if __name__ == "__main__":
    raise SystemExit(main())
