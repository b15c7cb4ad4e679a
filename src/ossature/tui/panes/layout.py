"""Which panes a screen of some size shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Pane = Literal["specs", "findings", "plan", "task", "log", "chart", "grid"]
PANES: tuple[Pane, ...] = ("specs", "findings", "plan", "task", "log")
VIEWS: tuple[Pane, ...] = ("chart", "grid")
"""Drawings of the plan; one that has the focus has the whole screen."""
LISTS: tuple[Pane, ...] = ("specs", "findings", "plan")
WIDE_COLUMNS = 120
TWO_COLUMNS = 70
TWO_ROWS = 16
LOG_ROWS = 30
"""A wide screen of at least so many rows has room for the log below the task."""


@dataclass(frozen=True, slots=True)
class PaneLayout:
    """What is shown, and how."""

    mode: Literal["one", "two", "wide"]
    shown: tuple[Pane, ...]


def pane_layout(
    width: int, height: int, *, focused: Pane, listed: Pane, aside: Pane, zoomed: bool
) -> PaneLayout:
    """*listed* is the list that was last in use, *aside* which of task and log was."""
    if focused in VIEWS or zoomed or width < TWO_COLUMNS or height < TWO_ROWS:
        return PaneLayout("one", (focused,))
    if width < WIDE_COLUMNS:
        return PaneLayout("two", (listed, aside))
    if height < LOG_ROWS:
        return PaneLayout("wide", (*LISTS, aside))
    return PaneLayout("wide", (*LISTS, "task", "log"))
