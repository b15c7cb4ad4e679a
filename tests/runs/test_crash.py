"""`kill -9` of a real owner at many moments: the next build ends where an undisturbed one does."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from ossature.domain.event import ModelCalled, QuestionClosed, TaskInterrupted, VerifyStarted
from ossature.engine.accounts import accounts
from ossature.engine.session import fold
from ossature.store.journal import read_records
from ossature.store.lease import read_holder
from tests.runs.kit import (
    OPEN,
    ScriptedKit,
    block,
    build,
    cli,
    command,
    environ,
    five_tasks,
    start,
    until,
)
from tests.runs.test_seam import RED, five_tasks_red
from tests.support.sampling import some

FINISHED = {
    "shelf.txt": b"shelf\n",
    "scale.txt": b"scale\n",
    "label.txt": b"label\n",
    "show.txt": b"show\n",
    "help.txt": b"help\n",
}


def kill(process: subprocess.Popen) -> None:
    """The owner alone, as the OOM killer would; what it started dies by itself or stays."""
    process.kill()
    process.communicate()


def check_whole(kit: ScriptedKit) -> None:
    """After the last build: the tree of an undisturbed one, and nothing left open anywhere."""
    assert kit.tree() == FINISHED
    assert read_holder(kit.project.lease_path) is None
    for run in accounts(kit.project):
        assert run.outcome in ("succeeded", "crashed", "stopped", "failed"), run
        state = fold(kit.project.runs_dir / run.run)
        assert state.is_over
        assert not state.questions
        assert not [
            t.row.id
            for t in state.tasks.values()
            if t.status in ("running", "verifying", "fixing", "waiting")
        ]
        numbers = [record.seq for record in read_records(kit.project.runs_dir / run.run / "events.jsonl")]
        assert numbers == list(range(1, len(numbers) + 1))
    for folder in kit.attempts():
        meta = folder / "attempt.json"
        if (folder / "response.md").exists():
            assert json.loads(meta.read_text("utf-8"))["request_digest"]
    left = [path for path in kit.root.rglob(".ossature-*.tmp") if "output" in path.parts]
    assert left == []


def contents(kit: ScriptedKit) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for folder in kit.attempts()
        for path in folder.iterdir()
        if path.name in ("prompt.md", "response.md")
    }


def replies(kit: ScriptedKit) -> list[Path]:
    """Replies that are on the disk for good."""
    return [folder for folder in kit.attempts() if (folder / "response.md").exists()]


def finish(kit: ScriptedKit) -> None:
    """Build to the end; nothing that an earlier attempt left may change."""
    before = contents(kit)
    done = build(kit.root)
    assert done.returncode == 0, done.stdout + done.stderr
    after = contents(kit)
    assert {path: after.get(path) for path in before} == before
    check_whole(kit)
    again = build(kit.root)
    assert again.returncode == 0
    assert "nothing to do: 5 tasks are up to date" in again.stdout


def test_killed_during_a_model_call(scripted: ScriptedKit):
    gate = scripted.hold("implement-002")
    process = start(scripted.root, "build", "--sandbox", OPEN)
    until(lambda: "implement 002" in scripted.calls())
    kill(process)
    gate.unlink()
    finish(scripted)
    assert scripted.calls().count("implement 001") == 1
    crashed = accounts(scripted.project)[0]
    assert (crashed.outcome, crashed.exit_code) == ("crashed", 1)
    state = fold(scripted.project.runs_dir / crashed.run)
    assert state.tasks["002"].status == "interrupted"
    assert state.tasks["001"].status == "landed"


def test_killed_during_a_verify_pays_nothing_twice(scripted: ScriptedKit, tmp_path: Path):
    tasks = five_tasks()
    tasks[1]["verify"] = [f"test -e {tmp_path}/go || {{ touch {tmp_path}/here; sleep 600; }}"]
    scripted.plan(tasks)
    process = start(scripted.root, "build", "--sandbox", OPEN)
    until((tmp_path / "here").exists)
    kill(process)
    (tmp_path / "go").touch()
    finish(scripted)
    assert sorted(scripted.calls()) == [f"implement 00{number}" for number in range(1, 6)]


def test_killed_while_a_question_is_open(scripted: ScriptedKit, live):
    scripted.says("implement-001", RED)
    scripted.says("fix-001", RED)
    scripted.plan(five_tasks_red())
    run = live(scripted)
    question = run.question("task_failed")
    run.kill()
    scripted.says("implement-001", block("shelf.txt", "shelf"))
    scripted.plan()
    finish(scripted)
    events = [record.event for record in read_records(run.attachment.folder / "events.jsonl")]
    closed = next(event for event in events if isinstance(event, QuestionClosed))
    assert (closed.question_id, closed.decision) == (question.id, None)
    assert any(isinstance(event, TaskInterrupted) and event.task == "001" for event in events)


KILLER = """\
import os, sys
from ossature.cli.main import main
from ossature.store import disk, safe_root, ledger, blobs, tasklog, exchange
number = int(os.environ["KILL_AT"])
count = 0
def counted(name):
    real = getattr(os, name)
    def call(*args, **keys):
        global count
        count += 1
        if count == number:
            os.kill(os.getpid(), int(os.environ.get("KILL_BY", "9")))
        return real(*args, **keys)
    setattr(os, name, call)
