"""One writer of the plan at a time among our own processes; a person's editor knows nothing of it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from ossature.errors import BusyError
from ossature.store.disk import disk_errors

_PATIENCE_S = 10.0
"""Somebody who writes the plan needs milliseconds, on a slow disk a second."""
_PAUSE_S = 0.005


@contextmanager
def plan_lock(state_dir: Path) -> Iterator[None]:
    """Hold the plan while it is read, changed and written. Raises BusyError, DiskError.

    The lock is on the folder itself, so there is no file of it to leave behind. Where the file system has no
    locks for folders (some network ones), nothing is held.
    """
    with _opened(state_dir) as fd:
        end = time.monotonic() + _PATIENCE_S
        while not _is_ours(fd):
            _refuse_after(end, state_dir)
            time.sleep(_PAUSE_S)
        yield


@asynccontextmanager
async def awaited_plan_lock(state_dir: Path) -> AsyncIterator[None]:
    """Like `plan_lock`, on an event loop: everything else there goes on while this waits."""
    with _opened(state_dir) as fd:
        end = time.monotonic() + _PATIENCE_S
        while not _is_ours(fd):
            _refuse_after(end, state_dir)
            await asyncio.sleep(_PAUSE_S)
        yield


@contextmanager
def _opened(state_dir: Path) -> Iterator[int]:
    with disk_errors(state_dir, "open"):
        fd = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _is_ours(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _refuse_after(end: float, state_dir: Path) -> None:
    if time.monotonic() > end:
        raise BusyError("another process is writing the plan", hint=f"try again; it holds {state_dir}")
