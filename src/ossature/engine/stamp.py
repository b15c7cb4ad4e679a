"""Remember what a project looked like when nothing was to do, so that the next look is a stat per file."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from ossature import __version__

# A build with nothing to do asks for this before anything else is imported.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any

    from ossature.project import Project

_NAME = "up-to-date.json"
_PLAN = ".ossature/plan.toml"
_MAX_PLAN = 16 * 1024 * 1024
"""Characters of the largest plan that is looked into."""
_CACHES = frozenset(
    {".git", ".hg", ".ossature", "__pycache__", ".venv", "venv", "node_modules", "target", ".zig-cache"}
)
"""Folders that no stage holds and that may be large."""
_LINK = 0o120000
"""S_IFLNK; the module `stat` is not worth its import here."""
_SETTLED_NS = 100_000_000
"""A file that changed less than this before the look may change again under the same timestamps."""


def read_stamp(root: str) -> int | None:
    """How many tasks are up to date in the project at *root*, when all looks as it did then; else None.

    None, too, while a run is at work, or when the last one was killed: its signature is in the lease.
    """
    try:
        signature = _looks(f"{root}/.ossature/lease")
        if signature and signature[3]:
            return None
        with open(f"{root}/.ossature/work/{_NAME}", "rb") as file:
            checksum, _, content = file.read().partition(b" ")
        if checksum != b"%08x" % crc32(content):
            return None
        stamp: dict[str, Any] = json.loads(content)
        if stamp["version"] != __version__:
            return None
        changed = _changed(root, stamp)
        if changed and (changed != [_PLAN] or not _says_the_same(root, stamp)):
            return None
        return int(stamp["tasks"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _changed(root: str, stamp: Mapping[str, Any]) -> list[str]:
    """Paths that do not look as they did; the second is the last that is looked for."""
    changed: list[str] = []
    for path, looks in stamp["paths"]:
        if _looks(f"{root}/{path}") != looks:
            changed.append(path)
            if len(changed) > 1:
                break
    return changed


def _says_the_same(root: str, stamp: dict[str, Any]) -> bool:
    """The plan was edited in its comments and blank lines alone; the stamp is then brought up to date."""
    at_ns = time.time_ns()
    looks = _looks(f"{root}/{_PLAN}")
    if looks is None or _plan_digest(f"{root}/{_PLAN}") != stamp["plan"]:
        return False
    if max(looks[:2]) < at_ns - _SETTLED_NS:
        paths = [(path, looks if path == _PLAN else old) for path, old in stamp["paths"]]
        _write(Path(root, ".ossature", "work"), {**stamp, "paths": paths})
    return True


def _plan_digest(path: str) -> str | None:
    """Of what the plan says, whatever its comments; None where that cannot be told from its text alone."""
    # Most builds with nothing to do find the plan untouched.
    from ossature.digest import digest_text
    from ossature.store.toml_text import essence

    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = essence(file.read(_MAX_PLAN))
    except (OSError, UnicodeDecodeError):
        return None
    return None if text is None or len(text) >= _MAX_PLAN else digest_text(text)


def _write(folder: Path, stamp: Mapping[str, Any]) -> None:
    """Replace the stamp. A disk that refuses is no matter: the next look takes longer, that is all."""
    # Named as all scratch files are, so that one which a kill left is known for it.
    scratch = folder / f".ossature-{os.urandom(8).hex()}.tmp"
    content = json.dumps(stamp).encode("ascii")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(b"%08x %b" % (crc32(content), content))
        os.replace(scratch, folder / _NAME)
    except OSError:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


def up_to_date(tasks: int) -> str:
    """What to say when nothing is to do."""
    return f"nothing to do: {tasks} {'task is' if tasks == 1 else 'tasks are'} up to date"


class Stamping:
    """Look before everything is read, and write the stamp when reading found nothing to do."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._at_ns = time.time_ns()

    def write(self, tasks: int, outputs: Iterable[str], contexts: Iterable[str]) -> None:
        """Write the stamp, unless something changed since the look began or only just before."""
        settings = self._project.settings
        paths = list(_inputs(self._project))
        # Files that no task writes count, too: prompts may show them, and the project's verify sees them.
        paths += _below(self._project, self._project.output_root, passed_over=_CACHES)
        paths += [f"{settings.output_dir}/{path}" for path in outputs]
        paths += [f"{settings.context_dir}/{path}" for path in contexts]
        root = str(self._project.root)
        # Before the looks: a plan that is written to in between then looks too new for a stamp.
        plan = _plan_digest(f"{root}/{_PLAN}") or ""
        looks = [(path, _looks(f"{root}/{path}")) for path in dict.fromkeys(paths)]
        files = (self._project.root / path for path, _ in looks)
        if any(path.is_symlink() and path.is_dir() for path in files):
            # What lies in a linked folder was not looked at.
            return
        newest_ns = max((max(look[:2]) for _, look in looks if look), default=0)
        if newest_ns > self._at_ns - _SETTLED_NS:
            return
        stamp = {"version": __version__, "tasks": tasks, "plan": plan, "paths": looks}
        _write(self._project.work_dir, stamp)


def _inputs(project: Project) -> Iterable[str]:
    """Config, plan, ledger, and what lies below the folders that a person writes in; folders count too."""
    for path in (project.root / "ossature.toml", project.plan_path, project.ledger_path):
        yield project.relative(path)
    specs = project.root / project.settings.spec_dir
    # All of the context folder: a task may copy what a pattern catches.
    for folder in (specs, project.prompts_dir, project.interfaces_dir, project.context_root):
        yield from _below(project, folder)


def _below(project: Project, folder: Path, *, passed_over: Collection[str] = ()) -> Iterable[str]:
    yield project.relative(folder)
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in passed_over]
        for name in (*folders, *files):
            yield os.path.relpath(f"{parent}/{name}", project.root).replace(os.sep, "/")


def _looks(path: str) -> list[int] | None:
    """What changes when a file is written to, or an entry of a folder comes or goes; None: not there."""
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    looks = [found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size]
    if found.st_mode & 0o170000 == _LINK:
        # A person may edit what it leads to, under another name.
        behind = _looks(os.path.realpath(path))
        return None if behind is None else behind + looks
    return looks
