"""Bytes on the disk: read whole, written whole, or appended; never half."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ossature.errors import DiskError, Place

_SCRATCH = re.compile(r"\.ossature-[0-9a-f]{16}\.tmp")
_HINTS = {
    errno.ENOSPC: "free some space and run the same command again; nothing is lost",
    errno.EDQUOT: "free some space and run the same command again; nothing is lost",
    errno.EFBIG: "raise the limit on file sizes (`ulimit -f`) and run the same command again",
    errno.EROFS: "the file system is read-only; make it writable and run the same command again",
    errno.EACCES: "check who owns it and what its permissions allow",
    errno.EPERM: "check who owns it and what its permissions allow",
    errno.EMFILE: "raise the limit on open files (`ulimit -n`) and run the same command again",
    errno.ENFILE: "raise the limit on open files (`ulimit -n`) and run the same command again",
    errno.EIO: "the disk reports a fault; check it before going on",
}


@contextmanager
def disk_errors(path: Path | str, doing: str) -> Iterator[None]:
    """Turn every OSError of the block into a DiskError that names *path*; *doing* is a verb: `read`."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path, doing) from error


def disk_error(error: OSError, path: Path | str, doing: str) -> DiskError:
    """What a person is told about *error*."""
    reason = error.strerror or str(error)
    hint = _HINTS.get(error.errno or 0, "")
    return DiskError(f"cannot {doing}: {reason}", place=Place(str(path)), hint=hint)


def need_descriptors(folder: Path, count: int) -> None:
    """Raise DiskError where *count* more files cannot be opened; *folder* is where the work would be."""
    spare: list[int] = []
    try:
        with disk_errors(folder, "work in"):
            for _ in range(count):
                spare.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    finally:
        for fd in spare:
            os.close(fd)


def read_bytes(path: Path) -> bytes:
    """The whole file; raises DiskError, also when it is missing."""
    with disk_errors(path, "read"):
        return path.read_bytes()


def read_existing(path: Path) -> bytes | None:
    """The whole file, or None when there is none; raises DiskError for anything else."""
    with disk_errors(path, "read"):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def write_atomic(path: Path, content: bytes, *, mode: int = 0o644, is_durable: bool = True) -> None:
    """Replace *path* by *content*, made durable before it gets its name; makes missing folders.

    *mode* is subject to the umask. Without `is_durable` a kill still leaves the old file or the new one, but
    a power cut may lose it: for what can be done without or made anew. Raises DiskError, and then the old
    file is as it was and no scratch file is left. One that a kill left behind is known by `is_scratch`.
    """
    with disk_errors(path, "write"):
        make_folder(path.parent)
        scratch = path.parent / scratch_name()
        fd = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            try:
                write_all(fd, content)
                if is_durable:
                    os.fsync(fd)
            finally:
                os.close(fd)
            scratch.rename(path)
        except BaseException:
            with contextlib.suppress(OSError):
                scratch.unlink()
            raise
        if is_durable:
            sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make *path* and its parents durable; raises OSError."""
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Make a file that is there durable, its name included. Raises DiskError."""
    with disk_errors(path, "write"):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable; raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_folder_fd(fd)
    finally:
        os.close(fd)


def sync_folder_fd(fd: int) -> None:
    """Like `sync_folder`; file systems that cannot sync a folder (some network ones) are let off."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise


def write_all(fd: int, content: bytes) -> None:
    """Write every byte, however many calls it takes; raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]


def scratch_name() -> str:
    """A fresh name for a file that is about to be renamed."""
    return f".ossature-{os.urandom(8).hex()}.tmp"


def is_scratch(name: str) -> bool:
    """Whether *name* is a scratch file of ours: left behind by a kill, safe to delete when no run is on."""
    return _SCRATCH.fullmatch(name) is not None


class AppendFile:
    """A file that only grows, with one writer. An append that fails leaves no trace."""

    def __init__(self, path: Path, *, keep: int | None = None) -> None:
        """Open *path*, make it if it is missing, and cut it after *keep* bytes; raises DiskError."""
        self.path = path
        self._failed = False
        with disk_errors(path, "open"):
            make_folder(path.parent)
            is_new = not path.exists()
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            self._fd = os.open(path, flags, 0o644)
            try:
                if keep is not None and os.fstat(self._fd).st_size > keep:
                    os.ftruncate(self._fd, keep)
                    os.fsync(self._fd)
                if is_new:
                    sync_folder(path.parent)
            except OSError:
                os.close(self._fd)
                raise

    def append(self, line: bytes, *, is_durable: bool) -> None:
        """Add *line*; durable ones have reached the disk on return. Raises DiskError.

        After a failed sync the kernel may have dropped earlier bytes and says so only once (PostgreSQL's
        "fsyncgate", 2018), so the file then takes no more: open it anew, which checks what is there.
        """
        if self._failed:
            raise DiskError(
                "takes no more lines: an earlier write failed",
                place=Place(str(self.path)),
                hint="run the same command again; what was acknowledged is kept",
            )
        size = os.fstat(self._fd).st_size
        try:
            write_all(self._fd, line)
        except OSError as error:
            self._take_back(size)
            raise disk_error(error, self.path, "write") from error
        if not is_durable:
            return
        try:
            sync_content(self._fd)
        except OSError as error:
            self._failed = True
            self._take_back(size)
            raise disk_error(error, self.path, "write") from error

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _take_back(self, size: int) -> None:
        try:
            os.ftruncate(self._fd, size)
        except OSError:
            # A torn line would hide every later one, so nothing may follow it.
            self._failed = True


def sync_content(fd: int) -> None:
    """Make a file's bytes durable; macOS has no fdatasync. Raises OSError."""
    getattr(os, "fdatasync", os.fsync)(fd)
