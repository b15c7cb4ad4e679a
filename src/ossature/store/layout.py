"""The state folder and what git makes of it."""

from __future__ import annotations

from ossature.project import Project
from ossature.store.disk import disk_errors, make_folder, read_existing, write_atomic

_IGNORED = ("work/", "runs/", "lease", ".ossature-*.tmp")
_HISTORY = ("tasks/", "exchanges/")
_ATTRIBUTES = "* -text\nledger.jsonl merge=union\n"
"""Bytes stay as written; two branches' landings are both kept."""


def prepare_state_dir(project: Project) -> None:
    """Make `.ossature` with `.gitignore` and `.gitattributes`; files that a person changed stay.

    Raises DiskError.
    """
    folder = project.state_dir
    with disk_errors(folder, "make"):
        make_folder(folder)
    plain, all_kept = (_lines(_IGNORED + _HISTORY), _lines(_IGNORED))
    wanted, other = (all_kept, plain) if project.settings.keeps_history else (plain, all_kept)
    # `[history] commit` may change later; a file that a person edited stays theirs.
    if read_existing(folder / ".gitignore") in (None, other):
        write_atomic(folder / ".gitignore", wanted)
    if not (folder / ".gitattributes").exists():
        write_atomic(folder / ".gitattributes", _ATTRIBUTES.encode())


def _lines(names: tuple[str, ...]) -> bytes:
    return ("\n".join(names) + "\n").encode()
