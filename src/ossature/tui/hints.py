"""Words for people who see the screen for the first time: one line at a time, until they hide it."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from ossature.errors import DiskError
from ossature.store.disk import read_existing, write_atomic
from ossature.tui.keys.keymap import KeyTable

Moment = Literal["question", "live", "ended", "start"]
FILE_NAME = "hints.json"
"""In the folder of what ossature remembers of this user; a list of names."""


class Hint(NamedTuple):
    """A line, and when it helps."""

    name: str
    moment: Moment
    text: str


def hints(table: KeyTable) -> tuple[Hint, ...]:
    """All of them, with the keys that the person has."""
    key = table.key
    panes = f"1-5 go between panes, {key('zoom')} gives one the screen, {key('help')} lists keys"
    words = f"{key('answer-hint')}, {key('answer-retry')} take a word to the model, {key('edit')} edits"
    find = f"{key('command-palette')} finds an action by its words"
    return (
        Hint("question", "question", f"it waits for you: {words}"),
        Hint("leave", "live", f"{key('leave')} only leaves: the run goes on; `ossature tui` comes back"),
        Hint("rebuild", "ended", f"edit a spec, then {key('build')}: only what depends on it is made anew"),
        Hint("panes", "start", panes),
        Hint("settings", "start", f"{key('settings')} sets colours, signs, keys; {find}"),
    )


def hint_for(moment: Moment, seen: Collection[str], table: KeyTable) -> Hint | None:
    """The first that helps now and has not been hidden."""
    return next((hint for hint in hints(table) if hint.moment == moment and hint.name not in seen), None)


def read_seen(folder: Path) -> frozenset[str]:
    """Names of hidden ones; a file that cannot be read hides none."""
    with suppress(DiskError, ValueError):
        names = json.loads(read_existing(folder / FILE_NAME) or b"[]")
        if isinstance(names, list):
            return frozenset(name for name in names if isinstance(name, str))
    return frozenset()


def write_seen(folder: Path, names: Collection[str]) -> None:
    """Remember what is hidden; where that cannot be kept it comes again at the next start."""
    with suppress(DiskError):
        write_atomic(folder / FILE_NAME, json.dumps(sorted(names)).encode(), is_durable=False)
