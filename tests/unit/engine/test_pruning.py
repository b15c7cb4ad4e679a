"""What is referred to survives `gc`, and a kill anywhere in it; what is not goes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ossature.digest import digest_bytes
from ossature.domain import event as ev
from ossature.domain.decision import Question
from ossature.engine.cleaning import clean_work, work_folders
from ossature.engine.pruning import Policy, collect_garbage, find_garbage
from ossature.errors import BusyError, DiskError
from ossature.project import Project
from ossature.store.blobs import Blobs
from ossature.store.compaction import digests_in
from ossature.store.exchange import Exchanges
from ossature.store.journal import Journal
from ossature.store.lease import Lease, LeaseInfo
from ossature.store.ledger import Landing, Ledger, read_history
from ossature.store.tasklog import list_attempts, open_attempt
from tests.support.sampling import some

NOW = datetime(2026, 5, 1, tzinfo=UTC)
RUNS = [f"202604{day:02d}T100000-00{day:02d}" for day in (1, 2, 3, 4)]
"""One a day; the last is 27 days before `NOW`."""


@pytest.fixture
def lab() -> Iterator[Path]:
    """A folder in memory where there is one: these tests copy and sync a lot."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def project(lab: Path) -> Project:
    """Four runs, in each of which two tasks were built and landed; the second run set an edit aside."""
    made = Project(lab / "root")
    blobs, exchanges = Blobs(made.blobs_dir), Exchanges(made.exchanges_dir, made.tasks_dir)
    blobs.put(b"nobody's")
    with Ledger.open(made.ledger_path) as ledger:
        for run in RUNS:
            journal = Journal(made.runs_dir / run / "events.jsonl")
            journal.append(ev.RunStarted(run=run, goal="build", pid=1, host="h", project="p", version="1"))
            for name in ("a", "b"):
                content = f"{name} of {run}".encode()
                attempt = open_attempt(made.tasks_dir, f"{name}-0000", run, 1, "implement")
                attempt.write_prompt("prompt")
                attempt.finish_response("response")
                stage = blobs.put(b"stage of " + content)
                request = digest_bytes(b"request " + name.encode())
                meta = {"verdict": "ok", "request_digest": request, "inputs": {"x": digest_bytes(b"x")}}
                attempt.write_meta({**meta, "stage": {name: stage}})
                exchanges.record(request, attempt.folder)
                files = {name: blobs.put(content)}
                node = blobs.put(b'["%s"]' % digest_bytes(b"shown in " + content).encode())
                blobs.put(b"shown in " + content)
                texts = blobs.put(
                    json.dumps({"input tree": json.dumps([node]), "t": content.decode()}).encode()
                )
                landing = Landing(
                    f"{name}-0000", name, "S", name, (name,), "g", "v", files=files, run=run, texts=texts
                )
                ledger.append_landed(ledger.append_intent(landing, {name: None}))
            if run == RUNS[1]:
                kept = blobs.put(b"written by hand")
                journal.append(ev.Noticed(level="info", text=f"a as it was on disk is kept as blob {kept}"))
            journal.append(ev.RunFinished(outcome="succeeded", exit_code=0))
            journal.close()
        ledger.append_intent(
            Landing("c-0000", "c", "S", "c", ("c",), "g", "v", files={"c": blobs.put(b"half landed")}), {}
        )
    return made


def contents(project: Project) -> set[bytes]:
    blobs = Blobs(project.blobs_dir)
    return {blobs.get(digest) for digest, _ in blobs.sizes()}


def left(project: Project) -> dict[str, list[str]]:
    return {
        "runs": sorted(path.name for path in project.runs_dir.iterdir()),
        "attempts": sorted(path.name.split("-")[1] for path in project.tasks_dir.glob("a-0000/*")),
    }


