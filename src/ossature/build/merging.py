"""The only door to git: a three-way merge of one file, where git is there to make it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_S = 20.0
_MOST_CONFLICTS = 127
"""What `git merge-file` ends with at most; anything above means that it could not merge."""
_MARKERS = (b"<<<<<<< ", b"||||||| ", b">>>>>>> ")


@dataclass(frozen=True, slots=True)
class Merge:
    """What comes of two versions that start from a third."""

    content: bytes
    """With conflict markers where `conflicts` is not 0."""
    conflicts: int

    @property
    def is_clean(self) -> bool:
        return self.conflicts == 0


def merge(
    base: bytes,
    mine: bytes,
    theirs: bytes,
    *,
    labels: tuple[str, str, str] = ("mine (on disk)", "generated before", "theirs (new)"),
) -> Merge | None:
    """Both changes of *base* in one text; None without git, and for what it does not merge (binary files).

    Line ends and bytes that are no UTF-8 stay as they are. Raises nothing: a merge is an offer. *labels* are
    what conflict markers call mine, base and theirs.
    """
    git = shutil.which("git")
    if git is None:
        return None
    with tempfile.TemporaryDirectory(prefix="ossature-merge-") as folder:
        for name, content in (("mine", mine), ("base", base), ("theirs", theirs)):
            Path(folder, name).write_bytes(content)
        argv = [git, "merge-file", "-p", "--diff3", *(word for label in labels for word in ("-L", label))]
        try:
            done = subprocess.run(
                [*argv, "mine", "base", "theirs"],
                cwd=folder,
                env=_environ(folder),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    if not 0 <= done.returncode <= _MOST_CONFLICTS:
        return None
    return Merge(done.stdout, done.returncode)


def has_markers(content: bytes) -> bool:
    """Markers of a merge that nobody has settled are in it: all three kinds, each at the start of a line."""
    lines = content.splitlines()
    return all(any(line.startswith(marker) for line in lines) for marker in _MARKERS)


def holds_all(text: bytes, *, base: bytes | None, mine: bytes) -> bool:
    """Every line that is in *mine* and not in *base* is in *text*, in that order."""
    known = set() if base is None else set(base.splitlines())
    rest = iter(text.splitlines())
    return all(line in rest for line in mine.splitlines() if line not in known)


def without_hand(text: bytes, *, base: bytes | None, mine: bytes) -> bytes:
    """*text* as it would be if nobody had made *mine* of *base*: what a person wrote is taken out of it.

    Where both changed the same lines, lines that are only in *mine* are left out, wherever they are.
    """
    start = b"" if base is None else base
    by_hand = set(mine.splitlines()) - set(start.splitlines())
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if line.rstrip(b"\r\n") not in by_hand]
    if len(kept) == len(lines):
        return text
    taken_back = merge(mine, start, text) if base is not None else None
    if taken_back is not None and taken_back.is_clean:
        return taken_back.content
    return b"".join(kept)


def _environ(folder: str) -> dict[str, str]:
    """No config, no attributes and no repository of the user has a say in what comes out."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "LC_ALL": "C",
        "HOME": folder,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(Path(folder).parent),
    }
