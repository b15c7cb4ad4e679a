"""The log pane: what the run said, a sentence an event."""

from __future__ import annotations

from collections.abc import Sequence

from ossature.domain.wording import LogLine
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.text.document import BLOCK_ROWS, Block, TextDocument
from ossature.tui.text.index import Piece
from ossature.tui.text.viewer import LineViewer
from ossature.tui.widgets.bar import title


class LogDocument(TextDocument):
    """The beginning of a log, whose lines are made when they are looked at."""

    def __init__(self, log: Sequence[LogLine], count: int) -> None:
        super().__init__()
        self._log = log
        self._count = count

    @property
    def count(self) -> int:
        return self._count

    @property
    def length(self) -> int:
        return self._count

    def lines(self, first: int, last: int) -> list[Piece]:
        rows = range(first, min(last, self._count))
        return [Piece(_text(self._log[row]), row, row + 1, True) for row in rows]

    def block(self, row: int) -> Block:
        last = min(row + BLOCK_ROWS, self._count)
        return Block(row, last, "\n".join(_text(entry) for entry in self._log[row:last]))


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

    def show_until(self, log: Sequence[LogLine], count: int) -> None:
        """Show the first *count* sentences of a log that does not grow, the last of them at the bottom."""
        self._log = log
        self.open(LogDocument(log, count), self._paint, follow=True)

    def grow(self) -> None:
        """Take in the sentences that are new."""
        new = self._log[self._lines.count :]
        for entry in new:
            self._lines.append(_text(entry))
        if new:
            self.refresh_document()

    def on_text_view_changed(self, event: LineViewer.Changed) -> None:
        event.stop()
        self.border_subtitle = title(self.state)

    def _paint(self, number: int, text: str) -> Sequence[Span]:
        entry = self._log[number]
        return (Span(text[:9], "label"), Span(text[9:], entry.line.tone))


def _text(entry: LogLine) -> str:
    return f"{entry.at.astimezone():%H:%M:%S} {entry.line.text}"
