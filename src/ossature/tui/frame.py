"""The app's frame: which widgets there are, which are shown, where the focus is, and what the bars say."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.filter import LineFilter
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from ossature.domain.decision import Question
from ossature.domain.plain_text import clean_line
from ossature.errors import OssatureError
from ossature.tui.actions import Action, Scope, bindings, footer_actions
from ossature.tui.answers import offers, question_lines
from ossature.tui.backstop import Backstop
from ossature.tui.bar import Bar
from ossature.tui.bridge import Bridge
from ossature.tui.directory import ActionProvider, ActionWanted
from ossature.tui.findings import FindingsPane
from ossature.tui.footer import Footer
from ossature.tui.glyphs import Glyphs, glyphs_for
from ossature.tui.header import Header, utc_now
from ossature.tui.log_pane import LogPane
from ossature.tui.pane_layout import LISTS, PANES, Pane, pane_layout
from ossature.tui.picker import Picker
from ossature.tui.plan import PlanPane
from ossature.tui.rows import RowList
from ossature.tui.spans import Span
from ossature.tui.specs import SpecsPane
from ossature.tui.task_pane import TaskPane
from ossature.tui.theme import NIGHT, theme_for
from ossature.tui.viewer import LineViewer

TALL_ROWS = 30
MAX_CLIPBOARD_BYTES = 74_994
"""What the smallest of the usual limits on OSC 52 (100,000 characters of base64) leaves."""


class Ground(Screen[None], inherit_bindings=False):
    """The screen below all dialogs; the keys that Textual binds on every screen are ours to give."""

    AUTO_FOCUS = ""


class Frame(App[int], inherit_bindings=False):
    """Everything but what the keys do to a run."""

    CSS_PATH = "app.tcss"
    TITLE = "ossature"
    COMMANDS: ClassVar = {ActionProvider}
    BINDINGS = bindings("app", "question")
    HELP_SCOPES: ClassVar[dict[str, tuple[Scope, ...]]] = {
        "specs": ("list", "tree", "app"),
        "findings": ("list", "app"),
        "plan": ("list", "app"),
        "task": ("viewer", "task", "app"),
        "log": ("viewer", "app"),
    }
    """Whose keys work in which pane."""

    def __init__(self, bridge: Bridge, *, is_demo: bool = False) -> None:
        super().__init__()
        self.bridge = bridge
        self.is_demo = is_demo
        self.environ = dict(os.environ)
        self.glyphs: Glyphs = glyphs_for(self.environ)
        self.is_remote = bool(self.environ.get("SSH_CONNECTION") or self.environ.get("SSH_TTY"))
        self.focused_pane: Pane = "plan"
        self.listed: Pane = "plan"
        self.aside: Pane = "task"
        self.is_zoomed = False
        self.follows = True
        """The cursor and the tabs go with the run."""
        self.message: Span | None = None
        self.question_id = ""
        """The open question that the bar shows; the oldest unless the person went on to another."""
        self.set_class(self.glyphs.is_ascii, "-ascii")
        self.set_class(self.is_remote, "-remote")
        self.header = Header(glyphs=self.glyphs)
        self.specs = SpecsPane(glyphs=self.glyphs)
        self.findings = FindingsPane(glyphs=self.glyphs)
        self.plan = PlanPane(glyphs=self.glyphs)
        self.task_pane = TaskPane(glyphs=self.glyphs)
        self.log_pane = LogPane(glyphs=self.glyphs)
        self.bar = Bar(glyphs=self.glyphs)
        self.footer = Footer()
        self.panes = Horizontal(id="panes")
        self.columns = {name: Vertical(id=name) for name in ("lists", "middle", "aside")}
        self.register_theme(NIGHT)
        self.theme = theme_for(self.environ)

    def get_default_screen(self) -> Screen[Any]:
        return Ground(id="_default")

    def compose(self) -> ComposeResult:
        yield self.header
        with self.panes:
            with self.columns["lists"]:
                yield self.specs
                yield self.findings
            with self.columns["middle"]:
                yield self.plan
            with self.columns["aside"]:
                yield self.task_pane
                yield self.log_pane
        yield self.bar
        yield self.footer

    def pane_of(self, name: Pane) -> Widget:
        """The widget of a pane; asking the screen would not do while a dialog lies over it."""
        widgets: dict[Pane, Widget] = {
            "specs": self.specs,
            "findings": self.findings,
            "plan": self.plan,
            "task": self.task_pane,
            "log": self.log_pane,
        }
        return widgets[name]

    def list_of(self, name: Pane) -> RowList:
        """The list in a list pane."""
        return self.findings if name == "findings" else self.specs if name == "specs" else self.plan

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), Backstop(is_ascii=self.glyphs.is_ascii)]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key does anything but type while something is asked for."""
        if not self.is_running or not self.screen_stack:
            return super().check_action(action, parameters)
        if self.bar.is_busy:
            return False
        if action == "answer":
            question = self.question
            return question is not None and str(parameters[0]) in [o.answer for o in offers(question)]
        return super().check_action(action, parameters)

    def lay_out(self) -> None:
        """Show the panes that the size has room for."""
        width, height = self.size
        layout = pane_layout(
            width,
            height,
            focused=self.focused_pane,
            listed=self.listed,
            aside=self.aside,
            zoomed=self.is_zoomed,
        )
        self.panes.set_class(layout.mode == "wide", "-wide")
        self.panes.set_class(layout.mode == "two", "-two")
        self.panes.set_class(height >= TALL_ROWS, "-tall")
        for name in PANES:
            self.pane_of(name).display = name in layout.shown
        self.columns["lists"].display = "specs" in layout.shown or "findings" in layout.shown
        self.columns["middle"].display = "plan" in layout.shown
        self.columns["aside"].display = "task" in layout.shown or "log" in layout.shown
        for column in ("lists", "middle"):
            self.columns[column].styles.width = "47%" if layout.mode == "two" else None

    def go_to(self, pane: Pane) -> None:
        """Give *pane* the focus; it is shown if it was not."""
        self.focused_pane = pane
        if pane in LISTS:
            self.listed = pane
        else:
            self.aside = pane
        self.lay_out()
        target: Widget = self.task_pane.viewer if pane == "task" else self.pane_of(pane)
        target.focus(scroll_visible=False)
        self.show_footer()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The mouse, too, moves the focus."""
        for name in PANES:
            pane = self.pane_of(name)
            if name != self.focused_pane and (event.widget is pane or pane in event.widget.ancestors):
                self.go_to(name)
                return

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._resized)

    def on_command_palette_opened(self) -> None:
        """A blinking cursor is traffic."""
        for field in self.screen.query(Input):
            field.cursor_blink = False

    def repaint(self) -> None:
        """Draw every cell anew: another program has had the terminal."""
        for widget in self.screen.walk_children():
            widget.refresh()
        self.screen.refresh(layout=True)

    def _resized(self) -> None:
        self.lay_out()
        self.show_bar()

    def show_footer(self) -> None:
        self.footer.show(footer_actions(*self.HELP_SCOPES[self.focused_pane]))

    def show_header(self) -> None:
        now = utc_now() if self.bridge.is_live and not self.is_remote else None
        self.header.show(self.bridge, now)

    @property
    def question(self) -> Question | None:
        """The one that keys answer."""
        questions = self.bridge.questions
        chosen = [question for question in questions if question.id == self.question_id]
        return chosen[0] if chosen else questions[0] if questions else None

    def pick(self, picker: Picker, chosen: Callable[[str | None], Any]) -> None:
        """Open a dialog; *chosen* gets the key of the row, or None."""
        _ = self.push_screen(picker, chosen)

    def say(self, text: str, tone: str = "plain") -> None:
        """Put a message into the bar; it stays until the next one or the next key."""
        self.message = Span(clean_line(text), tone)
        self.show_bar()

    def say_error(self, error: OssatureError) -> None:
        hint = f" ({error.hint})" if error.hint else ""
        self.say(f"{error}{hint}", "bad")

    def show_bar(self) -> None:
        """Hint, question, else message or the last sentence of the run."""
        lines: list[list[Span]] = []
        question = self.question
        if self.message:
            lines += self._message_lines(self.message)
        elif question or self.size.height >= 16:
            lines.append([Span(f" {self.hint()}", "quiet")])
        if question:
            questions = self.bridge.questions
            room = 4 if self.size.height >= 36 else 1 if self.size.height >= 20 else 0
            lines += question_lines(
                question,
                index=questions.index(question),
                count=len(questions),
                width=self.size.width,
                details=room,
            )
        elif self.bridge.log and not self.message:
            line = self.bridge.log[-1].line
            tone = line.tone if line.tone in ("good", "bad", "warn") else "plain"
            lines.append([Span(f" {self.glyphs.arrow} ", "quiet"), Span(line.text, tone)])
        self.bar.show(lines)

    def _message_lines(self, message: Span) -> list[list[Span]]:
        """The message on as many lines as it needs and the screen can spare."""
        room = 5 if self.size.height >= 24 else 2
        pieces = wrap(message.text, max(10, self.size.width - 2), max_lines=room, placeholder=" …")
        return [[Span(" "), Span(piece, message.tone)] for piece in pieces]

    def hint(self) -> str:
        """What a person who sees this for the first time wants to know now."""
        state = self.bridge.state
        parts: list[str] = []
        if state.replay and self.bridge.is_live:
            parts.append("recorded replies: no model is called")
        if self.question:
            parts.append("the run waits for you")
        elif self.bridge.is_live:
            parts.append("q leaves, the run goes on")
        elif self.bridge.outcome in ("failed", "crashed", "stopped"):
            parts.append("b goes on where it stopped, w says why a task runs")
        elif self.is_demo and self.bridge.outcome == "succeeded":
            parts.append(
                "all is built and verified: look around (1-5), w says why, ? shows all keys, q leaves"
            )
        elif self.bridge.outcome == "succeeded":
            parts.append("the run is over; edit a spec (1, e) and b builds what changed")
        else:
            parts.append("A reviews the specs and plans, b builds, ? shows all keys")
        return f" {self.glyphs.dot} ".join(parts)

    def on_key(self, event: events.Key) -> None:
        """A message has been read when the next key comes."""
        if self.message and not self.bar.is_busy:
            self.message = None
            self.show_bar()

    async def on_action_wanted(self, event: ActionWanted) -> None:
        await self.carry_out(event.action)

    async def carry_out(self, action: Action) -> None:
        """Run *action* where it belongs."""
        target: Any = self
        match action.scope:
            case "list":
                target = self.list_of(self.listed)
            case "tree":
                target = self.specs
            case "task":
                target = self.task_pane
            case "viewer":
                target = self.log_pane if self.focused_pane == "log" else self.task_pane.viewer
            case _:
                pass
        await self.run_action(action.name, target)

    def viewer_in_use(self) -> LineViewer:
        """The text that `/` searches and `y` copies."""
        return self.log_pane if self.focused_pane == "log" else self.task_pane.viewer

    def action_yank(self) -> None:
        """Copy the whole text, as shown; what is too long for a terminal's clipboard is in the file."""
        document = self.viewer_in_use().document
        lines = document.lines(0, document.count)
        text = "\n".join(clean_line(line.expandtabs(4)) for line in lines) + "\n"
        handle, name = tempfile.mkstemp(prefix="ossature-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        size = len(text.encode("utf-8", "replace"))
        if size <= MAX_CLIPBOARD_BYTES:
            self.copy_to_clipboard(text)
            self.say(f"copied {len(lines)} lines; also in {Path(name)}", "good")
        else:
            self.say(f"too long for the clipboard; {len(lines)} lines are in {Path(name)}", "warn")
