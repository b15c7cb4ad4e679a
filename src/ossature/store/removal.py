"""Delete folders of ours: out of sight in one step, and then piece by piece."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from ossature.store.disk import disk_errors, make_folder, scratch_name


def size_of(path: Path) -> int:
    """Bytes of all files in a folder, or of a file; 0 for what is not there (any more). Raises DiskError."""
    with disk_errors(path, "read"):
        if not path.is_dir() or path.is_symlink():
            return _size(str(path))
        return sum(_size(f"{folder}/{name}") for folder, _, names in os.walk(path) for name in names)


def set_aside(path: Path, trash: Path) -> None:
    """Move a folder into *trash* under a name of no meaning: it is gone for every reader, whole, at once.

    Raises DiskError.
    """
    with disk_errors(path, "delete"):
        make_folder(trash)
        path.rename(trash / scratch_name())


def remove_tree(path: Path) -> None:
    """Delete a folder and all in it; links are not followed. Raises DiskError."""
    with disk_errors(path, "delete"):
        if not os.path.lexists(path):
            return
        try:
            shutil.rmtree(path)
        except PermissionError:
            # Build tools leave folders that may not be written to (Go's module cache).
            _open_up(path)
            shutil.rmtree(path)


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except FileNotFoundError:
        return 0


def _open_up(path: Path) -> None:
    path.chmod(path.stat().st_mode | stat.S_IRWXU)
    for folder, names, _ in os.walk(path):
        for name in names:
            below = Path(folder, name)
            if not below.is_symlink():
                below.chmod(below.stat().st_mode | stat.S_IRWXU)