def check(project: Project) -> None:
    """Whatever anything on the disk refers to can be read."""
    blobs = Blobs(project.blobs_dir)
    ledger = Ledger(project.ledger_path)
    assert ledger.diagnostics == ()
    assert {one.run for one in ledger.landings.values()} == {RUNS[-1]}
    assert [intent.landing.lineage for intent in ledger.open_intents] == ["c-0000"]
    for landings in read_history(project.ledger_path).values():
        for one in landings:
            assert [blobs.get(digest) for digest in one.files.values()]
            check_json(blobs, one.texts)
    for digest, _ in blobs.sizes():
        check_json(blobs, digest)
    for intent in ledger.open_intents:
        assert [blobs.get(digest) for digest in intent.landing.files.values()]
    for lineage in project.tasks_dir.iterdir():
        for attempt in list_attempts(project.tasks_dir, lineage.name):
            meta = attempt.read_meta()
            assert meta is not None
            assert blobs.get(meta["stage"][lineage.name[0]])
            assert attempt.read_response() == "response"
    for run in project.runs_dir.iterdir():
        journal = (run / "events.jsonl").read_bytes()
        assert journal.endswith(b"\n")
        for digest in digests_in(journal):
            blobs.get(digest)
    for path in project.exchanges_dir.glob("*.json"):
        assert json.loads(path.read_bytes())["attempts"]
    assert b"written by hand" in contents(project)


def check_json(blobs: Blobs, digest: str) -> None:
    """Where a blob is there, what it names is there, too."""
    content = blobs.get(digest)
    if content.startswith((b"{", b"[")):
        for name in digests_in(content):
            check_json(blobs, name)


def test_without_flags_only_what_nothing_refers_to_goes(project: Project):
    before = left(project)
    garbage = collect_garbage(project, Policy(), now=NOW)
    assert [item.size for item in garbage.blobs] == [len(b"nobody's")]
    assert garbage.items == garbage.blobs
    assert (garbage.ledger, garbage.ledger_saves) == (None, 0)
    assert b"nobody's" not in contents(project)
    assert left(project) == before
    check(project)
    assert collect_garbage(project, Policy(), now=NOW).size == 0


def test_landings_beyond_the_last_ones_go_from_ledger_and_blobs(project: Project):
    before = project.ledger_path.stat().st_size
    garbage = collect_garbage(project, Policy(keep_landings=2), now=NOW)
    assert garbage.ledger is not None
    assert garbage.ledger.left_out == 4
    assert garbage.ledger_saves == before - project.ledger_path.stat().st_size > 0
    kept = {name: [one.run for one in found] for name, found in read_history(project.ledger_path).items()}
    assert kept == {"a-0000": RUNS[2:], "b-0000": RUNS[2:]}
    assert f"a of {RUNS[0]}".encode() not in contents(project)
    assert f"shown in a of {RUNS[1]}".encode() not in contents(project)
    assert f"shown in a of {RUNS[2]}".encode() in contents(project)
    assert f"stage of a of {RUNS[0]}".encode() in contents(project)
    check(project)


def test_old_runs_go_with_their_attempts_and_what_only_these_refer_to(project: Project):
    garbage = collect_garbage(project, Policy(keep_runs=2, keep_landings=1), now=NOW)
    assert left(project) == {
        "runs": RUNS[1:],
        "attempts": [run.split("-")[1] for run in RUNS[2:]],
    }
    assert garbage.held == (RUNS[1],)
    assert f"stage of a of {RUNS[0]}".encode() not in contents(project)
    check(project)
    index = next(iter(project.exchanges_dir.iterdir()))
    assert len(json.loads(index.read_bytes())["attempts"]) == 2
    assert collect_garbage(project, Policy(keep_runs=2, keep_landings=1), now=NOW).size == 0


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        (Policy(older_than=timedelta(days=28, hours=1)), RUNS[1:]),
        (Policy(older_than=timedelta(days=1)), [RUNS[1], RUNS[3]]),
        (Policy(older_than=timedelta(days=1), keep_runs=3), RUNS[1:]),
        (Policy(older_than=timedelta(days=60), keep_runs=1), RUNS),
        (Policy(keep_runs=1), [RUNS[1], RUNS[3]]),
    ],
)
def test_a_run_goes_that_is_beyond_every_limit(project: Project, policy: Policy, kept: list[str]):
    collect_garbage(project, policy, now=NOW)
    assert left(project)["runs"] == kept
    check(project)


def test_a_run_without_an_end_stays_and_so_does_a_reply_without_a_verdict(project: Project):
    path = project.runs_dir / RUNS[0] / "events.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    attempt = list_attempts(project.tasks_dir, "a-0000")[2]
    attempt.write_meta({**(attempt.read_meta() or {}), "verdict": None})
    collect_garbage(project, Policy(keep_runs=1), now=NOW)
    assert left(project)["runs"] == [RUNS[0], RUNS[1], RUNS[3]]
    assert left(project)["attempts"] == ["0001", "0003", "0004"]


