"""Lists what people did to outputs on disk, for status, previews, differences and the build."""

from __future__ import annotations

from collections.abc import Mapping

from ossature.build.handedits import HandEdit, edits_of, with_renames
from ossature.build.staleness import heads, is_written_by
from ossature.build.unowned import unowned_files
from ossature.engine.sources import Loaded, digest_or_none
from ossature.errors import UnsafePath


def hand_edits(
    loaded: Loaded, *, shown: Mapping[str, str] | None = None, of_people: bool = False
) -> list[HandEdit]:
    """Every output that was edited, deleted or renamed by hand since it landed, in the plan's order.

    `shown` (output path -> id of the task whose version the disk shows) is worked out unless it is given.
    Files of manual and skipped tasks, and paths that the plan has their task write no more, are people's in
    any case and only among them with *of_people*. The contents of
    `base` and `accepted` are blobs, that of `disk` is in the output folder. Raises DiskError.
    """
    by_head = heads(loaded.sources.writers, loaded.sources.landings) if shown is None else shown
    found: list[HandEdit] = []
    for task in loaded.plan.tasks:
        landing = loaded.sources.landings.get(task.id)
        if landing is not None and (of_people or task.intent not in ("manual", "skipped")):
            edits = edits_of(
                task.id,
                landing,
                heads=by_head,
                on_disk=loaded.on_disk,
                is_replaced=lambda path: _is_replaced(loaded, path),
            )
            found += [edit for edit in edits if of_people or is_written_by(task, edit.path)]
    # What a task left that writes the path no more is nobody's doing.
    found = [edit for edit in found if edit.kind != "deleted" or _is_gone(loaded, edit.path)]
    return with_renames(found, lambda: unowned_files(loaded.project, tuple(loaded.sources.writers)).files)


def _is_gone(loaded: Loaded, path: str) -> bool:
    return digest_or_none(loaded.output, path) is None


def _is_replaced(loaded: Loaded, path: str) -> bool:
    try:
        loaded.output.digest(path)
    except UnsafePath:
        return True
    return False
