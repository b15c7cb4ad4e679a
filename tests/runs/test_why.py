"""What `why` tells: every leaf with its difference, then as now, wherever the project lies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ossature.digest import digest_text
from ossature.engine.forecast import foretell, waits_for
from ossature.engine.preview import look
from ossature.llm.prompt import Template
from tests.runs import kit as kits
from tests.runs.invalidation import SHELF_SAYS_MORE, planned
from tests.runs.kit import Kit, block, five_tasks, task

OURS = "New.\n---user---\n{{task_title}}\n\nOutputs, \n{{outputs}}\n\n"
TEMPLATE = "built-in template implement"


@pytest.fixture
def built(kit: Kit) -> Kit:
    """A project of which everything has landed."""
    assert kit.own().landed == ["001", "002", "003", "004", "005"]
    return kit


@pytest.fixture
def new_template(built: Kit, monkeypatch: pytest.MonkeyPatch) -> Kit:
    """The same under a version of ours that has another prompt."""
    ours = Template("implement", OURS, "ours")
    for module in ("prompting", "evidence"):
        monkeypatch.setattr(f"ossature.build.{module}.load_template", lambda _name, _folder: ours)
    return built


def told(kit: Kit, task_id: str, leaf: str) -> tuple[str, ...]:
    """The difference that `why` shows of a leaf."""
    return next(change for change in kit.look().by_id[task_id].changes if change.leaf == leaf).difference


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_clone_is_up_to_date_and_knows_why(built: Kit, tmp_path: Path):
    def git(*words: str) -> None:
        identity = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false")
        environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        command = ["git", *identity, *words]
        subprocess.run(command, cwd=built.root, env=environ, check=True, capture_output=True)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "all")
    there = tmp_path / "some" / "where else"
    git("clone", "-q", str(built.root), str(there))
    left_out = ("runs", "work", "tasks", "exchanges")
    assert not [name for name in left_out if (there / ".ossature" / name).exists()]
    for path in there.rglob("*"):
        os.utime(path, (1, 1))
    clone = Kit(there, built.model)
    assert clone.look().forecast.is_empty
    assert clone.own().ran == {}
    SHELF_SAYS_MORE(clone)
    assert clone.own().asked == ["implement 001", "implement 002"]
    clone.edit("specs/lib.smd", "- Whole numbers only", "- Numbers only")
    assert "-- Whole numbers only" in told(clone, "003", "spec LIB:Constraints")


def test_same_plan_made_anew_runs_nothing(kit: Kit):
    kit.plan_path.unlink()
    shelf = kits.planned("a", "shelf.txt", "LIB")
    label = kits.planned("b", "label.txt", "LIB", depends_on=["a"])
    kit.model.says("plan LIB", json.dumps({"tasks": [shelf, label]}))
    assert kit.own("audit").code == 0
    assert kit.own().landed == ["001", "002", "003"]
    again = [{**shelf, "id": "x"}, {**label, "id": "y", "depends_on": ["x"]}]
    kit.model.says("plan LIB", json.dumps({"tasks": again}))
    run = kit.own("audit", replans=True)
    assert run.code == 0
    assert "plan LIB" in run.asked
    assert kit.look().forecast.is_empty
    assert kit.own().ran == {}


def test_template_of_ours_runs_nothing_and_is_named(new_template: Kit):
    assert new_template.own().ran == {}
    (change,) = new_template.look().uncounted("003")
    assert change.leaf == TEMPLATE
    assert "+New." in change.difference
    assert [line for line in change.difference[2:] if line.startswith("-")]


def test_template_of_ours_counts_where_that_is_asked_for(new_template: Kit):
    view = look(new_template.project, refreshes_prompts=True)
    ids = ["001", "002", "003", "004", "005"]
    assert list(view.will_run) == ids
    assert {shown.reason for shown in view.tasks} == {f"{TEMPLATE} changed"}
    run = new_template.own(refreshes_prompts=True)
    assert run.asked == [f"implement {name}" for name in ids]
    assert new_template.look().uncounted("003") == ()
    assert new_template.own(refreshes_prompts=True).ran == {}


def test_verify_again_does_not_hide_which_template_the_files_came_from(new_template: Kit):
    planned(t003={"verify": ["test -f label.txt"]})(new_template)
    assert new_template.own().ran["003"] == "verify: verify commands changed"
    assert [change.leaf for change in new_template.look().uncounted("003")] == [TEMPLATE]


def test_brief_is_named_and_not_counted(kit: Kit):
    kit.write(".ossature/context/brief.md", "Parcels.\n")
    kit.own()
    kit.write(".ossature/context/brief.md", "Boxes.\n")
    (change,) = kit.look().uncounted("001")
    assert change.leaf == "brief"
    assert {"-Parcels.", "+Boxes."} <= set(change.difference)
    assert kit.own(refreshes_prompts=True).ran == {}


def test_changed_path_of_the_input_tree_is_told_with_its_text(built: Kit):
    built.model.says("001", block("shelf.txt", "more"))
    built.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all.")
    assert built.own(tasks=("001",)).landed == ["001"]
    (change,) = built.look().by_id["005"].changes
    assert change.leaf == "input tree"
    (path,) = change.paths
    assert (path.path, path.difference[-2:]) == ("shelf.txt", ("-plain", "+more"))
    assert (path.old, path.new) == (digest_text("plain\n"), digest_text("more\n"))


def test_input_tree_whose_past_is_not_kept_says_so(built: Kit):
    node = digest_text(built.look().loaded.sources.input_nodes("002", lambda _digest: False)[0])
    (built.root / ".ossature" / "blobs" / node[:2] / node[2:]).unlink()
    built.model.says("001", block("shelf.txt", "more"))
    built.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all.")
    assert built.own(tasks=("001",)).landed == ["001"]
    (change,) = built.look().by_id["003"].changes
    assert (change.paths, change.note) == ((), "which files of it changed is not kept")


def test_context_file_that_is_no_text_is_told_by_its_digests(built: Kit):
    built.write("context/rates.csv", b"\xff\xfe")
    (change,) = built.look().by_id["005"].changes
    assert (change.leaf, change.difference) == ("context rates.csv", ())
    assert change.note == "how it is now is no text"
    assert built.own().code == 0
    built.write("context/rates.csv", "2\n")
    (change,) = built.look().by_id["005"].changes
    assert change.note == "how it was is not kept as text"


def test_file_of_a_manual_task_wakes_what_shows_it(kit: Kit):
    tasks = five_tasks()
    tasks[0]["status"] = "manual"
    kit.plan(tasks)
    kit.write("output/shelf.txt", "mine\n")
    assert kit.own().code == 0
    kit.write("output/shelf.txt", "again\n")
    assert "002" in kit.look().will_run
    assert kit.own().ran["002"] == "generate: file shelf.txt changed"
    assert kit.look().forecast.is_empty


def test_task_that_is_asked_for_wakes_what_shows_it(built: Kit):
    said = foretell(built.look(), only=("002",), forced=("001",))
    assert {name: foreseen.reason for name, foreseen in said.will_run.items()} == {"001": "asked for"}
    assert {name: foreseen.causes for name, foreseen in said.may_run.items()} == {"002": ("001",)}
    assert dict(foretell(built.look(), forced=("001",)).may_run) == {}


def test_writer_that_is_gone_leaves_the_version_of_the_one_before(kit: Kit):
    tasks = [
        task("001", "main.txt", title="One"),
        task("002", "main.txt", title="Two", depends_on=["001"]),
        task("003", "main.txt", title="Three", depends_on=["002"]),
    ]
    for name, text in (("001", "one"), ("002", "two"), ("003", "one")):
        kit.model.says(name, block("main.txt", text))
    kit.plan(tasks)
    assert kit.own().code == 0
    kit.plan(tasks[:2])
    assert kit.own().ran == {"002": "restore: main.txt is gone"}
    assert kit.tree()["main.txt"] == b"two\n"


def test_output_that_moves_to_another_task_with_the_same_bytes_wakes_nobody_else(kit: Kit):
    kit.plan([task("001", "a.txt"), task("002", "b.txt", depends_on=["001"], inject_files=["a.txt"])])
    assert kit.own().code == 0
    kit.plan(
        [
            task("001", "c.txt", title="Write c"),
            task("003", "a.txt", title="Write a anew"),
            task("002", "b.txt", depends_on=["001", "003"], inject_files=["a.txt"]),
        ]
    )
    assert set(kit.look().will_run) >= {"001"}
    run = kit.own()
    assert "002" not in run.asked


def test_what_a_task_waits_for_is_named(built: Kit):
    built.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all.")
    view = built.look()
    assert waits_for(view, "002") == ("001",)
    assert waits_for(view, "001") == ()
    assert view.may_run["002"] == "if 001's output changes"
    assert view.may_run["005"] == "if 004's output changes"


def test_tree_that_changed_far_below_runs_for_certain(built: Kit):
    built.model.says("001", block("shelf.txt", "more"))
    built.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all.")
    assert built.own(tasks=("001",)).landed == ["001"]
    view = built.look()
    assert view.will_run == ("002", "003", "004", "005")
    assert view.may_run == {}


def test_interface_that_may_change_is_the_reason_given(kit: Kit):
    (kit.root / "specs" / "lib.amd").unlink()
    planned(t001={"arch_refs": []})(kit)
    kit.own()
    kit.edit("specs/lib.smd", "- Whole numbers only", "- Numbers only")
    assert kit.look().may_run["004"] == "if LIB's interface changes"


def test_unread_interface_is_read_before_nothing_is_to_do(kit: Kit):
    (kit.root / "specs" / "lib.amd").unlink()
    planned(t001={"arch_refs": []})(kit)
    kit.own()
    kit.edit("specs/lib.smd", "Counts parcels.\n\n## R", "Counts.\n\n## R")
    view = kit.look()
    assert view.will_run == ()
    assert dict(view.may_run)["004"] == "if LIB's interface changes"
    run = kit.own()
    assert (run.ran, run.asked) == ({}, ["interface LIB"])
    assert kit.look().forecast.is_empty


def test_file_that_holds_a_key_is_not_kept(kit: Kit, monkeypatch: pytest.MonkeyPatch):
    key = "sk-proj-0123456789abcdefghijklmnop"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    kit.write("context/rates.csv", f"{key}\n")
    assert kit.own().code == 0
    blobs = (kit.root / ".ossature" / "blobs").rglob("*")
    assert not [path for path in blobs if path.is_file() and key.encode() in path.read_bytes()]