def test_what_landed_last_keeps_its_attempts(project: Project):
    for run in ("20260430T100000-aaaa", "20260430T110000-aaaa"):
        journal = Journal(project.runs_dir / run / "events.jsonl")
        journal.append(ev.RunFinished(outcome="failed", exit_code=1))
        journal.close()
        open_attempt(project.tasks_dir, "a-0000", run, 1, "implement").write_meta({"verdict": "failed"})
    collect_garbage(project, Policy(keep_runs=1), now=NOW)
    assert left(project)["attempts"] == ["0004", "aaaa"]


def test_files_of_questions_do_not_hold_a_run(project: Project):
    asked = Blobs(project.blobs_dir).put(b"staged once")
    journal = Journal(project.runs_dir / RUNS[0] / "events.jsonl")
    question = Question(id="q", gate="fix", subject="s", verbs=("approve",), files=("a",), digests=(asked,))
    journal.append(ev.QuestionAsked(question=question))
    journal.append(ev.RunFinished(outcome="succeeded", exit_code=0))
    journal.close()
    assert collect_garbage(project, Policy(), now=NOW).size == len(b"nobody's")
    assert b"staged once" in contents(project)
    assert collect_garbage(project, Policy(keep_runs=1), now=NOW).held == (RUNS[1],)
    assert b"staged once" not in contents(project)


def test_a_dry_run_says_what_a_real_one_does_and_does_nothing(project: Project):
    policy = Policy(keep_landings=1, keep_runs=1)
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    found = find_garbage(project, policy, now=NOW)
    assert {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()} == before
    assert collect_garbage(project, policy, now=NOW) == found
    gone = sum(map(len, before.values())) - sum(
        path.stat().st_size for path in project.root.rglob("*") if path.is_file() and path.name != "lease"
    )
    # What the index of exchanges shrinks by is not counted.
    assert 0 <= gone - found.size < 1000
    assert found.blobs
    assert found.runs
    assert found.attempts


def test_while_somebody_owns_the_project_nothing_is_deleted(project: Project):
    lease = Lease(project.lease_path)
    lease.acquire(LeaseInfo(pid=1, host="here", since="", run="r"))
    before = contents(project)
    with pytest.raises(BusyError):
        collect_garbage(project, Policy(keep_landings=1), now=NOW)
    with pytest.raises(BusyError):
        project.work_dir.mkdir()
        clean_work(project)
    assert contents(project) == before
    lease.release()


def test_nothing_is_found_in_a_project_that_was_never_built(lab: Path):
    assert collect_garbage(Project(lab), Policy(), now=NOW).size == 0
    assert list(lab.iterdir()) == []


@pytest.mark.parametrize("collects", [False, True])
def test_cost_grows_with_the_history_and_not_faster(lab: Path, *, collects: bool):
    calls = [calls_of_gc(lab / str(size), size, collects=collects) for size in (40, 160)]
    assert calls[1] < 5 * calls[0]


