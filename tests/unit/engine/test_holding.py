"""A command that owns the project for a moment."""

import os
from pathlib import Path

import pytest

from ossature.domain.event import RunStarted
from ossature.engine.closing import has_end
from ossature.engine.holding import holding
from ossature.errors import BusyError
from ossature.project import Project
from ossature.store.journal import Journal
from ossature.store.lease import Lease, LeaseInfo, read_dead, read_holder


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_what_a_killed_run_left_is_closed_by_whoever_comes_next(project: Project):
    """Its signature goes with the next holder's, so nobody would know of it afterwards."""
    dead = LeaseInfo(pid=1, host="box", since="then", run="r1")
    journal = Journal(project.runs_dir / "r1" / "events.jsonl")
    journal.append(RunStarted(run="r1", goal="build", pid=1, host="box", project="p", version="1"))
    journal.close()
    scratch = project.state_dir / ".ossature-0123456789abcdef.tmp"
    scratch.write_text("half")
    lease = Lease(project.lease_path)
    lease.acquire(dead)
    # As a kill leaves it: unlocked, and signed.
    os.close(lease._fd)
    assert read_dead(project.lease_path) == dead
    with holding(project, run="r2"):
        holder = read_holder(project.lease_path)
        assert holder is not None and holder.run == "r2"
        assert has_end(journal.path)
        assert not scratch.exists()
    assert read_dead(project.lease_path) is None


def test_project_of_another_is_left_alone(project: Project):
    lease = Lease(project.lease_path)
    lease.acquire(LeaseInfo(pid=1, host="box", since="now", run="r1"))
    with pytest.raises(BusyError), holding(project):
        pass
    lease.release()
