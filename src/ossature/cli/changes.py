"""Prints what changed about a task: each leaf with its digests, and how its text differs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ossature.cli.terminal import Terminal
from ossature.digest import short
from ossature.domain.plain_text import count
from ossature.engine.difference import Change

_TONES = {"+": "good", "-": "bad", "@": "ask"}


def print_change(change: Change, terminal: Terminal, *, limit: int | None, indent: str = "") -> None:
    """One leaf; of each difference at most *limit* lines, None for all."""
    _print_digests(change.leaf, change.old, change.new, terminal, indent=indent)
    print_lines(change.difference, terminal, limit=limit, indent=indent)
    for path in change.paths:
        _print_digests(path.path, path.old, path.new, terminal, indent=f"{indent}  ")
        print_lines(path.difference, terminal, limit=limit, indent=f"{indent}  ")
    if change.note:
        terminal.line(f"{indent}  ({change.note})", tone="quiet")


def print_lines(lines: Sequence[str], terminal: Terminal, *, limit: int | None, indent: str) -> None:
    """A difference, cut after *limit* lines with a count of those left out."""
    shown = lines if limit is None or len(lines) <= limit + 1 else lines[:limit]
    for line in shown:
        terminal.line(f"{indent}{line}", tone=_TONES.get(line[:1], "plain"))
    if len(shown) < len(lines):
        terminal.line(f"{indent}… {count(len(lines) - len(shown), 'more line')}", tone="quiet")


def changes_as_json(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Every leaf with digests, difference (lines) and, of an input tree, the paths."""
    return [
        {
            "leaf": change.leaf,
            "old": change.old,
            "new": change.new,
            "difference": list(change.difference),
            "paths": [
                {
                    "path": path.path,
                    "old": path.old,
                    "new": path.new,
                    "difference": list(path.difference),
                }
                for path in change.paths
            ],
            "note": change.note,
        }
        for change in changes
    ]


def _print_digests(name: str, old: str, new: str, terminal: Terminal, *, indent: str) -> None:
    digests = f"  {short(old) or 'nothing'} → {short(new) or 'nothing'}"
    terminal.spans([("plain", indent), ("strong", name), ("quiet", digests)])
