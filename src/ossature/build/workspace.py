"""The private folder in which the commands of one task at a time run."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ossature.digest import digest_bytes
from ossature.domain.paths import relative_parts
from ossature.errors import UnsafePath
from ossature.store.blobs import Blobs
from ossature.store.disk import disk_errors, scratch_name
from ossature.store.safe_root import SafeRoot

_SETTLED_NS = 100_000_000
"""A file younger than this may change again under the same timestamp, since the kernel's are coarse."""
_SECOND_NS = 1_000_000_000
_FILES_PER_TURN = 64
"""Files that are staged before other tasks get a turn."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """Where the bytes of a staged file come from."""

    digest: str
    path: Path | None = None
    """A file of the user's, taken as it is when it is staged; None: the blob of that digest."""


class Collected(NamedTuple):
    """Outputs as a verify left them."""

    files: dict[str, bytes]
    missing: tuple[str, ...]
    """Not there, or a link or a folder now."""


class _Stamp(NamedTuple):
    """What differs when a file was written to."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class Workspace:
    """The stage of one worker slot, and beside it the private folders of the commands that run there.

    No method follows a link. A stage may only be touched while no command runs in it. All methods raise
    DiskError; paths that `relative_parts` refuses are an UnsafePath.
    """

    def __init__(self, slot_dir: Path, blobs: Blobs) -> None:
        self.folder = slot_dir / "tree"
        """Where the commands run."""
        self.home_dir = slot_dir / "home"
        """Their HOME; compilers keep caches there, so it stays."""
        self.temp_dir = slot_dir / "tmp"
        """Their TMPDIR; emptied before each task."""
        self.python_dir = slot_dir / "bin"
        self._blobs = blobs
        self._root = SafeRoot(self.folder, syncs=False)
        self._cache_dirs: frozenset[str] = frozenset()
        self._digests: dict[str, tuple[_Stamp, str]] = {}
        self._mtimes_ns: dict[str, int] = {}
        """Latest mtime that each path ever had here, removed ones too: a compiler may remember it."""

    async def prepare(
        self, tree: Mapping[str, FileSource], *, cache_dirs: Collection[str], kept: Collection[str] = ()
    ) -> None:
        """Make the stage hold exactly *tree*, and of what earlier tasks left only *cache_dirs* (names).

        Files of *kept* are left as they are, in *tree* or not.

        A cache folder stays only beside files of *tree*, and one that *tree* has files in is none. Files that
        have the right bytes keep their mtime; others get a strictly newer one.
        """
        self._cache_dirs = frozenset(cache_dirs)
        for folder in (self.folder, self.home_dir, self.temp_dir):
            _make_real_folder(folder)
        for entry in _entries(self.temp_dir):
            remove_whatever(Path(entry.path))
        self.clean_stray({*tree, *kept})
        for count, (path, source) in enumerate(sorted(tree.items()), start=1):
            if path not in kept:
                self._place(path, source)
            if count % _FILES_PER_TURN == 0:
                await asyncio.sleep(0)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Put *files* into the stage; whatever else is in their place goes. Text is written as UTF-8."""
        for path, content in files.items():
            raw = content.encode("utf-8", "replace") if isinstance(content, str) else content
            self._unblock(path)
            self._write(path, raw, is_executable=raw.startswith(b"#!"))

    def remove(self, path: str) -> None:
        """Take a staged file out; a missing one is fine."""
        self._open_way(path)
        self._root.remove(path)

    def read(self, path: str) -> bytes:
        """The bytes of a staged file; a missing one is a DiskError, a link an UnsafePath."""
        self._open_way(path)
        return self._root.read(path)

    def exists(self, path: str) -> bool:
        """Whether a regular file is there, with no link on the way."""
        self._open_way(path)
        try:
            return self._root.exists(path)
        except UnsafePath:
            return False

    def collect(self, outputs: Collection[str]) -> Collected:
        """The bytes of *outputs* as they are in the stage now."""
        files = {path: self.read(path) for path in outputs if self.exists(path)}
        return Collected(files, tuple(path for path in outputs if path not in files))

    def stray(self, known: Collection[str]) -> list[str]:
        """What a verify made beyond *known* and the caches, sorted; `folder/` stands for all within."""
        return sorted(self._strays(known))

    def clean_stray(self, known: Collection[str]) -> list[str]:
        """Remove what `stray` names, and name it."""
        names = self.stray(known)
        for name in names:
            remove_whatever(self.folder / name)
        return [_printable(name) for name in names]

    def _strays(self, known: Collection[str]) -> Iterator[str]:
        paths = frozenset(known)
        folders = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
        waiting = ["."]
        while waiting:
            folder = waiting.pop()
            prefix = "" if folder == "." else f"{folder}/"
            for entry in _entries(self.folder / folder):
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if path in folders:
                        waiting.append(path)
                    elif entry.name not in self._cache_dirs:
                        yield f"{path}/"
                elif path not in paths or not entry.is_file(follow_symlinks=False):
                    yield path

    def _place(self, path: str, source: FileSource) -> None:
        if self._digest(path) == source.digest:
            return
        if source.path is None:
            content = self._blobs.get(source.digest)
            self._write(path, content, is_executable=content.startswith(b"#!"))
            return
        found = _read_file(source.path)
        if found is None:
            # Deleted since the tree was made up, so the project no longer has it.
            self._root.remove(path)
        else:
            content, is_executable = found
            self._write(path, content, is_executable=is_executable)

    def _write(self, path: str, content: bytes, *, is_executable: bool) -> None:
        """Write unless the bytes are there already; the new mtime is newer than any the path had."""
        target = self.folder / path
        before_ns = max(self._mtimes_ns.get(path, 0), _mtime_ns(target))
        if self._digest(path) == digest_bytes(content):
            return
        self._root.write(path, content, mode=0o755 if is_executable else 0o644)
        with disk_errors(target, "write"):
            # The kernel's own timestamp lags by up to 10 ms: make would take for up to date what was compiled
            # from the old bytes in that time. Python and some file systems keep whole seconds only, so within
            # the second of an earlier version the next one begins.
            next_second_ns = (before_ns // _SECOND_NS + 1) * _SECOND_NS if before_ns else 0
            mtime_ns = max(time.time_ns(), next_second_ns)
            os.utime(target, ns=(mtime_ns, mtime_ns))
        self._mtimes_ns[path] = _mtime_ns(target)
        self._digests.pop(path, None)

    def _digest(self, path: str) -> str | None:
        """Of a staged file; its bytes are read only when its stamp is not known."""
        stamp = self._readable_stamp(path)
        if stamp is None:
            return None
        self._mtimes_ns[path] = max(self._mtimes_ns.get(path, 0), stamp.mtime_ns)
        known = self._digests.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        digest = self._root.digest(path)
        if digest is not None and time.time_ns() - stamp.ctime_ns > _SETTLED_NS:
            self._digests[path] = (stamp, digest)
        return digest

    def _readable_stamp(self, path: str) -> _Stamp | None:
        """Stamp of a regular file, whose permissions are mended if a command took them away."""
        relative_parts(path)
        target = self.folder / path
        with disk_errors(target, "read"):
            try:
                found = target.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            if not stat.S_ISREG(found.st_mode):
                return None
            if found.st_mode & 0o600 != 0o600:
                target.chmod(0o644)
                found = target.lstat()
        return _Stamp(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def _unblock(self, path: str) -> None:
        """Remove what stands where *path* or a folder of it has to be."""
        parts = relative_parts(path)
        for depth in range(len(parts) + 1):
            target = self.folder.joinpath(*parts[:depth])
            is_wanted = stat.S_ISREG if depth == len(parts) else stat.S_ISDIR
            mode = _mode(target)
            if mode is None:
                return
            if not is_wanted(mode):
                remove_whatever(target)
                return
            if stat.S_ISDIR(mode):
                _open_up(target, mode)

    def _open_way(self, path: str) -> None:
        """Mend permissions that a command took away from *path* and the folders above it."""
        parts = relative_parts(path)
        for depth in range(len(parts)):
            target = self.folder.joinpath(*parts[:depth])
            mode = _mode(target)
            if mode is None or not stat.S_ISDIR(mode):
                return
            _open_up(target, mode)
        self._readable_stamp(path)


def remove_whatever(path: Path) -> None:
    """Delete *path*, be it a link (not what it leads to), read-only, or deeper than any path can name.

    Folders are moved up beside *path* before they are emptied, so that depth needs neither open files nor
    recursion. Raises DiskError.
    """
    with disk_errors(path, "delete"):
        mode = _mode(path)
        if mode is None:
            return
        if not stat.S_ISDIR(mode):
            path.unlink()
            return
        waiting = [path]
        while waiting:
            folder = waiting.pop()
            for entry in _entries(folder):
                if entry.is_dir(follow_symlinks=False):
                    below = path.with_name(scratch_name())
                    Path(entry.path).chmod(0o700)
                    Path(entry.path).rename(below)
                    waiting.append(below)
                else:
                    Path(entry.path).unlink()
            folder.rmdir()


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with disk_errors(folder, "read"):
        mode = _mode(folder)
        if mode is None:
            return []
        _open_up(folder, mode)
        with os.scandir(folder) as found:
            return list(found)


def _make_real_folder(folder: Path) -> None:
    """Make *folder* one that we can use, whatever a command put there."""
    with disk_errors(folder, "make"):
        mode = _mode(folder)
        if mode is not None and not stat.S_ISDIR(mode):
            folder.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        _open_up(folder, folder.lstat().st_mode)


def _open_up(folder: Path, mode: int) -> None:
    if mode & 0o700 != 0o700:
        folder.chmod(0o755)


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _mtime_ns(path: Path) -> int:
    """Zero for a missing file."""
    try:
        return path.lstat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _read_file(path: Path) -> tuple[bytes, bool] | None:
    """A user's file and whether it is executable; None when there is no such regular file."""
    with disk_errors(path, "read"):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with open(fd, "rb") as file:
            mode = os.fstat(fd).st_mode
            return (file.read(), bool(mode & stat.S_IXUSR)) if stat.S_ISREG(mode) else None


def _printable(name: str) -> str:
    """A file name as UTF-8 text; names may be any bytes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
