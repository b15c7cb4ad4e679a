"""What an edit of the plan makes stale is what a build then runs."""

from __future__ import annotations

import pytest

from ossature.engine import plan_edits as ed
from ossature.engine.plan_editor import Outcome, PlanEditor
from tests.runs.kit import Kit


@pytest.fixture
def built(kit: Kit) -> Kit:
    assert kit.own().code == 0
    return kit


def test_the_effect_is_told_before_and_after_and_a_build_runs_just_that(built: Kit) -> None:
    editor = PlanEditor(lambda: built.project)

    def told(edit: ed.PlanEdit) -> Outcome:
        sheet = editor.open()
        before = built.plan_path.read_bytes()
        foretold = editor.foretell(edit, sheet)
        assert built.plan_path.read_bytes() == before
        written = editor.commit(edit, sheet)
        assert written.sentence == foretold.sentence
        return written

    title = told(ed.SetFields("002", (("title", "Weigh it"),)))
    assert title.effect.stale == ("002",)
    assert title.sentence == "002: title changed; makes 002 stale; 004 and 005 may follow"
    assert editor.undo().effect.settled == ("002", "004", "005")
    verify = told(ed.SetFields("003", (("verify", ("true",)),)))
    assert (verify.effect.stale, verify.effect.verified) == ((), ("003",))
    editor.undo()
    assert told(ed.Move("003", -1)).sentence == "003 moved up; makes nothing stale"
    skipped = told(ed.SetStatus("003", "skipped"))
    assert skipped.sentence == "003: skipped; holds up 004 and 005"
    editor.undo()
    assert built.own().ran == {}
    told(ed.SetFields("002", (("notes", "Mind it."),)))
    added = told(ed.ChangeEdges("003", ("002",)))
    assert added.effect.verified == ()
    assert added.effect.may == ("003",)
    ran = built.own().ran
    assert ran["002"].startswith("generate")
    assert set(ran) <= {"002", "003", "004", "005"}


def test_a_merge_and_its_undo_keep_what_was_built(built: Kit) -> None:
    editor = PlanEditor(lambda: built.project)
    merged = editor.commit(ed.Merge("002", "003", "Both"), editor.open())
    assert merged.effect.stale == ("002",)
    assert merged.view.by_id["002"].landing is not None
    editor.undo()
    assert built.own().ran == {}
    split = editor.commit(ed.SetFields("002", (("outputs", ("scale.txt", "unit.txt")),)), editor.open())
    assert split.effect.stale == ("002",)
