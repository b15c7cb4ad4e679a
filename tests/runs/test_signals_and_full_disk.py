"""Signals at any moment and a disk that refuses at any write: a sentence, an exit code, and a way on."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ossature.domain.decision import Skip
from ossature.domain.event import QuestionClosed
from ossature.engine.accounts import accounts
from ossature.engine.closing import has_end
from ossature.store.ledger import Ledger
from tests.runs.kit import (
    OPEN,
    ScriptedKit,
    block,
    build,
    command,
    environ,
    five_tasks,
    refuse_traceback,
    start,
    until,
)
from tests.runs.test_crash import FINISHED, check_whole, killed_at
from tests.support.sampling import some

STOPPED = {signal.SIGINT: 130, signal.SIGTERM: 143}


def send(process: subprocess.Popen[str], number: int) -> None:
    """To the owner alone: it ends what it started."""
    os.kill(process.pid, number)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=60)
    refuse_traceback(said)
    return process.returncode, said


@pytest.fixture
def calling(scripted: ScriptedKit):
    """A build that waits in the model call of 002."""
    gate = scripted.hold("implement-002")
    process = start(scripted.root, "build", "--sandbox", OPEN)
    until(lambda: "implement 002" in scripted.calls())
    yield process, gate
    process.kill()
    process.communicate()


class TestSignals:
    def test_int_lets_the_task_in_flight_land(self, scripted: ScriptedKit, calling):
        process, gate = calling
        send(process, signal.SIGINT)
        until(lambda: "command_received" in journal(scripted))
        gate.unlink()
        code, said = end(process)
        assert code == 130
        assert "stopped as asked" in said
        assert sorted(scripted.tree()) == ["scale.txt", "shelf.txt"]
        assert build(scripted.root).returncode == 0
        check_whole(scripted)
        assert len(scripted.calls()) == 5

    def test_int_twice_stops_now(self, scripted: ScriptedKit, calling):
        process, gate = calling
        send(process, signal.SIGINT)
        until(lambda: "command_received" in journal(scripted))
        send(process, signal.SIGINT)
        code, said = end(process)
        assert code == 130
        assert "interrupted" in said
        assert scripted.tree() == {"shelf.txt": b"shelf\n"}
        gate.unlink()
        assert build(scripted.root).returncode == 0
        check_whole(scripted)

    def test_term_stops_now(self, scripted: ScriptedKit, calling):
        process, gate = calling
        send(process, signal.SIGTERM)
        code, _ = end(process)
        assert code == 143
        (run,) = accounts(scripted.project)
        assert (run.outcome, run.exit_code) == ("stopped", 143)
        gate.unlink()
        assert build(scripted.root).returncode == 0
        check_whole(scripted)

    def test_hup_changes_nothing(self, scripted: ScriptedKit, calling):
        process, gate = calling
        send(process, signal.SIGHUP)
        gate.unlink()
        code, _ = end(process)
        assert code == 0
        check_whole(scripted)

    def test_many_signals_at_once_end_it_in_order(self, scripted: ScriptedKit, calling):
        process, gate = calling
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            send(process, number)
        code, _ = end(process)
        # The last one may come after the run has ended; a shell calls that 130 or 143 as well.
        assert code in (130, 143, -signal.SIGINT, -signal.SIGTERM)
        (journal,) = (scripted.root / ".ossature" / "runs").glob("*/events.jsonl")
        assert has_end(journal)
        gate.unlink()
        assert build(scripted.root).returncode == 0
        check_whole(scripted)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_verify_is_ended_with_its_run(
        self, scripted: ScriptedKit, tmp_path: Path, number: signal.Signals
    ):
        tasks = five_tasks()
        tasks[0]["verify"] = [f"test -e {tmp_path}/go || {{ echo $$ > {tmp_path}/pid; sleep 600; }}"]
        scripted.plan(tasks)
        process = start(scripted.root, "build", "--sandbox", OPEN)
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
        send(process, number)
        if number == signal.SIGINT:
            until(lambda: "command_received" in journal(scripted))
            send(process, number)
        code, _ = end(process)
        assert code == STOPPED[number]
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)
        (tmp_path / "go").touch()
        assert build(scripted.root).returncode == 0
        check_whole(scripted)
        assert len(scripted.calls()) == 5, "the reply of the interrupted task was paid for twice"

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_signal_at_random_moments(self, scripted: ScriptedKit, tmp_path: Path, number: signal.Signals):
        template = tmp_path / "template"
        shutil.copytree(scripted.root, template)
        rng = random.Random(int(number))
        for _ in range(some(2, 5)):
            shutil.rmtree(scripted.root)
            shutil.copytree(template, scripted.root)
            process = start(scripted.root, "build", "--sandbox", OPEN)
            # Before the interpreter has come to our code, a signal is Python's own business.
            until(lambda ended=process.poll: journal(scripted) or ended() is not None)
            deadline = time.monotonic() + rng.uniform(0, 0.7)
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.002)
            if process.poll() is None:
                send(process, number)
            code, said = end(process)
            # Python ends by the signal itself before the owner has set up its handlers, and after it let go.
            allowed = {0, -number, STOPPED.get(number, 0)}
            assert code in allowed, said
            for name, content in scripted.tree().items():
                assert content == FINISHED[name]
            assert scripted.own().code == 0
            check_whole(scripted)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_signal_during_a_landing_lets_it_land_whole(
        self, scripted: ScriptedKit, tmp_path: Path, number: signal.Signals
    ):
        names = [f"{letter}/{letter}.txt" for letter in "abcdef"]
        tasks = [{**five_tasks()[0], "outputs": names, "verify": ["true"]}, five_tasks()[1]]
        del tasks[0]["arch_refs"]
        tasks[1]["inject_files"] = []
        scripted.plan(tasks)
        scripted.says("implement-001", "\n".join(block(name, name) for name in names))
        template = tmp_path / "template"
        shutil.copytree(scripted.root, template)
        log = tmp_path / "count"
        assert killed_at(scripted, 10**9, log) == 0
        expected, total = scripted.tree(), int(log.read_text())
        halves = 0
        for part in (0.4, 0.5, 0.6):
            at = int(total * part)
            shutil.rmtree(scripted.root)
            shutil.copytree(template, scripted.root)
            # A first INT lets what is in flight come to its end, and that may be the last task.
            code = killed_at(scripted, at, log, by=number)
            assert code in ((0, STOPPED[number]) if number == signal.SIGINT else (STOPPED[number],))
            landed = [name for name in names if (scripted.output / name).exists()]
            assert landed in ([], names)
            halves += bool(landed)
            with Ledger.open(scripted.project.ledger_path) as ledger:
                assert ledger.open_intents == ()
            assert all(has_end(path) for path in scripted.root.glob(".ossature/runs/*/events.jsonl"))
            assert survivors(scripted) == []
            before = len(scripted.calls())
            done = scripted.own()
            assert done.code == 0, done.end
            assert scripted.tree() == expected
            assert len(scripted.calls()) - before <= 2
        assert halves, "no signal came after the landing had begun"

    def test_stopped_owner_keeps_its_project_and_goes_on_when_woken(self, scripted: ScriptedKit, calling):
        process, gate = calling
        send(process, signal.SIGSTOP)
        until(lambda: Path(f"/proc/{process.pid}/stat").read_text().split()[2] == "T")
        busy = build(scripted.root)
        assert busy.returncode == 8
        assert "owns this project" in busy.stderr
        assert accounts(scripted.project)[-1].outcome == "running"
        gate.unlink()
        send(process, signal.SIGCONT)
        code, _ = end(process)
        assert code == 0
        check_whole(scripted)
        assert len(scripted.calls()) == 5

    def test_nothing_outlives_a_stop(self, scripted: ScriptedKit, calling):
        process, gate = calling
        assert survivors(scripted) != []
        send(process, signal.SIGTERM)
        assert end(process)[0] == 143
        until(lambda: survivors(scripted) == [], what="the model's command to go")
        gate.unlink()


class TestSignalsAtAQuestion:
    @pytest.fixture
    def asking(self, scripted: ScriptedKit, live):
        scripted.says("implement-001", block("shelf.txt", "red"))
        scripted.says("fix-001", block("shelf.txt", "red"))
        tasks = five_tasks()
        tasks[0]["verify"] = ["grep -q green shelf.txt"]
        scripted.plan(tasks)
        run = live(scripted)
        return run, run.question("task_failed")

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_it_ends_with_the_question_closed(self, scripted: ScriptedKit, asking, number: signal.Signals):
        run, question = asking
        os.kill(run.state.pid, number)
        assert run.end() == STOPPED[number]
        closed = run.event(QuestionClosed)
        assert (closed.question_id, closed.decision) == (question.id, None)
        assert not run.state.questions
        until(lambda: survivors(scripted) == [], what="the owner to go")

    def test_hup_leaves_it_open_and_the_answer_counts(self, scripted: ScriptedKit, asking):
        run, question = asking
        os.kill(run.state.pid, signal.SIGHUP)
        run.attachment.decide(Skip(question_id=question.id, by="test"))
        assert run.end() == 1
        assert run.event(QuestionClosed).decision.verb == "skip"

    def test_stop_and_go_leave_it_open(self, scripted: ScriptedKit, asking):
        run, question = asking
        os.kill(run.state.pid, signal.SIGSTOP)
        run.attachment.decide(Skip(question_id=question.id, by="test"))
        os.kill(run.state.pid, signal.SIGCONT)
        assert run.end() == 1
        assert run.event(QuestionClosed).decision.verb == "skip"


def survivors(kit: ScriptedKit) -> list[str]:
    """Processes that work in the project's folder or on a file of it; empty where there is no /proc."""
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command_line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if str(kit.root) in command_line or str((folder / "cwd").readlink()).startswith(str(kit.root)):
                found.append(command_line)
    return found


