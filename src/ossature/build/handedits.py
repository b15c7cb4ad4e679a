"""What people did to outputs on disk since these landed; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ossature.digest import digest_bytes
from ossature.store.ledger import Landing

_EMPTY = digest_bytes(b"")
Kind = Literal["edited", "deleted", "renamed", "blocked"]
"""blocked: something that is no file, a link or a folder, is in its place."""


@dataclass(frozen=True, slots=True)
class HandEdit:
    """One output that is on disk in another way than it landed."""

    task: str
    """Id of the task whose version the disk shows: of several writers, the last that has landed."""
    path: str
    """Relative to the output folder."""
    kind: Kind
    base: str
    """Digest of what was generated last, from which a merge starts; empty where no model wrote the file."""
    accepted: str
    """Digest of what counts as the output."""
    disk: str | None
    """Digest of what is on disk; None unless `edited`."""
    renamed_to: str = ""
    """The unowned file that holds the bytes of a `renamed` one."""

    @property
    def sentence(self) -> str:
        """For people: what was done to which path."""
        match self.kind:
            case "edited":
                return f"edited by hand: {self.path}"
            case "deleted":
                return f"deleted by hand: {self.path}"
            case "renamed":
                return f"renamed by hand: {self.path} -> {self.renamed_to}"
            case "blocked":
                return f"not a file any more: {self.path}"


def edits_of(
    task: str,
    landing: Landing,
    *,
    heads: Mapping[str, str],
    on_disk: Callable[[str], str | None],
    is_blocked: Callable[[str], bool],
) -> list[HandEdit]:
    """How the disk differs from *landing*, as far as the disk shows this task's version.

    `heads` says which task the disk shows for a path that several write; `on_disk` gives a digest or None,
    `is_blocked` whether something is there that is no file.
    """
    found: list[HandEdit] = []
    for path, accepted in landing.files.items():
        if heads.get(path, task) != task:
            continue
        disk = on_disk(path)
        if disk == accepted:
            continue
        kind: Kind = "edited" if disk is not None else "blocked" if is_blocked(path) else "deleted"
        found.append(HandEdit(task, path, kind, landing.base(path), accepted, disk))
    return found


def with_renames(edits: Iterable[HandEdit], unowned: Callable[[], Mapping[str, str]]) -> list[HandEdit]:
    """*edits*, where a deleted file whose very bytes are at exactly one unowned path is a renamed one.

    `unowned` (path -> digest) is called only if something was deleted. Empty files all look alike and are
    never taken for one another.
    """
    listed = list(edits)
    if not any(edit.kind == "deleted" for edit in listed):
        return listed
    places: dict[str, list[str]] = {}
    for path, digest in unowned().items():
        if digest != _EMPTY:
            places.setdefault(digest, []).append(path)
    gone = [edit.accepted for edit in listed if edit.kind == "deleted"]
    return [_renamed(edit, places, gone) for edit in listed]


def _renamed(edit: HandEdit, places: Mapping[str, list[str]], gone: list[str]) -> HandEdit:
    at = places.get(edit.accepted, [])
    is_clear = edit.kind == "deleted" and len(at) == 1 and gone.count(edit.accepted) == 1
    return replace(edit, kind="renamed", renamed_to=at[0]) if is_clear else edit
