"""A line with the names of tabs, the chosen one standing out, and a note at its right end."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span, fit, width_of
from ossature.tui.look.theme import tone_styles


class Tabs(Widget):
    """Tight where the room is small; a click chooses."""

    DEFAULT_CSS = "Tabs { height: 1; }"

    class Clicked(Message):
        """The tab at *index* was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, names: Sequence[str], *, glyphs: Glyphs) -> None:
        super().__init__()
        self.names = tuple(names)
        self.glyphs = glyphs
        self.index = 0
        self.note = ""

    def show(self, index: int, note: str = "") -> None:
        if (self.index, self.note) != (index, note):
            self.index, self.note = index, note
            self.refresh()

    @property
    def chosen(self) -> str:
        return self.names[self.index]

    @property
    def _is_tight(self) -> bool:
        return sum(len(name) + 2 for name in self.names) > self.size.width

    def on_click(self, event: events.Click) -> None:
        position = 0
        for index, name in enumerate(self.names):
            position += len(name) + (1 if self._is_tight else 2)
            if event.x < position:
                self.post_message(self.Clicked(index))
                return

    def render_line(self, y: int) -> Strip:
        styles = tone_styles(self.app.current_theme)
        ground, width = self.rich_style, self.size.width
        spans: list[Span] = []
        for index, name in enumerate(self.names):
            shown = name if self._is_tight else f" {name} "
            spans.append(Span(shown, "tab" if index == self.index else "quiet"))
            if self._is_tight and index < len(self.names) - 1:
                spans.append(Span(" "))
        right = width - width_of(spans) - width_of([Span(self.note)]) - 1
        spans += [Span(" " * right), Span(self.note, "label")] if right > 0 else []
        fitted = fit(spans, width, ellipsis=self.glyphs.ellipsis)
        segments = [Segment(s.text, ground + styles[s.tone]) for s in fitted]
        return Strip(segments).adjust_cell_length(width, ground)
