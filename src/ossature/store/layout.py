"""The state folder and what git makes of it."""

from __future__ import annotations

from ossature.project import Project
from ossature.store.disk import disk_errors, make_folder, write_atomic

_IGNORED = ("work/", "runs/", "lease", ".ossature-*.tmp")
_HISTORY = ("tasks/", "exchanges/")
_ATTRIBUTES = "* -text\nledger.jsonl merge=union\n"
"""Bytes stay as written; two branches' landings are both kept."""


def prepare_state_dir(project: Project) -> None:
    """Make `.ossature` with `.gitignore` and `.gitattributes`; files that are there stay as they are.

    Raises DiskError.
    """
    folder = project.state_dir
    with disk_errors(folder, "make"):
        make_folder(folder)
    ignored = _IGNORED if project.settings.keeps_history else _IGNORED + _HISTORY
    for name, text in ((".gitignore", "\n".join(ignored) + "\n"), (".gitattributes", _ATTRIBUTES)):
        if not (folder / name).exists():
            write_atomic(folder / name, text.encode("utf-8"))
