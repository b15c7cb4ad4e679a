"""Saved files are read at once, and the bar says what they would make stale."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.tui.scene import Scene, owned
from tests.tui.stage import press, run, screen, shown, until


def save(path: Path, old: str, new: str) -> None:
    """By rename, as editors do it."""
    text = path.read_text("utf-8")
    assert old in text
    aside = path.with_name(".save.swp")
    aside.write_text(text.replace(old, new), "utf-8")
    aside.replace(path)


def test_a_save_is_validated_at_once_and_told_once(scene: Scene) -> None:
    spec = scene.project.root / "specs" / "expenses.smd"

    async def dialogue() -> None:
        async with shown(scene, (160, 45)) as (app, pilot):
            await press(pilot, "1", *"jjjjj", "enter")
            save(spec, "### Parse an amount", "### Parse amounts")
            await until(pilot, lambda: "EXPENSES saved: makes no task stale" in screen(app))
            assert "Parse amounts" in screen(app)
            await press(pilot, "escape")
            assert "EXPENSES saved" not in screen(app)
            save(spec, "## Goals", "## Gaols")
            await until(pilot, lambda: "EXPENSES saved: a new error at .ossature/plan.toml:49" in screen(app))
            assert "'EXPENSES:Goals' names no section" in screen(app)
            save(spec, "## Gaols", "## Goals")
            await until(pilot, lambda: "EXPENSES saved: its error is gone" in screen(app))

    run(dialogue())
    assert not [t for t in threading.enumerate() if "watch" in f"{t.name} {type(t).__module__}"]


def test_what_a_run_writes_is_shown_and_not_told_as_an_edit(scene: Scene) -> None:
    scene.begin()

    async def dialogue() -> None:
        with owned(scene):
            async with shown(scene, (160, 45)) as (app, pilot):
                save(scene.project.plan_path, "Error classes", "Classes of errors")
                await until(pilot, lambda: app.bridge.view.tasks[0].task.title == "Classes of errors")
                assert "saved" not in screen(app)

    run(dialogue())
