"""Leave out of a ledger the landings that nothing goes by any more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ossature.store.checked_lines import decode_line

_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class Compacted(NamedTuple):
    """A ledger that says the same in fewer lines."""

    content: bytes
    left_out: int
    """Landings that it no longer tells of."""


def compacted(content: bytes, *, keep: int) -> Compacted:
    """*content* with the last *keep* landings of each lineage, which is at least one.

    What landed last, open intents and the order of both stay as they are, and so does every line that is
    damaged or of a kind that this version does not know.
    """
    lines = content.splitlines(keepends=True)
    history = _read(lines)
    gone: set[int] = set(history.abandoned)
    left_out = 0
    first_kept: dict[str, int] = {}
    for lineage, landings in history.landed.items():
        past = landings[: -max(1, keep)]
        left_out += len(past)
        gone.update(number for pair in past for number in pair)
        first_kept[lineage] = landings[len(past)][1]
    for lineage, numbers in history.dropped.items():
        # A line that takes back a landing which is no longer told of says nothing.
        gone.update(number for number in numbers if number < first_kept.get(lineage, len(lines)))
    kept = b"".join(line for number, line in enumerate(lines) if number not in gone)
    return Compacted(kept, left_out)


def digests_in(content: bytes) -> Iterator[str]:
    """Whatever in *content* may be the name of a blob, in order, again where it is there again."""
    return (found[0].decode("ascii") for found in _DIGEST.finditer(content))


@dataclass(slots=True)
class _History:
    """Numbers of the lines, counted from 0."""

    begun: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Id of an open intent -> its line and lineage."""
    landed: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Lineage -> lines of intent and landing, oldest first."""
    abandoned: list[int] = field(default_factory=list)
    dropped: dict[str, list[int]] = field(default_factory=dict)


def _read(lines: list[bytes]) -> _History:
    history = _History()
    for number, line in enumerate(lines):
        match _record(line):
            case {"t": "intent", "id": str(name), "landing": {"lineage": str(lineage)}}:
                history.begun[name] = number, lineage
            case {"t": "landed", "id": str(name)} if name in history.begun:
                begun, lineage = history.begun.pop(name)
                history.landed.setdefault(lineage, []).append((begun, number))
            case {"t": "abandoned", "id": str(name)} if name in history.begun:
                history.abandoned += [history.begun.pop(name)[0], number]
            case {"t": "dropped", "lineage": str(lineage)}:
                history.dropped.setdefault(lineage, []).append(number)
    return history


def _record(line: bytes) -> Any:
    payload = decode_line(line.rstrip(b"\r\n"))
    try:
        return None if payload is None else json.loads(payload)
    except (ValueError, RecursionError):
        return None
