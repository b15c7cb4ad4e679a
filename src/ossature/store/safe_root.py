"""Files under one root, reached so that no path and no link can lead out of it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ossature.digest import digest_bytes
from ossature.domain.paths import MAX_PARTS, MAX_PATH_BYTES, part_reason, relative_parts
from ossature.errors import UnsafePath
from ossature.store.disk import (
    disk_error,
    disk_errors,
    is_scratch,
    make_folder,
    scratch_name,
    sync_folder_fd,
    write_all,
)

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class SafeRoot:
    """A folder and what is below it. Every part of a path is opened in its parent, and no link is followed.

    All methods raise UnsafePath for a path that `relative_parts` refuses, or that goes through a link, a file
    or anything else that is not a folder; DiskError for what the disk refuses. The root itself is trusted.
    """

    def __init__(self, root: Path, *, syncs: bool = True) -> None:
        """*syncs* False is for trees that can be made anew: what is written may be lost with the power."""
        self.root = root
        self._syncs = syncs

    def read(self, rel: str) -> bytes:
        """The bytes of a regular file; a missing one is a DiskError."""
        content = self._read(rel)
        if content is None:
            missing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            raise disk_error(missing, self._shown(rel), "read")
        return content

    def digest(self, rel: str) -> str | None:
        """Of a regular file's bytes; None when it is missing."""
        content = self._read(rel)
        return None if content is None else digest_bytes(content)

    def digests(self, rels: Iterable[str]) -> dict[str, str | None]:
        """Like `digest` for many files, each folder opened once; what is no file within counts as missing."""
        by_folder: dict[tuple[str, ...], list[str]] = {}
        found: dict[str, str | None] = {}
        for rel in rels:
            found[rel] = None
            with contextlib.suppress(UnsafePath):
                by_folder.setdefault(relative_parts(rel)[:-1], []).append(rel)
        for beside in by_folder.values():
            with contextlib.suppress(UnsafePath), self._parent(beside[0]) as (folder, _):
                if folder is None:
                    continue
                for rel in beside:
                    with contextlib.suppress(UnsafePath):
                        content = self._read_in(folder, rel, rel.rpartition("/")[2])
                        found[rel] = None if content is None else digest_bytes(content)
        return found

    def exists(self, rel: str) -> bool:
        """Whether a regular file is there."""
        with self._parent(rel) as (folder, name):
            return folder is not None and self._target(rel, name, folder) is not None

    def write(self, rel: str, content: bytes, *, mode: int | None = None) -> None:
        """Replace or make a file, whole or not at all, with its folders.

        *mode* None keeps the permissions of the file that was there. A hard link is replaced, so that its
        other names keep their bytes.
        """
        with self._parent(rel, makes=True) as (folder, name), disk_errors(self._shown(rel), "write"):
            assert folder is not None
            present = self._target(rel, name, folder)
            if mode is None and present is not None:
                mode = stat.S_IMODE(present.st_mode) & 0o777
            self._replace(folder, name, content, mode)

    def remove(self, rel: str) -> None:
        """Delete a regular file; a missing one is fine. Its folder stays."""
        with self._parent(rel) as (folder, name):
            if folder is None or self._target(rel, name, folder) is None:
                return
            with disk_errors(self._shown(rel), "delete"), contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
                if self._syncs:
                    sync_folder_fd(folder)

    def walk(self, *, exclude: Callable[[str, bool], bool]) -> Iterator[str]:
        """Every regular file below the root, sorted by path.

        *exclude* takes a path and whether it is a folder; an excluded folder is not entered. Links, special
        files, our scratch files and names that `relative_parts` refuses are passed over.
        """
        fd = self._open_root(makes=False)
        if fd is not None:
            yield from self._walk(fd, "", 1, exclude)

    def sweep(self, rels: Iterable[str]) -> None:
        """Delete scratch files that a kill left in the folders of *rels*."""
        for rel in {relative_parts(rel)[:-1]: rel for rel in rels}.values():
            with self._parent(rel) as (folder, _), disk_errors(self._shown(rel), "delete"):
                if folder is None:
                    continue
                with os.scandir(folder) as entries:
                    left = [entry.name for entry in entries if is_scratch(entry.name)]
                for name in left:
                    os.unlink(name, dir_fd=folder)

    def _shown(self, rel: str) -> str:
        return f"{self.root}/{rel}"

    def _read(self, rel: str) -> bytes | None:
        with self._parent(rel) as (folder, name):
            return None if folder is None else self._read_in(folder, rel, name)

    def _read_in(self, folder: int, rel: str, name: str) -> bytes | None:
        # Looked at before it is opened: opening a device or a FIFO can already do something.
        if self._target(rel, name, folder) is None:
            return None
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            with open(fd, "rb", buffering=0) as file:
                if stat.S_ISREG(os.fstat(fd).st_mode):
                    return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENXIO):
                raise disk_error(error, self._shown(rel), "read") from error
        raise UnsafePath(f"{rel} was swapped for something that is not a file")

    @contextmanager
    def _parent(self, rel: str, *, makes: bool = False) -> Iterator[tuple[int | None, str]]:
        """The folder of a path as a descriptor, and the last part.

        None stands for a folder that is missing and not to be made.
        """
        *folders, name = relative_parts(rel)
        fd = self._open_root(makes=makes)
        for depth, part in enumerate(folders, start=1):
            if fd is None:
                break
            try:
                below = self._enter(fd, part, makes=makes)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EEXIST):
                    where = "/".join(folders[:depth])
                    raise UnsafePath(f"{rel} goes through {where}, which is a link or a file") from error
                raise disk_error(error, self._shown(rel), "open") from error
            finally:
                os.close(fd)
            fd = below
        try:
            yield fd, name
        finally:
            if fd is not None:
                os.close(fd)

    def _open_root(self, *, makes: bool) -> int | None:
        with disk_errors(self.root, "open"):
            try:
                return os.open(self.root, _FOLDER_FLAGS & ~os.O_NOFOLLOW)
            except FileNotFoundError:
                if not makes:
                    return None
            make_folder(self.root)
            return os.open(self.root, _FOLDER_FLAGS & ~os.O_NOFOLLOW)

    def _enter(self, fd: int, name: str, *, makes: bool) -> int | None:
        """Open a folder in a folder; raises OSError."""
        try:
            return os.open(name, _FOLDER_FLAGS, dir_fd=fd)
        except FileNotFoundError:
            if not makes:
                return None
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=fd)
            if self._syncs:
                sync_folder_fd(fd)
        return os.open(name, _FOLDER_FLAGS, dir_fd=fd)

    def _target(self, rel: str, name: str, folder: int) -> os.stat_result | None:
        """What is at the end of the path: a regular file, or nothing."""
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk_error(error, self._shown(rel), "read") from error
        if not stat.S_ISREG(found.st_mode):
            raise UnsafePath(f"{rel} is {_kind(found.st_mode)}, not a file")
        return found

    def _replace(self, folder: int, name: str, content: bytes, mode: int | None) -> None:
        scratch = scratch_name()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(scratch, flags, 0o666, dir_fd=folder)
        try:
            try:
                write_all(fd, content)
                if mode is not None:
                    os.fchmod(fd, mode)
                if self._syncs:
                    os.fsync(fd)
            finally:
                os.close(fd)
            os.rename(scratch, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(scratch, dir_fd=folder)
            raise
        if self._syncs:
            sync_folder_fd(folder)

    def _walk(self, fd: int, prefix: str, depth: int, exclude: Callable[[str, bool], bool]) -> Iterator[str]:
        try:
            with disk_errors(self._shown(prefix), "read"), os.scandir(fd) as found:
                entries = sorted(found, key=_walk_key)
            for entry in entries:
                rel = prefix + entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                if part_reason(entry.name) or is_scratch(entry.name) or exclude(rel, is_folder):
                    continue
                if is_folder and depth < MAX_PARTS:
                    try:
                        below = self._enter(fd, entry.name, makes=False)
                    except OSError as error:
                        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                            raise disk_error(error, self._shown(rel), "read") from error
                        below = None
                    if below is not None:
                        yield from self._walk(below, f"{rel}/", depth + 1, exclude)
                elif entry.is_file(follow_symlinks=False) and len(os.fsencode(rel)) <= MAX_PATH_BYTES:
                    yield rel
        finally:
            os.close(fd)


def _walk_key(entry: os.DirEntry[str]) -> str:
    """With this the whole paths come out sorted: `a-b` before `a/b`."""
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a FIFO"))
    return next((name for is_kind, name in kinds if is_kind(mode)), "a device or a socket")
