"""One writer of the plan at a time among our own processes; a person's editor knows nothing of it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ossature.errors import BusyError
from ossature.store.disk import disk_errors

_PATIENCE_S = 10.0
"""Somebody who writes the plan needs milliseconds, on a slow disk a second."""


@contextmanager
def plan_lock(state_dir: Path) -> Iterator[None]:
    """Hold the plan while it is read, changed and written. Raises BusyError, DiskError.

    The lock is on the folder itself, so there is no file of it to leave behind. Where the file system has no
    locks for folders (some network ones), nothing is held.
    """
    with disk_errors(state_dir, "open"):
        fd = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _wait_for(fd, state_dir)
        yield
    finally:
        os.close(fd)


def _wait_for(fd: int, state_dir: Path) -> None:
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise BusyError(
                    "another process is writing the plan", hint=f"try again; it holds {state_dir}"
                ) from None
            time.sleep(0.005)
        except OSError:
            return
