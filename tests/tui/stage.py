"""Drives the app without a terminal: waits for states, reads the screen as text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from rich.cells import cell_len
from textual._context import visible_screen_stack
from textual.pilot import Pilot
from textual.strip import Strip

from ossature.domain.decision import LETTER, Command, Decision
from ossature.engine.session import RunRequest
from ossature.tui.app import OssatureApp, make_app
from tests.tui.scene import Scene

DEADLINE_S = 60.0


def run(dialogue: Coroutine[Any, Any, None]) -> None:
    """Play a dialogue with the app to its end."""
    asyncio.run(dialogue)


@asynccontextmanager
async def shown(
    scene: Scene, size: tuple[int, int] = (120, 40), *, request: RunRequest | None = None
) -> AsyncIterator[tuple[OssatureApp, Pilot[int]]]:
    """The app on the scene's project, once it has looked at it."""
    app = make_app(scene.project, request)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.bridge.view is not None)
        await pilot.pause()
        yield app, pilot


async def until(pilot: Pilot[int], is_so: Callable[[], object]) -> None:
    """Wait for a state; fails when it does not come."""
    end = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < end, f"never came; the screen:\n{screen(pilot.app)}"
        await pilot.pause(0.02)
    await pilot.pause()


async def press(pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


def strips(app: Any) -> list[Strip]:
    """The whole screen as it would be drawn now, with what shows through from behind a dialog."""
    visible_screen_stack.set(app._background_screens)
    return app.screen._compositor.render_strips()


def lines(app: Any) -> list[str]:
    """What the terminal would show, line by line."""
    return [strip.text for strip in strips(app)]


def screen(app: Any) -> str:
    return "\n".join(lines(app))


def is_whole(app: Any) -> bool:
    """Every line is exactly as wide as the screen."""
    return all(cell_len(line) == app.size.width for line in lines(app))


def last_letter(scene: Scene) -> Decision | Command:
    """The newest message in the inbox of the run."""
    return LETTER.validate_json(scene.letters()[-1].read_bytes()).message
