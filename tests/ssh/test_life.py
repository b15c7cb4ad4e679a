"""A build over a real SSH connection: it goes on whatever becomes of the line, and nothing typed is lost."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ossature.domain import event as ev
from ossature.domain.decision import Approve
from ossature.engine.session import fold, latest_run, live_holder
from ossature.project import load_project
from tests.ssh.server import DEADLINE_S, Client, Server
from tests.tui.scene import Scene, at_fix_gate, owned
from tests.tui.test_launch import screen_processes

pytestmark = pytest.mark.timeout(900)

DROPS = int(os.environ.get("OSSATURE_SSH_DROPS", "4"))
SEED = os.environ.get("OSSATURE_SSH_SEED", "1")
SIZES = ((80, 24), (120, 40), (60, 20), (100, 30))
SLOW_BYTES_PER_S, LINES = 4_000, 3_000
ASKS = "approve fix"
HINTS = "with a hint for the model"


def until(is_so: Callable[[], object], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.05)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.py"))}


def lose(server: Server, client: Client, *, silently: bool) -> None:
    """The connection is gone: cut, or without a word until the server gives up."""
    if silently:
        client.fall_silent()
        client.type("jk")
        server.give_up_silent()
    client.drop()


class Person:
    """Looks, types a hint piece by piece, loses the line, comes back."""

    def __init__(self, server: Server, dice: random.Random) -> None:
        self.server = server
        self.dice = dice
        self.root = server.home / "spenny"
        self.hint = ""
        self.client = server.log_in(size=SIZES[0])

    def start(self) -> None:
        self.client.line("ossature demo --dir spenny")
        self.client.wait("live")

    def do_something(self) -> None:
        """Go on with the hint where a question waits; else go about."""
        if ASKS in self.client.screen():
            self.open_hint()
            self.hint += f" word{len(self.hint)}"
            self.client.type(self.hint.rpartition(" ")[2] + " ")
            self.client.wait(self.hint.rpartition(" ")[2])
        else:
            for key in self.dice.sample("jk14z35", 3):
                self.client.type(key)
                time.sleep(self.dice.uniform(0, 0.4))

    def open_hint(self) -> None:
        """The draft is there again: of a long one its end is shown."""
        self.client.type("h")
        self.client.wait(HINTS)
        if self.hint:
            self.client.wait(self.hint.rpartition(" ")[2])

    def lose_and_return(self) -> None:
        lose(self.server, self.client, silently=self.dice.random() < 0.5)
        until(lambda: not screen_processes(self.root), "the end of the screen")
        project = load_project(self.root, {})
        run = latest_run(project)
        assert run is not None
        state = fold(project.runs_dir / run)
        assert live_holder(project) or state.outcome == "succeeded"
        self.client = self.server.log_in(size=self.dice.choice(SIZES))
        self.client.line("ossature -C spenny tui")
        self.client.wait("run 1")


def test_a_build_outlives_its_connections_and_is_answered_from_any(
    server: Server, environ: dict[str, str]
) -> None:
    reference = subprocess.Popen(
        [sys.executable, "-m", "ossature", "demo", "--headless", "--dir", str(server.home / "reference")],
        env=environ,
        stdout=subprocess.DEVNULL,
    )
    person = Person(server, random.Random(SEED))
    person.start()
    for _ in range(DROPS // 2):
        person.do_something()
        person.lose_and_return()
    person.client.wait(ASKS)
    for _ in range(DROPS - DROPS // 2):
        person.do_something()
        person.lose_and_return()
        person.client.wait(ASKS)
    assert person.hint

    other = server.log_in(size=(120, 40))
    other.line("ossature -C spenny tui")
    other.wait(ASKS)
    person.open_hint()
    person.client.type("\r")
    other.wait_until_gone(ASKS)
    for screen in (person.client, other):
        screen.wait("succeeded")
    lose(server, other, silently=False)
    person.client.type("q")
    person.client.wait("ready>")
    person.client.line("clear; cd spenny; ossature status")
    person.client.wait("9 done")
    person.client.line("exit")

    until(lambda: not screen_processes(person.root), "the end of all screens")
    assert reference.wait(DEADLINE_S) == 0
    assert files(person.root / "output") == files(server.home / "reference" / "output")
    project = load_project(person.root, {})
    assert live_holder(project) is None
    (run,) = [path.name for path in project.runs_dir.iterdir()]
    assert all(word in journal(project.runs_dir / run) for word in person.hint.split())


def journal(folder: Path) -> str:
    return (folder / "events.jsonl").read_text("utf-8")


@pytest.fixture
def tmux() -> Iterator[str]:
    """The command of a private server."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    command = f"tmux -L ossature-test-{uuid.uuid4().hex[:12]} -f /dev/null"
    yield command
    subprocess.run([*command.split(), "kill-server"], capture_output=True, timeout=60)


def test_a_slow_line_falls_behind_a_log_and_not_behind_its_person(server: Server) -> None:
    """What is skipped of a log that floods is never what was typed, and nothing of it stays away."""
    scene = Scene(server.home / "spenny")
    at_fix_gate(scene)
    with owned(scene):
        slow = server.log_in(bytes_per_s=SLOW_BYTES_PER_S)
        slow.line("ossature -C spenny tui")
        slow.wait("006 verify failed")
        slow.type("5")
        slow.wait("5 Log")
        for number in range(LINES):
            scene.tell(ev.Noticed(level="info", text=f"note {number}"), after_s=0)
        slow.type("h")
        slow.wait(HINTS)
        slow.type("sum the rounded shares")
        slow.wait("sum the rounded shares")
        slow.wait(f"note {LINES - 1}")
        slow.type("\r")
        slow.wait("sent for 006-fix-1")
        slow.type("q")
        slow.wait("come back with")
        until(lambda: not screen_processes(scene.project.root), "the end of the screen")
    assert "sum the rounded shares" in scene.letters()[-1].read_text("utf-8")


def test_a_screen_in_tmux_waits_for_its_person(server: Server, tmux: str) -> None:
    scene = Scene(server.home / "spenny")
    at_fix_gate(scene)
    with owned(scene):
        first = server.log_in()
        first.line(f"{tmux} new-session -s work /bin/sh \\; set-option -g assume-paste-time 0")
        first.wait("[work]")
        first.line("ossature -C spenny tui")
        first.wait("006 verify failed")
        first.type("h")
        first.wait(HINTS)
        first.type("sum the rounded")
        first.wait("sum the rounded")
        lose(server, first, silently=False)
        assert screen_processes(scene.project.root)

        second = server.log_in(size=(100, 30))
        second.line(f"{tmux} attach")
        second.wait("sum the rounded")
        second.type(" shares\x02d")
        second.wait("[detached")
        second.line(f"clear; {tmux} attach")
        second.wait("sum the rounded shares")

        # Somebody else answers: the question is not asked any longer, the hint is kept.
        answer = Approve(id="d1", question_id="006-fix-1", by="ada")
        scene.tell(ev.QuestionClosed(question_id="006-fix-1", decision=answer))
        second.type("\x1b")
        second.wait_until_gone(HINTS)
        second.wait_until_gone(ASKS)
        second.type("q")
        second.wait("come back with")
        until(lambda: not screen_processes(scene.project.root), "the end of the screen")
