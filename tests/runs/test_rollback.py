"""`rollback` puts back what landed earlier, whole or not at all, and never over a person's edits."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ossature.build.landing import recover
from ossature.engine.accounts import accounts
from ossature.engine.closing import close_crashed
from ossature.engine.history import versions
from ossature.engine.pruning import Policy, collect_garbage
from ossature.engine.rollback import RolledBack, Target, plan_rollback, roll_back
from ossature.engine.session import fold
from ossature.engine.sources import load
from ossature.errors import BusyError, DiskError, OssatureError, PlanError, UsageError
from ossature.store.blobs import Blobs
from ossature.store.lease import Lease, LeaseInfo
from ossature.store.ledger import Ledger
from ossature.store.safe_root import SafeRoot
from tests.runs.kit import Kit, block, task


def lineage(kit: Kit, task_id: str) -> str:
    return load(kit.project).lineages[task_id]


def numbers(kit: Kit, task_id: str = "001") -> list[int]:
    return [version.same_as for version in versions(kit.project, lineage(kit, task_id))]


def back(kit: Kit, name: str = "001", *, keeps_edits: bool = False, **target: Any) -> RolledBack:
    return roll_back(kit.project, name, Target(**target), keeps_edits=keeps_edits)


def status(kit: Kit) -> dict[str, str]:
    return {view.task.id: view.status for view in kit.look().tasks}


@pytest.fixture
def built(kit: Kit) -> Kit:
    """Built, and 001 generated anew: two landings from the same inputs."""
    kit.model.says("001", block("shelf.txt", "one"), block("shelf.txt", "two"))
    assert kit.own().code == 0
    assert kit.own(forced=("001",)).code == 0
    assert kit.own().code == 0
    assert kit.tree()["shelf.txt"] == b"two\n"
    return kit


def test_earlier_files_land_again_with_what_they_were_made_from(built: Kit):
    first = versions(built.project, lineage(built, "001"))[0].landing
    done = back(built)
    assert (done.written, done.rollback.version.number) == (1, 1)
    assert built.tree()["shelf.txt"] == b"one\n"
    last = versions(built.project, lineage(built, "001"))[-1].landing
    assert (last.files, last.leaves, last.generate, last.verify) == (
        first.files,
        first.leaves,
        first.generate,
        first.verify,
    )
    assert (last.run, last.attempt) == (done.run, 0)
    assert numbers(built) == [1, 2, 1]
    # Its inputs are the same as then; what was made from its other files is not up to date.
    assert status(built) == {"001": "done", "002": "stale", "003": "verify", "004": "verify", "005": "verify"}
    run = built.own()
    assert "001" in run.rest
    assert built.tree()["shelf.txt"] == b"one\n"
    assert back(built).rollback.version.number == 2
    assert built.tree()["shelf.txt"] == b"two\n"


def test_it_is_a_run_like_any_other(built: Kit):
    done = back(built)
    summary = accounts(built.project)[-1]
    assert (summary.run, summary.goal, summary.outcome) == (done.run, "rollback", "succeeded")
    state = fold(built.project.runs_dir / summary.run)
    assert state.tasks["001"].status == "landed"
    assert "back to landing 1" in state.tasks["001"].reason


def test_changed_inputs_are_told_by_the_status_and_a_build_goes_by_them(kit: Kit):
    kit.model.says("001", block("shelf.txt", "one"), block("shelf.txt", "two"), block("shelf.txt", "three"))
    kit.own()
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all parcels on a shelf.")
    kit.own()
    back(kit, number=1)
    view = kit.look().find("001")
    assert view is not None
    assert view.status == "stale"
    assert "Count" in view.reason
    kit.edit("specs/lib.smd", "Counts all parcels on a shelf.", "Counts parcels on a shelf.")
    assert status(kit)["001"] == "done"
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all parcels on a shelf.")
    assert kit.own().code == 0
    assert kit.tree()["shelf.txt"] == b"three\n"


def test_a_manual_task_keeps_what_was_put_back(kit: Kit):
    kit.model.says("001", block("shelf.txt", "one"), block("shelf.txt", "two"))
    kit.own()
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all parcels on a shelf.")
    kit.own()
    back(kit)
    kit.edit(".ossature/plan.toml", 'id = "001"\n', 'id = "001"\nstatus = "manual"\n')
    run = kit.own()
    assert run.code == 0
    assert "implement 001" not in run.asked
    assert kit.tree()["shelf.txt"] == b"one\n"


def test_edits_by_hand_stand_in_the_way_until_they_may_be_kept_as_blobs(built: Kit):
    built.write("output/shelf.txt", "mine\n")
    with pytest.raises(OssatureError, match=r"shelf\.txt changed by hand") as error:
        back(built)
    assert error.value.exit_code == 5
    assert "--keep-edits" in error.value.hint
    assert built.tree()["shelf.txt"] == b"mine\n"
    assert len(accounts(built.project)) == 3
    done = back(built, keeps_edits=True)
    assert built.tree()["shelf.txt"] == b"one\n"
    ((path, digest),) = done.kept
    assert path == "shelf.txt"
    (aside,) = Ledger(built.project.ledger_path).asides
    assert (aside.path, aside.digest, aside.how) == ("shelf.txt", digest, "set aside")
    # The journal names it, so that cleaning up leaves it alone, however old the run becomes.
    built.own()
    collect_garbage(built.project, Policy(keep_landings=1, keep_runs=1), now=datetime.now(UTC))
    assert Blobs(built.project.blobs_dir).get(digest) == b"mine\n"


def test_a_file_that_is_gone_or_as_wanted_is_no_edit(built: Kit):
    (built.output / "shelf.txt").unlink()
    assert back(built).written == 1
    assert built.tree()["shelf.txt"] == b"one\n"
    built.write("output/shelf.txt", "two\n")
    assert back(built, number=2).written == 0
    assert numbers(built) == [1, 2, 1, 2]


def test_the_last_landing_is_put_back_over_an_edit_and_else_nothing_is_done(built: Kit):
    assert back(built, number=2).run == ""
    assert len(accounts(built.project)) == 3
    built.write("output/shelf.txt", "mine\n")
    assert back(built, number=2, keeps_edits=True).written == 1
    assert built.tree()["shelf.txt"] == b"two\n"


def test_a_landing_is_found_by_its_run(built: Kit):
    first = accounts(built.project)[0].run
    assert back(built, run=first).rollback.version.number == 1
    with pytest.raises(UsageError, match="landed nothing in a run"):
        back(built, "002", run=accounts(built.project)[1].run + "x")
    with pytest.raises(UsageError, match="landed in several runs '2'"):
        back(built, run="2")
    shutil.rmtree(built.root / ".ossature" / "runs" / first)
    assert back(built, run=first).rollback.version.number == 1


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        ("001", {"number": 9}, "no landing 9"),
        ("001", {"number": 0}, "no landing 0"),
        ("002", {}, "every landing of this task has the same files"),
        ("9", {}, "there is no task '9' in the plan"),
    ],
)
def test_what_cannot_be_put_back_is_said(built: Kit, name: str, target: dict[str, Any], said: str):
    with pytest.raises(OssatureError, match=said):
        roll_back(built.project, name, Target(**target), keeps_edits=False)
    assert len(accounts(built.project)) == 3


def test_contents_that_were_deleted_are_said_before_anything_is_written(built: Kit):
    first = versions(built.project, lineage(built, "001"))[0].landing
    Blobs(built.project.blobs_dir).remove(first.files["shelf.txt"])
    with pytest.raises(DiskError, match="missing"):
        back(built)
    assert built.tree()["shelf.txt"] == b"two\n"
    assert numbers(built) == [1, 2]


def test_while_a_run_owns_the_project_nothing_is_put_back(built: Kit):
    lease = Lease(built.project.lease_path)
    lease.acquire(LeaseInfo(pid=1, host="here", since="", run="r"))
    with pytest.raises(BusyError):
        back(built)
    lease.release()
    assert built.tree()["shelf.txt"] == b"two\n"


def test_a_plan_with_errors_is_refused(built: Kit):
    built.edit(".ossature/plan.toml", '"001"]', '"nobody"]')
    with pytest.raises(PlanError):
        back(built)


def test_a_file_that_a_later_task_wrote_over_stays_as_that_one_wrote_it(kit: Kit):
    kit.plan([task("001", "shelf.txt"), task("002", "shelf.txt", title="Add", depends_on=["001"])])
    kit.model.says("001", block("shelf.txt", "one"), block("shelf.txt", "two"))
    kit.model.says("002", block("shelf.txt", "one, two"), block("shelf.txt", "two, two"))
    kit.own()
    kit.own(forced=("001",))
    kit.own()
    assert kit.tree()["shelf.txt"] == b"two, two\n"
    done = back(kit)
    assert (done.written, done.rollback.hidden) == (0, ("shelf.txt",))
    assert kit.tree()["shelf.txt"] == b"two, two\n"
    assert status(kit) == {"001": "done", "002": "stale"}
    # The later one is put back by itself, and fits again.
    assert back(kit, "002").written == 1
    assert kit.tree()["shelf.txt"] == b"one, two\n"
    assert status(kit) == {"001": "done", "002": "done"}
    # Edits are looked for in what the disk shows, whoever wrote it.
    kit.write("output/shelf.txt", "mine\n")
    assert back(kit, "001", number=2).rollback.edited == ()
    with pytest.raises(OssatureError, match="changed by hand"):
        back(kit, "002", number=2)


def test_files_that_the_earlier_landing_did_not_have_are_removed_unless_edited(kit: Kit):
    kit.plan([task("001", "shelf.txt")])
    kit.own()
    kit.plan([task("001", "shelf.txt", outputs=["shelf.txt", "new.txt", "own.txt"])])
    kit.own()
    assert set(kit.tree()) == {"shelf.txt", "new.txt", "own.txt"}
    kit.write("output/own.txt", "mine\n")
    done = back(kit)
    assert done.rollback.withdrawn == ("new.txt", "own.txt")
    assert kit.tree() == {"shelf.txt": b"plain\n", "own.txt": b"mine\n"}
    view = kit.look().find("001")
    assert view is not None
    assert (view.status, view.reason) == ("stale", "task outputs changed")


def test_a_file_that_another_task_writes_now_is_not_taken_from_it(kit: Kit):
    kit.plan([task("001", "shelf.txt", outputs=["shelf.txt", "b.txt"], title="T")])
    kit.own()
    kit.plan([task("001", "shelf.txt", title="T"), task("002", "b.txt", depends_on=["001"])])
    kit.own()
    with pytest.raises(OssatureError, match=r"also wrote b\.txt, which 002 writes now"):
        back(kit, number=1)


def test_a_dry_run_says_it_and_changes_nothing(built: Kit):
    before = {path: path.stat().st_mtime_ns for path in built.root.rglob("*")}
    planned = plan_rollback(load(built.project), "001", Target())
    assert [change.path for change in planned.changes] == ["shelf.txt"]
    assert planned.is_needed
    assert {path: path.stat().st_mtime_ns for path in built.root.rglob("*")} == before


class Fault:
    """Kills this process at its nth call that changes the disk."""

    CALLS = frozenset({os.write, os.fsync, os.fdatasync, os.rename, os.unlink, os.mkdir, os.ftruncate})

    def __init__(self, at: int) -> None:
        self.count = 0
        self._at = at

    def __call__(self, _frame: object, kind: str, function: Any) -> None:
        if kind == "c_call" and function in self.CALLS:
            self.count += 1
            if self.count == self._at:
                os.kill(os.getpid(), signal.SIGKILL)


def back_in_child(kit: Kit, fault: Fault) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        sys.setprofile(fault)
        back(kit, keeps_edits=True)
        code = 0
    finally:
        sys.setprofile(None)
        if code:
            traceback.print_exc()
        os._exit(code)


def start_again(kit: Kit, *, builds: bool) -> None:
    """What the next run does with what it finds, by itself or as part of a build."""
    if builds:
        assert kit.own(tasks=("001",)).code in (0, 5)
        assert all(run.outcome in ("succeeded", "crashed") for run in accounts(kit.project)[:-1])
        return
    close_crashed(kit.project, except_run="")
    output = SafeRoot(kit.project.output_root)
    with Ledger.open(kit.project.ledger_path) as ledger:
        output.sweep(kit.tree())
        found = recover(ledger=ledger, blobs=Blobs(kit.project.blobs_dir), output=output)
    assert found.conflicts == ()


@pytest.mark.timeout(300)
def test_a_kill_at_any_call_leaves_the_one_landing_or_the_other(kit: Kit, tmp_path: Path):
    kit.plan([task("001", "shelf.txt", outputs=["shelf.txt", "b.txt", "c/d.txt"])])
    replies = [
        "\n".join(block(path, f"{path} {n}") for path in ("shelf.txt", "b.txt", "c/d.txt")) for n in (1, 2)
    ]
    kit.model.says("001", *replies)
    kit.own()
    kit.own(forced=("001",))
    new = kit.tree()
    kit.write("output/b.txt", "mine\n")
    shutil.copytree(kit.root, tmp_path / "whole")
    fault = Fault(0)
    sys.setprofile(fault)
    back(kit, keeps_edits=True)
    sys.setprofile(None)
    old = kit.tree()
    assert fault.count > 30
    ends = set()
    for at in range(1, fault.count + 1):
        shutil.rmtree(kit.root)
        shutil.copytree(tmp_path / "whole", kit.root)
        assert back_in_child(kit, Fault(at)) == -signal.SIGKILL
        start_again(kit, builds=at % 6 == 0)
        ends.add(tuple(kit.tree().items()))
        edits = [blob for blob in _contents(kit) if blob == b"mine\n"]
        assert kit.tree() == old or kit.tree() == {**new, "b.txt": b"mine\n"}
        assert edits or kit.tree()["b.txt"] == b"mine\n"
    assert len(ends) == 2


def _contents(kit: Kit) -> list[bytes]:
    blobs = Blobs(kit.project.blobs_dir)
    return [blobs.get(digest) for digest, _ in blobs.sizes()]
