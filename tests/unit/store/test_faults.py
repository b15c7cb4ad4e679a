"""Every call that changes the disk fails once, or is the last one of the process."""

import errno
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from ossature.digest import digest_bytes
from ossature.domain import event as ev
from ossature.domain.decision import Letter, Stop
from ossature.errors import DiskError
from ossature.store import inbox
from ossature.store.blobs import Blobs
from ossature.store.disk import is_scratch, write_atomic
from ossature.store.exchange import Exchanges
from ossature.store.journal import Journal, read_records
from ossature.store.ledger import Landing, Ledger
from ossature.store.safe_root import SafeRoot
from ossature.store.tasklog import list_attempts, open_attempt
from tests.support.sampling import some

CALLS = frozenset(
    {os.open, os.write, os.fsync, os.fdatasync, os.rename, os.unlink, os.mkdir, os.ftruncate, os.fchmod}
    if hasattr(os, "fdatasync")
    else {os.open, os.write, os.fsync, os.rename, os.unlink, os.mkdir, os.ftruncate, os.fchmod}
)
VERSIONS = (
    {"src/a.py": b"a1" * 50, "b.txt": b"b1"},
    {"src/a.py": b"a2" * 70, "b.txt": b"b2", "c/d/e": b"e2"},
)
OLD, NEW = b"plan = 1\n" * 20, b"plan = 2\n" * 30
DONE, REFUSED, WRONG = 0, 3, 4
STEP = some(6, 1)
"""Every call, or every sixth."""


def story(root: Path) -> None:
    """One of everything that a run puts on the disk; goes on where an earlier one was cut off."""
    blobs, output = Blobs(root / "blobs"), SafeRoot(root / "out")
    journal = Journal(root / "runs" / "events.jsonl")
    with Ledger.open(root / "ledger.jsonl") as ledger:
        for intent in ledger.open_intents:
            for path, digest in intent.landing.files.items():
                output.sweep([path])
                output.write(path, blobs.get(digest))
            ledger.append_landed(intent.id)
        for number, contents in enumerate(VERSIONS, start=1):
            attempt = open_attempt(root / "tasks", "task-0000", "run", number, "implement")
            attempt.append_response("half")
            attempt.finish_response("whole")
            attempt.write_meta({"request_digest": "d"})
            Exchanges(root / "exchanges", root / "tasks").record("d", attempt.folder)
            journal.append(ev.Noticed(level="info", text="between"))
            files = {path: blobs.put(content) for path, content in contents.items()}
            landing = Landing("task-0000", "1", "S", "T", tuple(files), "g", "v", files=files, attempt=number)
            intent_id = ledger.append_intent(landing, {path: output.digest(path) for path in files})
            for path, content in contents.items():
                output.write(path, content, mode=0o644)
            ledger.append_landed(intent_id)
            journal.append(ev.TaskLanded(task="1", attempt=number, files=tuple(files), changed=1))
    inbox.drop(root / "inbox", Letter(message=Stop()))
    inbox.collect(root / "inbox")
    write_atomic(root / "plan.toml", NEW)
    journal.close()


def check(root: Path) -> None:
    """What has to hold at every moment."""
    blobs, ledger = Blobs(root / "blobs"), Ledger(root / "ledger.jsonl")
    assert all(item.code == "ledger-torn" for item in ledger.diagnostics), ledger.diagnostics
    for landing in [*ledger.landings.values(), *(intent.landing for intent in ledger.open_intents)]:
        for digest in landing.files.values():
            assert digest_bytes(blobs.get(digest)) == digest
    for path in SafeRoot(root / "out").walk(exclude=lambda _path, _is_folder: False):
        content = (root / "out" / path).read_bytes()
        assert any(version.get(path) == content for version in VERSIONS), path
    if ledger.landings and not ledger.open_intents:
        for path, digest in ledger.landings["task-0000"].files.items():
            assert digest_bytes((root / "out" / path).read_bytes()) == digest
    assert (root / "plan.toml").read_bytes() in (OLD, NEW)
    numbers = [record.seq for record in read_records(root / "runs" / "events.jsonl")]
    assert numbers == list(range(1, len(numbers) + 1))
    for attempt in list_attempts(root / "tasks", "task-0000"):
        assert attempt.read_response() in (None, "whole")
        assert attempt.read_meta() in (None, {"request_digest": "d"})
    for folder in Exchanges(root / "exchanges", root / "tasks").find("d"):
        assert (folder / "response.md").read_bytes() == b"whole"


class Fault:
    """Watches the calls of this process and strikes at one of them; needs no change to what it watches."""

    def __init__(self, at: int, strike: Callable[[FrameType], None], *, for_good: bool = False) -> None:
        self.count = 0
        self._at = at
        self._strike = strike
        self._for_good = for_good

    def __call__(self, frame: FrameType, kind: str, function: Any) -> None:
        if kind != "c_call" or function not in CALLS:
            return
        self.count += 1
        if self.count == self._at or (self._for_good and self.count > self._at):
            if function is os.open and not frame.f_locals.get("flags", os.O_CREAT) & os.O_CREAT:
                return
            self._strike(frame)


