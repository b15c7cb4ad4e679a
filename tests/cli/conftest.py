"""What the tests of the command line share: a shell, a project, and a run whose owner is the test."""

from __future__ import annotations

import io
import os
import pty
import select
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ossature.cli.command import parse
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


TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "ossature", *sys.argv[1:]])
"""
"""Makes stdin the terminal that controls the process, so that Ctrl-C there is a signal."""


class TerminalShell:
    """A command with a terminal of its own, and the person in front of it."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self.fd, program_end = pty.openpty()
        environ = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, *arguments],
            cwd=cwd,
            env=environ,
            stdin=program_end,
            stdout=program_end,
            stderr=program_end,
            start_new_session=True,
        )
        os.close(program_end)
        self.shown = ""
        self._searched = 0

    def expect(self, text: str) -> None:
        """Read until *text* is on the screen, behind what was expected before."""
        while (at := self.shown.find(text, self._searched)) < 0:
            assert self._read(), f"{text!r} never came; the screen shows:\n{self.shown}"
        self._searched = at + len(text)

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def wait(self) -> int:
        while self._read():
            pass
        return self.process.wait(timeout=60)

    def hang_up(self) -> int:
        """Close the terminal under the command, as a lost connection does."""
        fd, self.fd = self.fd, -1
        os.close(fd)
        return self.process.wait(timeout=60)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.fd >= 0:
            os.close(self.fd)

    def _read(self) -> bool:
        readable, _, _ = select.select([self.fd], [], [], 60)
        try:
            chunk = os.read(self.fd, 65536) if readable else b""
        except OSError:  # Linux: EIO once the other end is closed
            chunk = b""
        self.shown += chunk.decode().replace("\r\n", "\n")
        return bool(chunk)


@pytest.fixture
def terminal(root: Path) -> Iterator[Callable[..., TerminalShell]]:
    """Starts commands at a terminal."""
    started: list[TerminalShell] = []

    def start(*arguments: str) -> TerminalShell:
        started.append(TerminalShell(*arguments, cwd=root))
        return started[-1]

    yield start
    for one in started:
        one.close()


MODEL = """\
import pathlib, sys
sys.stdin.read()
if pathlib.Path("gate").exists():
    open("gate").read()
reply = pathlib.Path("reply.txt")
print(reply.read_text() if reply.exists() else '<file path="greeting.py">\\nNAME = "Ada"\\n</file>')
"""
PLAN = """\
[[task]]
id = "001"
spec = "GREETING"
title = "Greet [/x]\\u001b[2J"
outputs = ["greeting.py"]
spec_refs = ["Greet one person"]
verify = ["grep -q Ada greeting.py"]
"""
OPEN = ("--sandbox", "danger-full-access")


@pytest.fixture
def planned(root: Path) -> Path:
    """A project with a plan of one task, and a command of its own as the model."""
    config = root / "ossature.toml"
    text = config.read_text("utf-8")
    (root / "model.py").write_text(MODEL, "utf-8")
    model = f"exec:{shlex.quote(sys.executable)} {shlex.quote(str(root / 'model.py'))}"
    config.write_text(text.replace("anthropic:claude-sonnet-4-6", model, 1), "utf-8")
    (root / ".ossature").mkdir()
    (root / ".ossature" / "plan.toml").write_text(PLAN, "utf-8")
    return root
