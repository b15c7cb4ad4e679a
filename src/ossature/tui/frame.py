"""The app's frame: which widgets there are, which are shown, and where the focus is."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.filter import LineFilter, Monochrome, NoColor
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Input

from ossature.domain.decision import Question
from ossature.engine.session import RunRequest
from ossature.project import user_config_path, user_state_dir
from ossature.store.user_config import UserConfig, read_user_config
from ossature.tui.backstop import Backstop
from ossature.tui.bridge import Bridge
from ossature.tui.hints import Moment, read_seen
from ossature.tui.keys.actions import ACTING, REPLAYING, Scope, bindings
from ossature.tui.keys.answers import action_of, offers
from ossature.tui.keys.keymap import KeyProblem, KeyTable, remapped
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.own_themes import own_themes
from ossature.tui.look.spans import Span
from ossature.tui.look.theme import THEMES
from ossature.tui.order import InOrder
from ossature.tui.panes.chart import ChartPane
from ossature.tui.panes.findings import FindingsPane
from ossature.tui.panes.grid import GridPane
from ossature.tui.panes.layout import LISTS, PANES, VIEWS, Pane, pane_layout
from ossature.tui.panes.log import LogPane
from ossature.tui.panes.plan import PlanPane
from ossature.tui.panes.specs import SpecsPane
from ossature.tui.panes.task import TaskPane
from ossature.tui.preferences import preferences
from ossature.tui.screens.directory import ActionProvider
from ossature.tui.text.viewer import LineViewer
from ossature.tui.widgets.bar import Bar
from ossature.tui.widgets.footer import Footer
from ossature.tui.widgets.header import Header, utc_now
from ossature.tui.widgets.rows import RowList

TALL_ROWS = 30
TYPING = (("enter", "send"), ("escape", "close"))
CONFIRMING = (("y", "yes"), ("n", "no"))
CLOSING = (("escape", "close"),)
"""What works while something is asked for, or a dialog is open that says no more."""


class Ground(Screen[None], inherit_bindings=False):
    """The screen below all dialogs; the keys that Textual binds on every screen are ours to give."""

    AUTO_FOCUS = ""

    def on_screen_suspend(self) -> None:
        """What lies over it says which keys work; the footer is seen below a dialog."""
        if isinstance(self.app, Frame) and isinstance(self.app.screen, ModalScreen):
            self.app.footer.show_keys(getattr(self.app.screen, "FOOTER", CLOSING))

    def on_screen_resume(self) -> None:
        if isinstance(self.app, Frame):
            self.app.show_footer()


class Frame(InOrder, inherit_bindings=False):
    """Widgets, sizes and focus."""

    CSS_PATH = "app.tcss"
    TITLE = "ossature"
    COMMANDS: ClassVar = {ActionProvider}
    BINDINGS = bindings("app", "question", "replay")
    HELP_SCOPES: ClassVar[dict[str, tuple[Scope, ...]]] = {
        "specs": ("list", "tree", "app"),
        "findings": ("list", "findings", "app"),
        "plan": ("plan", "list", "app"),
        "chart": ("chart", "app"),
        "grid": ("grid", "app"),
        "task": ("viewer", "task", "app"),
        "log": ("viewer", "app"),
    }
    """Whose keys work in which pane."""
    base: RunRequest = RunRequest(preset="tui")
    """What every run that is started here has in common."""

    def __init__(self, bridge: Bridge, *, is_demo: bool = False) -> None:
        super().__init__()
        self.bridge = bridge
        self.is_demo = is_demo
        self.now: Callable[[], datetime] = utc_now
        self.table = KeyTable()
        self.key_problems: tuple[KeyProblem, ...] = ()
        self._found_environ = dict(os.environ)
        self.environ = self._found_environ
        self.own_themes, self.theme_problems = own_themes(
            user_config_path(self._found_environ).parent / "themes"
        )
        self.use_config(read_user_config(self._found_environ))
        self.seen_hints = read_seen(user_state_dir(self._found_environ))
        self._hidden_moments: set[Moment] = set()
        self.glyphs: Glyphs = self.prefs.glyphs
        self.backstop = Backstop(is_ascii=self.glyphs.is_ascii, depth=self.prefs.depth)
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
        self.chart, self.grid = (
            ChartPane(glyphs=self.glyphs),
            GridPane(glyphs=self.glyphs, empty=PlanPane.no_plan),
        )
        self.task_pane = TaskPane(glyphs=self.glyphs)
        self.log_pane = LogPane(glyphs=self.glyphs)
        self.bar = Bar(glyphs=self.glyphs)
        self.footer = Footer()
        self.panes = Horizontal(id="panes")
        self.columns = {name: Vertical(id=name) for name in ("lists", "middle", "aside")}
        for theme in (*THEMES.values(), *self.own_themes.values()):
            self.register_theme(theme)
        self.theme = self.prefs.theme
        for viewer in (self.task_pane.viewer, self.log_pane):
            viewer.wraps, viewer.has_numbers = self.prefs.is_on("wrap"), self.prefs.is_on("line_numbers")

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
            yield self.chart
            yield self.grid
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
            "chart": self.chart,
            "grid": self.grid,
            "task": self.task_pane,
            "log": self.log_pane,
        }
        return widgets[name]

    def list_of(self, name: Pane) -> RowList:
        """The list in a list pane."""
        return self.findings if name == "findings" else self.specs if name == "specs" else self.plan

    def get_line_filters(self) -> Sequence[LineFilter]:
        # Textual's two for NO_COLOR give greys, or drop what says which row the cursor is on.
        kept = (one for one in super().get_line_filters() if not isinstance(one, Monochrome | NoColor))
        return [*kept, self.backstop]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key does anything but type while something is asked for."""
        if not self.is_running or not self.screen_stack:
            return super().check_action(action, parameters)
        if self.bar.is_busy or (self.bridge.is_read_only and action in ACTING):
            return False
        if action in REPLAYING:
            return self.bridge.replay is not None and len(self.screen_stack) == 1
        if action == "answer":
            question = self.question if len(self.screen_stack) == 1 else None
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
        for name in (*PANES, *VIEWS):
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
        elif pane not in VIEWS:
            self.aside = pane
        self.lay_out()
        target: Widget = self.task_pane.viewer if pane == "task" else self.pane_of(pane)
        target.focus(scroll_visible=False)
        self.show_footer()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The mouse, too, moves the focus."""
        for name in (*PANES, *VIEWS):
            pane = self.pane_of(name)
            if name != self.focused_pane and (event.widget is pane or pane in event.widget.ancestors):
                self.go_to(name)
                return

    def on_command_palette_opened(self) -> None:
        """A blinking cursor is traffic."""
        for field in self.screen.query(Input):
            field.cursor_blink = False

    def on_bar_turned(self) -> None:
        self.show_footer()

    def repaint(self) -> None:
        """Draw every cell anew; the terminal may show something else than we think."""
        if not self.screen_stack:
            # It was put off, and the app has closed meanwhile.
            return
        for widget in self.screen.walk_children():
            widget.refresh()
        self.screen.refresh(layout=True)

    def show_footer(self) -> None:
        """The keys that do something now; those of a dialog stay while it is open."""
        if not self.screen_stack or not isinstance(self.screen, Ground):
            return
        if self.bar.asking:
            self.footer.show_keys(TYPING)
        elif self.bar.confirming:
            self.footer.show_keys(CONFIRMING)
        else:
            taken = self._answer_keys() if self.question else ()
            actions = self.table.footer(
                *self.HELP_SCOPES[self.focused_pane], taken=taken, only_looks=self.bridge.is_read_only
            )
            self.footer.show(actions)

    def _answer_keys(self) -> list[str]:
        """Keys that mean an answer while the question is open; `edit` stays what it is."""
        found = (
            [self.table.find(action_of(offer)) for offer in offers(self.question)] if self.question else []
        )
        return [key for action in found if action.scope == "question" for key in action.keys.split(",")]

    def use_config(self, config: UserConfig) -> None:
        """Take keys and settings from the user's config."""
        self.config = config
        self.prefs = preferences(config, self._found_environ, themes=tuple(self.own_themes))
        editor = {"VISUAL": self.prefs.editor} if self.prefs.editor else {}
        self.environ = {**self._found_environ, **editor}
        self.table, self.key_problems = remapped(config.table("tui.keys"), self.HELP_SCOPES.values())
        self.set_keymap(self.table.bound())

    @property
    def question(self) -> Question | None:
        """The one that keys answer."""
        questions = self.bridge.questions
        chosen = [question for question in questions if question.id == self.question_id]
        return chosen[0] if chosen else questions[0] if questions else None

    @property
    def is_stepping(self) -> bool:
        """The live run asks at every gate; without one, the next will."""
        preset = self.bridge.state.preset if self.bridge.is_live else self.base.preset
        return preset == "step"

    def next_pane(self, step: int) -> None:
        here = PANES.index("plan" if self.focused_pane in VIEWS else self.focused_pane)
        self.go_to(PANES[(here + step) % len(PANES)])

    def viewer_in_use(self) -> LineViewer:
        """The text that `/` searches and `y` copies."""
        return self.log_pane if self.focused_pane == "log" else self.task_pane.viewer
