"""What keys do to open questions: a decision goes into the run's inbox, or text is asked for first."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from textual.app import SuspendNotSupported

from ossature.digest import digest_bytes
from ossature.domain.decision import Abort, Approve, Decision, Depend, Edit, Question, Retry, Side, Skip, Take
from ossature.domain.plain_text import clean_line
from ossature.domain.wish import Wish, parse_wish
from ossature.domain.wording import words
from ossature.errors import OssatureError, UsageError
from ossature.tui.keys.answers import Answer, hunk_draft_id
from ossature.tui.keys.editor import editor_argv, run_in_front
from ossature.tui.look.spans import Span
from ossature.tui.showing import BY, Showing
from ossature.tui.widgets.bar import Asking, Confirming
from ossature.tui.widgets.picker import Picker
from ossature.tui.widgets.rows import Row

ABOUT_THE_WHOLE: tuple[Answer, ...] = ("approve", "hint", "retry", "merged", "theirs")
"""Answers that would pass over what was marked in a review."""
RETRY_LABEL = "retry, with feedback (may be empty); @provider:model first asks another model"


class AnswerKeys(Showing):
    """Every decision names its question; one that comes too late is refused by the run, which says so."""

    edited_copy: Path = Path()
    """Of the file that was last opened to answer with."""

    def action_answer(self, answer: Answer) -> None:
        question = self.question
        if question is None:
            return
        if answer in ABOUT_THE_WHOLE and self.bridge.draft(hunk_draft_id(question)):
            text = f"Your review of it ({self.table.key('review')}) was not sent. Answer without it?"

            def yes() -> None:
                # Once the bar is free again: an answer may ask for words there.
                self.call_after_refresh(self._answer, question, answer)

            self.bar.confirm(Confirming(text, yes))
        else:
            self._answer(question, answer)

    def _answer(self, question: Question, answer: Answer) -> None:
        match answer:
            case "approve":
                self._decide(Approve(question_id=question.id, by=BY))
            case "hint":
                self._ask_feedback(question, "approve, with a hint for the model", is_retry=False)
            case "retry":
                label = RETRY_LABEL if question.task else "try again (feedback may be empty)"
                self._ask_feedback(question, label, is_retry=True)
            case "skip":
                self._decide(Skip(question_id=question.id, by=BY))
            case "mine" | "merged" | "theirs" | "aside":
                side: Side = answer
                self._decide(Take(question_id=question.id, by=BY, side=side))
            case "depend":
                self._decide(Depend(question_id=question.id, by=BY))
            case "edit":
                self.edit_staged(question)
            case "abort":
                decision = Abort(question_id=question.id, by=BY)
                self.bar.confirm(
                    Confirming("End the run? What has landed stays.", lambda: self._decide(decision))
                )

    def action_next_question(self) -> None:
        """Go round the open questions; with one or none, to the next pane."""
        ids = [question.id for question in self.bridge.questions]
        question = self.question
        if len(ids) < 2 or question is None:
            self.next_pane(1)
            return
        self.question_id = ids[(ids.index(question.id) + 1) % len(ids)]
        self.show_bar()
        self.question_changed()

    def action_question(self, step: int) -> None:
        """To the next open question and its task."""
        questions = self.bridge.questions
        if not questions or self.question is None:
            self.say("no question is open", "quiet")
            return
        ids = [question.id for question in questions]
        self.question_id = ids[(ids.index(self.question.id) + step) % len(ids)]
        self.follows = True
        self.show_bar()
        self.question_changed()

    def action_previous_pane(self) -> None:
        self.next_pane(-1)

    def _ask_feedback(self, question: Question, label: str, *, is_retry: bool) -> None:
        def send(text: str) -> None:
            try:
                wish = parse_wish(text) if is_retry and question.task else Wish(text)
            except UsageError as error:
                self.say_error(error)
                self.call_after_refresh(self._ask_feedback, question, label, is_retry=is_retry)
                return
            decision: Decision = (
                Retry(question_id=question.id, by=BY, feedback=wish.feedback, model=wish.model)
                if is_retry
                else Approve(question_id=question.id, by=BY, feedback=wish.feedback)
            )
            if self._decide(decision):
                self.save_draft(question.id, "")

        self.bar.ask(
            Asking(
                f"{question.task or question.gate}: {label}",
                submit=send,
                initial=self.bridge.draft(question.id),
                change=lambda text: self.save_draft(question.id, text),
                hint="enter sends, escape keeps it as a draft",
            )
        )

    def _decide(self, decision: Decision, *, note: str = "") -> bool:
        """Send a decision; *note* follows the word that it was sent, or that it could not be (False)."""
        try:
            self.bridge.decide(decision)
        except OssatureError as error:
            self.say_error(OssatureError(f"{error}{note}", hint=error.hint))
            return False
        self.say(f"{words(decision.verb)} sent for {decision.question_id}{note}", "quiet")
        return True

    def edit_staged(self, question: Question) -> None:
        """Edit one of the files that the question is about."""
        if len(question.files) < 2:
            if question.files:
                self.edit_asked(question, question.files[0])
            else:
                self.say("the question names no file", "warn")
            return
        rows = [Row(name, (Span(f" {clean_line(question.title(name))}"),)) for name in question.files]
        picker = Picker("Which file?", rows, glyphs=self.glyphs)
        self.pick(picker, lambda name: self.edit_asked(question, name) if name else None)

    def edit_asked(self, question: Question, name: str, line: int = 0) -> None:
        """Edit this file of a question, as its answer."""
        path = self.bridge.project.root / name
        digest = dict(zip(question.files, question.digests, strict=False)).get(name, "")
        try:
            before = path.read_bytes()
        except OSError as error:
            self.say(f"{name} cannot be read: {error.strerror}", "bad")
            return
        if digest and digest_bytes(before) != digest:
            self.say(f"{name} is not what the question was asked about any more; retry instead", "warn")
            return
        try:
            after, is_fine = self._edited(path.name, before, line)
        except OSError as error:
            self.say(f"{name} cannot be copied for the editor: {error.strerror}", "bad")
            return
        if after is None or after == before:
            shutil.rmtree(self.edited_copy.parent, ignore_errors=True)
            if is_fine:
                self.say("nothing was changed; the question stays open", "quiet")
            return
        if not is_fine:
            why = self.message.text if self.message else "the editor failed"
            self.say(f"{why}, so nothing was sent; what was typed is in {self.edited_copy}", "bad")
            return
        try:
            content = after.decode("utf-8")
        except UnicodeDecodeError:
            self.say(f"{name} is not UTF-8 after the edit, so it was not sent: {self.edited_copy}", "bad")
            return
        base = digest or digest_bytes(before)
        # The copy stays: the answer may yet be refused, and typed work is never ours to delete.
        self._decide(
            Edit(question_id=question.id, by=BY, path=name, base_digest=base, content=content),
            note=f"; your copy is {self.edited_copy}",
        )

    def _edited(self, name: str, before: bytes, line: int) -> tuple[bytes | None, bool]:
        """What the person makes of a copy (the staged file itself belongs to the run), None where it is gone.

        And whether the editor was fine; where not, why is said. Raises OSError.
        """
        copy = Path(tempfile.mkdtemp(prefix="ossature-edit-")) / name
        copy.write_bytes(before)
        self.edited_copy = copy
        is_fine = self.open_editor(copy, line)
        return (copy.read_bytes() if copy.is_file() else None), is_fine

    def open_editor(self, path: Path, line: int = 0) -> bool:
        """Give the terminal to the person's editor; False when there was none, or it failed."""
        argv = editor_argv(self.environ, path, line=line)
        if argv is None:
            self.say("no editor: set EDITOR", "bad")
            return False
        try:
            status = self.run_editor(argv)
        except (SuspendNotSupported, OSError) as error:
            why = error.strerror or error if isinstance(error, OSError) else error
            self.say(f"{argv[0]} does not start: {why}", "bad")
            return False
        if status:
            self.say(f"{argv[0]} ended with {status}", "warn")
        return status == 0

    def run_editor(self, argv: Sequence[str]) -> int:
        """Wait for the editor in front of the suspended screen. Raises OSError when it does not start."""
        failed: OSError | None = None
        status = 0
        with self.suspend():
            # Textual takes the terminal back only after a body that raises nothing.
            try:
                status = run_in_front(argv)
            except OSError as error:
                failed = error
            except subprocess.SubprocessError as error:
                failed = OSError(str(error))
        if failed is not None:
            raise failed
        return status
