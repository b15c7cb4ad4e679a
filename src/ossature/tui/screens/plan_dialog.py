"""What all dialogs that edit the plan share: they say at once what an edit would make stale, or why not."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import wrap
from typing import TypeAlias

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.worker import Worker, WorkerState

from ossature.domain.plain_text import clean_line
from ossature.engine.plan_editor import Outcome
from ossature.engine.plan_edits import PlanEdit
from ossature.engine.plan_writing import Clash
from ossature.errors import OssatureError
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.widgets.bar import SpanLines, title

SETTLE_S = 0.25
"""So long nothing may be typed before the edit is looked at."""
_STATUS_LINES = 4
Answer: TypeAlias = Outcome | OssatureError


@dataclass(frozen=True, slots=True)
class Desk:
    """How a dialog has its edit looked at, and written."""

    foretell: Callable[[PlanEdit], Outcome]
    """Takes its time; raises OssatureError where the edit is refused."""
    commit: Callable[[PlanEdit, Callable[[Answer], None]], None]
    """Returns at once; tells later what came of it."""
    renewed: Callable[[str], Desk]
    """The same for a plan that has changed on disk since."""


class PlanDialog(ModalScreen[Outcome | None]):
    """Stays open, with all that was typed, until its edit is written or given up."""

    HINT = "ctrl+s saves, escape closes"

    def __init__(self, heading: str, desk: Desk, *, glyphs: Glyphs) -> None:
        super().__init__(classes="-ascii" if glyphs.is_ascii else "")
        self.glyphs = glyphs
        self.status = SpanLines(glyphs=glyphs)
        self.said = ""
        """What stands below the fields, whole."""
        self._heading = heading
        self._desk = desk
        self._timer: Timer | None = None
        self._is_saving = False
        self._is_warned = False
        """Said that closing would lose something."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog plan-dialog") as dialog:
            dialog.border_title = title(clean_line(self._heading))
            dialog.border_subtitle = title(self.HINT)
            yield from self.body()
            yield self.status

    @abstractmethod
    def body(self) -> ComposeResult:
        """The fields."""

    @abstractmethod
    def edit(self) -> PlanEdit | None:
        """What is wanted by now; None where nothing is changed. Raises OssatureError if it makes no sense."""

    def touched(self) -> None:
        """Something was typed or chosen."""
        self._is_warned = False
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(SETTLE_S, self._look)

    def tell(self, text: str, tone: str) -> None:
        """Say something below the fields."""
        self.said = text
        width = max(10, self.status.size.width - 2) if self.status.size.width else 60
        lines = wrap(clean_line(text), width, max_lines=_STATUS_LINES, placeholder=" …")
        self.status.show([[Span(" "), Span(line, tone)] for line in lines])
        self.call_after_refresh(self.show_focused)

    def show_focused(self) -> None:
        """The fields have less room when more is said below them."""
        if self.focused is not None:
            self.focused.scroll_visible(animate=False)

    async def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self._leave()
        elif event.key == "ctrl+s":
            event.stop()
            self.save()

    def save(self) -> None:
        """Write the edit and close; stay open where it is refused."""
        if self._is_saving:
            return
        try:
            edit = self.edit()
        except OssatureError as error:
            self._told(error)
            return
        if edit is None:
            _ = self.dismiss(None)
            return
        if self._timer is not None:
            self._timer.stop()
        self._is_saving = True
        self.tell("saving …", "quiet")
        self._desk.commit(edit, self._saved)

    def _saved(self, answer: Answer) -> None:
        self._is_saving = False
        if not self.is_attached:
            return
        if isinstance(answer, Outcome):
            _ = self.dismiss(answer)
            return
        if isinstance(answer, Clash):
            # Who saves once more has read what is in the way.
            self._desk = self._desk.renewed(answer.text)
        self._told(answer)

    def _leave(self) -> None:
        try:
            is_changed = self.edit() is not None
        except OssatureError:
            is_changed = True
        if is_changed and not self._is_warned:
            self._is_warned = True
            self.tell("not saved yet: ctrl+s saves, escape again drops the changes", "ask")
        elif not self._is_saving:
            _ = self.dismiss(None)

    def _look(self) -> None:
        try:
            edit = self.edit()
        except OssatureError as error:
            self._told(error)
            return
        if edit is None:
            self.tell("nothing is changed", "quiet")
            return
        look = functools.partial(_foretold, self._desk, edit)
        self.run_worker(look, thread=True, exclusive=True, group="foretell", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        event.stop()
        if event.worker.group == "foretell" and event.state is WorkerState.SUCCESS and not self._is_saving:
            self._told(event.worker.result)

    def _told(self, answer: object) -> None:
        if isinstance(answer, Outcome):
            is_dear = answer.effect.stale or answer.effect.held
            self.tell(answer.sentence, "warn" if is_dear else "good")
        elif isinstance(answer, OssatureError):
            hint = f" ({answer.hint})" if answer.hint else ""
            self.tell(f"refused: {answer.message}{hint}", "bad")


def _foretold(desk: Desk, edit: PlanEdit) -> Answer:
    try:
        return desk.foretell(edit)
    except OssatureError as error:
        return error
