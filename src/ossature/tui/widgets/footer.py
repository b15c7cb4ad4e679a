"""The bottom line: the keys that are of most use where the focus is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from ossature.tui.keys.actions import Action
from ossature.tui.look.spans import Span, width_of
from ossature.tui.look.theme import tone_styles

Pair = tuple[str, str]
"""Keys as people read them, and a word or two on what they do."""


class Footer(Widget):
    """As many actions as fit, most useful first; help always has its place at the end."""

    DEFAULT_CSS = "Footer { height: 1; background: $panel; }"

    def __init__(self) -> None:
        super().__init__()
        self._pairs: Sequence[Pair] = ()

    def show(self, actions: Sequence[Action]) -> None:
        """The keys of these actions."""
        self.show_keys(footer_pairs(actions))

    def show_keys(self, pairs: Sequence[Pair]) -> None:
        """Keys and what they do; the last one always has its place."""
        if list(pairs) != list(self._pairs):
            self._pairs = pairs
            self.refresh()

    def render_line(self, y: int) -> Strip:
        styles = tone_styles(self.app.current_theme)
        ground = self.rich_style
        width = self.size.width
        spans = pair_spans(self._pairs, width)
        return Strip([Segment(s.text, ground + styles[s.tone]) for s in spans]).adjust_cell_length(
            width, ground
        )


def footer_pairs(actions: Sequence[Action]) -> list[Pair]:
    """Help last, where it is among them."""
    ordered = sorted(actions, key=lambda action: action.name == "help")
    return [(action.footer_keys or action.shown_keys, action.label) for action in ordered]


def footer_spans(actions: Sequence[Action], width: int) -> list[Span]:
    """Keys and labels in *width* cells."""
    return pair_spans(footer_pairs(actions), width)


def pair_spans(pairs: Sequence[Pair], width: int) -> list[Span]:
    """As many as fit in *width* cells; the last one always."""
    line: list[Span] = [Span(" ")]
    if not pairs:
        return line
    *others, last = [[Span(key, "key"), Span(f" {label}  ", "quiet")] for key, label in pairs]
    for piece in others:
        if width_of(line) + width_of(piece) + width_of(last) > width:
            break
        line += piece
    return [*line, *last]
