"""Calls a person back to the screen when a question waits or a run has ended."""

from __future__ import annotations

from collections.abc import Iterable

from ossature.domain import event as ev
from ossature.domain.record import Record, UnknownRecord
from ossature.domain.wording import sentence
from ossature.tui.notices import Wanted, notice, wanted_notices
from ossature.tui.telling import Telling


class Noticing(Telling):
    """Quiet while the window is in front, unless the config wants it always."""

    def call_back(self, records: Iterable[Record | UnknownRecord], *, was_live: bool) -> None:
        """Say outside the screen what of these is worth it; of a run that was over already nothing is."""
        wanted, _ = wanted_notices(self.config.table("tui"))
        if wanted.way == "off" or not was_live or (self.app_focus and wanted.when == "away"):
            return
        waiting = {question.id for question in self.bridge.questions}
        for record in records:
            match record.event:
                case ev.QuestionAsked(question=question) if question.id in waiting:
                    self._send(question.subject, wanted)
                case ev.RunFinished() as finished:
                    line = sentence(finished)
                    self._send(line.text if line else "the run has ended", wanted)

    def _send(self, text: str, wanted: Wanted) -> None:
        title = f"ossature {self.bridge.project.settings.name}"
        if self._driver is not None:
            self._driver.write(notice(title, text, way=wanted.way, environ=self.environ))
