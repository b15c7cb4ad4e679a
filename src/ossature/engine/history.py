"""What a task landed, time after time, and how the disk or one landing differs from another."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ossature.build.diffing import unified
from ossature.build.handedits import HandEdit
from ossature.build.staleness import heads
from ossature.engine.handedits import hand_edits
from ossature.engine.sources import Loaded
from ossature.errors import DiskError, UnsafePath, UsageError
from ossature.project import Project
from ossature.store.blobs import Blobs
from ossature.store.ledger import Landing, read_history

ChangeKind = Literal["edited", "deleted", "renamed", "replaced", "added"]
"""replaced: by something that is no file, such as a link · added: only the new side has it."""


class Version(NamedTuple):
    """One landing of a task among all that the ledger tells of."""

    number: int
    """Counted from 1 for the oldest; for people, since `gc` lets the oldest go."""
    landing: Landing
    same_as: int
    """Number of the first landing with the same files; its own where there is none before."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that two sides show differently."""

    path: str
    """Relative to the output folder."""
    kind: ChangeKind
    task: str = ""
    old: str = ""
    """Digest; empty where the file is not on that side."""
    new: str = ""
    renamed_to: str = ""
    diff: str = ""
    """Unified; a sentence in parentheses where there is none to be had."""


def versions(project: Project, lineage: str) -> list[Version]:
    """All landings of *lineage*, oldest first. Raises DiskError."""
    first: dict[tuple[tuple[str, str], ...], int] = {}
    found: list[Version] = []
    for number, landing in enumerate(read_history(project.ledger_path).get(lineage, ()), start=1):
        files = tuple(sorted(landing.files.items()))
        found.append(Version(number, landing, first.setdefault(files, number)))
    return found


def pick_version(found: list[Version], number: int) -> Version:
    """The landing of that number; raises UsageError."""
    if not 1 <= number <= len(found):
        known = f"there are 1 to {len(found)}" if found else "it has none"
        raise UsageError(f"there is no landing {number} of this task", hint=known)
    return found[number - 1]


def changes_on_disk(loaded: Loaded, ids: Collection[str] = ()) -> list[FileChange]:
    """How the files on disk differ from what landed there last; of the tasks *ids*, or of all.

    A file that several tasks write belongs to the one whose version the disk shows. Raises DiskError.
    """
    blobs = Blobs(loaded.project.blobs_dir)
    edits = [edit for edit in hand_edits(loaded, of_people=True) if not ids or edit.task in ids]
    position = {task.id: number for number, task in enumerate(loaded.plan.tasks)}
    changes: list[FileChange] = []
    for edit in sorted(edits, key=lambda edit: (position[edit.task], edit.path)):
        if edit.kind == "renamed":
            changes.append(_rename(edit))
        else:
            changes += _edit(loaded, blobs, edit.task, edit.path, edit.accepted)
    return changes


def since_landing(loaded: Loaded, version: Version, task_id: str) -> list[FileChange]:
    """How what the task shows now differs from an earlier landing.

    Now is the disk, and what the task landed last where a later task wrote over it. Raises DiskError.
    """
    shown = heads(loaded.sources.writers, loaded.sources.landings)
    last = loaded.sources.landings.get(task_id)
    files = dict(last.files) if last else {}
    blobs = Blobs(loaded.project.blobs_dir)
    changes: list[FileChange] = []
    for path in sorted({*version.landing.files, *files}):
        old = version.landing.files.get(path, "")
        if shown.get(path, task_id) == task_id:
            changes += _edit(loaded, blobs, task_id, path, old)
        else:
            changes += _change(task_id, path, old, files.get(path, ""), blobs.get, blobs.get)
    return changes


def between(project: Project, old: Landing, new: Landing) -> list[FileChange]:
    """How the files of one landing differ from those of another, by their blobs."""
    blobs = Blobs(project.blobs_dir)
    changes: list[FileChange] = []
    for path in sorted({*old.files, *new.files}):
        before, after = old.files.get(path, ""), new.files.get(path, "")
        changes += _change(new.task, path, before, after, blobs.get, blobs.get)
    return changes


def _edit(loaded: Loaded, blobs: Blobs, task: str, path: str, digest: str) -> list[FileChange]:
    """What the disk has at *path* against the content *digest*, which is empty where there was no file."""
    try:
        now = loaded.output.digest(path) or ""
    except UnsafePath as error:
        return [FileChange(path, "replaced", task, old=digest, diff=f"({error})\n")]
    if now in loaded.leftovers.get(path, ()):
        # Left there by a task that writes it no longer: nobody edited anything.
        return []
    return _change(task, path, digest, now, blobs.get, lambda _digest: loaded.output.read(path))


def _change(
    task: str,
    path: str,
    old: str,
    new: str,
    read_old: Callable[[str], bytes],
    read_new: Callable[[str], bytes],
) -> list[FileChange]:
    if old == new:
        return []
    kind: ChangeKind = "added" if not old else "edited" if new else "deleted"
    try:
        before = {path: read_old(old) if old else None}
        after = {path: read_new(new) if new else None}
        diff = unified(before, after)
    except DiskError as error:
        diff = f"({path}: {error.message})\n"
    return [FileChange(path, kind, task, old=old, new=new, diff=diff)]


def _rename(edit: HandEdit) -> FileChange:
    return FileChange(
        edit.path,
        "renamed",
        edit.task,
        old=edit.accepted,
        new=edit.accepted,
        renamed_to=edit.renamed_to,
        diff=f"rename from {edit.path}\nrename to {edit.renamed_to}\n",
    )
