"""The plan is edited on the screen: forms, edges, blocks, undo; each use from its key to the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot

from ossature.domain import event as ev
from ossature.engine.plan_editor import PlanEditor, Sheet
from ossature.store.plan_reading import read_plan
from ossature.tui.app import OssatureApp
from ossature.tui.look.glyphs import ASCII
from ossature.tui.screens.checks import EdgesDialog
from ossature.tui.screens.plan_dialog import Desk, PlanDialog
from tests.tui.scene import Scene
from tests.tui.stage import is_whole, press, run, screen, shown, until


def plan_of(scene: Scene) -> str:
    return scene.project.plan_path.read_text("utf-8")


def tasks_of(scene: Scene) -> dict[str, object]:
    return dict(read_plan(scene.project.plan_path, name="plan.toml").by_id())


async def on(app: OssatureApp, pilot: Pilot[int], task: str) -> None:
    """Put the cursor on a task."""
    app.plan.move_to(task)
    await until(pilot, lambda: app.plan.key == task)


async def says(app: OssatureApp, pilot: Pilot[int], words: str) -> None:
    """Wait for a message, of the dialog that is open or in the bar."""

    def said() -> str:
        dialog = app.screen
        asked = (
            app.bar.confirming.text if app.bar.confirming else app.bar.asking.label if app.bar.asking else ""
        )
        told = app.message.text if app.message else ""
        return dialog.said if isinstance(dialog, PlanDialog) else asked or told

    await until(pilot, lambda: words in said())


def test_a_form_changes_a_task_and_undo_takes_it_back(scene: Scene) -> None:
    before = plan_of(scene)

    async def dialogue() -> None:
        async with shown(scene, (80, 24)) as (app, pilot):
            await on(app, pilot, "006")
            await press(pilot, "c")
            await until(pilot, lambda: len(app.screen_stack) == 2)
            await press(pilot, "end", "s", "tab", "S", "enter", "T")
            await says(app, pilot, "006: title and description changed; makes nothing stale")
            assert plan_of(scene) == before
            await press(pilot, "escape")
            await says(app, pilot, "escape again drops the changes")
            await press(pilot, "ctrl+s")
            await until(pilot, lambda: len(app.screen_stack) == 1)
            await says(app, pilot, "006: title and description changed; makes nothing stale")
            assert app.plan.key == "006"
            assert "Sum up by category and months" in screen(app)
            assert plan_of(scene) != before
            changed = plan_of(scene)
            await press(pilot, "u")
            await says(app, pilot, "undone: 006: title and description changed")
            assert plan_of(scene) == before
            await press(pilot, "u")
            await says(app, pilot, "there is nothing to undo")
            await press(pilot, "ctrl+r")
            await says(app, pilot, "redone: 006")
            assert plan_of(scene) == changed

    run(dialogue())


def test_a_form_says_what_is_wrong_and_stays_open(scene: Scene) -> None:
    async def dialogue() -> None:
        async with shown(scene, (40, 12)) as (app, pilot):
            await on(app, pilot, "006")
            await press(pilot, "c", *["down"] * 5)
            await until(
                pilot, lambda: app.screen.focused is not None and app.screen.focused.id == "spec_refs"
            )
            assert is_whole(app)
            assert "sections of the spec" in screen(app)
            await press(pilot, "end", "z", "ctrl+s")
            await says(app, pilot, "refused: 006: spec_refs: 'EXPENSES:Goalsz' names no section")
            await says(app, pilot, "did you mean 'EXPENSES:Goals'?")
            assert "did you mean" in screen(app)
            await press(pilot, "backspace", *["up"] * 5, "end", "q")
            text = plan_of(scene).replace('"Sum up by category and month"', '"Sums"')
            scene.project.plan_path.write_text(text, "utf-8")
            await press(pilot, "ctrl+s")
            await says(app, pilot, "title of 006 was changed on disk meanwhile, so nothing was written")
            assert plan_of(scene) == text
            await press(pilot, "ctrl+s")
            await until(pilot, lambda: len(app.screen_stack) == 1)
            assert tasks_of(scene)["006"].title == "Sum up by category and monthq"

    run(dialogue())


def test_edges_are_chosen_and_a_ring_is_refused_task_by_task(scene: Scene) -> None:
    async def dialogue() -> None:
        async with shown(scene, (80, 24)) as (app, pilot):
            await on(app, pilot, "003")
            await press(pilot, "L")
            await until(pilot, lambda: "[x] 001" in screen(app))
            await press(pilot, *"li", "space")
            await says(app, pilot, "003 Records and the book waits for 008 The command line waits for 004")
            await press(pilot, "backspace", "backspace", *"pa", "space")
            await says(app, pilot, "003 waits for 002; makes nothing stale")
            await press(pilot, "enter")
            await until(pilot, lambda: tasks_of(scene)["003"].depends_on == ("001", "002"))
            await says(app, pilot, "003 waits for 002")

    run(dialogue())


def test_a_ring_is_looked_for_only_once_it_is_asked_about(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = PlanEditor(lambda: scene.project).open()
    searched: list[str] = []
    monkeypatch.setattr(Sheet, "ring", lambda _sheet, _task, needed: searched.append(needed))
    refused = {}
    for task in sheet.plan.tasks:
        dialog = EdgesDialog(sheet, task, Desk(*[refused.get] * 3), glyphs=ASCII)
        refused[task.id] = {row.key for row in dialog.rows_now() if row.left[0].text == " -  "}
    assert searched == []
    monkeypatch.undo()
    ids = list(refused)
    assert refused == {
        task.id: {
            name for name in ids if name not in (task.id, *task.depends_on) and sheet.ring(task.id, name)
        }
        for task in sheet.plan.tasks
    }
    assert refused["001"] == {*ids} - {"001"}


def test_one_key_moves_skips_deletes_and_refuses_with_the_reason(scene: Scene) -> None:
    before = plan_of(scene)

    async def dialogue() -> None:
        async with shown(scene, (80, 24)) as (app, pilot):
            await on(app, pilot, "003")
            await press(pilot, "K", "K")
            await says(app, pilot, "refused: 003 waits for 001, so it comes after it")
            assert list(tasks_of(scene)) == ["001", "003", "002", *(f"00{n}" for n in range(4, 9))]
            await press(pilot, "X")
            await says(app, pilot, "003: skipped; holds up 5 tasks")
            await press(pilot, "minus")
            await says(app, pilot, "refused: 003 is needed: 004, 005 and 007 wait for it")
            await on(app, pilot, "008")
            await press(pilot, "m")
            await says(app, pilot, "008: written by you (manual)")
            await press(pilot, "minus")
            await says(app, pilot, "Delete 008 The command line?")
            await press(pilot, "y")
            await says(app, pilot, "008 deleted")
            assert app.plan.key == "007"
            await press(pilot, "u", "u", "u", "u")
            await until(pilot, lambda: plan_of(scene) == before)

    run(dialogue())


def test_tasks_are_added_split_and_merged(scene: Scene) -> None:
    async def dialogue() -> None:
        async with shown(scene, (80, 24)) as (app, pilot):
            await on(app, pilot, "005")
            await press(pilot, "plus")
            await until(pilot, lambda: len(app.screen_stack) == 2)
            await press(pilot, "N", "tab", "tab", "tab", "a", "enter", "b", "ctrl+s")
            await says(app, pilot, "009 added")
            assert app.plan.key == "009"
            assert tasks_of(scene)["009"].depends_on == ("005",)
            await press(pilot, "percent_sign")
            await until(pilot, lambda: "writes" in screen(app))
            await press(pilot, "R", "tab", "enter")
            await until(pilot, lambda: "010" in tasks_of(scene))
            assert tasks_of(scene)["009"].outputs == ("a",)
            assert tasks_of(scene)["010"].depends_on == ("005", "009")
            await says(app, pilot, "009 split, 010 is its second part")
            await press(pilot, "ampersand")
            await until(pilot, lambda: "Merge 009 with" in screen(app))
            await press(pilot, *"010", "enter")
            await says(app, pilot, "title of 009 and 010 as one task")
            await press(pilot, "enter")
            await says(app, pilot, "010 merged into 009")
            assert tasks_of(scene)["009"].title == "N; R"

    run(dialogue())


_EDITOR = """\
import pathlib, sys
path = pathlib.Path(sys.argv[-1])
text = path.read_text("utf-8")
broken = "title = 'Sums'\\nnotes = 'open\\n"
if "notes = 'open\\n" in text:
    path.write_text(text.replace("'open\\n", "'shut'\\n"), "utf-8")
