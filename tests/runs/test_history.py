"""The commands about history, and those that look ahead, on a project that was really built."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ossature.cli.main import main
from ossature.engine.accounts import accounts
from ossature.engine.history import changes_on_disk
from ossature.engine.naming import lineage_of, plan_lineages
from ossature.engine.session import fold
from ossature.engine.sources import load
from ossature.errors import UsageError
from ossature.llm.client import Reply, Request, Usage
from ossature.store.lease import Lease, LeaseInfo
from tests.runs.kit import DEADLINE_S, FakeModels, Kit, block, command, environ, five_tasks, task


class Say:
    """Runs commands on a project in this process."""

    def __init__(self, root: Path, streams: pytest.CaptureFixture[bytes]) -> None:
        self.out, self.err = b"", ""
        self._root = root
        self._streams = streams

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """What the command printed to stdout; `err` has the rest."""
        self._streams.readouterr()
        assert main(["-C", str(self._root), *arguments]) == code
        printed = self._streams.readouterr()
        self.out, self.err = printed.out, printed.err.decode()
        return printed.out.decode("utf-8", "replace")


@pytest.fixture
def say(kit: Kit, capsysbinary: pytest.CaptureFixture[bytes]) -> Say:
    return Say(kit.root, capsysbinary)


@pytest.fixture
def built(kit: Kit) -> Kit:
    """Built twice: shelf.txt has two versions."""
    kit.model.says("001", block("shelf.txt", "one\nand\nmore"), block("shelf.txt", "two\nand\nmore"))
    assert kit.own().code == 0
    assert kit.own(forced=("001",)).code == 0
    assert kit.own().code == 0
    return kit


def test_edits_by_hand_are_shown_file_by_file(built: Kit, say: Say):
    assert say("diff", "--exit-code") == ""
    built.write("output/shelf.txt", "two\nand\nmine\n")
    built.write("output/label.txt", b"\xff\xfe\x00")
    (built.output / "scale.txt").unlink()
    (built.output / "show.txt").rename(built.output / "display.txt")
    built.write("output/nobodys.txt", "mine alone\n")
    (built.output / "help.txt").unlink()
    (built.output / "help.txt").symlink_to("shelf.txt")
    shown = say("diff")
    assert "001 shelf.txt  edited by hand\n--- a/shelf.txt\n+++ b/shelf.txt\n@@ -1,3 +1,3 @@\n" in shown
    assert "\n-more\n+mine\n" in shown
    assert "003 label.txt  edited by hand\n--- label.txt\n+++ label.txt\n(binary or very large:" in shown
    assert "002 scale.txt → display.txt  renamed by hand\n" in shown or "004 show.txt → display.txt" in shown
    assert "005 help.txt  replaced by hand\n(help.txt is a link, not a file)\n" in shown
    assert "nobodys" not in shown
    say("diff", "--exit-code", code=1)
    assert say("diff", "1", "--names") == "shelf.txt\n"
    assert say("diff", "003", "--exit-code", code=1).count("by hand") == 1
    kinds = {change["path"]: change["kind"] for change in json.loads(say("diff", "--json"))}
    assert kinds.pop("scale.txt") in ("deleted", "renamed")
    assert kinds.pop("show.txt") in ("deleted", "renamed")
    assert kinds == {"shelf.txt": "edited", "label.txt": "edited", "help.txt": "replaced"}


def test_a_rename_is_told_by_its_bytes(built: Kit):
    (built.output / "shelf.txt").rename(built.output / "box.txt")
    (built.output / "label.txt").unlink()
    found = {change.path: change for change in changes_on_disk(load(built.project))}
    assert (found["shelf.txt"].kind, found["shelf.txt"].renamed_to) == ("renamed", "box.txt")
    assert found["shelf.txt"].diff == "rename from shelf.txt\nrename to box.txt\n"
    assert (found["label.txt"].kind, found["label.txt"].new) == ("deleted", "")
    assert "+++ /dev/null" in found["label.txt"].diff


def test_a_file_of_several_tasks_is_compared_with_what_the_disk_shows(kit: Kit, say: Say):
    kit.plan([task("001", "shelf.txt"), task("002", "shelf.txt", title="Add", depends_on=["001"])])
    kit.model.says("001", block("shelf.txt", "one"))
    kit.model.says("002", block("shelf.txt", "one, two"))
    kit.own()
    assert say("diff") == ""
    kit.write("output/shelf.txt", "one, two, three\n")
    assert [change.task for change in changes_on_disk(load(kit.project))] == ["002"]
    assert say("diff", "001") == ""
    assert say("diff", "001", "--landing", "1") == ""
    assert "+one, two, three" in say("diff", "002", "--landing", "1")


def test_landings_are_compared_with_the_disk_and_with_each_other(built: Kit, say: Say):
    assert "-one\n+two\n" in say("diff", "001", "--landing", "1")
    assert "-one\n+two\n" in say("diff", "001", "--from", "1")
    assert "-two\n+one\n" in say("diff", "001", "--from", "2", "--to", "1")
    assert say("diff", "001", "--landing", "2", "--exit-code") == ""
    built.write("output/shelf.txt", "mine\n")
    assert "+mine\n" in say("diff", "001", "--landing", "1")
    assert "mine" not in say("diff", "001", "--from", "1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--landing", "1"], "--landing is about one task"),
        (["001", "002", "--from", "1"], "--from is about one task"),
        (["001", "--to", "1"], "--to needs --from"),
        (["001", "--landing", "1", "--from", "1"], "give one"),
        (["001", "--landing", "7"], "there are 1 to 2"),
        (["9"], "there is no task '9'"),
    ],
)
def test_differences_that_cannot_be_shown_are_said(built: Kit, say: Say, arguments: list[str], said: str):
    say("diff", *arguments, code=2)
    assert said in say.err


def test_a_content_that_is_gone_is_said_and_nothing_else_is_lost(built: Kit, say: Say):
    built.write("output/shelf.txt", "mine\n")
    built.write("output/label.txt", "mine\n")
    digest = next(change.old for change in changes_on_disk(load(built.project), ["001"]))
    (built.root / ".ossature" / "blobs" / digest[:2] / digest[2:]).unlink()
    shown = say("diff")
    assert "(shelf.txt: the stored content " in shown
    assert "+mine\n" in shown


def test_logs_find_a_task_by_any_name_that_it_ever_had(built: Kit, say: Say):
    lineage = plan_lineages(built.project)["001"]
    runs = [run.run for run in accounts(built.project)]
    tasks = five_tasks()
    # Renumbered: what was 001 is 011, what was 002 is 001; 005 is no more.
    for one, new in zip(tasks, ("011", "001", "003", "004", "005"), strict=True):
        one["id"] = new
    tasks[1]["depends_on"] = tasks[2]["depends_on"] = ["011"]
    built.plan(tasks[:4])
    scale, help_text = lineage_of(built.project, "1"), lineage_of(built.project, "005")
    assert lineage_of(built.project, "011") == lineage
    assert scale.startswith("write-scale")
    assert help_text.startswith("write-help")
    assert lineage_of(built.project, "001", run=runs[0]) == lineage
    assert lineage_of(built.project, "5", run=runs[0]) == help_text
    assert lineage_of(built.project, "write-shelf") == lineage
    assert lineage_of(built.project, lineage) == lineage
    for name in ("write-s", "nobody"):
        with pytest.raises(UsageError):
            lineage_of(built.project, name)
    assert help_text in say("logs", "005", "--list")
    assert (
        say("logs", "001", "--run", "1", "--response") == '<file path="shelf.txt">\none\nand\nmore\n</file>\n'
    )
    (built.root / ".ossature" / "plan.toml").unlink()
    assert lineage_of(built.project, "005") == help_text
    (built.root / ".ossature" / "ledger.jsonl").unlink()
    assert lineage_of(built.project, "005") == help_text


def test_logs_list_every_attempt_and_show_what_is_chosen(built: Kit, say: Say):
    shown = say("logs", "001")
    header, first, second, empty, newest, *_ = shown.splitlines()
    assert header.split()[:4] == ["RUN", "ATTEMPT", "KIND", "VERDICT"]
    assert (first.split()[2:4], second.split()[2:4]) == (["implement", "ok"], ["implement", "ok"])
    assert (empty, newest) == ("", "attempt 1 (implement): ok  fake")
    assert say("logs", "001", "--attempt", "1").startswith("attempt 1")
    found = json.loads(say("logs", "001", "--json"))
    assert [one["run"] for one in found] == [run.run for run in accounts(built.project)[:2]]
    assert found[0]["files"] == ["attempt.json", "changes.diff", "prompt.md", "response.md", "verify.log"]
    one = json.loads(say("logs", "001", "--run", "1", "--response", "--json"))
    assert one["response"].startswith('<file path="shelf.txt">\none')
    records = [json.loads(line) for line in say("logs", "--run", "1", "--json").splitlines()]
    assert records[0]["event"]["kind"] == "run_started"
    assert records[-1]["event"]["kind"] == "run_finished"


def test_raw_is_every_byte_and_only_of_one_file(built: Kit, say: Say):
    log = max((built.root / ".ossature" / "tasks").glob("write-label*/*/verify.log"))
    log.write_bytes(b"\x1b[2J\xff\r\n\x00end")
    assert say("logs", "003", "--verify") == "^[[2J\ufffd\n^@end\n"
    say("logs", "003", "--verify", "--raw")
    assert say.out == b"\x1b[2J\xff\r\n\x00end"
    say("logs", "003", "--raw", code=2)
    assert "--raw is about one file" in say.err
    say("logs", "--raw", code=2)


def test_runs_tell_figures_and_one_run_its_tasks(built: Kit, say: Say, monkeypatch: pytest.MonkeyPatch):
    async def complete(self: FakeModels, request: Request, on_text: Any) -> Reply:
        price = None if request.task == "003" else 0.5
        return Reply(self._model.answer(request), source="live", usage=Usage(100, 10), cost_usd=price)

    monkeypatch.setattr(FakeModels, "complete", complete)
    built.model.says("001", block("shelf.txt", "red"))
    tasks = five_tasks()
    tasks[3]["verify"] = ["false"]
    built.plan(tasks)
    built.own(forced=("*",), keeps_going=True)
    rows = say("runs").splitlines()
    assert len(rows) == 5
    number, run, goal, _, _, _, landed, failed, tokens, *cost, outcome = rows[-1].split()
    assert (number, goal, landed, failed, outcome) == ("4", "build", "3", "1", "failed")
    assert cost[-1] == "?"
    account = accounts(built.project)[-1]
    state, totals = fold(built.project.runs_dir / account.run), account.totals
    assert (totals.landed, totals.failed) == (3, 1)
    assert (totals.input_tokens, totals.output_tokens) == (state.input_tokens, state.output_tokens)
    assert tokens == f"{totals.input_tokens}+{totals.output_tokens}"
    assert (totals.cost_usd, totals.has_unknown_cost) == (state.cost_usd, True)
    one = say("runs", run)
    assert f"run 4  {run}: failed (exit 1)" in one
    assert "3 landed, 1 failed, 0 up to date" in one
    assert "  004  failed" in one
    document = json.loads(say("runs", "4", "--json"))
    assert (document["landed"], document["outcome"]) == (3, "failed")
    assert {found["id"]: found["status"] for found in document["tasks"]}["005"] == "blocked"
    assert [found["landed"] for found in json.loads(say("runs", "--json"))] == [5, 1, 4, 3]
    say("runs", "9", code=2)
    spent = json.loads(say("runs", "--by", "task", "--json"))
    assert spent["total"]["unpriced_calls"] >= 1
    assert spent["total"]["cost_usd"] == sum(one["cost_usd"] for one in spent["groups"])
    assert spent["total"]["calls"] == sum(one["calls"] for one in spent["groups"])
    header, *groups, total = say("runs", "--by", "model").splitlines()
    assert header.split() == ["MODEL", "COST", "CALLS", "INPUT", "CACHED", "OUTPUT"]
    assert total.split()[0] == "total"
    assert len(groups) == 1
    assert "without a known price" in say.err
    say("runs", "4", "--by", "day", code=2)


def test_rollback_lists_says_and_does(built: Kit, say: Say):
    header, first, second, *_ = say("rollback", "001", "--list").splitlines()
    assert header.split() == ["NO", "RUN", "ATTEMPT", "LANDED", "FILES"]
    assert (first.split()[0], second.split()[0]) == ("1", "2")
    planned = say("rollback", "001", "-n")
    assert "001 would be put back as of landing 1 (run " in planned
    assert "  write   shelf.txt\n" in planned
    assert built.tree()["shelf.txt"].startswith(b"two")
    built.write("output/shelf.txt", "mine\n")
    for flags in ([], ["-n"]):
        say("rollback", "001", *flags, code=5)
        assert "shelf.txt changed by hand stands in the way" in say.err
    done = say("rollback", "1", "--keep-edits")
    assert "001 is put back as of landing 1" in done
    kept = next(line for line in done.splitlines() if "is kept: " in line).split("is kept: ")[1]
    assert (built.root / kept).read_bytes() == b"mine\n"
    assert "4 tasks behind it will run again: 002, 003, 004, 005" in done
    assert say("rollback", "001", "--list").splitlines()[3].endswith("shelf.txt (as in 1)")
    found = json.loads(say("rollback", "001", "--list", "--json"))
    assert [version["same_as"] for version in found] == [1, 2, 1]
    assert "nothing to do" in say("rollback", "001", "--to", "3")
    say("rollback", "001", "--to", "1", "--run", "1", code=2)


def test_rollback_says_what_a_build_makes_of_it(built: Kit, say: Say):
    built.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all parcels on a shelf.")
    built.own()
    done = say("rollback", "001", "--to", "1")
    assert "001 was made from other inputs then (" in done
    assert 'give 001 `status = "manual"`' in done
    document = json.loads(say("rollback", "001", "--to", "2", "--json"))
    assert document["next"]["status"] == "stale"
    assert document["landing"] == 2
    assert document["write"] == ["shelf.txt"]


def test_gc_says_what_it_deletes_and_deletes_that(built: Kit, say: Say):
    stray = built.write(".ossature/blobs/ab/" + "0" * 62, b"x" * 100)
    planned = json.loads(say("gc", "-n", "--keep-landings", "1", "--keep-runs", "1", "--json"))
    assert planned["is_dry_run"] is True
    assert stray.exists()
    assert {"path": ".ossature/blobs/ab/" + "0" * 62, "bytes": 100} in planned["blobs"]
    assert planned["ledger"]["landings"] > 0
    shown = say("gc", "-n", "--keep-landings", "1", "--keep-runs", "1")
    assert "would delete" in shown
    assert ".ossature/blobs/ab/000" in shown
    done = json.loads(say("gc", "--keep-landings", "1", "--keep-runs", "1", "--json"))
    assert {**done, "is_dry_run": True} == planned
    assert not stray.exists()
    assert [run.number for run in accounts(built.project)] == [1]
    assert say("diff") == ""
    run = built.own()
    assert (run.code, len(run.rest), run.asked) == (0, 5, [])
    assert "nothing to delete" in say("gc", "--keep-landings", "1", "--keep-runs", "3")
    for flags in (["--keep-runs", "0"], ["--older-than", "soon"], ["--older-than", "999999w"]):
        say("gc", *flags, code=2)


def test_a_build_after_gc_is_what_it_was_before_and_earlier_files_come_back(built: Kit, say: Say):
    say("gc")
    assert [view.status for view in built.look().tasks] == ["done"] * 5
    say("rollback", "001")
    assert built.tree()["shelf.txt"].startswith(b"one")
    say("gc", "--keep-landings", "1")
    say("rollback", "001", code=1)
    assert "every landing of this task has the same files" in say.err


def test_while_a_run_is_on_only_looking_is_possible(built: Kit, say: Say):
    lease = Lease(built.project.lease_path)
    lease.acquire(LeaseInfo(pid=1, host="here", since="", run="r"))
    try:
        for writing in (["gc"], ["clean"], ["rollback", "001"]):
            say(*writing, code=8)
            assert "owns this project" in say.err
            say(*writing, "-n")
        say("gc", "-n")
        assert "a run is at work" in say.err
        for reading in (["diff"], ["logs", "001"], ["runs"], ["graph"], ["prompt", "001"]):
            say(*reading)
    finally:
        lease.release()


def test_clean_leaves_history_and_outputs(built: Kit, say: Say):
    before = built.tree()
    assert "work/0" in say("clean", "-n").replace(os.sep, "/")
    assert (built.root / ".ossature" / "work" / "0").is_dir()
    assert "of stages and caches" in say("clean")
    assert list((built.root / ".ossature" / "work").iterdir()) == []
    assert json.loads(say("clean", "--json")) == {"is_dry_run": False, "removed": []}
    assert "nothing to clean" in say("clean")
    assert built.tree() == before
    assert built.own().code == 0


def test_graph_draws_lists_and_quotes(built: Kit, say: Say):
    tasks = five_tasks()
    tasks[0]["title"] = 'A "title"\\ \x1b[2J'
    built.plan(tasks)
    lines = say("graph").splitlines()
    assert [line.split()[-4] if "title" not in line else "001" for line in lines] == [
        "001",
        "002",
        "003",
        "004",
        "005",
    ]
    assert "\x1b" not in "".join(lines)
    assert lines[0].startswith("●")
    assert len(say("graph", "002").splitlines()) == 4
    dot = say("graph", "--dot")
    assert '"001" [label="001 A \\"title\\"\\\\ ^[[2J\\nLIB · ' in dot
    assert '"001" -> "002";' in dot
    assert '"001" -> "004";' not in dot
    document = json.loads(say("graph", "--json"))
    assert document["order"] == ["001", "002", "003", "004", "005"]
    assert {one["id"]: one["depends_on"] for one in document["tasks"]}["004"] == ["001", "002", "003"]


def test_graph_keeps_to_ascii_where_nothing_else_can_be_shown(built: Kit):
    done = subprocess.run(
        command("graph"),
        cwd=built.root,
        env=environ(PYTHONIOENCODING="ascii"),
        capture_output=True,
        encoding="ascii",
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("* ")
    assert "\\u" not in done.stdout


def test_graph_of_a_cycle_names_its_tasks(built: Kit, say: Say):
    built.plan([task("001", "a.txt", depends_on=["002"]), task("002", "b.txt", depends_on=["001"])])
    assert say("graph").splitlines() == [
        "? 001 Write a.txt: waits for itself",
        "? 002 Write b.txt: waits for itself",
    ]
    assert json.loads(say("graph", "--json"))["cycle"]
    assert '"001" -> "002";' in say("graph", "--dot")


def test_prompt_is_what_a_build_would_send(kit: Kit, say: Say):
    shown = say("prompt", "1")
    assert "about " in say.err
    assert "tokens by our own estimate, for fake" in say.err
    document = json.loads(say("prompt", "001", "--json"))
    assert document["prompt"].strip() == shown.strip()
    assert document["estimated_tokens"] == -(-len(document["prompt"]) // 4)
    kit.own(tasks=("001",))
    sent = kit.model.calls[0].prompt
    assert "Counts parcels on a shelf." in sent
    assert "Counts parcels on a shelf." in shown
    say("prompt", "004")
    assert "it may still change: before it 002, 003 will run" in say.err
    say("prompt", "9", code=2)


def test_history_of_a_folder_without_any_is_empty(kit: Kit, say: Say, tmp_path: Path):
    assert say("diff") == ""
    assert "the task has not landed yet" in say("rollback", "001", "--list")
    say("rollback", "001", code=1)
    assert "nothing to delete" in say("gc", "-n")
    assert accounts(kit.project) == []
