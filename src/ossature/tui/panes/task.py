"""The task pane: overview, prompt, response, diff and verify output of a task, and other texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ossature.domain.plain_text import clean_line
from ossature.domain.wording import words
from ossature.tui.keys.actions import bindings
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span, fit, text_of, width_of
from ossature.tui.look.theme import tone_styles
from ossature.tui.panes.attempts import Attempt
from ossature.tui.panes.context import context_lines
from ossature.tui.panes.overview import overview_lines
from ossature.tui.panes.task_lines import TaskBoard, TaskLine
from ossature.tui.text.document import Document, FileDocument, TextDocument
from ossature.tui.text.paint import (
    Painter,
    paint_diff,
    paint_labels,
    paint_markdown,
    paint_output,
    paint_plain,
)
from ossature.tui.text.pairs import WIDE_COLUMNS, read_columns
from ossature.tui.text.viewer import LineViewer
from ossature.tui.widgets.bar import title

Tab = Literal["overview", "context", "prompt", "response", "diff", "verify", "text"]
TABS: tuple[Tab, ...] = ("overview", "context", "prompt", "response", "diff", "verify", "text")

SENT_NOW = "This would be sent now.\n\n"
"""What stands before the prompt of a task that was not tried yet."""

NOTE_CELLS = 15
"""Kept free beside wide names for which attempt is shown, so that they stay where they are."""


class OpenedText(NamedTuple):
    """A spec, a finding: what the text tab shows."""

    name: str
    body: str
    path: str = ""
    """Project-relative; empty where there is no file to edit."""
    line: int = 0
    form: Literal["markdown", "diff", "labels"] = "markdown"


class TabLine(Widget):
    """The names of the tabs, the chosen one standing out, and which attempt is shown."""

    DEFAULT_CSS = "TabLine { height: 1; }"

    class Clicked(Message):
        def __init__(self, tab: Tab) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, *, glyphs: Glyphs) -> None:
        super().__init__()
        self.glyphs = glyphs
        self._state: tuple[tuple[Tab, ...], Tab, str] = (TABS[:-1], "overview", "")

    def show(self, tabs: tuple[Tab, ...], chosen: Tab, note: str) -> None:
        if self._state != (tabs, chosen, note):
            self._state = (tabs, chosen, note)
            self.refresh()

    @property
    def _is_tight(self) -> bool:
        return sum(len(tab) + 2 for tab in self._state[0]) + NOTE_CELLS >= self.size.width

    def _names(self) -> list[str]:
        """Beginnings of names, but for the chosen one's, where all of them do not fit."""
        tabs, chosen, _ = self._state
        names = [tab.capitalize() for tab in tabs]
        if sum(len(name) + 1 for name in names) - 1 <= self.size.width:
            return names
        return [name if tab == chosen else name[:4] for tab, name in zip(tabs, names, strict=True)]

    def on_click(self, event: events.Click) -> None:
        position = 0
        for tab, name in zip(self._state[0], self._names(), strict=True):
            position += len(name) + (1 if self._is_tight else 2)
            if event.x < position:
                self.post_message(self.Clicked(tab))
                return

    def render_line(self, y: int) -> Strip:
        tabs, chosen, note = self._state
        styles = tone_styles(self.app.current_theme)
        ground, width = self.rich_style, self.size.width
        spans: list[Span] = []
        for tab, name in zip(tabs, self._names(), strict=True):
            spans.append(Span(name if self._is_tight else f" {name} ", "tab" if tab == chosen else "quiet"))
            if self._is_tight and tab != tabs[-1]:
                spans.append(Span(" "))
        right = width - width_of(spans) - len(note) - 1
        spans += [Span(" " * right), Span(note, "label")] if right > 0 else []
        fitted = fit(spans, width, ellipsis=self.glyphs.ellipsis)
        return Strip([Segment(s.text, ground + styles[s.tone]) for s in fitted]).adjust_cell_length(
            width, ground
        )


