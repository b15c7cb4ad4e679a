"""Keys on the selected task: why it runs, its attempts, the file behind it."""

from __future__ import annotations

from ossature.domain.wording import verdict_tone
from ossature.tui.keys.answers import offers
from ossature.tui.keys.text import TextKeys
from ossature.tui.look.spans import Span
from ossature.tui.panes.attempts import Attempt
from ossature.tui.panes.task import OpenedText
from ossature.tui.panes.why import why_text
from ossature.tui.widgets.picker import Picker
from ossature.tui.widgets.rows import Row


class TaskKeys(TextKeys):
    """An asked-about file is edited as an answer; any other one in place."""

    def action_why(self) -> None:
        line = self.bridge.board.find(self.plan.key)
        if line is None:
            self.say("no task is selected", "warn")
            return
        self.task_pane.show_text(OpenedText(f"Why {line.id}", why_text(line, self.bridge.board), form="diff"))
        self.go_to("task")

    def action_attempt(self, step: int) -> None:
        self.follows = False
        self.task_pane.step_attempt(step)
        if self.task_pane.tab in ("overview", "text"):
            self.task_pane.show_tab("response")

    def action_attempts(self) -> None:
        """Choose among all attempts of the task, of every run."""
        attempts = self.task_pane.attempts
        rows = [attempt_row(number, attempt) for number, attempt in enumerate(attempts)][::-1]
        picker = Picker("Attempts", rows, glyphs=self.glyphs, empty="the task has not been tried yet")
        self.pick(picker, self._attempt_chosen)

    def _attempt_chosen(self, key: str | None) -> None:
        if key is not None:
            self.follows = False
            self.task_pane.choose_attempt(int(key))
            if self.task_pane.tab in ("overview", "text"):
                self.task_pane.show_tab("response")
            self.go_to("task")

    def action_edit(self) -> None:
        """What the cursor or a marked line names; else the asked-about file, or what is shown."""
        question = self.question
        problem = self.viewer_in_use().problem
        if problem and problem.path and self.focused_pane in ("task", "log"):
            self.edit_problem(problem)
        elif self.focused_pane in ("specs", "findings"):
            place = self.specs.selected if self.focused_pane == "specs" else self.findings.selected
            self._edit_place(place.path if place else "", place.line if place else 0)
        elif question and any(offer.answer == "edit" for offer in offers(question)):
            self.edit_staged(question)
        elif self.focused_pane == "plan":
            line = self.bridge.board.find(self.plan.key)
            number = line.view.task.line if line and line.view else 0
            self._edit_place(self.bridge.project.relative(self.bridge.project.plan_path), number)
        elif self.task_pane.tab == "text" and self.task_pane.opened:
            self._edit_place(self.task_pane.opened.path, self.task_pane.opened.line)
        else:
            place_shown = self.task_pane.file()
            if place_shown is None:
                self.say("there is no file behind this", "quiet")
            else:
                self.open_editor(*place_shown)

    def _edit_place(self, path: str, line: int) -> None:
        whole = self.bridge.project.root / path
        if not path or not whole.is_file():
            self.say("there is no file behind this", "quiet")
        elif self.open_editor(whole, line):
            self.reload()


def attempt_row(number: int, attempt: Attempt) -> Row:
    """An attempt in a list to choose from; its key is its number there."""
    left = (
        Span(f" {attempt.number:>2} ", "label"),
        Span(f"{attempt.kind.replace('_', ' '):<11}"),
        Span(f"{attempt.run}  ", "quiet"),
        Span(attempt.model, "faint"),
    )
    tone = verdict_tone(attempt.verdict) or "quiet"
    return Row(str(number), left, (Span(f"{attempt.verdict.replace('_', ' ') or 'no verdict'} ", tone),))
