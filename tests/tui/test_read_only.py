"""A viewer that only looks: every key may be pressed, and nothing is sent or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ossature.domain.decision import Approve
from ossature.engine import accounts
from ossature.errors import OssatureError
from ossature.tui.app import make_app
from ossature.tui.bridge import Bridge
from ossature.tui.keys.actions import ACTIONS, footer_actions
from tests.tui.scene import Scene, at_fix_gate, owned
from tests.tui.stage import press, run, screen, until


def content(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def keys_of(*scopes: str) -> list[str]:
    """One key of every action that would change something."""
    return [action.keys.split(",")[0] for action in ACTIONS if action.acts and action.scope in scopes]


def test_no_key_sends_or_writes_anything(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "false")
    at_fix_gate(scene)
    (scene.project.root / ".ossature" / "lease").touch()
    before = content(scene.project.root)

    async def dialogue() -> None:
        app = make_app(scene.project, None, is_read_only=True)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: app.bridge.view is not None)
            assert "waits for whoever runs it" in screen(app)
            assert "approve fix" not in screen(app)
            for pane, scopes in app.HELP_SCOPES.items():
                app.go_to(pane)
                extra = ("app", "question") if pane == "plan" else ()
                for key in keys_of(*(scope for scope in scopes if scope != "app"), *extra):
                    await pilot.press(key)
                    await pilot.pause()
                    if len(app.screen_stack) > 1:  # the key has another meaning, which only looks
                        await press(pilot, "escape")
                    assert len(app.screen_stack) == 1 and not app.bar.is_busy, f"{key} in {pane}"
            app.go_to("plan")
            await press(pilot, "a")
            assert "this viewer only looks" in screen(app)

    with owned(scene):
        run(dialogue())
    assert content(scene.project.root) == before


def test_looking_back_remembers_nothing_in_the_project(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "WORTH_KEEPING", 1)
    at_fix_gate(scene)
    before = content(scene.project.root)

    async def dialogue() -> None:
        app = make_app(scene.project, None, is_read_only=True)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: app.bridge.view is not None)
            for key in ("H", "t"):
                await press(pilot, key)
                await until(pilot, lambda: len(app.screen_stack) > 1)
                await press(pilot, "escape")
                await until(pilot, lambda: len(app.screen_stack) == 1)

    run(dialogue())
    assert content(scene.project.root) == before


def test_what_would_be_sent_is_refused_below_the_keys_too(scene: Scene) -> None:
    at_fix_gate(scene)
    bridge = Bridge(scene.project, is_read_only=True)
    bridge.attach_latest()
    with pytest.raises(OssatureError, match="only looks"):
        bridge.decide(Approve(question_id="006-fix-1", by="tui"))
    bridge.save_draft("006-fix-1", "mind the rounding")
    assert bridge.draft("006-fix-1") == ""


def test_the_footer_offers_nothing_that_acts() -> None:
    assert any(action.acts for action in footer_actions("list", "app"))
    assert not any(action.acts for action in footer_actions("list", "app", only_looks=True))
