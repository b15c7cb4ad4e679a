"""A whole screen of text over the panes, in tabs: what pages have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from ossature.tui.keys.actions import bindings
from ossature.tui.keys.keymap import HasKeys
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span, text_of
from ossature.tui.text.document import Document, TextDocument
from ossature.tui.text.paint import Painter
from ossature.tui.text.viewer import LineViewer
from ossature.tui.widgets.bar import Asking, Bar, title
from ossature.tui.widgets.footer import Footer
from ossature.tui.widgets.tabs import Tabs


class Leaf(NamedTuple):
    """What one tab shows."""

    document: Document
    painter: Painter


def leaf_of(lines: Sequence[Sequence[Span]]) -> Leaf:
    """Lines that are painted already."""
    return Leaf(TextDocument("\n".join(text_of(line) for line in lines)), lambda number, text: lines[number])


class Page(ModalScreen[None], inherit_bindings=False):
    """Its text is searched and copied like any other; keys below it do nothing meanwhile."""

    BINDINGS = bindings("page")
    AUTO_FOCUS = ""

    def __init__(self, heading: str, tabs: Sequence[str], *, glyphs: Glyphs) -> None:
        super().__init__(classes="-ascii" if glyphs.is_ascii else "")
        self.glyphs = glyphs
        self.heading = heading
        self.tabs = Tabs(tabs, glyphs=glyphs)
        self.viewer = LineViewer(glyphs=glyphs)
        self.bar = Bar(glyphs=glyphs)
        self.footer = Footer()

    def compose(self) -> ComposeResult:
        with Vertical(classes="pane") as frame:
            frame.border_title = title(self.heading)
            yield self.tabs
            yield self.viewer
        yield self.bar
        yield self.footer

    def on_mount(self) -> None:
        self.footer.show(cast(HasKeys, self.app).table.footer("page"))
        self.viewer.focus()
        self.call_after_refresh(self.show_leaf)

    @abstractmethod
    def leaf(self, tab: str) -> Leaf:
        """What *tab* shows, for the present size."""

    def note(self, tab: str) -> str:
        """A few words at the right of the tabs."""
        return ""

    def show_leaf(self) -> None:
        """Open the chosen tab anew."""
        leaf = self.leaf(self.tabs.chosen)
        self.tabs.show(self.tabs.index, self.note(self.tabs.chosen))
        self.viewer.open(leaf.document, leaf.painter)

    def tell(self, message: Span) -> None:
        """Say something at the bottom, until the next key."""
        self.bar.show([[Span(" "), message]] if message.text else [])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key does anything but type while something is asked for."""
        return not self.bar.is_busy

    def on_key(self) -> None:
        if not self.bar.is_busy:
            self.tell(Span(""))

    def on_text_view_changed(self, event: LineViewer.Changed) -> None:
        event.stop()
        if self.viewer.parent is not None and isinstance(self.viewer.parent, Vertical):
            self.viewer.parent.border_subtitle = title(self.viewer.state)

    def on_tabs_clicked(self, event: Tabs.Clicked) -> None:
        event.stop()
        self._choose(event.index)

    def action_tab(self, step: int) -> None:
        self._choose((self.tabs.index + step) % len(self.tabs.names))

    def _choose(self, index: int) -> None:
        self.tabs.show(index, self.tabs.note)
        self.show_leaf()

    def action_close(self) -> None:
        """The search first, as in a pane."""
        if self.viewer.leave():
            return
        _ = self.dismiss(None)

    def action_search(self) -> None:
        """As in a pane: a regular expression, from here on."""
        initial = self.viewer.pattern.text if self.viewer.pattern else ""
        self.bar.ask(
            Asking(
                "search (a regular expression)",
                submit=self.viewer.find,
                initial=initial,
                hint="enter searches, n and N go on, empty ends it",
            )
        )

    async def action_copy(self) -> None:
        """As `y` does in a pane."""
        await self.app.run_action("yank")

    async def action_show_help(self) -> None:
        await self.app.run_action("help")
