"""Looking back: earlier runs, a replay, what calls cost, two attempts beside each other."""

from __future__ import annotations

import pytest

from tests.tui.scene import Scene, owned
from tests.tui.stage import is_whole, press, run, screen, shown, until

SIZES = [(120, 40), (60, 20)]


def two_runs(scene: Scene) -> None:
    """One that failed at 002 after a question, and a later one that went well."""
    scene.begin("20260302-101500-aaaa")
    scene.build("001")
    scene.start("002")
    scene.call("002")
    scene.reply("002")
    scene.verified("002", is_ok=False)
    scene.ask_fix("002")
    scene.finish("failed", reason="002 failed")
    scene.begin("20260303-101500-bbbb")
    scene.build("002")
    scene.finish()


@pytest.mark.parametrize("size", SIZES)
def test_an_earlier_run_is_opened_replayed_and_left(scene: Scene, size: tuple[int, int]) -> None:
    async def dialogue() -> None:
        two_runs(scene)
        async with shown(scene, size) as (app, pilot):
            await press(pilot, "H")
            await until(pilot, lambda: len(app.screen_stack) > 1)
            await press(pilot, *"failed goal:build")
            assert "succeeded" not in "\n".join(screen(app).splitlines()[4:-4])
            await press(pilot, "enter")
            await until(pilot, lambda: "run 1 of 2" in screen(app).splitlines()[0])
            assert app.bridge.board.find("002").status != "landed"
            await press(pilot, "P")
            await until(pilot, lambda: "REPLAY 1/18" in screen(app).splitlines()[0])
            assert "the run had no plan yet" in screen(app)
            await press(pilot, "3", "G")
            await until(pilot, lambda: app.grid.is_read)
            assert "the run had no plan yet" in screen(app)
            assert "no run has gone by a plan" not in screen(app)
            await press(pilot, "G")
            assert app.focused_pane == "plan"
            await press(pilot, "D")
            assert "landed spenny/errors.py" in screen(app)
            assert [line.status for line in app.bridge.board.lines[:2]] == ["landed", "pending"]
            await press(pilot, "b", "S")
            assert "a replay only shows what was" in screen(app)
            await press(pilot, "Q")
            assert "1 question open then" in screen(app)
            assert app.question is None
            await press(pilot, "j", "a", "comma", "comma")
            assert "REPLAY 15/18" in screen(app)
            await press(pilot, "at", *"4", "enter", "full_stop")
            assert "REPLAY 5/18 10:15:05" in screen(app).replace(
                f"{app.bridge.replay.mark.at.astimezone():%H}:", "10:"
            )
            await press(pilot, "right_parenthesis", "circumflex_accent")
            assert "REPLAY 0/18" in screen(app)
            await press(pilot, "dollar_sign", "5")
            assert "REPLAY 18/18" in screen(app)
            assert is_whole(app)
            assert "escape leave" in screen(app)
            await press(pilot, "3", "escape")
            assert "REPLAY" not in screen(app)
            assert app.bridge.state.outcome == "failed"
            await press(pilot, "escape")
            await until(pilot, lambda: "run 2 " in screen(app).splitlines()[0])
            assert app.bridge.outcome == "succeeded"
            assert scene.letters() == []

    run(dialogue())


def test_a_live_run_takes_nobody_away_from_an_earlier_one(scene: Scene) -> None:
    async def dialogue() -> None:
        two_runs(scene)
        async with shown(scene) as (app, pilot):
            app.show_run("20260302-101500-aaaa")
            scene.begin("20260304-101500-cccc")
            with owned(scene):
                await until(pilot, lambda: "escape goes to the live run" in screen(app))
                assert "run 1 of 2" in screen(app)
                await press(pilot, "P")
                await until(pilot, lambda: app.bridge.replay)
                await press(pilot, "escape", "escape")
                await until(pilot, lambda: app.bridge.state.run == scene.run)
                assert app.bridge.is_live

    run(dialogue())


@pytest.mark.parametrize("size", SIZES)
def test_spend_is_leafed_through_searched_and_copied(scene: Scene, size: tuple[int, int]) -> None:
    async def dialogue() -> None:
        two_runs(scene)
        async with shown(scene, size) as (app, pilot):
            await press(pilot, "t")
            await until(pilot, lambda: "by day" in screen(app))
            assert "$0.06" in screen(app)
            assert "2026-03-02 " in screen(app)
            await press(pilot, "left", "left")
            assert "anthropic:claude" in screen(app)
            await press(pilot, "left")
            assert "002 Parse and format" in screen(app)
            await press(pilot, "slash", *"errors", "enter")
            await until(pilot, lambda: app.screen.viewer.search is not None)
            await press(pilot, "a", "y")
            await until(pilot, lambda: "copied" in screen(app))
            assert is_whole(app)
            await press(pilot, "escape", "escape")
            await until(pilot, lambda: len(app.screen_stack) == 1)

    run(dialogue())


@pytest.mark.parametrize("size", SIZES)
def test_two_attempts_of_different_runs_are_compared(scene: Scene, size: tuple[int, int]) -> None:
    async def dialogue() -> None:
        two_runs(scene)
        scene.begin("20260304-101500-cccc")
        scene.start("002")
        scene.call("002")
        scene.reply("002", text="Another reply altogether.")
        scene.verified("002")
        with owned(scene):
            async with shown(scene, size) as (app, pilot):
                await until(pilot, lambda: len(app.task_pane.attempts) == 3)
                await press(pilot, "C")
                assert "Compare 20260304-101500-cccc" in screen(app)
                await press(pilot, "down", "enter")
                await until(pilot, lambda: "Input tokens" in screen(app))
                await press(pilot, "right")
                assert "the same text here" in screen(app)
                await press(pilot, "right")
                await until(pilot, lambda: "-29 +1" in screen(app))
                await press(pilot, "right", "right")
                assert "+OK" in app.screen.leaf("Output").document.block(0).text
                assert is_whole(app)
                await press(pilot, "q")
                await until(pilot, lambda: len(app.screen_stack) == 1)

    run(dialogue())
