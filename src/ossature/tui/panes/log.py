"""The log pane: what the run said, a sentence an event."""

from __future__ import annotations

from collections.abc import Sequence

from ossature.tui.bridge import LogLine
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.text.document import TextDocument
from ossature.tui.text.viewer import LineViewer
from ossature.tui.widgets.bar import title


class LogPane(LineViewer):
    """Follows its end until the person scrolls up."""

    def __init__(self, *, glyphs: Glyphs) -> None:
        super().__init__(id="log", glyphs=glyphs)
        self.add_class("pane")
        self._log: Sequence[LogLine] = ()
        self._lines = TextDocument()

    def on_mount(self) -> None:
        self.border_title = title("5 Log")
        self.restart(())

    def restart(self, log: Sequence[LogLine]) -> None:
        """Show another run's log, which may grow."""
        self._log = log
        self._lines = TextDocument()
        self.open(self._lines, self._paint, follow=True)
        self.grow()

    def grow(self) -> None:
        """Take in the sentences that are new."""
        new = self._log[self._lines.count :]
        for entry in new:
            self._lines.append(f"{entry.at.astimezone():%H:%M:%S} {entry.line.text}")
        if new:
            self.refresh_document()

    def on_text_view_changed(self, event: LineViewer.Changed) -> None:
        event.stop()
        self.border_subtitle = title(self.state)

    def _paint(self, number: int, text: str) -> Sequence[Span]:
        entry = self._log[number]
        return (Span(text[:9], "label"), Span(text[9:], entry.line.tone))
