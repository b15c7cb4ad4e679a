"""Own a project for a command that is no run, or for one whose run is over in a moment."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ossature.project import Project
from ossature.store.lease import Lease, LeaseInfo


@contextmanager
def holding(project: Project, *, run: str = "") -> Iterator[None]:
    """Hold the lease of *project*; raises BusyError where somebody else does."""
    lease = Lease(project.lease_path)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    lease.acquire(LeaseInfo(pid=os.getpid(), host=socket.gethostname(), since=since, run=run))
    try:
        yield
    finally:
        lease.release()
