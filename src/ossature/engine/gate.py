"""Open questions of a run: policies answer first, then the first valid decision wins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ossature.domain import event as ev
from ossature.domain.decision import (
    Command,
    Decision,
    Edit,
    Pause,
    Question,
    Requeue,
    Resume,
    SetPreset,
    Stop,
    Take,
)
from ossature.domain.decision import Gate as GateName
from ossature.domain.record import Record
from ossature.domain.review import fits
from ossature.domain.state import RunState
from ossature.engine.policy import answer, is_asked, is_routine
from ossature.settings import Edits
from ossature.store.journal import Journal


class Gate:
    """The channel of a run: events go to the journal, questions wait here for an answer."""

    def __init__(
        self,
        journal: Journal,
        state: RunState,
        *,
        preset: ev.Preset,
        is_headless: bool,
        keeps_going: bool,
        edits: Edits = "ask",
        on_record: Callable[[Record], None] = lambda _record: None,
        on_command: Callable[[Command], None] = lambda _command: None,
    ) -> None:
        self._journal = journal
        self._state = state
        self._preset: ev.Preset = preset
        self._is_headless = is_headless
        self._keeps_going = keeps_going
        self._edits: Edits = edits
        self._on_record = on_record
        self._on_command = on_command
        self._waiting: dict[str, asyncio.Future[Decision]] = {}
        self._seen: set[str] = set()
        self.is_stopping = False
        """The run ends now: whoever still asks is cancelled."""
        self.is_draining = False
        """Nothing is put to people any more: a question would keep the run from ending."""

    def emit(self, event: ev.Event) -> None:
        """Journal, fold and show an event. Raises DiskError."""
        record = self._journal.append(event)
        self._state.apply(record)
        self._on_record(record)

    def asks(self, gate: GateName) -> bool:
        """Questions of *gate* are put to people as things stand."""
        return is_asked(gate, preset=self._preset, is_headless=self._is_headless)

    async def ask(self, question: Question) -> Decision:
        """Wait for the first valid answer; a policy's comes at once."""
        if self.is_stopping:
            # A library may have swallowed the cancellation that was meant for this task.
            raise asyncio.CancelledError
        ready = answer(
            question,
            preset=self._preset,
            is_headless=self._is_headless,
            keeps_going=self._keeps_going,
            edits=self._edits,
        )
        if ready is not None and is_routine(question.gate):
            return ready
        self.emit(ev.QuestionAsked(question=question))
        if ready is None and self.is_draining:
            self._on_command(Stop(mode="drain", by="drain"))
        if ready is not None:
            self.emit(ev.QuestionClosed(question_id=question.id, decision=ready))
            return ready
        waiting: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting[question.id] = waiting
        try:
            return await waiting
        finally:
            del self._waiting[question.id]

    def decide(self, decision: Decision) -> None:
        """Take a decision from the inbox: the first valid one closes the question, others are refused."""
        if decision.id and decision.id in self._seen:
            return
        self._seen.add(decision.id)
        question = self._state.questions.get(decision.question_id)
        if question is None:
            known = decision.question_id in self._state.answered
            self.emit(
                ev.DecisionRefused(
                    decision=decision, reason="already_closed" if known else "unknown_question"
                )
            )
        elif decision.verb not in question.verbs or (
            isinstance(decision, Take) and decision.side not in question.sides
        ):
            self.emit(ev.DecisionRefused(decision=decision, reason="not_offered"))
        elif isinstance(decision, Edit) and not _is_current(decision, question):
            self.emit(ev.DecisionRefused(decision=decision, reason="stale_edit"))
        elif not fits(decision, question):
            self.emit(ev.DecisionRefused(decision=decision, reason="stale_review"))
        else:
            self.emit(ev.QuestionClosed(question_id=question.id, decision=decision))
            waiting = self._waiting.get(question.id)
            if waiting is not None and not waiting.done():
                waiting.set_result(decision)

    def take(self, message: Decision | Command) -> None:
        """What came through the inbox."""
        if isinstance(message, Stop | Pause | Resume | SetPreset | Requeue):
            self.command(message)
        else:
            self.decide(message)

    def command(self, command: Command) -> None:
        """Take a command from the inbox or from a signal."""
        self.emit(ev.CommandReceived(command=command))
        if isinstance(command, SetPreset):
            self._preset = command.preset
        self._on_command(command)

    def void(self) -> None:
        """Close what is still open: the run ends, and the next one asks again."""
        for question_id in list(self._state.questions):
            self.emit(ev.QuestionClosed(question_id=question_id, decision=None))


def _is_current(decision: Edit, question: Question) -> bool:
    """The edit was made on the very bytes that the question showed."""
    shown = dict(zip(question.files, question.digests, strict=False))
    return shown.get(decision.path) == decision.base_digest
