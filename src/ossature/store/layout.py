"""The state folder and what git makes of it."""

from __future__ import annotations

from pathlib import Path

from ossature.errors import Place, UnsafePath
from ossature.project import Project
from ossature.store.disk import disk_errors, make_folder, read_existing, write_atomic

_IGNORED = ("work/", "runs/", "lease", "identity", ".ossature-*.tmp")
_EARLIER = ("work/", "runs/", "lease", ".ossature-*.tmp")
"""As written before there was an `identity`."""
_HISTORY = ("tasks/", "exchanges/")
_ATTRIBUTES = "* -text\nledger.jsonl merge=union\nrulings.jsonl merge=union\n"
"""Bytes stay as written; two branches' landings are both kept, and so are their rulings."""
_EARLIER_ATTRIBUTES = "* -text\nledger.jsonl merge=union\n"


def refuse_links(project: Project) -> None:
    """Raise UnsafePath where a link would lead our files elsewhere, or DiskError.

    A project may come from anybody, and what is ours is written and deleted without a look at each part of
    its path: this comes before anything is.
    """
    folder = project.state_dir
    for path in (folder, *_entries(folder), *_entries(folder / "work")):
        refuse_link(path)


def refuse_link(path: Path) -> None:
    """Raise UnsafePath where *path* is a link."""
    if path.is_symlink():
        raise UnsafePath("is a link", place=Place(str(path)), hint="put a folder in its place")


def prepare_state_dir(project: Project) -> None:
    """Make `.ossature` with `.gitignore` and `.gitattributes`; files that a person changed stay.

    Raises DiskError, and UnsafePath as `refuse_links` does.
    """
    refuse_links(project)
    folder = project.state_dir
    with disk_errors(folder, "make"):
        make_folder(folder)
    wanted = _lines(_IGNORED if project.settings.keeps_history else _IGNORED + _HISTORY)
    known = [_lines(names + more) for names in (_IGNORED, _EARLIER) for more in ((), _HISTORY)]
    found = read_existing(folder / ".gitignore")
    # `[history] commit` may change later; a file that a person edited stays theirs.
    if found is None or (found != wanted and found in known):
        write_atomic(folder / ".gitignore", wanted)
    if read_existing(folder / ".gitattributes") in (None, _EARLIER_ATTRIBUTES.encode()):
        write_atomic(folder / ".gitattributes", _ATTRIBUTES.encode())


def _entries(folder: Path) -> list[Path]:
    with disk_errors(folder, "read"):
        return list(folder.iterdir()) if folder.is_dir() else []


def _lines(names: tuple[str, ...]) -> bytes:
    return ("\n".join(names) + "\n").encode()
