"""Whose a file is: the project's, a person's, a task's, or that of a task which the plan no longer has."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ossature.engine.stamp import Stamping, read_stamp
from ossature.errors import Exit
from tests.runs.kit import Kit, ScriptedKit, block, five_tasks, task


@pytest.mark.parametrize("path", ["specs/lib.smd", "specs/new.smd", "ossature.toml", "context/rates.csv"])
def test_outputs_over_the_projects_own_files_are_refused(kit: Kit, path: str):
    kit.write("ossature.toml", '[output]\ndir = "."\n[llm]\nmodel = "fake"\n')
    kit.plan([task("001", path)])
    before = {name.name: name.read_bytes() for name in (kit.root / "specs").iterdir()}
    run = kit.own()
    assert run.code == Exit.NO_PLAN
    assert "the project's own" in run.end.reason
    assert run.asked == []
    assert {name.name: name.read_bytes() for name in (kit.root / "specs").iterdir()} == before


def test_manual_file_under_a_later_writer_is_not_taken_for_a_new_version(kit: Kit):
    later = task("002", "both.txt", title="Add to both.txt", depends_on=["001"])
    kit.plan([task("001", "both.txt") | {"status": "manual"}, later])
    kit.write("output/both.txt", "by hand\n")
    kit.model.says("002", block("both.txt", "by hand\nand more"))
    assert kit.own().asked == ["implement 002"]
    kit.plan([task("001", "both.txt") | {"status": "manual"}, later, task("003", "other.txt")])
    run = kit.own()
    assert run.asked == ["implement 003"]
    assert kit.tree()["both.txt"] == b"by hand\nand more\n"


def test_file_of_a_dropped_task_that_a_person_took_over_is_staged_and_shown(kit: Kit):
    kit.plan([task("001", "old.txt")])
    assert kit.own().code == 0
    kit.write("output/old.txt", "mine now\n")
    kit.plan([task("002", "new.txt", inject_files=["old.txt"], verify=["grep -q 'mine now' old.txt"])])
    run = kit.own()
    assert run.code == 0, run.end
    assert "mine now" in kit.model.calls[-1].prompt


def test_file_of_a_dropped_task_that_a_person_took_over_is_the_origin_of_its_next_writer(kit: Kit):
    kit.plan([task("001", "old.txt")])
    assert kit.own().code == 0
    kit.write("output/old.txt", "mine now\n")
    kit.plan([task("002", "old.txt", outputs=["old.txt", "x.txt"])])
    run = kit.own()
    assert run.code == 0, run.end
    assert "mine now" in kit.model.calls[-1].prompt


def test_nobody_pays_a_fixer_over_a_file_that_was_edited_by_hand(kit: Kit):
    assert kit.own().code == 0
    kit.write("output/label.txt", "mine\n")
    tasks = five_tasks()
    tasks[2]["verify"] = ["false"]
    kit.plan(tasks)
    run = kit.own()
    assert run.code == Exit.DRIFT
    assert run.asked == []


def test_missing_tool_does_not_make_a_good_reply_paid_twice(scripted: ScriptedKit, tmp_path):
    tool = tmp_path / "bin" / "review-tool"
    scripted.plan([task("001", "shelf.txt", verify=["review-tool"])])
    path = {"PATH": f"{tool.parent}:{os.environ['PATH']}"}
    assert _build(scripted, path).returncode == 1
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert _build(scripted, path).returncode == 0
    assert list(scripted.calls()) == ["implement 001"]


def test_module_in_the_project_folder_is_not_imported(scripted: ScriptedKit, live):
    scripted.write("secrets.py", "raise SystemExit('imported')\n")
    run = live(scripted)
    assert run.end() == 0


def test_stamp_sees_what_a_link_leads_to(kit: Kit, monkeypatch):
    monkeypatch.setattr("ossature.engine.stamp._SETTLED_NS", -(10**12))
    real = kit.write("docs/lib.smd", (kit.root / "specs" / "lib.smd").read_bytes())
    (kit.root / "specs" / "lib.smd").unlink()
    (kit.root / "specs" / "lib.smd").symlink_to("../docs/lib.smd")
    Stamping(kit.project).write(5, [], [])
    assert read_stamp(str(kit.root)) == 5
    real.write_bytes(real.read_bytes() + b"\nMore.\n")
    assert read_stamp(str(kit.root)) is None


def _build(scripted: ScriptedKit, environ: dict[str, str]):

    return subprocess.run(
        [sys.executable, "-m", "ossature", "build", "--foreground", "--sandbox", "danger-full-access"],
        cwd=scripted.root,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.parametrize(("forced", "asked"), [((), []), (("001",), ["implement 001"])])
def test_reply_that_could_not_land_is_taken_up_unless_a_new_one_is_asked_for(kit: Kit, forced, asked):
    kit.plan([task("001", "shelf.txt", verify=["no-such-tool-here"])])
    assert kit.own().code == 1
    kit.plan([task("001", "shelf.txt", verify=["no-such-tool-here"])])
    run = kit.own(forced=forced)
    assert run.asked == asked