def journal(kit: ScriptedKit) -> str:
    return "".join(
        path.read_text("utf-8", "replace") for path in kit.root.glob(".ossature/runs/*/events.jsonl")
    )


def strace_works() -> bool:
    tool = shutil.which("strace")
    if tool is None:
        return False
    argv = [tool, "-f", "-qq", "-o", os.devnull, "-e", "inject=fsync:error=ENOSPC", "true"]
    return subprocess.run(argv, capture_output=True).returncode == 0


def with_fault(kit: ScriptedKit, fault: str) -> subprocess.CompletedProcess[str]:
    """A build under strace, which makes some system calls of the owner alone fail."""
    argv = ["strace", "-qq", "-o", os.devnull, "-e", f"inject={fault}"]
    return subprocess.run(
        [*argv, *command("build", "--sandbox", OPEN)],
        cwd=kit.root,
        env=environ(PYTHONDONTWRITEBYTECODE="1"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
    )


def count_calls(kit: ScriptedKit, name: str, log: Path) -> int:
    argv = ["strace", "-qq", "-o", str(log), "-e", f"trace={name}"]
    done = subprocess.run(
        [*argv, *command("build", "--sandbox", OPEN)], cwd=kit.root, env=environ(), capture_output=True
    )
    assert done.returncode == 0
    return log.read_text("utf-8", "replace").count(f"{name}(")


FAULTS = [
    # system call, error, for good or once, how many points
    ("write", "ENOSPC", "+", 14),
    ("write", "ENOSPC", "", 12),
    ("fsync", "ENOSPC", "+", 8),
    ("fsync", "EIO", "", 8),
    ("fdatasync", "EIO", "", 6),
    ("rename", "ENOSPC", "+", 6),
    ("renameat", "EDQUOT", "", 4),
    ("mkdir", "EROFS", "+", 4),
]


@pytest.mark.skipif(not strace_works(), reason="strace cannot inject faults here")
@pytest.mark.parametrize(("name", "error", "how", "points"), FAULTS)
def test_full_disk_is_told_and_the_next_build_goes_on(
    scripted: ScriptedKit, tmp_path: Path, name: str, error: str, how: str, points: int
):
    template = tmp_path / "template"
    tasks = five_tasks()[:2]
    scripted.plan(tasks)
    shutil.copytree(scripted.root, template)
    total = count_calls(scripted, name, tmp_path / "trace")
    if not total:
        pytest.skip(f"this machine's Python makes no call of {name}")
    rng = random.Random(f"{name}{error}{how}")
    codes: set[int] = set()
    for number in sorted(rng.sample(range(1, total + 1), min(some(max(2, points // 4), points), total))):
        shutil.rmtree(scripted.root)
        shutil.copytree(template, scripted.root)
        done = with_fault(scripted, f"{name}:error={error}:when={number}{how}")
        said = done.stdout + done.stderr
        codes.add(done.returncode)
        where = f"{name} {number}{how} of {total}: {said}"
        for sign in ("Traceback", "internal error", "Exception in", "ExceptionGroup"):
            assert sign not in said, where
        # A log that is not whole or a stamp that is not written is no failure.
        assert done.returncode in ((0, 1, 141) if name == "write" else (0, 1)), where
        if done.returncode == 1 and not (name == "write" and how):
            assert said.strip(), where
        for path, content in scripted.tree().items():
            assert content == FINISHED[path], where
        again = scripted.own()
        assert again.code == 0, f"{where}\nthen: {again.end}"
        assert scripted.tree() == {path: FINISHED[path] for path in ("shelf.txt", "scale.txt")}
        assert not [path for path in scripted.output.iterdir() if path.name.endswith(".tmp")], where
    assert 1 in codes, "no point hit anything"


def test_tiny_disk(scripted: ScriptedKit, tmp_path: Path):
    """A limit on file sizes stands for a disk that is full: it needs no rights."""
    big = "x" * 79 + "\n"
    scripted.says("implement-001", block("shelf.txt", big * 4000))
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", *command("build", "--sandbox", OPEN)],
        cwd=scripted.root,
        env=environ(),
        capture_output=True,
        encoding="utf-8",
    )
    refuse_traceback(done.stdout + done.stderr)
    assert done.returncode == 1
    assert "File too large" in done.stdout + done.stderr
    assert scripted.tree() == {}
    assert build(scripted.root).returncode == 0


def test_few_file_descriptors(scripted: ScriptedKit):
    """Each limit stops the run somewhere else: at its journal, its loop, its inbox, a file, a command."""
    codes = set()
    for limit in (6, 8, 9, 10, 11, 13):
        done = subprocess.run(
            ["sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", *command("build", "--sandbox", OPEN)],
            cwd=scripted.root,
            env=environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
        )
        said = done.stdout + done.stderr
        refuse_traceback(said)
        assert "never awaited" not in said
        assert done.returncode == 0 or "Too many open files" in said, f"{limit}: {said}"
        codes.add(done.returncode)
    assert 1 in codes
    assert scripted.own().code == 0
    check_whole(scripted)


def tmpfs_works() -> bool:
    """A small file system of one's own needs a mount namespace."""
    tool = shutil.which("unshare")
    if tool is None:
        return False
    argv = [tool, "-rm", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt && mount -o remount,size=1m /mnt"]
    return subprocess.run(argv, capture_output=True).returncode == 0


@pytest.mark.skipif(not tmpfs_works(), reason="no small file system can be mounted here")
def test_file_system_that_is_full(scripted: ScriptedKit, tmp_path: Path):
    """A real one that runs full in the middle of a build, and then gets room."""
    scripted.says("implement-002", block("scale.txt", "x" * 79 + "\n" * 4000))
    small = tmp_path / "small"
    small.mkdir()
    story = """
        mount -t tmpfs -o size=$2k none "$1" && cp -R "$3" "$1/parcels" && cd "$1/parcels" || exit 99
        shift 3
        "$@"
        echo "first $?"
        mount -o remount,size=64m .. && "$@"
        echo "second $?"
        cp -R output ../../found
    """
    # Room for the first task, not for all.
    room_kib = sum(path.stat().st_size // 4096 + 1 for path in scripted.root.rglob("*")) * 4 + 200
    argv = ["unshare", "-rm", "sh", "-c", story, "sh", str(small), str(room_kib), str(scripted.root)]
    done = subprocess.run(
        [*argv, *command("build", "--sandbox", OPEN)],
        env=environ(PYTHONDONTWRITEBYTECODE="1"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    said = done.stdout + done.stderr
    refuse_traceback(said)
    assert "first 1" in done.stdout, said
    assert "No space left on device" in said
    assert "free some space" in said
    assert "second 0" in done.stdout, said
    found = {path.name: path.read_bytes() for path in (tmp_path / "found").iterdir()}
    assert found["shelf.txt"] == b"shelf\n"
    assert sorted(found) == sorted(FINISHED)
