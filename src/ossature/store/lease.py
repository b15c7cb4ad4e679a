"""The right to own a project: one process at a time, given back by the system at its death."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ossature.errors import BusyError, DiskError, Place
from ossature.store.disk import disk_errors, make_folder, write_all

_PATIENCE_S = 2.0
"""How long a taker waits for readers that look at the lease; each looks for microseconds."""
_MAX_BYTES = 65536


@dataclass(frozen=True, slots=True)
class LeaseInfo:
    """Who holds the lease, for messages; the lock itself is what counts."""

    pid: int
    host: str
    since: str
    """UTC, ISO 8601."""
    run: str
    """Empty for a command that owns the project for a moment and is no run."""


class Lease:
    """An exclusive `flock` on a file that is never deleted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.was_left = False
        """Whoever held it last died with it: an owner that ends takes its signature back."""
        self._fd = -1

    def acquire(self, info: LeaseInfo) -> None:
        """Take the lease; raises BusyError that names the holder, or DiskError."""
        if self._fd >= 0:
            raise RuntimeError("this lease is already held")
        with disk_errors(self.path, "open"):
            make_folder(self.path.parent)
        deadline = time.monotonic() + _PATIENCE_S
        while (fd := self._try()) is None:
            if time.monotonic() > deadline:
                raise _busy(_read_info(self.path), self.path)
            time.sleep(0.001)
        self._fd = fd
        try:
            with disk_errors(self.path, "write"):
                left_bytes = os.fstat(fd).st_size
                self.was_left = left_bytes > 0
                # Written over, never cut: until it is whole, the old signature says that something was left.
                write_all(fd, json.dumps(asdict(info)).encode("ascii").ljust(left_bytes - 1) + b"\n")
        except DiskError:
            self.release()
            raise

    def release(self) -> None:
        """Give the lease back; a second call does nothing."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            with disk_errors(self.path, "write"):
                os.ftruncate(fd, 0)
                # Closing is not enough: a child on its way into another program still has a copy.
                fcntl.flock(fd, fcntl.LOCK_UN)
        finally:
            os.close(fd)

    def _try(self) -> int | None:
        """A locked descriptor; None when only readers stand in the way. Raises BusyError."""
        fd = _open(self.path, os.O_RDWR | os.O_CREAT)
        try:
            if _lock(fd, self.path, fcntl.LOCK_EX) and _is_still(fd, self.path):
                return fd
            # A reader shares the lock for a moment, an owner never does: this tells them apart.
            if not _lock(fd, self.path, fcntl.LOCK_SH):
                raise _busy(_read_info(self.path), self.path)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        return None


def read_dead(path: Path) -> LeaseInfo | None:
    """Who held the lease last and died with it; None where it is held, or was given back.

    Raises DiskError. As with `read_holder`, a signature that cannot be read has pid 0.
    """
    with disk_errors(path, "read"):
        try:
            if not path.stat().st_size:
                return None
        except FileNotFoundError:
            return None
    return None if read_holder(path) else _read_info(path) or LeaseInfo(pid=0, host="", since="", run="")


def read_holder(path: Path) -> LeaseInfo | None:
    """Who holds the lease; None when nobody does. Raises DiskError.

    A holder that has not signed yet, or whose signature cannot be read, has pid 0.
    """
    if not path.exists():
        return None
    fd = _open(path, os.O_RDONLY)
    try:
        if _lock(fd, path, fcntl.LOCK_SH):
            return None
    finally:
        os.close(fd)
    return _read_info(path) or LeaseInfo(pid=0, host="", since="", run="")


def _open(path: Path, flags: int) -> int:
    with disk_errors(path, "open"):
        return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)


def _lock(fd: int, path: Path, kind: int) -> bool:
    """Whether the lock was there to be had."""
    with disk_errors(path, "lock"):
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _is_still(fd: int, path: Path) -> bool:
    """Whether *path* still names the locked file: somebody may have deleted the folder meanwhile."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except OSError:
        return False


def _read_info(path: Path) -> LeaseInfo | None:
    try:
        with path.open("rb") as file:
            fields: dict[str, Any] = json.loads(file.read(_MAX_BYTES))
        return LeaseInfo(
            pid=int(fields["pid"]),
            host=str(fields["host"]),
            since=str(fields["since"]),
            run=str(fields["run"]),
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _busy(info: LeaseInfo | None, path: Path) -> BusyError:
    if info is None:
        who = "another process"
    elif not info.run:
        who = f"another command (pid {info.pid} on {info.host}, since {info.since})"
    else:
        who = f"run {info.run} (pid {info.pid} on {info.host}, since {info.since})"
    return BusyError(
        f"{who} owns this project",
        place=Place(str(path)),
        hint="`ossature attach` shows it, `ossature stop` ends it"
        if info is None or info.run
        else "it is done in a moment; try again",
    )
