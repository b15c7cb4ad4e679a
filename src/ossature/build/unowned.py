"""Finds the files of the output folder that no task writes: a person's, which every stage gets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from ossature.errors import DiskError, UnsafePath
from ossature.project import Project
from ossature.store.safe_root import SafeRoot

MAX_BYTES = 64 * 1024 * 1024
"""Larger files are not staged."""
NEVER_STAGED = (
    *(".git", ".hg", ".svn", ".jj", ".ossature", ".DS_Store"),
    *("__pycache__", "*.pyc", ".venv", "venv", ".pytest_cache", ".mypy_cache", ".ruff_cache"),
    *("node_modules", "target", ".zig-cache", "zig-cache", "zig-out"),
)
"""Patterns of what version control leaves out in nearly every project."""


class Unowned(NamedTuple):
    """The files of the output folder that are nobody's."""

    files: dict[str, str]
    """Path -> digest, sorted by path."""
    skipped: dict[str, str]
    """Path -> why it is left out although nothing excludes it."""


def unowned(
    output_root: Path, *, owned: Collection[str], exclude: Iterable[str] = (), reserved: Collection[str] = ()
) -> Unowned:
    """Every regular file below *output_root* that is neither *owned* nor left out. Raises DiskError.

    `exclude` are patterns of `[build] exclude`: one without `/` fits a name anywhere, one with `/` the whole
    path, where `**` stands for any number of folders; a folder that fits is left out with all that is in it.
    `reserved` are files and folders of the project that lie in the output folder.
    """
    writers = frozenset(owned)
    kept_back = frozenset(path.strip("/") for path in reserved)
    pattern = _pattern([*NEVER_STAGED, *exclude])

    def is_left_out(path: str, is_folder: bool) -> bool:  # noqa: FBT001  # the shape that SafeRoot.walk calls
        return path in kept_back or (path in writers and not is_folder) or pattern.fullmatch(path) is not None

    root = SafeRoot(output_root)
    files: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for path in root.walk(exclude=is_left_out):
        reason = _add(files, root, path)
        if reason:
            skipped[path] = reason
    return Unowned(files, skipped)


def unowned_files(project: Project, owned: Collection[str]) -> Unowned:
    """Of a project's output folder, without what is the project's own where that folder is its root."""
    exclude = project.settings.exclude
    return unowned(project.output_root, owned=owned, exclude=exclude, reserved=project.reserved)


def _add(files: dict[str, str], root: SafeRoot, path: str) -> str:
    """Digest one file into *files*; why not, if not."""
    try:
        size = (root.root / path).lstat().st_size
        if size > MAX_BYTES:
            return f"larger than {MAX_BYTES // (1024 * 1024)} MiB"
        digest = root.digest(path)
    except FileNotFoundError:
        return ""
    except UnsafePath as error:
        return str(error)
    except (DiskError, OSError) as error:
        return f"cannot be read: {error}"
    if digest is not None:
        files[path] = digest
    return ""


def _pattern(globs: Iterable[str]) -> re.Pattern[str]:
    """One expression that fits a path as soon as one of *globs* does."""
    return re.compile("|".join(f"(?:{_translated(glob)})" for glob in globs))


def _translated(glob: str) -> str:
    anchored = glob.removeprefix("./").strip("/")
    expression = "".join(_part(part) for part in _WILDCARD.split(anchored))
    return expression if "/" in glob.removeprefix("./").rstrip("/") else f"(?:.*/)?{expression}"


_WILDCARD = re.compile(r"(\*\*/|\*\*|\*|\?|\[[^\]/]+\])")


def _part(part: str) -> str:
    match part:
        case "**/":
            return r"(?:.*/)?"
        case "**":
            return r".*"
        case "*":
            return r"[^/]*"
        case "?":
            return r"[^/]"
        case _ if part.startswith("[") and part.endswith("]"):
            return _one_of(part[1:-1])
        case _:
            return re.escape(part)


def _one_of(characters: str) -> str:
    """A set such as `a-z` or `!0-9`; one that makes no sense, such as `z-a`, is taken by the letter."""
    negation = "^" if characters.startswith("!") else ""
    letters = re.sub(r"([^\w-])", r"\\\1", characters.removeprefix("!"))
    expression = f"(?!/)[{negation}{letters}]"
    try:
        re.compile(expression)
    except re.error:
        return re.escape(f"[{characters}]")
    return expression
