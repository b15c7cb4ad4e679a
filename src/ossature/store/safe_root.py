"""Files under one root, reached so that no path and no link can lead out of it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ossature.digest import digest_bytes
from ossature.errors import UnsafePath
from ossature.store.disk import disk_error, disk_errors, is_scratch, scratch_name, sync_folder_fd, write_all

MAX_PARTS = 32
MAX_PART_BYTES = 255
"""NAME_MAX of every file system in use."""
MAX_PATH_BYTES = 3000
"""Below PATH_MAX (4096) with room for the root, since compilers open files by their whole path."""
_HIDDEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # invisible letters and marks
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"  # zero width, bidi
    "\ud800-\udfff"
    "\U000e0000-\U000e0fff"  # tags, variation selectors
    "]"
)
_DEVICES = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$"}) | {
    f"{name}{digit}" for name in ("com", "lpt") for digit in "0123456789¹²³"
}
"""Names that Windows takes for devices, with any extension."""
_OURS = frozenset({".git", "git~1", ".ossature"})
"""Never inside a root, in any case: file systems that fold case would reach the real one."""
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def relative_parts(path: str) -> tuple[str, ...]:
    """The parts of a path that may stand under any root, on any system; UnsafePath says why one may not."""
    reason = _whole_reason(path)
    parts = tuple(path.split("/"))
    for part in parts:
        reason = reason or _part_reason(part)
    if reason:
        raise UnsafePath(f"the path {_shown(path)} {reason}")
    return parts


def find_clashes(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of paths that are one file where case or Unicode form does not count (macOS, Windows)."""
    first: dict[str, str] = {}
    clashes: list[tuple[str, str]] = []
    for path in dict.fromkeys(paths):
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
        other = first.setdefault(folded, path)
        if other != path:
            clashes.append((other, path))
    return clashes


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
            raise disk_error(
                FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)), self.root / rel, "read"
            )
        return content

    def digest(self, rel: str) -> str | None:
        """Of a regular file's bytes; None when it is missing."""
        content = self._read(rel)
        return None if content is None else digest_bytes(content)

    def exists(self, rel: str) -> bool:
        """Whether a regular file is there."""
        parts = relative_parts(rel)
        with self._parent(rel, parts) as folder:
            return folder is not None and self._check_target(rel, parts[-1], folder) is not None

    def write(self, rel: str, content: bytes, *, mode: int | None = None) -> None:
        """Replace or make a file, whole or not at all, with its folders.

        *mode* None keeps the permissions of the file that was there. A hard link is replaced, so that its
        other names keep their bytes.
        """
        parts = relative_parts(rel)
        with self._parent(rel, parts, makes=True) as folder:
            assert folder is not None
            present = self._check_target(rel, parts[-1], folder)
            if mode is None and present is not None:
                mode = stat.S_IMODE(present.st_mode) & 0o777
            with disk_errors(self.root / rel, "write"):
                self._replace(folder, parts[-1], content, mode)

    def remove(self, rel: str) -> None:
        """Delete a regular file; a missing one is fine. Its folder stays."""
        parts = relative_parts(rel)
        with self._parent(rel, parts) as folder:
            if folder is None or self._check_target(rel, parts[-1], folder) is None:
                return
            with disk_errors(self.root / rel, "delete"), contextlib.suppress(FileNotFoundError):
                os.unlink(parts[-1], dir_fd=folder)
                if self._syncs:
                    sync_folder_fd(folder)

    def walk(self, *, exclude: Callable[[str, bool], bool]) -> Iterator[str]:
        """Every regular file below the root, sorted by path.

        *exclude* takes a path and whether it is a folder; an excluded folder is not entered. Links, special
        files, our scratch files and names that `relative_parts` refuses are passed over.
        """
        with disk_errors(self.root, "read"):
            try:
                fd = os.open(self.root, _FOLDER_FLAGS & ~os.O_NOFOLLOW)
            except FileNotFoundError:
                return
        yield from self._walk(fd, "", 1, exclude)

    def sweep(self, rels: Iterable[str]) -> None:
        """Delete scratch files that a kill left in the folders of *rels*."""
        folders = {relative_parts(rel)[:-1]: rel for rel in rels}
        for parts, rel in folders.items():
            with self._parent(rel, (*parts, "")) as folder:
                if folder is None:
                    continue
                with disk_errors(self.root / rel, "delete"):
                    with os.scandir(folder) as entries:
                        scratch = [entry.name for entry in entries if is_scratch(entry.name)]
                    for name in scratch:
                        os.unlink(name, dir_fd=folder)

    def _read(self, rel: str) -> bytes | None:
        parts = relative_parts(rel)
        with self._parent(rel, parts) as folder:
            # Looked at before it is opened: opening a device or a FIFO can already do something.
            if folder is None or self._check_target(rel, parts[-1], folder) is None:
                return None
            with disk_errors(self.root / rel, "read"):
                try:
                    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                    fd = os.open(parts[-1], flags, dir_fd=folder)
                except FileNotFoundError:
                    return None
                except OSError as error:
                    if error.errno in (errno.ELOOP, errno.ENXIO):
                        raise UnsafePath(f"{rel} was swapped for a link or a socket") from error
                    raise
                with open(fd, "rb") as file:
                    if not stat.S_ISREG(os.fstat(fd).st_mode):
                        raise UnsafePath(f"{rel} is not a regular file")
                    return file.read()

    @contextmanager
    def _parent(self, rel: str, parts: tuple[str, ...], *, makes: bool = False) -> Iterator[int | None]:
        """The folder of the last part as a descriptor; None when it is missing and not to be made."""
        fd = self._open_parent(rel, parts[:-1], makes=makes)
        try:
            yield fd
        finally:
            if fd is not None:
                os.close(fd)

    def _open_parent(self, rel: str, folders: tuple[str, ...], *, makes: bool) -> int | None:
        with disk_errors(self.root, "open"):
            try:
                if makes:
                    self.root.mkdir(parents=True, exist_ok=True)
                fd = os.open(self.root, _FOLDER_FLAGS & ~os.O_NOFOLLOW)
            except FileNotFoundError:
                return None
        for depth, name in enumerate(folders, start=1):
            try:
                below = self._enter(fd, name, makes=makes)
            except (NotADirectoryError, FileExistsError) as error:
                raise UnsafePath(
                    f"{rel} goes through {'/'.join(folders[:depth])}, which is no folder"
                ) from error
            except OSError as error:
                if error.errno == errno.ELOOP:
                    raise UnsafePath(f"{rel} goes through the link {'/'.join(folders[:depth])}") from error
                raise disk_error(error, self.root / rel, "open") from error
            finally:
                os.close(fd)
            if below is None:
                return None
            fd = below
        return fd

    def _enter(self, fd: int, name: str, *, makes: bool) -> int | None:
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

    def _check_target(self, rel: str, name: str, folder: int) -> os.stat_result | None:
        """What is at the end of the path: a regular file, or nothing."""
        with disk_errors(self.root / rel, "read"):
            try:
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                return None
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
            with disk_errors(self.root / prefix, "read"), os.scandir(fd) as found:
                entries = sorted(found, key=_walk_key)
            for entry in entries:
                rel = prefix + entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                if _part_reason(entry.name) or is_scratch(entry.name) or exclude(rel, is_folder):
                    continue
                if is_folder and depth < MAX_PARTS:
                    below = self._enter_found(fd, rel, entry.name)
                    if below is not None:
                        yield from self._walk(below, f"{rel}/", depth + 1, exclude)
                elif entry.is_file(follow_symlinks=False) and len(os.fsencode(rel)) <= MAX_PATH_BYTES:
                    yield rel
        finally:
            os.close(fd)

    def _enter_found(self, fd: int, rel: str, name: str) -> int | None:
        try:
            return os.open(name, _FOLDER_FLAGS, dir_fd=fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                return None
            raise disk_error(error, self.root / rel, "read") from error


def _walk_key(entry: os.DirEntry[str]) -> str:
    """With this the whole paths come out sorted: `a-b` before `a/b`."""
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _whole_reason(path: str) -> str:
    if not path:
        return "is empty"
    if path.startswith("/"):
        return "is absolute"
    if path.startswith("~"):
        return "starts in a home folder"
    if re.match(r"[A-Za-z]:", path):
        return "starts with a drive letter"
    if path.count("/") >= MAX_PARTS:
        return f"has more than {MAX_PARTS} parts"
    if len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        return f"is longer than {MAX_PATH_BYTES} bytes"
    return ""


def _part_reason(part: str) -> str:
    """Why *part* cannot be a name in a path; empty when it can."""
    hidden = _HIDDEN.search(part)
    if hidden:
        return f"holds the invisible character U+{ord(hidden[0]):04X}"
    folded = part.casefold()
    checks = (
        (not part, "has an empty part"),
        (part in (".", ".."), f"has a part `{part}`"),
        ("\\" in part, "holds a backslash"),
        (part.endswith((".", " ")), "has a part that ends with a dot or a space"),
        (folded in _OURS, f"goes into {part}"),
        (folded.split(".")[0].rstrip() in _DEVICES, "has the name of a Windows device"),
        (len(part.encode("utf-8")) > MAX_PART_BYTES, f"has a part of more than {MAX_PART_BYTES} bytes"),
    )
    return next((reason for fails, reason in checks if fails), "")


def _shown(path: str) -> str:
    return ascii(path if len(path) <= 120 else f"{path[:117]}...")


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a FIFO"))
    return next((name for is_kind, name in kinds if is_kind(mode)), "a device or a socket")
