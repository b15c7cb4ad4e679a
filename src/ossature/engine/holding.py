"""Own a project for a command that is no run, or for one whose run is over in a moment."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ossature.engine.closing import close_crashed
from ossature.engine.sweeping import sweep
from ossature.project import Project
from ossature.store.layout import refuse_link
from ossature.store.lease import Lease, LeaseInfo
from ossature.store.ledger import Ledger


@contextmanager
def holding(project: Project, *, run: str = "") -> Iterator[None]:
    """Hold the lease of *project*, tidied up after an owner that was killed.

    Raises BusyError, DiskError, UnsafePath.
    """
    refuse_link(project.state_dir)
    lease = Lease(project.lease_path)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    lease.acquire(LeaseInfo(pid=os.getpid(), host=socket.gethostname(), since=since, run=run))
    try:
        if lease.was_left:
            # Giving the lease back takes the dead owner's signature away, by which the next one would know.
            close_crashed(project, except_run=run)
            sweep(project, Ledger(project.ledger_path))
        yield
    finally:
        lease.release()
