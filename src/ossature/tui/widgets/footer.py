"""The bottom line: the keys that are of most use where the focus is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from ossature.tui.keys.actions import ACTIONS, Action
from ossature.tui.look.spans import Span, width_of
from ossature.tui.look.theme import tone_styles


class Footer(Widget):
    """As many actions as fit, most useful first; help always has its place at the end."""

    DEFAULT_CSS = "Footer { height: 1; background: $panel; }"

    def __init__(self) -> None:
        super().__init__()
        self._actions: Sequence[Action] = ()

    def show(self, actions: Sequence[Action]) -> None:
        if list(actions) != list(self._actions):
            self._actions = actions
            self.refresh()

    def render_line(self, y: int) -> Strip:
        styles = tone_styles(self.app.current_theme)
        ground = self.rich_style
        width = self.size.width
        spans = footer_spans(self._actions, width)
        return Strip([Segment(s.text, ground + styles[s.tone]) for s in spans]).adjust_cell_length(
            width, ground
        )


def footer_spans(actions: Sequence[Action], width: int) -> list[Span]:
    """Keys and labels in *width* cells."""
    help_action = next(action for action in ACTIONS if action.name == "help")
    tail = _key(help_action)
    line: list[Span] = [Span(" ")]
    for action in actions:
        if action is help_action:
            continue
        piece = _key(action)
        if width_of(line) + width_of(piece) + width_of(tail) > width:
            break
        line += piece
    return [*line, *tail]


def _key(action: Action) -> list[Span]:
    return [Span(action.footer_keys or action.shown_keys, "key"), Span(f" {action.label}  ", "quiet")]
