"""Words for the first time: shown until they are hidden, and never kept in the project."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import ossature.tui
from ossature.domain import event as ev
from ossature.tui.hints import FILE_NAME, hints, read_seen
from ossature.tui.keys.keymap import DEFAULT_KEYS
from tests.tui.scene import Scene
from tests.tui.stage import press, run, screen, shown


def test_a_hint_is_shown_until_it_is_hidden_and_help_has_them_all(scene: Scene) -> None:
    state = Path(os.environ["XDG_STATE_HOME"]) / "ossature"
    (state / FILE_NAME).write_text("no list")

    async def first() -> None:
        async with shown(scene, (80, 24)) as (app, pilot):
            assert "1-5 go between panes" in screen(app)
            await press(pilot, "z", "escape")
            assert "1-5 go between panes" in screen(app)
            await press(pilot, "escape")
            assert "hides it" not in screen(app)
            assert "b builds" in screen(app)

    async def second() -> None:
        async with shown(scene, (80, 24)) as (app, pilot):
            assert "O sets colours" in screen(app)
            await press(pilot, "question_mark", *"between panes")
            assert "1-5 go between panes" in screen(app)
            await press(pilot, "enter")
            assert app.is_running

    run(first())
    assert read_seen(state) == {"panes"}
    run(second())
    assert not list(scene.project.state_dir.glob("*hint*"))


def test_every_hint_fits_a_line_of_80_cells() -> None:
    found = hints(DEFAULT_KEYS)
    assert len({hint.name for hint in found}) == len(found)
    assert all(len(f" {hint.text}  (escape hides it)") <= 80 for hint in found)


@pytest.mark.parametrize(
    ("goal", "outcome", "words"),
    [
        ("build", "succeeded", "b builds what changed"),
        ("build", "failed", "b goes on where it stopped"),
        ("build", "stopped", "b goes on where it stopped"),
        ("spec_fix", "failed", "F on a finding asks again"),
    ],
)
def test_after_a_run_the_next_step_is_named(
    scene: Scene, goal: ev.Goal, outcome: ev.Outcome, words: str
) -> None:
    scene.begin(goal=goal)
    scene.finish(outcome)

    async def dialogue() -> None:
        async with shown(scene, (80, 24)) as (app, _):
            assert words in screen(app)

    run(dialogue())


def test_every_key_that_a_sentence_names_is_one_of_the_table() -> None:
    files = [*Path(ossature.tui.__path__[0]).rglob("*.py")]
    named = {
        name
        for file in files
        for name in re.findall(r"\bkey\(['\"]([a-z-]+)['\"]\)", file.read_text("utf-8"))
    }
    assert len(named) > 20
    assert named <= {action.id for action in DEFAULT_KEYS.actions}
