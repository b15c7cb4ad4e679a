"""Numbers every call of this process that changes the disk, and strikes at one of them."""

from __future__ import annotations

import _pyio
import builtins
import errno
import io
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHANGES = (
    "chmod",
    "chown",
    "copy_file_range",
    "fchmod",
    "fchown",
    "fdatasync",
    "fsync",
    "ftruncate",
    "lchown",
    "link",
    "mkdir",
    "mkfifo",
    "mknod",
    "open",
    "posix_fallocate",
    "pwrite",
    "pwritev",
    "remove",
    "rename",
    "replace",
    "rmdir",
    "sendfile",
    "setxattr",
    "symlink",
    "sync",
    "truncate",
    "unlink",
    "utime",
    "write",
    "writev",
)
"""Functions of `os`. The code under test reaches all of them as `os.name`, pathlib and `open` included."""
REAL = {name: getattr(os, name) for name in CHANGES if hasattr(os, name)}

Call = Callable[..., Any]
Strike = Callable[[int, str, Call, tuple[Any, ...], dict[str, Any]], Any]
"""Takes the call's number (from 1), name, function and arguments, and does it or something worse."""


class Faults:
    """The numbered calls of a process."""

    def __init__(self, strike: Strike | None = None) -> None:
        self._strike = strike
        self.calls: list[str] = []
        """Names, in order."""
        self.synced_again: list[str] = []
        """Regular files whose sync was tried again after it had failed."""
        self._failed: set[tuple[int, int]] = set()

    @property
    def count(self) -> int:
        return len(self.calls)

    @contextmanager
    def on(self) -> Iterator[Faults]:
        """Number the calls of this process while the block runs."""
        self._put_in()
        try:
            yield self
        finally:
            for name, real in REAL.items():
                setattr(os, name, real)
            builtins.open = io.open = _REAL_OPEN

    def _put_in(self) -> None:
        for name, real in REAL.items():
            setattr(os, name, self._numbered(name, real))
        builtins.open = io.open = self._open

    def _numbered(self, name: str, real: Call) -> Call:
        def call(*args: Any, **keys: Any) -> Any:
            if not _changes(name, args, keys):
                return real(*args, **keys)
            self.calls.append(name)
            if self._strike is None:
                return real(*args, **keys)
            if name in ("fsync", "fdatasync"):
                return self._sync(name, real, args)
            return self._strike(len(self.calls), name, real, args, keys)

        return call

    def _sync(self, name: str, real: Call, args: tuple[Any, ...]) -> Any:
        found = os.fstat(args[0])
        who = (found.st_dev, found.st_ino)
        if who in self._failed and stat.S_ISREG(found.st_mode):
            self.synced_again.append(str(Path(f"/proc/self/fd/{args[0]}").readlink()))
        assert self._strike is not None
        try:
            return self._strike(len(self.calls), name, real, args, {})
        except OSError:
            self._failed.add(who)
            raise

    @staticmethod
    def _open(file: Any, mode: str = "r", *args: Any, **keys: Any) -> Any:
        """Files that are written to go through Python's own `os.write`, so that it is seen."""
        if set(mode) & set("wax+"):
            return _pyio.open(file, mode, *args, **keys)
        return _REAL_OPEN(file, mode, *args, **keys)


_REAL_OPEN = io.open


def _changes(name: str, args: tuple[Any, ...], keys: dict[str, Any]) -> bool:
    if name == "open":
        flags = args[1] if len(args) > 1 else keys["flags"]
        return bool(flags & (os.O_CREAT | os.O_TRUNC))
    if name in ("write", "writev", "pwrite", "pwritev"):
        # Pipes and terminals are no disk.
        return stat.S_ISREG(os.fstat(args[0]).st_mode)
    return True


def kill_before(at: int) -> Strike:
    """`kill -9` when call number *at* is about to be made."""

    def strike(number: int, _name: str, real: Call, args: tuple[Any, ...], keys: dict[str, Any]) -> Any:
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **keys)

    return strike


def kill_during(at: int) -> Strike:
    """`kill -9` in the middle of call number *at*: half of a write is done, anything else just so."""

    def strike(number: int, name: str, real: Call, args: tuple[Any, ...], keys: dict[str, Any]) -> Any:
        if number != at:
            return real(*args, **keys)
        try:
            if name == "write":
                real(args[0], bytes(args[1])[: len(args[1]) // 2])
            else:
                real(*args, **keys)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)

    return strike


def fail(at: int, error: int, *, for_good: bool = False) -> Strike:
    """Call number *at* fails, and with *for_good* every later one that the error can befall."""

    def strike(number: int, name: str, real: Call, args: tuple[Any, ...], keys: dict[str, Any]) -> Any:
        if number < at or (number > at and not for_good) or not can_fail(name, error):
            return real(*args, **keys)
        if name == "write" and number == at and error in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            real(args[0], bytes(args[1])[: len(args[1]) // 2])
        raise OSError(error, os.strerror(error))

    return strike


def can_fail(name: str, error: int) -> bool:
    """Whether that call is known to give that error: a full disk can still delete, only `open` runs out of
    descriptors."""
    match error:
        case errno.EMFILE:
            return name == "open"
        case errno.ENOSPC | errno.EDQUOT:
            return name not in (
                "unlink",
                "remove",
                "rmdir",
                "ftruncate",
                "truncate",
                "chmod",
                "fchmod",
                "utime",
            )
        case _:
            return True
