"""The table of actions as help shows it and as the palette searches it."""

from __future__ import annotations

from collections.abc import Callable

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.message import Message

from ossature.tui.keys.actions import ACTIONS, GROUPS, Action
from ossature.tui.look.spans import Span
from ossature.tui.widgets.rows import Row

KEY_CELLS = 12


def help_rows() -> list[Row]:
    """Every action under its group; the row's key is its place in the table."""
    rows: list[Row] = []
    for group in GROUPS:
        rows.append(Row(f"group:{group}", (Span(group, "title"),), is_heading=True))
        for number, action in enumerate(ACTIONS):
            if action.group == group:
                rows.append(_help_row(number, action))
    return rows


def _help_row(number: int, action: Action) -> Row:
    left = (Span(f"  {action.shown_keys:<{KEY_CELLS}} ", "key"), Span(action.text))
    return Row(str(number), left)


class ActionWanted(Message):
    """The palette or the help wants this action carried out."""

    def __init__(self, action: Action) -> None:
        super().__init__()
        self.action = action


class ActionProvider(Provider):
    """Offers every action to the command palette."""

    async def discover(self) -> Hits:
        for action in ACTIONS:
            yield DiscoveryHit(action.text, self._runner(action), help=action.shown_keys)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in ACTIONS:
            score = matcher.match(f"{action.text} {action.label}")
            if score > 0:
                yield Hit(score, matcher.highlight(action.text), self._runner(action), help=action.shown_keys)

    def _runner(self, action: Action) -> Callable[[], None]:
        app = self.app

        def run() -> None:
            app.post_message(ActionWanted(action))

        return run