for name in ("rename", "replace", "fsync", "fdatasync", "ftruncate", "mkdir", "unlink"):
    counted(name)
code = main(sys.argv[1:])
if log := os.environ.get("COUNT_TO"):
    open(log, "w").write(str(count))
sys.exit(code)
"""


def killed_at(kit: ScriptedKit, number: int, log: Path, *, by: int = signal.SIGKILL) -> int:
    """Run a build that sends itself a signal at its change number *number* of the disk."""
    kit.write("killer.py", KILLER)
    argv = [*command("build", "--sandbox", OPEN)]
    argv[1:3] = [str(kit.root / "killer.py")]
    done = subprocess.run(
        argv,
        cwd=kit.root,
        env=environ(KILL_AT=str(number), COUNT_TO=str(log), KILL_BY=str(int(by))),
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    return done.returncode


def test_killed_at_changes_of_the_disk(scripted: ScriptedKit, tmp_path: Path):
    """Spread over a whole build; each point in a fresh copy."""
    log = tmp_path / "count"
    template = tmp_path / "template"
    shutil.copytree(scripted.root, template)
    assert killed_at(scripted, 10**9, log) == 0
    total = int(log.read_text())
    assert total > 100
    rng = random.Random(total)
    for number in sorted({1, total, *rng.sample(range(2, total), some(2, 6))}):
        shutil.rmtree(scripted.root)
        shutil.copytree(template, scripted.root)
        assert killed_at(scripted, number, log) == -signal.SIGKILL
        has_all = len(replies(scripted)) == len(scripted.calls())
        done = scripted.own()
        assert done.code == 0, f"killed at {number}: {done.end}"
        check_whole(scripted)
        calls = scripted.calls()
        assert len(calls) - len(set(calls)) <= 1 - has_all, f"killed at {number}: {calls}"


def test_kill_after_the_last_landing_is_shown_and_closed_by_the_next_build(
    scripted: ScriptedKit, tmp_path: Path
):
    """Nothing is to do for that build; what the killed one left open is closed all the same."""
    log = tmp_path / "count"
    template = tmp_path / "template"
    shutil.copytree(scripted.root, template)
    assert killed_at(scripted, 10**9, log) == 0
    for back in some((0, 3), (0, 1, 3)):
        shutil.rmtree(scripted.root)
        shutil.copytree(template, scripted.root)
        assert killed_at(scripted, int(log.read_text()) - back, log) == -signal.SIGKILL
        assert scripted.tree() == FINISHED
        killed = accounts(scripted.project)[0].run
        assert f"run {killed} was killed" in cli(scripted.root, "status").stdout
        assert json.loads(cli(scripted.root, "status", "--json").stdout)["crashed"] == killed
        done = build(scripted.root)
        assert (done.returncode, scripted.calls()) == (0, [f"implement 00{n}" for n in range(1, 6)])
        check_whole(scripted)
        assert "was killed" not in cli(scripted.root, "status").stdout
        assert json.loads(cli(scripted.root, "status", "--json").stdout)["crashed"] is None


def test_scratch_file_of_a_killed_landing_is_swept(scripted: ScriptedKit):
    assert build(scripted.root).returncode == 0
    gate = scripted.hold("implement-003")
    scripted.edit("specs/lib.smd", "- Whole numbers only", "- Numbers only")
    process = start(scripted.root, "build", "--sandbox", OPEN)
    until(lambda: scripted.calls().count("implement 003") == 2)
    kill(process)
    gate.unlink()
    scripted.write("output/.ossature-0123456789abcdef.tmp", "half")
    finish(scripted)


@pytest.mark.parametrize("cut", [1, 5, 40, 200])
def test_torn_tail_of_the_ledger_is_cut(scripted: ScriptedKit, cut: int):
    assert build(scripted.root).returncode == 0
    path = scripted.root / ".ossature" / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    done = build(scripted.root)
    assert done.returncode == 0, done.stdout + done.stderr
    check_whole(scripted)
    assert len(scripted.calls()) <= 6


@pytest.mark.parametrize("line", [0, 2, 4, -1])
def test_damaged_line_of_the_ledger_is_told_and_costs_its_task_at_most(scripted: ScriptedKit, line: int):
    assert build(scripted.root).returncode == 0
    path = scripted.root / ".ossature" / "ledger.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    flipped = bytearray(lines[line])
    flipped[20] ^= 1
    lines[line] = bytes(flipped)
    path.write_bytes(b"".join(lines))
    done = build(scripted.root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(scripted.calls()) <= 6
    check_whole(scripted)


@pytest.mark.parametrize("cut", [1, 30, 100])
def test_torn_journal_of_a_crashed_run_gets_an_end(scripted: ScriptedKit, cut: int):
    scripted.hold("implement-002")
    process = start(scripted.root, "build", "--sandbox", OPEN)
    until(lambda: "implement 002" in scripted.calls())
    kill(process)
    (scripted.folder / "implement-002.gate").unlink()
    (folder,) = (scripted.root / ".ossature" / "runs").iterdir()
    path = folder / "events.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    finish(scripted)
    assert accounts(scripted.project)[0].outcome == "crashed"


def test_empty_journal_of_a_crashed_run_gets_an_end(scripted: ScriptedKit):
    scripted.write(".ossature/runs/20200101T000000-0000/events.jsonl", "")
    finish(scripted)
    assert accounts(scripted.project)[0].outcome == "crashed"


def test_crash_between_the_files_of_a_landing_is_finished(scripted: ScriptedKit, tmp_path: Path):
    """Every change of the disk during the landing of a task with six files."""
    names = [f"{letter}/{letter}.txt" for letter in "abcdef"]
    tasks = [{**five_tasks()[0], "outputs": names, "verify": ["true"]}]
    del tasks[0]["arch_refs"]
    scripted.plan(tasks)
    scripted.says("implement-001", "\n".join(block(name, name) for name in names))
    template = tmp_path / "template"
    shutil.copytree(scripted.root, template)
    log = tmp_path / "count"
    assert killed_at(scripted, 10**9, log) == 0
    total = int(log.read_text())
    expected = scripted.tree()
    halves = 0
    # The landing is the last thing but the end of the run.
    for number in range(max(1, total - 45), total - 1, some(7, 3)):
        shutil.rmtree(scripted.root)
        shutil.copytree(template, scripted.root)
        assert killed_at(scripted, number, log) == -signal.SIGKILL
        has_all = bool(replies(scripted))
        halves += 0 < len([name for name in names if (scripted.output / name).exists()]) < 6
        done = scripted.own()
        assert done.code == 0, f"killed at {number}: {done.end}"
        assert scripted.tree() == expected
        assert len(scripted.calls()) == 1 or not has_all, f"killed at {number}"
    assert halves > some(0, 2)


def test_file_changed_between_crash_and_recovery_is_kept(scripted: ScriptedKit, tmp_path: Path):
    names = [f"{letter}.txt" for letter in "abcdef"]
    tasks = [{**five_tasks()[0], "outputs": names, "verify": ["true"]}]
    del tasks[0]["arch_refs"]
    scripted.plan(tasks)
    scripted.says("implement-001", "\n".join(block(name, name) for name in names))
    template = tmp_path / "template"
    shutil.copytree(scripted.root, template)
    log = tmp_path / "count"
    assert killed_at(scripted, 10**9, log) == 0
    total = int(log.read_text())
    for number in range(total - 12, 0, -3):
        shutil.rmtree(scripted.root)
        shutil.copytree(template, scripted.root)
        killed_at(scripted, number, log)
        if 0 < len(scripted.tree()) < 6:
            break
    missing = next(name for name in names if not (scripted.output / name).exists())
    scripted.write(f"output/{missing}", "mine\n")
    done = build(scripted.root)
    # Nobody is there to say which version counts.
    assert done.returncode == 5, done.stdout + done.stderr
    assert f"{missing} was changed while its landing was cut short" in done.stdout
    assert scripted.tree()[missing] == b"mine\n"
    done = build(scripted.root, "--edits", "accept")
    assert done.returncode == 0, done.stdout + done.stderr
    assert scripted.tree()[missing] == b"mine\n"


def test_owner_that_dies_frees_the_project(scripted: ScriptedKit, live):
    scripted.hold("implement-001")
    run = live(scripted)
    run.event(ModelCalled)
    assert build(scripted.root).returncode == 8
    run.kill()
    (scripted.folder / "implement-001.gate").unlink()
    finish(scripted)


def test_verify_of_a_dead_owner_does_not_disturb_the_next(scripted: ScriptedKit, live, tmp_path: Path):
    """What the dead owner's verify still writes goes into a stage that is made anew."""
    tasks = five_tasks()
    go = tmp_path / "go"
    loop = f"while test ! -e {go}; do echo x >> junk.txt; done"
    tasks[0]["verify"] = [f"touch {tmp_path}/here; test -e {go} || {loop}"]
    scripted.plan(tasks)
    run = live(scripted)
    run.event(VerifyStarted)
    until((tmp_path / "here").exists)
    run.kill()
    go.touch()
    finish(scripted)


