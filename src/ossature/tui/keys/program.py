"""Keys of the program itself: help, palette, leaving; and how an action gets to where it belongs."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from ossature.tui.hints import hints
from ossature.tui.keys.actions import Action, Scope
from ossature.tui.keys.views import ViewKeys
from ossature.tui.screens.directory import HINT, ActionWanted, help_rows
from ossature.tui.screens.page import Page
from ossature.tui.screens.review import ReviewScreen
from ossature.tui.telling import ONLY_LOOKS
from ossature.tui.widgets.picker import Picker


class ProgramKeys(ViewKeys):
    """What help and palette choose runs as if its key had been pressed there."""

    def action_reload(self) -> None:
        self.say("reading specs and plan again …", "quiet")
        self.reload()

    def action_help(self) -> None:
        scopes = [scope for scope in self.HELP_SCOPES[self.focused_pane] if scope != "app"]
        here = f"Here, in the {self.focused_pane} pane"
        rows = help_rows(self.table.actions, here=here, scopes=scopes, hints=hints(self.table))
        picker = Picker("Keys", rows, glyphs=self.glyphs, key=rows[1].key)
        self.pick(picker, self._help_chosen)

    async def _help_chosen(self, key: str | None) -> None:
        if key is not None and not key.startswith(HINT):
            await self.carry_out(self.table.find(key))

    def action_leave(self) -> None:
        self.exit(0)

    async def on_action_wanted(self, event: ActionWanted) -> None:
        await self.carry_out(event.action)

    async def carry_out(self, action: Action) -> None:
        """Run *action* where it belongs."""
        if action.acts and self.bridge.is_read_only:
            self.say(ONLY_LOOKS, "warn")
            return
        target = self._target(action.scope)
        if target is not None:
            await self.run_action(action.name, target)

    def _target(self, scope: Scope) -> Any:
        """Who has the method; None where nothing of that kind is open, which is said."""
        target: Any = self
        match scope:
            case "list":
                target = self.list_of(self.listed)
            case "chart" | "grid":
                self.show_view(scope)
                target = self.pane_of(scope)
            case "findings":
                target = self.findings
            case "tree":
                target = self.specs
            case "plan":
                target = self.plan
            case "task":
                target = self.task_pane
            case "viewer":
                target = self.viewer_in_use()
            case "page" | "review":
                target = self._over_the_panes(scope)
            case _:
                pass
        return target

    def _over_the_panes(self, scope: Scope) -> Screen[Any] | None:
        """The page or the review that is open; where none is, that is said."""
        if isinstance(self.screen, Page if scope == "page" else ReviewScreen):
            return self.screen
        opens = "t and C open one" if scope == "page" else f"{self.table.key('review')} opens one"
        self.say(f"no {scope} is open: {opens}", "quiet")
        return None
