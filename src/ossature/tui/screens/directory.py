"""The table of actions as help shows it and as the palette searches it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.message import Message

from ossature.tui.hints import Hint
from ossature.tui.keys.actions import ACTIONS, GROUPS, Action, Scope
from ossature.tui.keys.keymap import HasKeys
from ossature.tui.look.spans import Span
from ossature.tui.widgets.rows import Row

KEY_CELLS = 12
HINT = "hint:"
"""What the keys of rows begin with that are no actions."""


def help_rows(
    actions: Sequence[Action] = ACTIONS,
    *,
    here: str = "",
    scopes: Sequence[Scope] = (),
    hints: Sequence[Hint] = (),
) -> list[Row]:
    """Every action: first those of *scopes*, under *here*, then the others under their groups.

    The key of a row is the action's id; *hints* follow, which do nothing.
    """
    local = [action for action in actions if here and action.scope in scopes]
    rows = _group(here, local)
    for group in GROUPS:
        rows += _group(group, [action for action in actions if action.group == group and action not in local])
    if hints:
        rows.append(Row("group:hints", (Span("Hints", "title"),), is_heading=True))
        rows += [Row(f"{HINT}{hint.name}", (Span(f"  {hint.text}"),)) for hint in hints]
    return rows


def _group(name: str, actions: Sequence[Action]) -> list[Row]:
    if not actions:
        return []
    heading = Row(f"group:{name}", (Span(name, "title"),), is_heading=True)
    return [heading, *(_help_row(action) for action in actions)]


def _help_row(action: Action) -> Row:
    left = (Span(f"  {action.shown_keys:<{KEY_CELLS}} ", "key"), Span(action.text))
    return Row(action.id, left)


class ActionWanted(Message):
    """The palette or the help wants this action carried out."""

    def __init__(self, action: Action) -> None:
        super().__init__()
        self.action = action


class ActionProvider(Provider):
    """Offers every action to the command palette."""

    async def discover(self) -> Hits:
        for action in cast(HasKeys, self.app).table.actions:
            yield DiscoveryHit(action.text, self._runner(action), help=action.shown_keys)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action in cast(HasKeys, self.app).table.actions:
            score = matcher.match(f"{action.text} {action.label}")
            if score > 0:
                yield Hit(score, matcher.highlight(action.text), self._runner(action), help=action.shown_keys)

    def _runner(self, action: Action) -> Callable[[], None]:
        app = self.app

        def run() -> None:
            app.post_message(ActionWanted(action))

        return run
