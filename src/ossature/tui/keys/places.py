"""Which file a tool meant by the path that it printed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from ossature.build.cage import STAGE

Where = Literal["project", "stage", "outside"]


class FoundFile(NamedTuple):
    """A file that is there."""

    path: Path
    where: Where
    """In a stage, which is gone when its task has ended; or beyond the project."""


def find_file(printed: str, *, root: Path, output: Path, work: Path) -> FoundFile | None:
    """The file named *printed*: in the output folder, the project, else a stage below *work*, else anywhere.

    A path into a stage is looked for in the output folder first: that is where its file lands.
    """
    path = Path(printed)
    try:
        parts = _below_tree(path, work)
        names = [path, *([Path(*parts)] if parts else [])]
        for base in (output, root, *sorted(work.glob("*/tree"))):
            for name in names:
                candidate = (base / name).resolve()
                if candidate.is_file():
                    return FoundFile(candidate, _where(candidate, root.resolve(), work.resolve()))
    except (OSError, ValueError):
        return None
    return None


def asked_file(printed: str, names: Sequence[str], work: Path) -> str | None:
    """The one of a question's files that was meant, when only one can be."""
    path = Path(printed)
    parts = _below_tree(path, work) or path.parts
    wanted = tuple(part for part in parts if part not in (".", "/"))
    found = [name for name in names if wanted and PurePosixPath(name).parts[-len(wanted) :] == wanted]
    return found[0] if len(found) == 1 else None


def _below_tree(path: Path, work: Path) -> tuple[str, ...]:
    """The parts of a stage's path below its tree, which is elsewhere in a sandbox."""
    parts = path.parts
    if path.is_relative_to(STAGE):
        return path.relative_to(STAGE).parts
    for index in range(len(parts) - 3):
        if parts[index] == work.name and parts[index + 2] == "tree":
            return parts[index + 3 :]
    return ()


def _where(path: Path, root: Path, work: Path) -> Where:
    if path.is_relative_to(work):
        return "stage"
    return "project" if path.is_relative_to(root) else "outside"
