"""What an action is: something that a key does, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from ossature.tui.keys.names import spelled

Scope = Literal[
    "app",
    "question",
    "plan",
    "chart",
    "grid",
    "list",
    "tree",
    "findings",
    "viewer",
    "task",
    "page",
    "replay",
    "review",
]
"""Whose method it is: the app's (`app`, `question`), or that of a list, pane, text, page or review.
`replay` is the app's, as long as a run is replayed."""
GROUPS = (
    "Run",
    "Question",
    "Panes",
    "Graph",
    "Task",
    "Plan",
    "Lists",
    "Findings",
    "Text",
    "Review",
    "History",
    "Program",
)


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a key does."""

    name: str
    """Textual action, with its arguments: `pane('plan')` calls `action_pane`."""
    keys: str
    """Comma-separated, as Textual names them."""
    label: str
    """A word or two, for the footer."""
    text: str
    """What it does, for help and palette."""
    scope: Scope
    group: str
    footer: int = 0
    """Rank in the footer, 1 first; 0 keeps it out."""
    footer_keys: str = ""
    """What the footer calls the keys, where one action stands there for several."""

    alias: str = ""
    """Last part of `id` where name and label would give an odd one."""

    @property
    def id(self) -> str:
        """What the user's config calls it: `build-task`, `list-page-down`, `answer-approve`."""
        return _id(self.name, self.scope, self.label, self.alias)

    @property
    def method(self) -> str:
        """Name of the method that carries it out."""
        return "action_" + self.name.partition("(")[0]

    @property
    def acts(self) -> bool:
        """It changes a run or a file: not for who only looks."""
        return self.method.removeprefix("action_") in ACTING

    @property
    def shown_keys(self) -> str:
        """As people read them."""
        return " ".join(spelled(key) for key in self.keys.split(",") if key)

    @property
    def key(self) -> str:
        """The first of its keys, as people read it; empty where it has none."""
        return self.shown_keys.partition(" ")[0]


ACTING = frozenset(
    {
        "accept",
        "answer",
        "audit",
        "build",
        "build_task",
        "dismiss",
        "edit",
        "fix",
        "pause",
        "plan",
        "redo",
        "retry",
        "step",
        "stop",
        "undo",
    }
)
"""Actions that change a run or a file; a viewer that only looks has none of them."""


@cache
def _id(name: str, scope: Scope, label: str, alias: str) -> str:
    method, _, argument = name.partition("(")
    base = alias or method.replace("_", "-")
    if argument and not alias:
        last = argument.strip("')") if argument[0] == "'" else _slug(label)
        base = last if last.startswith(base) else f"{base}-{last}"
    return base if scope in ("app", "question") or base.startswith(f"{scope}-") else f"{scope}-{base}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
