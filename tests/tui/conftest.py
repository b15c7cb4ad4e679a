"""Fixtures of the screen's tests: a plain environment, and a project to show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual._compositor import Compositor
from textual._context import active_app, visible_screen_stack

from ossature.tui.hints import hints, write_seen
from ossature.tui.keys.keymap import DEFAULT_KEYS
from tests.tui.scene import Scene, at_fix_gate, owned


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "NO_COLOR",
        "SSH_CONNECTION",
        "SSH_TTY",
        "TMUX",
        "LANG",
        "LC_CTYPE",
        "VISUAL",
        "OSSATURE_MODEL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    write_seen(tmp_path / "state" / "ossature", [hint.name for hint in hints(DEFAULT_KEYS)])


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "spenny")


@pytest.fixture
def asked(scene: Scene) -> Iterator[Scene]:
    """A live run that waits at the fix gate of 006."""
    at_fix_gate(scene)
    with owned(scene):
        yield scene


@pytest.fixture(autouse=True)
def _nothing_is_drawn_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal no update is drawn: the tests read the screen themselves, by `render_strips`.

    It halves what they cost. What a driver gets is drawn as ever, and tested with real drivers.
    """
    drawn = Compositor.render_update

    def render_update(self: Compositor, full: bool = False, screen_stack: Any = None, simplify: bool = False):
        if full or not active_app.get().is_headless:
            return drawn(self, full, screen_stack, simplify)
        visible_screen_stack.set(screen_stack or [])
        self._dirty_regions.clear()
        return None

    monkeypatch.setattr(Compositor, "render_update", render_update)
