"""The plan on a real disk: what others write meanwhile is kept, and what clashes is told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ossature.domain.plan import Task
from ossature.engine import plan_edits as ed
from ossature.engine.plan_editor import PlanEditor
from ossature.engine.plan_effect import foreign_change
from ossature.engine.plan_writing import Clash
from ossature.engine.preview import look
from ossature.errors import PlanError
from ossature.project import load_project
from ossature.store.plan_lock import plan_lock
from ossature.store.plan_text import task_lines
from tests.unit.engine.plans import EXAMPLE, PLAN

TITLE = ed.SetFields("004", (("title", "Sum up"),))


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    root = tmp_path / "spenny"
    shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns(".ossature", "output"))
    (root / ".ossature").mkdir()
    path = root / ".ossature" / "plan.toml"
    path.write_bytes(PLAN.encode())
    return path


def editor_of(plan: Path) -> PlanEditor:
    return PlanEditor(lambda: load_project(plan.parents[1], {}))


def change(plan: Path, old: str, new: str) -> None:
    text = plan.read_bytes().decode()
    assert text.count(old) == 1
    plan.write_bytes(text.replace(old, new).encode())


def test_an_edit_keeps_what_another_wrote_meanwhile_and_undo_keeps_it_too(plan: Path) -> None:
    editor = editor_of(plan)
    sheet = editor.open()
    foretold = editor.foretell(TITLE, sheet)
    assert plan.read_bytes() == PLAN.encode()
    change(plan, 'notes = "Cents."', 'notes = "Whole cents."')
    outcome = editor.commit(TITLE, sheet)
    assert outcome.sentence == foretold.sentence == "004: title changed; makes nothing stale"
    assert 'title = "Sum up"' in plan.read_text("utf-8")
    assert "Whole cents" in plan.read_text("utf-8")
    change(plan, 'title = "Selection"', 'title = "Choose"')
    assert editor.undo().done == "undone: 004: title changed"
    assert plan.read_bytes().decode() == PLAN.replace('"Cents."', '"Whole cents."').replace(
        '"Selection"', '"Choose"'
    )
    assert editor.redo().task == "004"
    assert 'title = "Sum up"' in plan.read_text("utf-8")


def test_a_clash_is_told_and_nothing_is_overwritten(plan: Path) -> None:
    editor = editor_of(plan)
    sheet = editor.open()
    change(plan, "title = 'Sums'", "title = 'Totals'")
    theirs = plan.read_bytes()
    with pytest.raises(PlanError, match="title of 004 was changed on disk meanwhile"):
        editor.commit(TITLE, sheet)
    lines = task_lines(sheet.text, "004")
    with pytest.raises(Clash, match="004 was changed on disk meanwhile") as clash:
        editor.commit(ed.ReplaceBlock("004", lines.replace("'Sums'", "'All sums'")), sheet)
    assert "title = 'Totals'\n|||" in clash.value.lines
    assert "=======\ntitle = 'All sums'\n" in clash.value.lines
    assert plan.read_bytes() == theirs
    merged = editor.commit(ed.ReplaceBlock("004", lines + 'notes = "Of all."\n'), sheet)
    assert (merged.view.by_id["004"].task.title, merged.view.by_id["004"].task.notes) == ("Totals", "Of all.")
    editor.undo()
    assert plan.read_bytes() == theirs
    editor.commit(TITLE, replace(sheet, text=clash.value.text))
    change(plan, 'title = "Sum up"', 'title = "Totals of all"')
    theirs = plan.read_bytes()
    with pytest.raises(
        PlanError, match="“004: title changed” cannot be undone: 004 title was changed on disk"
    ):
        editor.undo()
    assert plan.read_bytes() == theirs
    plan.write_bytes(b"[[task]\n")
    with pytest.raises(PlanError):
        editor.undo()
    assert plan.read_bytes() == b"[[task]\n"


def test_an_undo_that_would_break_what_another_built_on_it_is_refused(plan: Path) -> None:
    editor = editor_of(plan)
    new = ed.AddTask(
        Task("", "EXPENSES", "More", ("more.py",), depends_on=("003",), spec_refs=("Goals",)), "003"
    )
    assert editor.commit(new, editor.open()).task == "007"
    change(plan, 'depends_on = ["002", "003"]', 'depends_on = ["002", "003", "007"]')
    theirs = plan.read_bytes()
    with pytest.raises(PlanError, match="depends on 007, which is not in the plan"):
        editor.undo()
    assert plan.read_bytes() == theirs


def test_what_others_write_is_told_from_what_was_written_here(plan: Path) -> None:
    editor = editor_of(plan)
    project = load_project(plan.parents[1], {})
    before = editor.commit(TITLE, editor.open()).view
    assert editor.wrote(look(project))
    change(plan, 'notes = "Cents."', 'notes = "Whole cents."')
    after = look(project)
    assert not editor.wrote(after)
    assert foreign_change(before, after) == "the plan was changed on disk (002: notes); makes nothing stale"
    assert foreign_change(after, look(project)) == ""


def test_marks_line_ends_and_a_last_line_without_one_stay(plan: Path) -> None:
    content = b"\xef\xbb\xbf" + PLAN.rstrip("\n").replace("\n", "\r\n").encode()
    plan.write_bytes(content)
    editor = editor_of(plan)
    editor.commit(TITLE, editor.open())
    assert plan.read_bytes() == content.replace(b"'Sums'", b'"Sum up"')
    lines = '# anew\n[[task]]\nid = "005"\nspec = "EXPENSES"\ntitle = "S"\noutputs = ["s.py"]\n'
    editor.commit(ed.ReplaceBlock("005", lines), editor.open())
    assert lines.replace("\n", "\r\n").encode() in plan.read_bytes()
    editor.undo()
    editor.undo()
    assert plan.read_bytes() == content


def test_the_plan_has_one_writer_at_a_time(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ossature.store.plan_lock._PATIENCE_S", 0.0)
    editor = editor_of(plan)
    sheet = editor.open()
    with plan_lock(plan.parent), pytest.raises(Exception, match="another process is writing the plan"):
        editor.commit(TITLE, sheet)
    assert editor.commit(TITLE, sheet).is_changed
