"""Follows a run at a terminal: tells it, asks its questions, heeds Ctrl-C."""

from __future__ import annotations

from typing import Literal, NoReturn

from ossature.cli.ask import explain, hear_answer, show_question
from ossature.cli.keyboard import Interrupts, Keyboard
from ossature.cli.story import Listener
from ossature.cli.terminal import Terminal
from ossature.domain.decision import Decision, Question, Stop
from ossature.domain.event import DecisionRefused
from ossature.engine.session import Attachment
from ossature.errors import Exit, OssatureError

_POLL_S = 0.1
OnInterrupt = Literal["stop", "leave"]
"""Ctrl-C ends the run that this command started, and only leaves one that it came to look at."""


class Watch:
    """One person's view of one run."""

    def __init__(
        self,
        attachment: Attachment,
        terminal: Terminal,
        *,
        keyboard: Keyboard,
        on_interrupt: OnInterrupt,
        listener: Listener,
        can_ask: bool = True,
    ) -> None:
        self._attachment = attachment
        self._terminal = terminal
        self._keyboard = keyboard
        self._on_interrupt = on_interrupt
        self._listener = listener
        self._can_ask = can_ask
        self._asked = ""
        """Id of the question that the prompt on the screen is for."""
        self._sent: dict[str, str] = {}
        """Question id -> id of the decision that is on its way."""
        self._shown: set[str] = set()
        self._stops = 0

    def run(self) -> int:
        """Follow until the run is over or the person leaves; returns the exit code for the shell."""
        with Interrupts() as interrupts:
            while True:
                # Asked before the records are read: the last ones are written before the owner goes.
                is_owned = self._attachment.is_owned
                has_news = self._tell_news()
                if self._attachment.state.is_over:
                    return self._end()
                if not is_owned and not has_news:
                    self._report_crash()
                if self._heed(interrupts):
                    return Exit.INT
                if self._listen():
                    return Exit.OK

    def _tell_news(self) -> bool:
        records = self._attachment.poll()
        for record in records:
            self._break_prompt()
            self._listener.tell(record)
            if isinstance(record.event, DecisionRefused):
                self._sent.pop(record.event.decision.question_id, None)
        return bool(records)

    def _heed(self, interrupts: Interrupts) -> bool:
        """Act on Ctrl-C; true when the person is to be let go."""
        while self._stops < interrupts.count:
            self._stops += 1
            self._break_prompt()
            if self._on_interrupt == "leave" or self._stops > 2:
                self._say_goodbye()
                return True
            is_first = self._stops == 1
            self._send(Stop(mode="drain" if is_first else "now", by="cli"))
            self._terminal.line(
                "stopping after the work in flight; Ctrl-C again stops it now"
                if is_first
                else "stopping now; Ctrl-C again leaves",
                tone="warn",
            )
        return False

    def _listen(self) -> bool:
        """Prompt where something is open and take what was typed; true when the person leaves."""
        question = self._next_question()
        if question and self._asked != question.id:
            self._prompt(question)
        line = self._keyboard.line(_POLL_S)
        if self._keyboard.is_closed and self._can_ask:
            self._break_prompt()
            self._say_goodbye()
            return True
        if line is None:
            return False
        self._asked = ""
        if question and line:
            self._take(line, question)
        return False

    def _take(self, line: str, question: Question) -> None:
        if line in ("?", "help"):
            explain(question, self._terminal)
            return
        try:
            decision = hear_answer(
                line,
                question,
                project=self._attachment.project,
                drafts=self._attachment.folder / "drafts",
            )
        except OssatureError as error:
            self._terminal.line(f"{error}" + (f" ({error.hint})" if error.hint else ""), tone="warn")
            return
        self._sent[question.id] = decision.id
        self._send(decision)

    def _send(self, message: Decision | Stop) -> None:
        """What nobody is left to receive is shown by the end of the story."""
        try:
            if isinstance(message, Stop):
                self._attachment.command(message)
            else:
                self._attachment.decide(message)
        except OssatureError as error:
            self._terminal.line(str(error), tone="warn")

    def _next_question(self) -> Question | None:
        if not self._can_ask:
            return None
        waiting = self._attachment.state.questions.values()
        return next((question for question in waiting if question.id not in self._sent), None)

    def _prompt(self, question: Question) -> None:
        if question.id not in self._shown:
            self._shown.add(question.id)
            show_question(question, self._terminal)
            if self._terminal.is_plain:
                explain(question, self._terminal)
        self._asked = question.id
        self._terminal.prompt(f"[{question.id}] {' / '.join(question.verbs)} (? explains) > ")

    def _break_prompt(self) -> None:
        """End the line that the prompt is on before something else is printed."""
        if self._asked:
            self._asked = ""
            self._terminal.line()

    def _say_goodbye(self) -> None:
        self._terminal.line("the run goes on: `ossature attach` comes back, `ossature stop` ends it")

    def _end(self) -> int:
        self._listener.end()
        code = self._attachment.state.exit_code
        return Exit.FAILED if code is None else code

    def _report_crash(self) -> NoReturn:
        raise OssatureError(
            f"run {self._attachment.run} has ended without a word: its owner is gone",
            hint=f"see {self._attachment.folder / 'owner.log'}; `ossature build` takes up what was left",
        )


def watch(
    attachment: Attachment,
    terminal: Terminal,
    *,
    on_interrupt: OnInterrupt,
    is_json: bool = False,
    is_read_only: bool = False,
) -> int:
    """Follow *attachment* with the process's own keyboard, and ask where a person is there."""
    can_ask = terminal.is_interactive and not is_json and not is_read_only
    keyboard = Keyboard(terminal.stdin.fileno() if can_ask else None)
    listener = Listener(terminal, is_json=is_json)
    return Watch(
        attachment,
        terminal,
        keyboard=keyboard,
        on_interrupt=on_interrupt,
        listener=listener,
        can_ask=can_ask,
    ).run()