def kill(_frame: FrameType) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_half_way(frame: FrameType) -> None:
    write_half(frame)
    os.kill(os.getpid(), signal.SIGKILL)


def write_half(frame: FrameType) -> None:
    rest = frame.f_locals.get("rest")
    if frame.f_code.co_name == "write_all" and rest:
        os.write(frame.f_locals["fd"], rest[: len(rest) // 2])


def fail_with(number: int, *, is_half: bool = False) -> Callable[[FrameType], None]:
    def strike(frame: FrameType) -> None:
        if is_half:
            write_half(frame)
        raise OSError(number, os.strerror(number))

    return strike


def run_in_child(root: Path, fault: Fault | None) -> int:
    """The story in a process of its own: DONE, REFUSED (DiskError), WRONG (any other), or minus a signal."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = WRONG
    try:
        # A profile function sees a call before it is made, and what it raises, the call raises.
        sys.setprofile(fault)
        story(root)
        code = DONE
    except DiskError as error:
        code = REFUSED if error.place and error.message else WRONG
    finally:
        sys.setprofile(None)
        if code == WRONG:
            traceback.print_exc()
        os._exit(code)


@pytest.fixture
def lab() -> Iterator[Path]:
    """A folder in memory where there is one: these tests sync thousands of times."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)


def fresh(lab: Path) -> Path:
    root = lab / "root"
    if root.exists():
        shutil.rmtree(root)
    root.mkdir()
    (root / "plan.toml").write_bytes(OLD)
    return root


def count_calls(lab: Path) -> int:
    fault = Fault(0, kill)
    sys.setprofile(fault)
    story(fresh(lab))
    sys.setprofile(None)
    return fault.count


def finish(root: Path) -> None:
    """Run the story again without faults: everything is there, and nothing is half done."""
    assert run_in_child(root, None) == DONE
    check(root)
    assert {path: (root / "out" / path).read_bytes() for path in VERSIONS[1]} == VERSIONS[1]
    assert Ledger(root / "ledger.jsonl").open_intents == ()
    assert Ledger(root / "ledger.jsonl").diagnostics == ()
    assert (root / "plan.toml").read_bytes() == NEW


@pytest.mark.timeout(300)
@pytest.mark.parametrize("strike", [kill, kill_half_way])
def test_a_kill_at_any_call_leaves_nothing_half_done(lab: Path, strike: Callable[[FrameType], None]):
    calls = count_calls(lab)
    assert calls > 150
    codes = Counter[int]()
    for at in range(1, calls + 1, STEP):
        root = fresh(lab)
        codes[run_in_child(root, Fault(at, strike))] += 1
        check(root)
        if at % 3 == 0:
            finish(root)
    assert codes.keys() <= {-signal.SIGKILL, DONE}
    assert codes[-signal.SIGKILL] > 150 // STEP


@pytest.mark.timeout(300)
def test_a_kill_during_recovery_leaves_nothing_half_done_either(lab: Path):
    for at in range(1, count_calls(lab) + 1, 10 * STEP):
        for again in (3, 10, 20, 35):
            root = fresh(lab)
            run_in_child(root, Fault(at, kill_half_way))
            run_in_child(root, Fault(again, kill_half_way))
            check(root)
            finish(root)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("number", "step"),
    [(errno.ENOSPC, STEP), (errno.EIO, STEP), (errno.EDQUOT, 7), (errno.EROFS, 7), (errno.EMFILE, 7)],
)
def test_an_error_at_any_call_is_one_clear_message_and_harms_nothing(lab: Path, number: int, step: int):
    strike = fail_with(number, is_half=number in (errno.ENOSPC, errno.EDQUOT))
    codes = Counter[int]()
    for at in range(1, count_calls(lab) + 1, step):
        root = fresh(lab)
        codes[run_in_child(root, Fault(at, strike))] += 1
        check(root)
        assert [path for path in root.rglob("*") if is_scratch(path.name)] == []
        if at % 3 == 0:
            finish(root)
    assert codes.keys() <= {REFUSED, DONE}
    assert codes[REFUSED] > 20 // STEP


@pytest.mark.timeout(300)
def test_a_disk_that_stays_full_harms_nothing(lab: Path):
    for at in range(1, count_calls(lab) + 1, 3 * STEP):
        root = fresh(lab)
        fault = Fault(at, fail_with(errno.ENOSPC, is_half=True), for_good=True)
        assert run_in_child(root, fault) in (REFUSED, DONE)
        check(root)
        finish(root)


def test_a_plain_write_that_is_cut_off_is_caught_by_the_check(lab: Path):
    root = fresh(lab)
    (root / "plan.toml").write_bytes(NEW[: len(NEW) // 2])
    with pytest.raises(AssertionError):
        check(root)
