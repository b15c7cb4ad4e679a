"""What the two drawings of the plan have in common: how one is asked for, and what a key does in it."""

from __future__ import annotations

from textual.message import Message

from ossature.tui.panes.layout import Pane


class ViewWanted(Message):
    """Another look at the plan: as a list, in layers, or over the runs."""

    def __init__(self, view: Pane) -> None:
        super().__init__()
        self.view = view


class TaskPointed(Message):
    """The person went to a task in a drawing; `is_chosen` where they want to see it."""

    def __init__(self, task: str, *, is_chosen: bool = False) -> None:
        super().__init__()
        self.task = task
        self.is_chosen = is_chosen
