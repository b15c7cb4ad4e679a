"""Delete what builds work in: stages, caches and what a kill left in them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ossature.engine.holding import holding
from ossature.project import Project
from ossature.store.disk import disk_errors
from ossature.store.removal import remove_tree, size_of


class WorkItem(NamedTuple):
    """A folder or file of `work/`."""

    path: Path
    size: int
    """Bytes."""


def work_folders(project: Project) -> tuple[WorkItem, ...]:
    """Everything that a build can make anew. Raises DiskError."""
    folder = project.work_dir
    with disk_errors(folder, "read"):
        found = sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []
    return tuple(WorkItem(path, size_of(path)) for path in found)


def clean_work(project: Project) -> tuple[WorkItem, ...]:
    """Delete it as the project's owner; returns what was deleted. Raises BusyError and DiskError."""
    if not project.work_dir.is_dir():
        return ()
    with holding(project):
        found = work_folders(project)
        for item in found:
            if item.path.is_dir() and not item.path.is_symlink():
                remove_tree(item.path)
            else:
                with disk_errors(item.path, "delete"):
                    item.path.unlink(missing_ok=True)
    return found
