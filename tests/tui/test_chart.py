"""The plan in layers, in use."""

from __future__ import annotations

import pytest

from ossature.domain import event as ev
from tests.tui.scene import Scene
from tests.tui.stage import is_whole, press, run, screen, shown, until


def test_a_walk_through_the_layers(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            await press(pilot, "3", "g")
            await until(pilot, lambda: "Plan in layers" in screen(app))
            text = screen(app)
            assert "◔" not in text.splitlines()[0]
            for box in ("↑✓ 001 Error", "↑✓ 002 Parse", "? 006 Sum up", "● 007 Tables", "↓○ 008 The"):
                assert box in text, box
            assert "006 waiting · ↑ 4 upstream, ↓ 1 downstream · all tasks" in text
            await press(pilot, "left")
            assert app.plan.key in ("002", "005")
            assert not app.follows
            await press(pilot, "right")
            assert app.plan.key == "006"
            await press(pilot, "l")
            assert app.plan.key == "008"
            assert "008 pending · ↑ 7 upstream, ↓ 0 downstream" in screen(app)
            await press(pilot, "0", "minus")
            assert "4 of 8 tasks, depth 1" in screen(app)
            await press(pilot, "left")
            before = app.plan.key
            await press(pilot, "down", "up")
            assert app.plan.key == before
            await press(pilot, "slash", *"book on disk", "enter")
            assert app.plan.key == "004"
            assert "004 Store" in screen(app)
            asked.tell(ev.TaskFailed(task="007", reason="no luck"))
            await press(pilot, "0")
            await until(pilot, lambda: "✗ 007 Tables" in screen(app))
            await press(pilot, "enter")
            assert app.focused_pane == "task"
            assert "Store the book on disk" in screen(app)
            await press(pilot, "3", "g", "g")
            assert app.focused_pane == "plan"
            await press(pilot, "g", "escape")
            assert app.focused_pane == "plan"
            assert app.plan.display

    run(dialogue())


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
def test_the_layers_scroll_where_they_do_not_fit(
    asked: Scene, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSSATURE_ASCII", "1")

    async def dialogue() -> None:
        async with shown(asked, size) as (app, pilot):
            await press(pilot, "3", "g")
            for key in ("home", "end", "pagedown", "less_than_sign", "greater_than_sign", "home"):
                await press(pilot, key)
                assert is_whole(app)
                assert screen(app).isascii() or "..." in screen(app)
            assert "+ 001" in screen(app)
            await press(pilot, "end")
            assert "o 008" in screen(app)

    run(dialogue())
