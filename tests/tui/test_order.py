"""Keys that come faster than the screen acts do what they would have done one by one."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from ossature.tui.app import OssatureApp
from tests.tui.scene import Scene
from tests.tui.stage import run, shown, until


def burst(app: OssatureApp, *keys: str) -> None:
    """All keys at once, as a terminal hands over what was typed ahead."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


def test_keys_typed_ahead_go_where_the_keys_before_them_lead(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, (80, 24)) as (app, pilot):
            # A step away from where the run is, while something new comes in.
            app.plan.action_cursor_down()
            app.show_all()
            await until(pilot, lambda: not app.follows)
            assert app.plan.key == "007"
            # A filter whose first letter would approve the fix, taken back and typed again.
            burst(app, "slash", "a", "x", "backspace", "r")
            await until(pilot, lambda: app.bar.field.value == "ar")
            assert asked.letters() == []
            burst(app, "escape", "4", "z", "escape", "1", "j", "j", "enter")
            await until(pilot, lambda: app.focused is app.task_pane.viewer and app.task_pane.tab == "text")
            assert app.specs.cursor == 2 and not app.is_zoomed
            # To the log, search there, and out of the field again by a submitted text.
            burst(app, "l", "slash", *"task", "enter", "5", "3", "end")
            await until(pilot, lambda: app.plan.cursor == 7)
            assert app.log_pane.pattern is not None and app.log_pane.pattern.text == "task"
            # Into a dialog with a field of its own, choose there, and on in what it opens.
            burst(app, "question_mark", *"filter the", "enter", *"store")
            await until(pilot, lambda: app.bar.field.value == "store")
            assert asked.letters() == []

    run(dialogue())


def test_a_key_whose_widget_is_gone_holds_no_other_back(
    asked: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ossature.tui.order.PATIENCE_S", 0.2)

    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            field = Input()
            await app.screen.mount(field)
            field.focus()
            await until(pilot, lambda: app.focused is field)
            call_later = field.call_later
            monkeypatch.setattr(
                field, "call_later", lambda call, *args: call == app._climb or call_later(call, *args)
            )
            burst(app, "x", "y")
            await until(pilot, lambda: field.value == "xy")

    run(dialogue())