class TaskPane(Vertical):
    """Shows one task; which tab, which attempt."""

    BINDINGS = bindings("task")

    class TabChosen(Message):
        """The person chose a tab: the run is not followed any more."""

    def __init__(self, *, glyphs: Glyphs) -> None:
        super().__init__(id="task", classes="pane")
        self.glyphs = glyphs
        self.tab_line = TabLine(glyphs=glyphs)
        self.viewer = LineViewer(id="task-text", glyphs=glyphs)
        self.line: TaskLine | None = None
        self.tab: Tab = "overview"
        self.attempts: Sequence[Attempt] = ()
        self.opened: OpenedText | None = None
        self.preview = ""
        """The prompt that would be sent now."""
        self._chosen = -1
        self._board = TaskBoard()
        self._shown: object = None

    def compose(self) -> ComposeResult:
        yield self.tab_line
        yield self.viewer

    @property
    def attempt(self) -> Attempt | None:
        """The one that is shown; the newest unless the person chose another."""
        return self.attempts[self._chosen] if self.attempts else None

    def show(self, line: TaskLine | None, board: TaskBoard, attempts: Sequence[Attempt]) -> None:
        """Show this task; another one starts at its newest attempt."""
        if line is None or self.line is None or line.id != self.line.id:
            self._chosen = -1
            self.preview = ""
        elif self._chosen >= 0 and self._chosen >= len(attempts):
            self._chosen = -1
        self.line, self._board, self.attempts = line, board, attempts
        self.draw()

    def show_tab(self, tab: Tab) -> None:
        self.tab = tab
        self.draw()

    def show_text(self, opened: OpenedText) -> None:
        """Open *opened* in a tab of its own."""
        self.opened = opened
        self.show_tab("text")

    def step_attempt(self, step: int) -> None:
        """To an older (-1) or newer (1) attempt."""
        if self.attempts:
            current = self._chosen if self._chosen >= 0 else len(self.attempts) - 1
            self.choose_attempt(current + step)

    def choose_attempt(self, index: int) -> None:
        count = len(self.attempts)
        index = max(0, min(index, count - 1))
        self._chosen = -1 if index == count - 1 else index
        self.draw()

    def action_tab(self, step: int) -> None:
        tabs = self._tabs()
        self.show_tab(tabs[(tabs.index(self.tab) + step) % len(tabs)])
        self.post_message(self.TabChosen())

    def on_tab_line_clicked(self, event: TabLine.Clicked) -> None:
        event.stop()
        self.show_tab(event.tab)
        self.post_message(self.TabChosen())

    def on_text_view_changed(self, event: LineViewer.Changed) -> None:
        event.stop()
        self.border_subtitle = title(self.viewer.state)

    def file(self) -> tuple[Path, int] | None:
        """The file behind what is shown, and the line that is on top."""
        path = self._path()
        return (path, self.viewer.line) if path and path.exists() else None

    def draw(self) -> None:
        """Bring titles and text up to date; the text is opened anew only when it is another one."""
        if not self.viewer.is_attached:
            return
        if self.tab == "text" and self.opened is None:
            self.tab = "overview"
        self.tab_line.show(self._tabs(), self.tab, self._note())
        self.border_title = title(self._title())
        source = self._source()
        if source != self._shown:
            is_same_place = (
                isinstance(source, tuple) and isinstance(self._shown, tuple) and source[0] == self._shown[0]
            )
            self._shown = source
            self._open(keeps_place=is_same_place)

    def _tabs(self) -> tuple[Tab, ...]:
        return TABS if self.opened else TABS[:-1]

    def _title(self) -> str:
        if self.tab == "text" and self.opened:
            return f"4 {clean_line(self.opened.name)}"
        if self.line:
            return f"4 {clean_line(self.line.id)} {clean_line(self.line.title)}"
        return f"4 {words(self.attempt.kind).capitalize()}" if self.attempt else "4 Task"

    def _note(self) -> str:
        attempt = self.attempt
        if attempt is None or self.tab in ("overview", "text"):
            return ""
        index = self._chosen if self._chosen >= 0 else len(self.attempts) - 1
        return f"{words(attempt.kind)} {index + 1}/{len(self.attempts)} "

    def _path(self) -> Path | None:
        attempt = self.attempt
        if attempt is None:
            return None
        paths = {
            "context": attempt.prompt,
            "prompt": attempt.prompt,
            "response": attempt.response,
            "diff": attempt.diff,
            "verify": attempt.log,
        }
        return paths.get(self.tab)

    def _source(self) -> object:
        """What is shown: a value that changes when the text has to be opened anew."""
        match self.tab:
            case "overview":
                return ("overview", self.line, tuple(self.attempts), self._board.done)
            case "text":
                return self.opened
        path = self._path()
        if path is None:
            is_preview = self.tab in ("context", "prompt")
            return ("preview", self.tab, self.preview) if is_preview else ("nothing", self.tab, self.line)
        return ("file", path, path.exists(), self.tab, self._columns())

    def _columns(self) -> int:
        """Cells for a difference in two columns; 0 where it is shown in one."""
        width = self.viewer.size.width - 1
        return width if self.tab == "diff" and width >= WIDE_COLUMNS else 0

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    def _open(self, *, keeps_place: bool) -> None:
        viewer = self.viewer
        top = viewer.top if keeps_place else 0
        document, painter = self._document()
        attempt = self.attempt
        follows = bool(attempt and attempt.is_streaming) if self.tab == "response" else self._grows()
        viewer.open(document, painter, follow=follows)
        if top and self.tab == "overview":
            viewer.scroll_to(y=top, animate=False, force=True)

    def _grows(self) -> bool:
        """Output is coming in, or has come in and its end says what a question is about."""
        return self.tab == "verify" and bool(self.line and self.line.is_active)

    def _document(self) -> tuple[Document, Painter]:
        match self.tab:
            case "overview":
                return self._overview()
            case "text" if self.opened:
                painters = {"diff": paint_diff, "labels": paint_labels, "markdown": paint_markdown}
                return TextDocument(self.opened.body), painters[self.opened.form]
        if self.tab == "context":
            return self._parts()
        path = self._path()
        painter = {"diff": paint_diff, "verify": paint_output}.get(self.tab, paint_markdown)
        if path is not None:
            try:
                lines = read_columns(path, self._columns()) if self._columns() else None
                if lines is not None:
                    return _painted(lines)
                return FileDocument(path), painter
            except OSError:
                return TextDocument(_MISSING[self.tab]), paint_plain
        if self.tab == "prompt" and self.preview:
            return TextDocument(self.preview), paint_markdown
        return TextDocument(_MISSING[self.tab]), paint_plain

    def _parts(self) -> tuple[Document, Painter]:
        """Of the attempt's prompt as it is kept, else of the one that would be sent now."""
        path = self._path()
        try:
            text = path.read_text("utf-8", "replace") if path else self.preview
        except OSError:
            text = ""
        if not text:
            return TextDocument(_MISSING["prompt"]), paint_plain
        lines = context_lines(text.removeprefix(SENT_NOW), self.glyphs)
        document = TextDocument("\n".join(text_of(line) for line in lines))
        return document, lambda number, text: lines[number]

    def _overview(self) -> tuple[Document, Painter]:
        if self.line is None:
            return TextDocument(_WELCOME), paint_labels
        lines = overview_lines(self.line, self._board, attempts=self.attempts, glyphs=self.glyphs)
        return _painted(lines)


def _painted(lines: Sequence[Sequence[Span]]) -> tuple[Document, Painter]:
    """Lines that have their tones already."""
    document = TextDocument("\n".join(text_of(line) for line in lines))
    return document, lambda number, text: lines[number]


_MISSING = {
    "prompt": "No prompt yet: the task has not been tried. It is assembled when the task's turn comes.",
    "response": "No response yet.",
    "diff": "No changes yet: the diff is there once a reply has been written to the stage.",
    "verify": "No verify output yet.",
}
_WELCOME = """# Nothing is selected

A spec says what the software shall do.
The audit reviews the specs and makes a plan of small tasks.
Each task is generated, verified in a stage of its own, and lands only when it is green.

A   reviews the specs and plans
b   builds what the plan says
?   shows every key
"""
