"""What people did to outputs on disk since these landed; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ossature.digest import digest_bytes
from ossature.store.ledger import Landing

_EMPTY = digest_bytes(b"")
Kind = Literal["edited", "deleted", "renamed", "replaced"]
"""replaced: by something that is no file, such as a link."""


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
            case "replaced":
                return f"not a file any more: {self.path}"


def edits_of(
    task: str,
    landing: Landing,
    *,
    heads: Mapping[str, str],
    on_disk: Callable[[str], str | None],
    is_replaced: Callable[[str], bool],
) -> list[HandEdit]:
    """How the disk differs from *landing*, as far as the disk shows this task's version.

    `heads` says which task the disk shows for a path that several write; `on_disk` gives a digest or None,
    `is_replaced` whether something is there that is no file.
    """
    found: list[HandEdit] = []
    for path, accepted in landing.files.items():
        if heads.get(path, task) != task:
            continue
        disk = on_disk(path)
        if disk == accepted:
            continue
        kind: Kind = "edited" if disk is not None else "replaced" if is_replaced(path) else "deleted"
        found.append(HandEdit(task, path, kind, landing.base(path), accepted, disk))
    return found


def with_renames(edits: Iterable[HandEdit], unowned: Callable[[], Mapping[str, str]]) -> list[HandEdit]:
    """*edits*, where a deleted file whose very bytes are at an unowned path is a renamed one.

    `unowned` (path -> digest) is called only if something was deleted; each of its paths stands for one file
    at most. Empty files all look alike and are never taken for one another.
    """
    listed = list(edits)
    if not any(edit.kind == "deleted" for edit in listed):
        return listed
    places: dict[str, list[str]] = {}
    for path, digest in unowned().items():
        if digest != _EMPTY:
            places.setdefault(digest, []).append(path)
    return [_renamed(edit, places.get(edit.accepted, [])) for edit in listed]


def _renamed(edit: HandEdit, places: list[str]) -> HandEdit:
    if edit.kind != "deleted" or not places:
        return edit
    return replace(edit, kind="renamed", renamed_to=places.pop(0))