else:
    path.write_text("# mine\\n" + text.replace('title = "Sum up by category and month"\\n', broken), "utf-8")
"""


def test_a_block_with_a_fault_is_kept_and_can_be_opened_again(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = plan_of(scene)
    script = tmp_path / "editor.py"
    script.write_text(_EDITOR, "utf-8")
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")

    async def dialogue() -> None:
        async with shown(scene, (80, 24)) as (app, pilot):
            # There is no terminal to be given away.
            monkeypatch.setattr(app, "run_editor", lambda argv: subprocess.run(argv).returncode)
            await on(app, pilot, "006")
            await press(pilot, "E")
            await says(app, pilot, "not written: line 6: invalid TOML")
            assert plan_of(scene) == before
            scene.project.plan_path.write_text(before.replace("Error classes", "Errors"), "utf-8")
            await press(pilot, "E")
            await says(app, pilot, "006: block changed")
            text = plan_of(scene)
            assert '# mine\n[[task]]\nid = "006"' in text
            assert "notes = 'shut'" in text
            assert '"Errors"' in text
            await press(pilot, "u")
            await until(pilot, lambda: plan_of(scene) == before.replace("Error classes", "Errors"))

    run(dialogue())


def test_while_a_run_works_edits_say_when_they_count_and_those_of_others_are_told(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, (80, 24)) as (app, pilot):
            await on(app, pilot, "006")
            await press(pilot, "c")
            await until(pilot, lambda: len(app.screen_stack) == 2)
            await press(pilot, "end", "a", "r", "x")
            assert asked.letters() == []
            await press(pilot, "ctrl+s")
            await says(app, pilot, "006 is under way: it ends as it began, and is then looked at again")
            assert "monthar" in plan_of(asked)
            text = plan_of(asked).replace('"Select expenses"', '"Choose"')
            asked.project.plan_path.write_text(text, "utf-8")
            await says(app, pilot, "the plan was changed on disk (005: title)")
            asked.tell(ev.DependencyAdded(task="008", dependency="005", path=".ossature/plan.toml"))
            asked.project.plan_path.write_text(text.replace("'007']", "'007', '005']"), "utf-8")
            await until(pilot, lambda: "005" in app.bridge.view.plan.by_id()["008"].depends_on)
            ticks = app._ticks
            await until(pilot, lambda: app._ticks > ticks + 3)
            assert "008" not in (app.message.text if app.message else "")

    run(dialogue())
