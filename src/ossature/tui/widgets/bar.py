"""The bar above the footer: hint, oldest open question, messages, and the one line that can be typed into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from ossature.tui.look.glyphs import UNICODE, Glyphs
from ossature.tui.look.spans import Span, fit, wrap
from ossature.tui.look.theme import tone_styles

KEYS_CELLS = 15
"""What yes and no take beside the end of what is confirmed."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A line of text that is wanted from the person."""

    label: str
    submit: Callable[[str], None]
    initial: str = ""
    change: Callable[[str], None] | None = None
    cancel: Callable[[], None] | None = None
    hint: str = "enter sends, escape closes"


@dataclass(frozen=True, slots=True)
class Confirming:
    """A yes or no that is wanted from the person."""

    text: str
    yes: Callable[[], object]


class SpanLines(Widget):
    """A few lines of spans; its height follows them."""

    DEFAULT_CSS = "SpanLines { height: auto; width: 1fr; }"

    def __init__(self, *, id: str | None = None, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(id=id)
        self.glyphs = glyphs
        self._lines: Sequence[Sequence[Span]] = ()

    def show(self, lines: Sequence[Sequence[Span]]) -> None:
        if list(lines) != list(self._lines):
            is_taller = len(lines) != len(self._lines)
            self._lines = lines
            if is_taller:
                self.styles.height = len(lines)
            self.refresh(layout=is_taller)

    def render_line(self, y: int) -> Strip:
        styles = tone_styles(self.app.current_theme)
        ground, width = self.rich_style, self.size.width
        spans = self._lines[y] if y < len(self._lines) else ()
        fitted = fit(spans, width, ellipsis=self.glyphs.ellipsis)
        return Strip([Segment(s.text, ground + styles[s.tone]) for s in fitted]).adjust_cell_length(
            width, ground
        )


class Confirmation(Widget, can_focus=True):
    """Holds the focus while a yes or no is wanted, so that no other key does anything."""

    DEFAULT_CSS = "Confirmation { height: 0; width: 1; }"

    def on_key(self, event: events.Key) -> None:
        event.stop()
        bar = self.parent
        if isinstance(bar, Bar) and event.key in ("y", "n", "escape", "enter", "q"):
            bar.end_confirmation(is_yes=event.key == "y")


class Bar(Vertical):
    """Draws what it is told; while something is asked for, it has the keys."""

    DEFAULT_CSS = """
    Bar { height: auto; background: $panel; }
    Bar Input { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
    Bar.-typing Input { display: block; }
    """

    class Turned(Message):
        """Something is asked for, or is not any more."""

    def __init__(self, *, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.lines = SpanLines(glyphs=glyphs)
        self.field = Input(select_on_focus=False, compact=True)
        self.field.cursor_blink = False
        self.confirmation = Confirmation()
        self.asking: Asking | None = None
        self.confirming: Confirming | None = None
        self._lines: Sequence[Sequence[Span]] = ()
        self._focus_back: Widget | None = None
        self._typed = ""
        """What `asking.change` was told last."""

    def compose(self) -> ComposeResult:
        yield self.lines
        yield self.field
        yield self.confirmation

    @property
    def is_busy(self) -> bool:
        """Something is asked for: keys are text or an answer, never an action."""
        return self.asking is not None or self.confirming is not None

    def show(self, lines: Sequence[Sequence[Span]]) -> None:
        """What to say while nothing is asked for."""
        self._lines = lines
        self._draw()

    def ask(self, asking: Asking) -> None:
        """Open the input line; its answer goes to `asking.submit`. What is asked for already stays."""
        if self.is_busy:
            return
        self._focus_back = self.screen.focused
        self.asking = asking
        self._typed = asking.initial
        self.add_class("-typing")
        self.field.value = asking.initial
        self.field.cursor_position = len(asking.initial)
        self.field.focus()
        self.call_after_refresh(self._show_cursor)
        self.post_message(self.Turned())
        self._draw()

    def confirm(self, confirming: Confirming) -> None:
        """Ask for a yes; anything else is a no. What is asked for already stays."""
        if self.is_busy:
            return
        self._focus_back = self.screen.focused
        self.confirming = confirming
        self.confirmation.focus()
        self.post_message(self.Turned())
        self._draw()

    def end_confirmation(self, *, is_yes: bool) -> None:
        confirming, self.confirming = self.confirming, None
        self._give_back()
        if confirming and is_yes:
            confirming.yes()

    def cancel(self) -> None:
        """Close without an answer."""
        asking, self.asking = self.asking, None
        self._give_back()
        if asking and asking.cancel:
            asking.cancel()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.asking and self.asking.change and event.value != self._typed:
            self._typed = event.value
            self.asking.change(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        asking, self.asking = self.asking, None
        self._give_back()
        if asking:
            asking.submit(event.value)

    def on_descendant_blur(self) -> None:
        """A click elsewhere took the focus: what is asked for keeps it, or no key would do anything."""
        if self.is_busy and self.app.app_focus:
            self.call_after_refresh(self._hold)

    def _show_cursor(self) -> None:
        """Of a text that is longer than the line, the end; only a line that is open can scroll."""
        place = self.field.cursor_position
        self.field.cursor_position = 0
        self.field.cursor_position = place

    def _hold(self) -> None:
        if self.confirming:
            self.confirmation.focus()
        elif self.asking:
            self.field.focus()

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape" and self.asking:
            event.stop()
            self.cancel()
        elif event.key in ("tab", "shift+tab") and self.asking:
            event.stop()

    def _give_back(self) -> None:
        self.remove_class("-typing")
        if self._focus_back is not None and self._focus_back.is_attached:
            self._focus_back.focus()
        self.post_message(self.Turned())
        self._draw()

    def _draw(self) -> None:
        lines: Sequence[Sequence[Span]] = self._lines
        if self.confirming:
            keys = [Span("y", "key"), Span(" yes   ", "quiet"), Span("n", "key"), Span(" no", "quiet")]
            pieces = wrap(self.confirming.text, max(self.size.width - KEYS_CELLS, 10))
            asked = [[Span(f" {piece}", "ask")] for piece in pieces]
            lines = [*lines[:1], *asked[:-1], [*asked[-1], Span("   "), *keys]]
        elif self.asking:
            lines = [
                *lines[:1],
                [Span(f" {self.asking.label}", "ask"), Span(f"   {self.asking.hint}", "quiet")],
            ]
        self.lines.show(lines)


def title(text: str) -> Content:
    """A border title that is text, never markup."""
    return Content(text)
