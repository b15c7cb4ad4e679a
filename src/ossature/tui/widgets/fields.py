"""Fields of a form: a line, a text of several lines, a choice. Up and down lead out at their edges."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, TextArea

from ossature.tui.look.spans import Span, fit
from ossature.tui.look.theme import tone_styles


class LineField(Input):
    """One line; enter goes on to the next field."""

    def __init__(self, value: str, *, id: str, placeholder: str = "") -> None:
        super().__init__(value, id=id, placeholder=placeholder, select_on_focus=False, compact=True)
        self.cursor_blink = False

    def on_key(self, event: events.Key) -> None:
        if event.key in ("up", "down", "enter"):
            event.stop()
            event.prevent_default()
            step = self.screen.focus_previous if event.key == "up" else self.screen.focus_next
            _ = step()


class TextField(TextArea):
    """As many lines as there are, up to what the form lets it have."""

    def __init__(self, value: str, *, id: str) -> None:
        super().__init__(
            value, id=id, compact=True, highlight_cursor_line=False, tab_behavior="focus", soft_wrap=True
        )
        self.cursor_blink = False

    def action_cursor_up(self, select: bool = False) -> None:  # noqa: FBT002 - Textual's own signature
        if not select and self.cursor_at_first_line:
            _ = self.screen.focus_previous()
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:  # noqa: FBT002 - Textual's own signature
        if not select and self.cursor_at_last_line:
            _ = self.screen.focus_next()
        else:
            super().action_cursor_down(select)


class ChoiceField(Widget, can_focus=True):
    """One of a few words, all of them on the screen."""

    DEFAULT_CSS = "ChoiceField { height: 1; }"

    class Changed(Message):
        """Another word was chosen."""

    def __init__(self, choices: Sequence[str], value: str, *, id: str) -> None:
        super().__init__(id=id)
        self.choices = tuple(choices)
        self.value = value

    def on_key(self, event: events.Key) -> None:
        match event.key:
            case "left" | "right" | "space":
                step = -1 if event.key == "left" else 1
                where = self.choices.index(self.value) if self.value in self.choices else 0
                self.value = self.choices[(where + step) % len(self.choices)]
                self.refresh()
                self.post_message(self.Changed())
            case "up":
                _ = self.screen.focus_previous()
            case "down" | "enter":
                _ = self.screen.focus_next()
            case _:
                return
        event.stop()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        styles = tone_styles(self.app.current_theme)
        chosen = "tab" if self.has_focus else "strong"
        spans = [Span(" ")]
        for choice in self.choices:
            is_chosen = choice == self.value
            mark = "[" if is_chosen else " "
            end = "]" if is_chosen else " "
            spans.append(Span(f"{mark}{choice}{end}", chosen if is_chosen else "quiet"))
        width, ground = self.size.width, self.rich_style
        fitted = fit(spans if y == 0 else [], width)
        return Strip([Segment(s.text, ground + styles[s.tone]) for s in fitted]).adjust_cell_length(
            width, ground
        )
