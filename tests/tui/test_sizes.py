"""The screen is usable at the sizes that people have, and never breaks at others."""

from __future__ import annotations

import pytest

from ossature.tui.panes.layout import PANES, Pane, pane_layout
from tests.tui.scene import Scene
from tests.tui.stage import is_whole, lines, press, run, screen, shown, until

SIZES = ((160, 45), (120, 40), (80, 24), (60, 20), (40, 12), (20, 6), (300, 80))


@pytest.mark.parametrize("size", SIZES)
def test_every_pane_and_dialog_draws_whole_lines(asked: Scene, size: tuple[int, int]) -> None:
    async def dialogue() -> None:
        async with shown(asked, size) as (app, pilot):
            for keys in ("1", "2", "3", "4", "5", "z", "z", "w"):
                await press(pilot, keys)
                assert is_whole(app)
            for opener in ("question_mark", "H", "o", "ctrl+p"):
                await press(pilot, opener)
                assert is_whole(app)
                await press(pilot, "escape")
                await until(pilot, lambda: len(app.screen_stack) == 1)
            await press(pilot, "r", "x", "escape", "x", "n")
            assert is_whole(app)
            assert app.is_running

    run(dialogue())


def test_resizing_keeps_the_pane_in_use_on_the_screen(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, (160, 45)) as (app, pilot):
            await press(pilot, "2")
            for size in SIZES:
                await pilot.resize_terminal(*size)
                await until(pilot, lambda size=size: len(lines(app)) == size[1] and is_whole(app))
                await until(pilot, lambda: app.findings.display)
            await pilot.resize_terminal(80, 24)
            await until(pilot, lambda: "2 Findings" in screen(app))
            assert "4 006" in screen(app)

    run(dialogue())


@pytest.mark.parametrize(
    ("size", "shown_panes"),
    [
        ((160, 45), PANES),
        ((120, 24), ("specs", "findings", "plan", "task")),
        ((80, 24), ("plan", "task")),
        ((60, 20), ("plan",)),
        ((40, 12), ("plan",)),
    ],
)
def test_the_size_decides_which_panes_are_shown(size: tuple[int, int], shown_panes: tuple[Pane, ...]) -> None:
    assert pane_layout(*size, focused="plan", listed="plan", aside="task", zoomed=False).shown == shown_panes
    assert pane_layout(*size, focused="plan", listed="plan", aside="task", zoomed=True).shown == ("plan",)


def test_a_question_can_be_read_and_answered_at_80x24(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, (80, 24)) as (app, _):
            text = screen(app)
            for part in (
                "? 006 verify failed",
                "a approve fix",
                "r retry",
                "e edit file",
                "s skip",
                "x abort run",
            ):
                assert part in text

    run(dialogue())


def test_without_utf8_and_colour_the_screen_is_ascii_and_says_the_same(
    asked: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("NO_COLOR", "1")

    async def dialogue() -> None:
        async with shown(asked, (120, 40)) as (app, pilot):
            for key in ("3", "question_mark"):
                await press(pilot, key)
                text = screen(app)
                assert text.isascii(), sorted({char for char in text if not char.isascii()})
                assert is_whole(app)
            await press(pilot, "escape")
            row = next(line for line in screen(app).splitlines() if " 001 " in line)
            assert "+" in row
            assert "landed" in row

    run(dialogue())
