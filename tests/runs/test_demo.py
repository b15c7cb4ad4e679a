"""The demo is the real engine on recorded replies, and what it builds works."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ossature.domain.event import ModelCalled, TaskLanded, VerifyFinished
from ossature.engine.accounts import accounts
from ossature.engine.session import fold, run_ids
from ossature.project import load_project
from ossature.store.journal import read_records
from tests.runs.kit import cli, tree_of

README = Path(__file__).parents[2] / "examples" / "spenny" / "README.md"


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """The folder of a finished demo."""
    folder = tmp_path_factory.mktemp("demo") / "spenny-demo"
    done = cli(folder.parent, "demo", "--headless", "--dir", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def first_run(demo: Path) -> Path:
    project = load_project(demo, {})
    return project.runs_dir / run_ids(project)[0]


def events(demo: Path) -> list:
    return [record.event for record in read_records(first_run(demo) / "events.jsonl")]


def test_nine_tasks_land(demo: Path):
    landed = [event.task for event in events(demo) if isinstance(event, TaskLanded)]
    assert landed == [f"00{number}" for number in range(1, 10)]


def test_006_is_red_at_first_and_green_after_one_fix(demo: Path):
    verdicts = [
        (e.task, e.verdict) for e in events(demo) if isinstance(e, VerifyFinished) and e.verdict != "ok"
    ]
    assert verdicts == [("006", "failed")]
    roles = [event.role for event in events(demo) if isinstance(event, ModelCalled) and event.task == "006"]
    assert roles == ["implement", "fix"]
    summary = next(e.summary for e in events(demo) if isinstance(e, VerifyFinished) and e.verdict == "failed")
    assert summary in README.read_text("utf-8")


def test_every_reply_is_exact(demo: Path):
    metas = [
        json.loads(path.read_text("utf-8"))
        for path in (demo / ".ossature" / "tasks").glob("*/*/attempt.json")
    ]
    assert len(metas) >= 18
    drifted = [f"{meta['role']} {meta['lineage']}" for meta in metas if meta["source"] != "replayed"]
    assert not drifted, f"prompts differ from the recordings; run `make recordings`: {drifted}"
    assert not [meta for meta in metas if not meta["verdict"]]


def test_second_build_has_nothing_to_do(demo: Path):
    before = tree_of(demo / "output")
    runs = accounts(load_project(demo, {}))
    done = cli(demo, "build")
    assert done.returncode == 0
    assert "nothing to do: 9 tasks are up to date" in done.stdout
    assert accounts(load_project(demo, {})) == runs
    assert tree_of(demo / "output") == before


def test_audit_again_asks_nobody(demo: Path, tmp_path: Path):
    """Without recordings and without a model: any call would fail."""
    done = subprocess.run(
        [sys.executable, "-m", "ossature", "audit", "--auto", "--model", "exec:false"],
        cwd=demo,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing was planned anew" in done.stdout
    assert "asking" not in done.stdout


def test_the_program_passes_its_own_tests(demo: Path):
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "discover", "-s", "tests", "-t", "."],
        cwd=demo / "output",
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert int(re.search(r"Ran (\d+) tests", done.stderr)[1]) >= 50


def test_the_transcript_of_the_readme_holds(demo: Path):
    """Each `$ ` line of the console block gives what the block shows below it."""
    block = re.search(r"```console\n(.*?)```", README.read_text("utf-8"), re.DOTALL)[1]
    commands = re.split(r"(?m)^\$ ", block)[1:]
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    folder = demo.parent
    (demo / "march.json").unlink(missing_ok=True)
    for entry in commands:
        command, _, shown = entry.partition("\n")
        if command.startswith("cd "):
            folder = demo.parent / command.removeprefix("cd ")
        elif command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            environ[name] = value
        else:
            command = command.replace("python ", f"{sys.executable} ", 1)
            done = subprocess.run(
                ["sh", "-c", command], cwd=folder, env=environ, capture_output=True, text=True
            )
            assert done.stdout + done.stderr == shown or shown in (done.stderr + done.stdout), command


def test_the_end_names_the_fix_and_next_steps(demo: Path):
    state = fold(first_run(demo))
    assert state.outcome == "succeeded"
    assert state.tasks["006"].fixes == 1
    assert not state.questions
