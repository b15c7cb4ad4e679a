"""The plan by runs, in use."""

from __future__ import annotations

from typing import get_args

from ossature.engine.outcomes import Outcome, OutcomeKind
from ossature.tui.look.glyphs import ASCII, UNICODE
from ossature.tui.panes.grid import cell, told
from tests.tui.scene import RUN, Scene, owned
from tests.tui.stage import is_whole, press, run, screen, shown, until


def _three_runs(scene: Scene) -> None:
    scene.begin("20260301-090000-aaaa")
    scene.build("001")
    scene.start("002")
    scene.call("002")
    scene.reply("002")
    scene.verified("002", is_ok=False)
    scene.call("002", 2, "fix")
    scene.reply("002", 2, "fix")
    scene.verified("002", 2, "fix")
    scene.land("002", 2)
    scene.finish("stopped")
    scene.begin("20260301-100000-bbbb")
    scene.start("003")
    scene.call("003")
    scene.begin(RUN)
    scene.build("003")
    scene.start("004")


def test_a_walk_through_the_runs(scene: Scene) -> None:
    _three_runs(scene)

    async def dialogue() -> None:
        async with shown(scene) as (app, pilot):
            await press(pilot, "3", "home", "G")
            await until(pilot, lambda: "run 3, 2026-03-02" in screen(app))
            lines = screen(app).splitlines()
            row = next(line for line in lines if "002 Parse" in line)
            assert row.rstrip("│ ").endswith("1 ○ ○")
            row = next(line for line in lines if "003 Records" in line)
            assert row.rstrip("│ ").endswith("○ ! ✓")
            assert "blank not in plan" in screen(app)
            await press(pilot, "down", "left", "left", "left")
            assert app.plan.key == "002"
            assert "run 1, 2026-03-01" in screen(app) or "run 1, 2026-03-02" in screen(app)
            assert "stopped: 002 landed after 1 fix" in screen(app)
            scene.build("004")
            await until(pilot, lambda: "002 landed after 1 fix" in screen(app))
            await until(
                pilot, lambda: any("004 Store" in line and "✓" in line for line in screen(app).splitlines())
            )
            await press(pilot, "enter")
            assert app.focused_pane == "task"
            assert app.task_pane.attempt is not None
            assert app.task_pane.attempt.folder.name == "20260301-090000-aaaa-2-fix"
            await press(pilot, "3", "G", "end", "enter")
            assert "made no attempt: 008 was not reached" in screen(app)
            await press(pilot, "g")
            assert app.focused_pane == "chart"
            await press(pilot, "G", "escape")
            assert app.focused_pane == "plan"
        async with shown(scene, (40, 12)) as (app, pilot):
            await press(pilot, "3", "G")
            for key in ("pagedown", "0", "dollar_sign", "end", "home"):
                await press(pilot, key)
                assert is_whole(app)
            assert "001" in screen(app)

    with owned(scene):
        run(dialogue())


def test_every_outcome_has_a_sign_and_words() -> None:
    for kind in get_args(OutcomeKind):
        outcome = Outcome("001", kind)
        assert cell(outcome, ASCII).text.isascii()
        assert cell(outcome, UNICODE).text.strip()
        assert told(outcome)
    assert cell(Outcome("001", "landed", fixes=3), UNICODE).text == "3"
    landed = Outcome("001", "landed", fixes=2, seconds=34, cost_usd=0.02)
    assert told(landed) == "landed after 2 fixes, 34 s, $0.020"
    assert cell(None, UNICODE).text == " "