def test_killed_in_a_fix_loop_pays_for_nothing_twice(scripted: ScriptedKit):
    """The reply that was red and the fix that was red are verified again, not asked for again."""
    scripted.plan([{**five_tasks()[0], "verify": ["cat shelf.txt; grep -q green shelf.txt"]}])
    scripted.says("implement-001", block("shelf.txt", "red"))
    scripted.says("fix-001-2", block("shelf.txt", "blue"))
    scripted.says("fix-001-3", block("shelf.txt", "green"))
    gate = scripted.hold("fix-001")
    process = start(scripted.root, "build", "--sandbox", OPEN)
    until(lambda: "fix 001" in scripted.calls())
    gate.unlink()
    until(lambda: scripted.calls().count("fix 001") >= 2 or process.poll() is not None)
    kill(process)
    before = scripted.calls()
    done = build(scripted.root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert scripted.tree() == {"shelf.txt": b"green\n"}
    assert scripted.calls().count("implement 001") == 1
    assert len(scripted.calls()) - len(before) <= 1


def test_open_question_is_asked_again_without_a_call(scripted: ScriptedKit, live):
    """The run of a question is killed: the next one comes to the same question by the same replies."""
    scripted.says("implement-001", RED)
    scripted.says("fix-001", RED)
    scripted.plan(five_tasks_red())
    first = live(scripted)
    first.question("task_failed")
    first.kill()
    before = scripted.calls()
    second = live(scripted)
    question = second.question("task_failed")
    assert scripted.calls() == before
    assert (scripted.root / question.files[0]).read_bytes() == b"red\n"
    second.kill()


def test_failed_task_is_asked_for_anew_by_the_next_build(scripted: ScriptedKit):
    scripted.says("implement-001", RED)
    scripted.says("fix-001", RED)
    scripted.plan(five_tasks_red()[:1])
    assert build(scripted.root).returncode == 1
    assert build(scripted.root).returncode == 1
    assert scripted.calls() == ["implement 001", "fix 001"] * 2
