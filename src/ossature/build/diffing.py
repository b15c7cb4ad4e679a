"""Unified diffs of a task's files, for people and for the next attempt."""

from __future__ import annotations

import io
from collections.abc import Mapping

from ossature.domain.matching import unified_hunks

TOO_BIG = 400_000
"""Bytes; larger files are told by size only."""


def unified(before: Mapping[str, bytes | None], after: Mapping[str, bytes | None]) -> str:
    """One unified diff over all paths of both sides; binary and very large files get a line each."""
    return "".join(_one(path, before.get(path), after.get(path)) for path in dict.fromkeys((*before, *after)))


def unified_text(name: str, before: str, after: str) -> str:
    """Unified diff of one text."""
    return _one(name, before.encode(), after.encode())


def _one(path: str, before: bytes | None, after: bytes | None) -> str:
    if before == after:
        return ""
    old, new = _lines(before), _lines(after)
    if old is None or new is None:
        return f"--- {path}\n+++ {path}\n(binary or very large: {_size(before)} -> {_size(after)})\n"
    source = "/dev/null" if before is None else f"a/{path}"
    target = "/dev/null" if after is None else f"b/{path}"
    lines = list(unified_hunks(old, new, end="\n"))
    head = [f"--- {source}\n", f"+++ {target}\n"] if lines else []
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in (*head, *lines)
    )


def _lines(content: bytes | None) -> list[str] | None:
    if content is None:
        return []
    if len(content) > TOO_BIG or b"\0" in content:
        return None
    try:
        # As git and patch see lines: a form feed or U+2028 ends none.
        return list(io.StringIO(content.decode("utf-8"), newline="\n"))
    except UnicodeDecodeError:
        return None


def _size(content: bytes | None) -> str:
    return "none" if content is None else f"{len(content)} bytes"
