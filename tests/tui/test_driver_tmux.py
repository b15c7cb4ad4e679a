"""A real terminal shows the same with our driver as with Textual's, after every key and size."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.scene import Scene
from tests.tui.terminals import Cell, Terminal
from tests.tui.test_launch import LAUNCH, Tmux, wait_for

pytestmark = pytest.mark.timeout(400)

STEPS = (  # what is done, and what is there then, or behind a minus what is not
    ("j", "4 007"),
    ("1", "1 Specs"),
    ("G", "1 Specs"),
    ("4", "4 00"),
    ("Right", "4 00"),
    ("?", "Keys"),
    ("PPage", "Keys"),
    ("Escape", "-Keys"),
    ("5", "5 Log"),
    ("100x30", "5 Log"),
    ("60x20", "5 Log"),
    ("80x24", "5 Log"),
    ("3", "3 Plan"),
)


@pytest.fixture
def screens(asked: Scene, tmp_path: Path) -> Iterator[tuple[Tmux, Tmux]]:
    """The same run on two terminals: with our driver, and with Textual's."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    servers = []
    try:
        for driver in ("delta", "stock"):
            env = {
                **os.environ,
                "PS1": "ready> ",
                "ENV": "",
                "OSSATURE_DRIVER": driver,
                "SSH_CONNECTION": "198.51.100.7 50022 198.51.100.8 22",
            }
            server = Tmux(f"ossature-test-{uuid.uuid4().hex[:12]}", env)
            servers.append(server)
            server.type(f"{sys.executable} -c '{LAUNCH}' {asked.project.root}")
        yield servers[0], servers[1]
    finally:
        for server in servers:
            server("kill-server")


def cells(tmux: Tmux) -> list[list[Cell]]:
    """What the terminal holds, with all looks."""
    width, height = map(
        int, tmux("display-message", "-p", "-t", "test", "#{pane_width} #{pane_height}").split()
    )
    terminal = Terminal(width, height)
    for number, line in enumerate(tmux("capture-pane", "-p", "-e", "-N", "-t", "test").splitlines(), 1):
        terminal.send(f"\x1b[{number};1H{line}")
    return terminal.rows()


def differences(ours: Tmux, stock: Tmux) -> list[str]:
    rows = zip(cells(ours), cells(stock), strict=True)
    return [
        f"{x},{y}: {one} instead of {other}"
        for y, row in enumerate(rows)
        for x, (one, other) in enumerate(zip(*row, strict=True))
        if one != other
    ]


def test_a_real_terminal_shows_what_it_shows_with_the_stock_driver(screens: tuple[Tmux, Tmux]) -> None:
    ours, stock = screens
    for screen in screens:
        screen.wait("006 verify failed")
    for step, expected in STEPS:
        for screen in screens:
            width, by, height = step.partition("x")
            if by:
                screen("resize-window", "-t", "test", "-x", width, "-y", height)
                screen.wait_for_size(int(width), int(height))
            else:
                screen.key(step)
            if expected.startswith("-"):
                screen.wait_until_gone(expected[1:])
            else:
                screen.wait(expected)
        wait_for(
            lambda: cells(ours) == cells(stock),
            lambda step=step: f"after {step}: {differences(ours, stock)}\n{ours.screen()}\n{stock.screen()}",
        )
