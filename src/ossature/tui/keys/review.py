"""The key that opens a question's review, and what comes of it."""

from __future__ import annotations

import functools

from textual.worker import Worker, WorkerState

from ossature.domain.decision import Decision, Question
from ossature.errors import OssatureError
from ossature.project import Project
from ossature.store.blobs import Blobs
from ossature.store.proposals import read_changes
from ossature.tui.keys.answering import AnswerKeys
from ossature.tui.keys.answers import hunk_draft_id
from ossature.tui.screens.directory import help_rows
from ossature.tui.screens.marking import Review
from ossature.tui.screens.review import ReviewScreen
from ossature.tui.widgets.picker import Picker


class ReviewKeys(AnswerKeys):
    """Both sides are read off the event loop; marks are a draft of the question until they are sent."""

    def action_review(self) -> None:
        question = self._reviewable()
        if question is None:
            self.say("no open question shows a change that could be taken by hunk", "quiet")
            return
        read = functools.partial(_read, self.bridge.project, question)
        self.run_worker(read, thread=True, group="review", name="review", exclusive=True, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.name != "review" or event.state is not WorkerState.SUCCESS:
            return
        match event.worker.result:
            case Review() as review if not self.is_taken():
                self._open_review(review)
            case OssatureError() as error:
                self.say_error(error)

    def poll(self) -> None:
        """A question that is closed, by whomever, is not reviewed any longer."""
        super().poll()
        screen = self.screen_stack[-1] if self.screen_stack else None
        if isinstance(screen, ReviewScreen) and not self._is_open(screen.review.question):
            _ = screen.dismiss(None)
            self.say(f"{screen.review.question.id} is closed; it is not yours to answer any more", "warn")

    def on_review_screen_edit_wanted(self, event: ReviewScreen.EditWanted) -> None:
        screen = self.screen
        if not isinstance(screen, ReviewScreen):
            return
        question = screen.review.question
        names = [name for name in question.files if question.title(name) == event.path]
        _ = screen.dismiss(None)
        names += [name for name in question.files if name.endswith(f"/{event.path}")]
        if not names:
            self.say(f"{event.path} cannot be edited here", "warn")
        else:
            self.edit_asked(question, names[0], event.line)

    def on_review_screen_help_wanted(self) -> None:
        rows = help_rows(self.table.actions, here="Here, in the review", scopes=("review",))
        self.pick(Picker("Keys", rows, glyphs=self.glyphs, key=rows[1].key), self._review_key_chosen)

    async def _review_key_chosen(self, key: str | None) -> None:
        """Actions of the review alone: others would run behind it."""
        action = self.table.find(key) if key else None
        if action is not None and action.scope == "review":
            await self.run_action(action.name, self.screen)

    def _open_review(self, review: Review) -> None:
        question = review.question
        draft_id = hunk_draft_id(question)

        def save(text: str) -> None:
            self.save_draft(draft_id, text)

        def closed(decision: Decision | None) -> None:
            if decision is not None and self._decide(decision):
                save("")
            self.show_footer()

        screen = ReviewScreen(
            review.restored(self.bridge.draft(draft_id)),
            glyphs=self.glyphs,
            save=save,
            is_read_only=self.bridge.is_read_only,
        )
        _ = self.push_screen(screen, closed)

    def _reviewable(self) -> Question | None:
        """The question of the bar, else one of the selected task."""
        own = [question for question in self.bridge.questions if question.task == self.plan.key]
        return next((q for q in (self.question, *own) if q is not None and q.proposals), None)

    def _is_open(self, question: Question) -> bool:
        return any(question.id == one.id for one in self.bridge.questions)


def _read(project: Project, question: Question) -> Review | OssatureError:
    try:
        return Review(question, read_changes(question.proposals, Blobs(project.blobs_dir)))
    except OssatureError as error:
        return error
