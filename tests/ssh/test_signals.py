"""Whatever signal comes: the terminal is as before, the run goes on, and no process is left.

`OSSATURE_SIGNALS=all` tries every combination; by default a few stand for the rest.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.tui.scene import Scene, at_fix_gate, owned
from tests.tui.test_launch import LAUNCH, Tmux, screen_processes, stty, wait_for

pytestmark = pytest.mark.timeout(600)
SIGNALS = ("HUP", "TERM", "INT", "QUIT", "KILL", "SEGV", "ABRT", "TSTP", "STOP")


class Case(NamedTuple):
    signal: str
    target: str
    """launcher or screen."""
    front: str
    """Which of the two, screen or editor, has the terminal."""

    @property
    def effect(self) -> str:
        """What is to become of it."""
        if self.signal in ("TSTP", "STOP"):
            return "stops"
        is_quit = self.signal == "QUIT" and (self.target == "launcher" or self.front == "editor")
        is_key = self.signal == "INT" or is_quit
        return "stays" if is_key else "ends"

    @property
    def is_sudden(self) -> bool:
        """The launcher dies at once, and the shell says so before the screen has left the terminal."""
        return self.target == "launcher" and self.signal in ("KILL", "SEGV", "ABRT")


SAMPLE = (
    Case("TERM", "launcher", "editor"),
    Case("KILL", "launcher", "screen"),
    Case("SEGV", "screen", "editor"),
    Case("TSTP", "launcher", "screen"),
    Case("INT", "screen", "editor"),
)
IMPOSSIBLE = (
    # Nobody is told of a SIGSTOP; and with an editor in front, it is the editor that would have to stop.
    *(Case("STOP", "launcher", front) for front in ("screen", "editor")),
    *(Case("TSTP", target, "editor") for target in ("launcher", "screen")),
    Case("STOP", "screen", "editor"),
)
EVERY = [Case(*names) for names in itertools.product(SIGNALS, ("launcher", "screen"), ("screen", "editor"))]
WANTS_ALL = os.environ.get("OSSATURE_SIGNALS") == "all"
CASES = [case for case in EVERY if case not in IMPOSSIBLE] if WANTS_ALL else SAMPLE


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    env = {**os.environ, "LC_ALL": "C.UTF-8", "ENV": "", "XDG_CONFIG_HOME": "/nonexistent"}
    try:
        server = Tmux(f"ossature-test-{uuid.uuid4().hex[:12]}", env)
    except FileNotFoundError:
        pytest.skip("tmux is not installed")
    try:
        server.type("PS1='ready> ' exec bash --norc --noprofile -i")
        server.wait("ready>")
        yield server
    finally:
        server("kill-server")


def modes(tmux: Tmux) -> str:
    return tmux(
        "display-message", "-p", "-t", "test", "#{alternate_on}#{mouse_any_flag}#{cursor_flag}"
    ).strip()


def editors(folder: Path) -> list[int]:
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and str(folder / "editor").encode() in _argv(entry)
    ]


def _argv(entry: Path) -> list[bytes]:
    try:
        return (entry / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def launcher_of(screen: int) -> int:
    return int(Path(f"/proc/{screen}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_no_signal_costs_the_terminal_or_the_run(case: Case, tmux: Tmux, tmp_path: Path) -> None:
    scene = Scene(tmp_path / "spenny")
    at_fix_gate(scene)
    root = scene.project.root
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "EDITING $1"\nread answer\n')
    editor.chmod(0o755)
    with owned(scene):
        before = stty(tmux, tmp_path / "before")
        tmux.type(f"clear; EDITOR={editor} {sys.executable} -c '{LAUNCH}' {root}; echo code=$?")
        tmux.wait("006 verify failed")
        if case.front == "editor":
            tmux.key("e")
            tmux.wait("EDITING")
        (screen,) = screen_processes(root)
        target = launcher_of(screen) if case.target == "launcher" else screen
        os.kill(target, getattr(signal, f"SIG{case.signal}"))
        match case.effect:
            case "stays":
                if case.front == "editor":
                    tmux.key("Enter")
                    tmux.wait("a approve fix")
                tmux.key("q")
                tmux.wait("code=0")
            case "stops":
                tmux.wait("Stopped")
                assert modes(tmux) == "001"
                assert stty(tmux, tmp_path / "stopped") == before
                tmux.type("clear; fg")
                tmux.wait("006 verify failed")
                tmux.key("q")
        if case.effect == "ends" and not case.is_sudden:
            tmux.wait("code=1")
        wait_for(lambda: screen_processes(root) == [] and editors(tmp_path) == [], tmux.screen)
        if case.is_sudden:
            tmux.type("echo back=$((40+2))")
            tmux.wait("back=42")
        assert stty(tmux, tmp_path / "after") == before
        assert modes(tmux) == "001"
        assert scene.letters() == []
    print(f"{case.signal:<5} to {case.target:<9} with the {case.front:<6}: {case.effect}, all as before")
