"""Two attempts beside each other: what they are in facts, and how their texts differ line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ossature.domain.matching import unified_hunks
from ossature.store.disk import disk_errors
from ossature.store.tasklog import AttemptLog

MAX_BYTES = 4_000_000
"""Of a text, that are compared."""
NOTHING = "–"


class Fact(NamedTuple):
    """One property of both attempts, as people read it."""

    name: str
    old: str
    new: str

    @property
    def is_same(self) -> bool:
        return self.old == self.new


class LeafChange(NamedTuple):
    """Something that the model saw differently, or on one side only (an empty digest)."""

    leaf: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Side:
    """One attempt with its texts; a text is None where there is none."""

    name: str
    """What people call it."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None
    response: str | None = None
    changes: str | None = None
    output: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides, older first, and all differences as unified diffs; an empty one means the same text."""

    old: Side
    new: Side
    facts: tuple[Fact, ...]
    leaves: tuple[LeafChange, ...]
    prompt: str
    response: str
    changes: str
    output: str


def compare(old: Side, new: Side) -> Comparison:
    """Takes up to seconds for large texts: not for an event loop."""
    return Comparison(
        old,
        new,
        facts=tuple(_facts(old, new)),
        leaves=tuple(_leaf_changes(old.meta, new.meta)),
        prompt=difference(old.prompt, new.prompt, names=(old.name, new.name)),
        response=difference(old.response, new.response, names=(old.name, new.name)),
        changes=difference(old.changes, new.changes, names=(old.name, new.name)),
        output=difference(old.output, new.output, names=(old.name, new.name)),
    )


def read_side(name: str, folder: Path, *, output: Path | None = None) -> Side:
    """The attempt in *folder*; *output* is where its verify wrote to, if not there. Raises DiskError."""
    log = AttemptLog(folder)
    return Side(
        name,
        meta=log.read_meta() or {},
        prompt=_read(log.prompt_path),
        response=_read(log.response_path) if log.response_path.exists() else _read(log.part_path),
        changes=_read(log.changes_path),
        output=_read(output or log.verify_log),
    )


def difference(old: str | None, new: str | None, *, names: tuple[str, str]) -> str:
    """Unified, with three lines around each change; a sentence in parentheses where a side has no text."""
    if old is None and new is None:
        return "(neither attempt has this text)\n"
    if old == new:
        return ""
    before, after = (old or "").splitlines(), (new or "").splitlines()
    missing = [
        f"({name} has no such text)" for name, text in zip(names, (old, new), strict=True) if text is None
    ]
    return "\n".join([*missing, f"--- {names[0]}", f"+++ {names[1]}", *unified_hunks(before, after)]) + "\n"


def _facts(old: Side, new: Side) -> Iterator[Fact]:
    for name, key in (
        ("Run", "run"),
        ("Role", "role"),
        ("Attempt", "attempt"),
        ("At", "at"),
        ("Model", "model"),
        ("Source", "source"),
        ("Verdict", "verdict"),
        ("Landed", "landed"),
        ("Finish", "finish"),
    ):
        yield Fact(name, _said(old.meta.get(key)), _said(new.meta.get(key)))
    for name, key in (("Input", "input_tokens"), ("Cached", "cached_tokens"), ("Output", "output_tokens")):
        values = [_usage(side).get(key) for side in (old, new)]
        yield Fact(f"{name} tokens", *(_said(value) for value in values))
    yield Fact("Cost", *(_dollars(side.meta.get("cost_usd")) for side in (old, new)))
    yield Fact("Seconds", *(_said(side.meta.get("seconds")) for side in (old, new)))
    yield Fact("Prompt", *(_size(side.prompt) for side in (old, new)))
    yield Fact("Response", *(_size(side.response) for side in (old, new)))
    for name, key in (("Inputs", "inputs_digest"), ("Request", "request_digest")):
        yield Fact(name, *(_said(side.meta.get(key))[:12] for side in (old, new)))


def _leaf_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[LeafChange]:
    before, after = (meta.get("inputs") for meta in (old, new))
    if not isinstance(before, dict) or not isinstance(after, dict):
        return
    for leaf in sorted({*before, *after}):
        if before.get(leaf) != after.get(leaf):
            yield LeafChange(str(leaf), str(before.get(leaf) or ""), str(after.get(leaf) or ""))


def _usage(side: Side) -> Mapping[str, Any]:
    usage = side.meta.get("usage")
    return usage if isinstance(usage, dict) else {}


def _said(value: object) -> str:
    match value:
        case None | "":
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.1f}"
        case _:
            return str(value)


def _dollars(value: object) -> str:
    return f"${value:.4f}" if isinstance(value, int | float) else "not known"


def _size(text: str | None) -> str:
    return NOTHING if text is None else f"{len(text.splitlines())} lines, {len(text)} characters"


def _read(path: Path) -> str | None:
    with disk_errors(path, "read"):
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
    text = content[:MAX_BYTES].decode("utf-8", "replace")
    return text if len(content) <= MAX_BYTES else f"{text}\n(only the first {MAX_BYTES} bytes are compared)\n"
