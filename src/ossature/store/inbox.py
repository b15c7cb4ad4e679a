"""Decisions and commands for a run, one file each, dropped by any process; drafts of what is not sent yet."""

from __future__ import annotations

import os
import re
import stat
import time
from pathlib import Path
from typing import NamedTuple

from ossature.digest import digest_text
from ossature.domain.decision import LETTER, Letter
from ossature.store.disk import disk_errors, make_folder, read_existing, write_atomic

_MAX_BYTES = 16 * 1024 * 1024
_LETTER = re.compile(r"[^.].*\.json")
_STAMPED = re.compile(r"(\d{20})-[0-9a-f]{8}\.json")


class _Found(NamedTuple):
    stamp: int
    """Nanoseconds since 1970."""
    name: str


def drop(folder: Path, letter: Letter) -> None:
    """Put *letter* into the inbox, whole or not at all; raises DiskError.

    Its name sorts after every letter that waits there, also when the clock was set back.
    """
    with disk_errors(folder, "write"):
        make_folder(folder)
    waiting = [found.stamp for found in _letters(folder)]
    stamp = max(time.time_ns(), max(waiting, default=0) + 1)
    write_atomic(folder / f"{stamp:020d}-{os.urandom(4).hex()}.json", LETTER.dump_json(letter))


def collect(folder: Path) -> list[Letter]:
    """Take every letter out, in the order of arrival; raises DiskError.

    A `.json` file that is no letter is renamed to `.bad`, everything else is left alone. Other tools may drop
    a file of any name that ends with `.json`; it has to be renamed into place.
    """
    letters: list[Letter] = []
    for found in _letters(folder):
        path = folder / found.name
        content = _read(path)
        if content is None:
            continue
        try:
            letter = LETTER.validate_json(content)
        except ValueError:
            _set_aside(path)
            continue
        with disk_errors(path, "delete"):
            path.unlink(missing_ok=True)
        letters.append(letter)
    return letters


def save_draft(folder: Path, question_id: str, text: str) -> None:
    """Keep what is typed but not sent; empty text removes the draft. Raises DiskError.

    It is written at every key, so nothing waits for the disk: a power cut may take the last words.
    """
    path = _draft_path(folder, question_id)
    if text:
        write_atomic(path, text.encode("utf-8", "replace"), is_durable=False)
        return
    with disk_errors(path, "delete"):
        path.unlink(missing_ok=True)


def read_draft(folder: Path, question_id: str) -> str:
    """What was typed for that question; empty when there is nothing. Raises DiskError."""
    content = read_existing(_draft_path(folder, question_id))
    return (content or b"").decode("utf-8", "replace")


def _letters(folder: Path) -> list[_Found]:
    with disk_errors(folder, "read"):
        try:
            with os.scandir(folder) as entries:
                found = [
                    _found(e) for e in entries if e.name.endswith(".json") and not e.name.startswith(".")
                ]
        except FileNotFoundError:
            return []
    return sorted(one for one in found if one is not None)


def _found(entry: os.DirEntry[str]) -> _Found | None:
    stamped = _STAMPED.fullmatch(entry.name)
    if stamped:
        return _Found(int(stamped[1]), entry.name)
    try:
        return _Found(entry.stat(follow_symlinks=False).st_mtime_ns, entry.name)
    except FileNotFoundError:
        return None


def _read(path: Path) -> bytes | None:
    """The bytes; None when it is gone, or no file of a sane size, which is then set aside."""
    with disk_errors(path, "read"):
        try:
            status = os.stat(path, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if stat.S_ISREG(status.st_mode) and status.st_size <= _MAX_BYTES:
            return read_existing(path)
    _set_aside(path)
    return None


def _set_aside(path: Path) -> None:
    with disk_errors(path, "rename"):
        path.rename(path.with_suffix(".bad"))


def _draft_path(folder: Path, question_id: str) -> Path:
    words = re.sub(r"[^A-Za-z0-9]+", "-", question_id).strip("-")[:60]
    return folder / f"{words}-{digest_text(question_id)[:8]}.txt"
