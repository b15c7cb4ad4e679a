"""What the tests of the command line share: a shell, a project, and a run whose owner is the test."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ossature.cli.command import parse
from ossature.cli.commands import answer as _answer_module  # noqa: F401  # imported once, before any pause
from ossature.cli.main import main
from ossature.cli.terminal import Terminal
from ossature.domain.decision import Decision, Question
from ossature.domain.event import Event, QuestionAsked, QuestionClosed, RunStarted
from ossature.errors import OssatureError
from ossature.project import Project, load_project
from ossature.store import inbox
from ossature.store.journal import Journal
from ossature.store.lease import Lease, LeaseInfo

RUN = "2026-03-02T10-00-00-ab12"
Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Runs `ossature` as a process of its own; warnings are errors there, too."""

    def run(*arguments: str, cwd: Path = tmp_path, **options: object) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "NO_COLOR": "1", "PYTHONWARNINGS": "error", "COLUMNS": "100"}
        environ.pop("OSSATURE_MODEL", None)
        return subprocess.run(
            [sys.executable, "-m", "ossature", *arguments],
            cwd=cwd,
            env=environ,
            encoding="utf-8",
            capture_output="stdout" not in options,
            timeout=60,
            **options,
        )

    return run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project as `init` makes it."""
    folder = tmp_path / "parcels"
    assert main(["-C", str(tmp_path), "init", "parcels"]) == 0
    return folder


@pytest.fixture
def project(root: Path) -> Project:
    return load_project(root, {})


class Screen(Terminal):
    """A terminal that keeps what was printed."""

    @property
    def text(self) -> str:
        return self.stdout.getvalue() + self.stderr.getvalue()


@pytest.fixture
def screen(root: Path) -> Screen:
    return Screen(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), cwd=root, environ={})


def run_command(commands: dict, name: str, arguments: Sequence[str], screen: Screen) -> int:
    return commands[name].run(parse(name, commands[name], list(arguments)), screen)


class Owner:
    """Plays the process that owns a run."""

    def __init__(self, project: Project, run: str = RUN) -> None:
        self.folder = project.runs_dir / run
        self.folder.mkdir(parents=True)
        self.lease = Lease(project.lease_path)
        self.lease.acquire(LeaseInfo(pid=1, host="here", since="", run=run))
        self.journal = Journal(self.folder / "events.jsonl")
        self.tell(RunStarted(run=run, goal="build", pid=1, host="here", project="parcels", version="1"))

    def tell(self, *events: Event) -> None:
        for event in events:
            self.journal.append(event)

    def ask(self, question: Question) -> None:
        self.tell(QuestionAsked(question=question))

    def letters(self) -> list:
        return [letter.message for letter in inbox.collect(self.folder / "inbox")]

    def accept(self, decision: Decision) -> None:
        self.tell(QuestionClosed(question_id=decision.question_id, decision=decision))

    def leave(self) -> None:
        self.lease.release()
        self.journal.close()


@pytest.fixture
def owner(project: Project) -> Iterator[Owner]:
    playing = Owner(project)
    yield playing
    playing.leave()


def failure(error: pytest.ExceptionInfo[OssatureError]) -> str:
    return f"{error.value} → {error.value.hint}"
