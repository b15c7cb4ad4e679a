"""A window on a document that is counted and watched in threads while keys are heard."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.message import Message

from ossature.tui.look.glyphs import UNICODE, Glyphs
from ossature.tui.text.document import Document
from ossature.tui.text.paint import Painter, paint_plain
from ossature.tui.text.view import Place, TextView

IDLE_S = 0.25
"""How often a file that may grow is looked at."""
TELL_S = 0.1
"""How often work in a thread says how far it is."""


class WorkingView(TextView, inherit_bindings=False):
    """Work ends by itself when the window shows something else."""

    class Worked(Message, bubble=False):
        """A thread has come farther, or has ended."""

    def __init__(self, *, id: str | None = None, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(id=id, glyphs=glyphs)
        self.source: Document = self.document
        """What is counted and watched; the document is this, or a part of it."""
        self.news = ""
        """What became of the file; shown until the next key."""
        self._last_news = ""
        self._is_counting = False
        self._drawn_count = 0

    def on_mount(self) -> None:
        self.set_interval(IDLE_S, self._tick)

    def open(self, document: Document, painter: Painter = paint_plain, *, follow: bool = False) -> None:
        """Show another document from its top, or from its end when it is followed."""
        self.forget()
        self.news = self._last_news = ""
        self.painter, self.is_following = painter, follow
        self._take(document)

    def forget(self) -> None:
        """Let go of what was found in the document."""

    def found_anew(self) -> None:
        """The document has been replaced: find in it what had been found before."""

    def settle(self) -> None:
        """Show how far the threads are."""
        if self.document.count != self._drawn_count or self.is_placed_by_end:
            self.refresh_document()

    def _take(self, document: Document) -> None:
        self.source = self.document = document
        self._is_counting = False
        self.go(Place(0))
        self._look_for_more()
        self.refresh_document()

    def refresh_document(self) -> None:
        """The document has other or more rows."""
        self._drawn_count = self.document.count
        self.draw()

    @property
    def is_counting(self) -> bool:
        return self._is_counting

    def _tick(self) -> None:
        """See whether the document has grown, or is another one now."""
        if not self.is_attached or self._is_counting:
            return
        news = self.source.changed()
        if news != self._last_news:
            self._last_news = news
            if news:
                self._replace(news)
        self._look_for_more()
        self.settle()

    def _replace(self, news: str) -> None:
        self.news = news
        try:
            document = self.source.reopened()
        except OSError:
            self.say_changed()
            return
        self._last_news = ""
        self._take(document)
        self.found_anew()

    def _look_for_more(self) -> None:
        if self.source.advance():
            self._is_counting = True
            self.work(self.source.advance, self._counts(self.source), "count")

    def _counts(self, source: Document) -> Callable[[], bool]:
        return lambda: self.source is source

    def work(self, step: Callable[[], bool], is_wanted: Callable[[], bool], group: str) -> None:
        """Take steps in a thread until there is no more to do, or nobody wants it any more."""

        def steps() -> None:
            told = time.monotonic()
            try:
                while is_wanted() and step():
                    if time.monotonic() - told > TELL_S:
                        self.post_message(self.Worked())
                        told = time.monotonic()
            except OSError as error:
                self.news = f"cannot be read: {error.strerror}"
            if group == "count" and is_wanted():
                self._is_counting = False
            self.post_message(self.Worked())

        self.run_worker(steps, thread=True, group=group)

    def on_working_view_worked(self) -> None:
        if self.is_attached:
            self.settle()
