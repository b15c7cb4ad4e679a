"""Goes through a document from a row to the next problem, up or down."""

from __future__ import annotations

from ossature.tui.text.document import Document
from ossature.tui.text.problems import Problem, find_problem

STEP_ROWS = 256


class Walk:
    """One thread calls `step`; when it is done, `found` is a place in the document or None."""

    def __init__(self, document: Document, start: int, direction: int) -> None:
        """*start* is the first place that is looked at."""
        self.document = document
        self.direction = direction
        self.is_done = False
        self.found: int | None = None
        self.problem: Problem | None = None
        self._next = start

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        share = self._next / max(self.document.count, 1)
        return max(0.0, min(share if self.direction > 0 else 1 - share, 0.99))

    def step(self) -> bool:
        """Look at some rows; true when there are more."""
        down = self.direction > 0
        first = self._next if down else max(self._next + 1 - STEP_ROWS, 0)
        pieces = self.document.lines(first, first + STEP_ROWS if down else self._next + 1)
        places = range(len(pieces)) if down else reversed(range(len(pieces)))
        for place in places:
            problem = find_problem(pieces[place].text)
            if problem:
                self.found, self.problem = first + place, problem
                break
        self._next = first + len(pieces) if down else first - 1
        self.is_done = self.found is not None or not pieces or self._next < 0
        return not self.is_done