def calls_of_gc(root: Path, size: int, *, collects: bool) -> int:
    """Calls of functions, ours and Python's, for that many tasks with two landings and an attempt each."""
    made = Project(root)
    blobs = Blobs(made.blobs_dir)
    with Ledger.open(made.ledger_path) as ledger:
        for number in range(2 * size):
            name = f"t{number % size}-0000"
            files = {name: blobs.put(f"{number}".encode())}
            one = Landing(name, name, "S", name, (name,), "g", "v", files=files, run=RUNS[number // size])
            ledger.append_landed(ledger.append_intent(one, {}))
            open_attempt(made.tasks_dir, name, one.run, 1, "implement").write_meta({"verdict": "ok"})
    count = 0

    def counted(_frame: object, kind: str, _function: object) -> None:
        nonlocal count
        count += kind in ("call", "c_call")

    policy = Policy(keep_landings=1, older_than=timedelta(days=1))
    sys.setprofile(counted)
    found = (collect_garbage if collects else find_garbage)(made, policy, now=NOW)
    sys.setprofile(None)
    assert len(found.blobs) == len(found.attempts) == size
    return count


class Fault:
    """Kills this process at its nth call that changes the disk, or has the disk refuse that call."""

    CALLS = frozenset({os.write, os.fsync, os.rename, os.unlink, os.rmdir, os.mkdir})

    def __init__(self, at: int, number: int = 0) -> None:
        self.count = 0
        self._at = at
        self._number = number

    def __call__(self, _frame: object, kind: str, function: Any) -> None:
        if kind == "c_call" and function in self.CALLS:
            self.count += 1
            if self.count == self._at and self._number:
                raise OSError(self._number, os.strerror(self._number))
            if self.count == self._at:
                os.kill(os.getpid(), signal.SIGKILL)


def collect_in_child(project: Project, policy: Policy, fault: Fault) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        # A profile function sees a call before it is made.
        sys.setprofile(fault)
        collect_garbage(project, policy, now=NOW)
        code = 0
    finally:
        sys.setprofile(None)
        if code:
            traceback.print_exc()
        os._exit(code)


@pytest.mark.timeout(300)
def test_a_kill_at_any_call_loses_nothing_that_is_referred_to(project: Project, lab: Path):
    policy = Policy(keep_landings=1, keep_runs=1)
    shutil.copytree(project.root, lab / "whole")
    fault = Fault(0)
    sys.setprofile(fault)
    collect_garbage(project, policy, now=NOW)
    sys.setprofile(None)
    clean = contents(project), left(project)
    assert fault.count > 40
    for at in range(1, fault.count + 1, some(4, 1)):
        shutil.rmtree(project.root)
        shutil.copytree(lab / "whole", project.root)
        assert collect_in_child(project, policy, Fault(at)) == -signal.SIGKILL
        check(project)
        if at % 3:
            continue
        collect_garbage(project, policy, now=NOW)
        check(project)
        assert (contents(project), left(project)) == clean
        assert not (project.work_dir / "trash").exists()
        assert not [path for path in project.root.rglob("*.tmp")]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_a_call_is_one_clear_message_and_loses_nothing(
    project: Project, lab: Path, number: int
):
    policy = Policy(keep_landings=1, keep_runs=1)
    shutil.copytree(project.root, lab / "whole")
    refused = 0
    for at in range(1 + number % 3, 1000, 3):
        shutil.rmtree(project.root)
        shutil.copytree(lab / "whole", project.root)
        fault = Fault(at, number)
        sys.setprofile(fault)
        try:
            collect_garbage(project, policy, now=NOW)
        except DiskError as error:
            refused += 1
            assert error.place is not None
        finally:
            sys.setprofile(None)
        check(project)
        if fault.count < at:
            break
    assert refused > 13


def test_links_are_left_alone(project: Project, lab: Path):
    mine = lab / "mine"
    (mine / f"{RUNS[0]}-1-implement").mkdir(parents=True)
    (mine / f"{RUNS[3]}-1-implement").mkdir(parents=True)
    (mine / ("0" * 62)).write_bytes(b"mine")
    (project.tasks_dir / "link-0000").symlink_to(mine)
    shelf = next(
        name for name in ("fe", "fd", "fc", "fb", "fa", "f9") if not (project.blobs_dir / name).exists()
    )
    (project.blobs_dir / shelf).symlink_to(mine)
    collect_garbage(project, Policy(keep_runs=1, keep_landings=1), now=NOW)
    assert len(list(mine.iterdir())) == 3


def test_clean_deletes_stages_and_read_only_caches_and_nothing_else(project: Project):
    cache = project.work_dir / "0" / "home" / "go"
    cache.mkdir(parents=True)
    (cache / "module").write_bytes(b"12345")
    (project.work_dir / "up-to-date.json").write_bytes(b"{}")
    (project.work_dir / "link").symlink_to(project.runs_dir)
    cache.chmod(0o500)
    before = contents(project), left(project)
    found = work_folders(project)
    assert [(item.path.name, item.size) for item in found if item.path.name != "link"] == [
        ("0", 5),
        ("up-to-date.json", 2),
    ]
    assert clean_work(project) == found
    assert list(project.work_dir.iterdir()) == []
    assert (contents(project), left(project)) == before
    assert clean_work(project) == ()
