"""A dialog with a list to choose from, filtered as one types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from ossature.tui.look.glyphs import Glyphs
from ossature.tui.widgets.bar import title
from ossature.tui.widgets.rows import Row, RowList

_LIST_KEYS = {
    "down": "cursor_down",
    "up": "cursor_up",
    "pagedown": "page(1)",
    "pageup": "page(-1)",
    "ctrl+n": "cursor_down",
}


class Picker(ModalScreen[str | None]):
    """Returns the key of the chosen row, or None.

    *narrow* says which rows a typed text leaves, in place of those that hold its words. A key of *others*
    chooses, too, and puts its word before the row's key.
    """

    FOOTER = (("↑ ↓", "move"), ("enter", "choose"), ("escape", "close"))

    def __init__(
        self,
        name: str,
        rows: Sequence[Row],
        *,
        glyphs: Glyphs,
        key: str = "",
        empty: str = "nothing to choose",
        hint: str = "type to filter, enter chooses, escape closes",
        narrow: Callable[[str], Sequence[Row]] | None = None,
        others: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(classes="-ascii" if glyphs.is_ascii else "")
        self._heading = name
        self._rows = rows
        self._glyphs = glyphs
        self._key = key
        self._empty = empty
        self._hint = hint
        self._narrow = narrow
        self._others = others or {}

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = title(self._heading)
            dialog.border_subtitle = title(self._hint)
            yield Input(select_on_focus=False, compact=True)
            yield RowList(glyphs=self._glyphs, empty=self._empty)

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
        self.query_one(Input).focus()
        self.query_one(RowList).set_rows(self._rows, key=self._key)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        rows = self.query_one(RowList)
        if self._narrow:
            rows.set_rows(self._narrow(event.value))
        else:
            rows.set_filter(event.value)
        if rows.rows and rows.rows[rows.cursor].is_heading:
            rows.action_cursor_down()

    async def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            _ = self.dismiss(None)
        elif event.key == "tab":
            event.stop()
        elif event.key in self._others:
            event.stop()
            self._choose(self.query_one(RowList).key, before=self._others[event.key])
        elif event.key in _LIST_KEYS:
            event.stop()
            await self.app.run_action(_LIST_KEYS[event.key], self.query_one(RowList))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._choose(self.query_one(RowList).key)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        self._choose(event.key)

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        event.stop()

    def _choose(self, key: str, *, before: str = "") -> None:
        rows = self.query_one(RowList)
        row = next((row for row in rows.rows if row.key == key), None)
        if row is not None and not row.is_heading:
            _ = self.dismiss(before + key)
