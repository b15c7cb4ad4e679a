"""Keys on the text that is open."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ossature.domain.plain_text import clean_line, count
from ossature.tui.keys.answering import AnswerKeys
from ossature.tui.keys.answers import offers
from ossature.tui.keys.clipboard import MAX_CLIPBOARD_BYTES, clipboard_sequences
from ossature.tui.keys.places import FoundFile, asked_file, find_file
from ossature.tui.screens.page import Page
from ossature.tui.text.document import Document
from ossature.tui.text.problems import Problem
from ossature.tui.text.viewer import LineViewer
from ossature.tui.widgets.bar import Asking, Bar, Confirming

MAX_COPIED_BYTES = 16 << 20
"""A longer text is not copied into a file of its own."""
COPIED_ROWS = 4096
"""Rows that are read at once for it."""


class TextKeys(AnswerKeys):
    """Copied text always goes into a file too: not every terminal has a clipboard."""

    def on_line_viewer_wanted(self, event: LineViewer.Wanted) -> None:
        event.stop()
        viewer = event.viewer
        if event.wish in ("next", "previous"):
            self.no_match(1 if event.wish == "next" else -1)
        elif event.wish == "line":
            self._ask_line(viewer)
        elif viewer.filter:
            self._ask_only(
                viewer,
                "lines around each match (a number), or another expression",
                str(viewer.filter.around),
            )
        else:
            initial = viewer.pattern.text if viewer.pattern else ""
            self._ask_only(viewer, "show only lines that match (a regular expression)", initial)

    def no_match(self, step: int) -> None:
        """The key goes on with a search; without one it means what it means everywhere, a question."""
        if self.bridge.questions and step > 0 and not isinstance(self.screen, Page):
            self.action_question(step)
        else:
            self.say(f"nothing is searched for; {self.table.key('filter')} begins", "quiet")

    def _ask_line(self, viewer: LineViewer) -> None:
        def go(text: str) -> None:
            if text and not viewer.go_to_line(text):
                self.say(f"{text} is neither the number of a line nor a percentage", "warn")

        self._bar_in_use().ask(Asking("go to line (120), or part (50%)", submit=go))

    def _ask_only(self, viewer: LineViewer, label: str, initial: str) -> None:
        def narrow(text: str) -> None:
            viewer.only(text)
            if viewer.pattern and viewer.pattern.note:
                self.say(viewer.pattern.note, "warn")

        self._bar_in_use().ask(
            Asking(label, submit=narrow, initial=initial, hint="enter shows them, escape leaves")
        )

    def _bar_in_use(self) -> Bar:
        """A page has one of its own, above this one."""
        return self.screen.bar if isinstance(self.screen, Page) else self.bar

    def action_yank(self) -> None:
        """Copy the whole text, as shown; what is too long for a terminal's clipboard is in the file."""
        copy = functools.partial(self._copy, self.viewer_in_use().document)
        self.run_worker(copy, thread=True, group="yank", name="yank", exclusive=True, exit_on_error=False)

    def _copy(self, document: Document) -> None:
        """In a thread: a file that only its owner may read, and the clipboard when it fits."""
        handle, name = tempfile.mkstemp(prefix="ossature-", suffix=".txt")
        size, rows, kept = 0, 0, list[str]()
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            for part in clean_parts(document):
                size += len(part.encode("utf-8", "replace"))
                if size > MAX_COPIED_BYTES:
                    break
                rows += part.count("\n")
                file.write(part)
                if size <= MAX_CLIPBOARD_BYTES:
                    kept.append(part)
        self.call_from_thread(self._copied, Path(name), size, rows, "".join(kept))

    def _copied(self, path: Path, size: int, rows: int, text: str) -> None:
        lines = count(rows, "line")
        if size <= MAX_CLIPBOARD_BYTES:
            self.copy_to_clipboard(text)
            self.say(f"copied {lines}; also in {path}", "good")
        elif size <= MAX_COPIED_BYTES:
            self.say(f"too long for the clipboard; {lines} are in {path}", "warn")
        else:
            shown = self.task_pane.file()
            whole = f"; the whole text is {shown[0]}" if shown and self.focused_pane != "log" else ""
            self.say(f"too long to copy; the first {lines} are in {path}{whole}", "warn")

    def edit_problem(self, problem: Problem) -> None:
        """Open the place that a line complains about; as an answer where a question is about that file."""
        project, question = self.bridge.project, self.question
        if question and any(offer.answer == "edit" for offer in offers(question)):
            name = asked_file(problem.path, question.files, project.work_dir)
            if name:
                self.edit_asked(question, name, problem.line)
                return
        found = find_file(problem.path, root=project.root, output=project.output_root, work=project.work_dir)
        if found is None:
            self.say(f"{problem.path} is neither in the output folder nor in the project", "warn")
        elif found.where == "outside":
            self.bar.confirm(
                Confirming(
                    f"{clean_line(str(found.path))} is outside the project. Open it?",
                    lambda: self._open_found(found, problem),
                )
            )
        else:
            self._open_found(found, problem)

    def _open_found(self, found: FoundFile, problem: Problem) -> None:
        if not self.open_editor(found.path, problem.line):
            return
        if found.where == "stage":
            self.say("that file is in a stage: what you change there does not last", "warn")
        else:
            self.reload()

    def copy_to_clipboard(self, text: str) -> None:
        """Textual's own writes the bare sequence alone."""
        self._clipboard = text
        if self._driver is not None:
            for sequence in clipboard_sequences(text, self.environ):
                self._driver.write(sequence)


def clean_parts(document: Document) -> Iterator[str]:
    """The text as it is shown, without control characters and not folded; never much of it at once."""
    total, between = document.count, ""
    for first in range(0, total, COPIED_ROWS):
        for piece in document.lines(first, min(first + COPIED_ROWS, total)):
            yield between + clean_line(piece.text.expandtabs(4)) if piece.is_first else clean_line(piece.text)
            between = "\n"
    if total:
        yield "\n"
