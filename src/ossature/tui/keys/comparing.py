"""The key that puts two attempts beside each other."""

from __future__ import annotations

import functools

from textual.worker import Worker, WorkerState

from ossature.domain.wording import words
from ossature.engine.comparing import Comparison, compare, read_side
from ossature.errors import OssatureError
from ossature.tui.keys.task import attempt_row
from ossature.tui.panes.attempts import Attempt
from ossature.tui.screens.compare import ComparePage
from ossature.tui.showing import Showing
from ossature.tui.widgets.picker import Picker


class CompareKeys(Showing):
    """Texts are read and compared off the event loop."""

    def action_compare(self) -> None:
        """Compare the attempt that is shown with another one of the task, of any run."""
        attempts, shown = self.task_pane.attempts, self.task_pane.attempt
        others = [number for number, attempt in enumerate(attempts) if attempt is not shown]
        if shown is None or not others:
            self.say("there are no two attempts to compare", "quiet")
            return
        rows = [attempt_row(number, attempts[number]) for number in others][::-1]
        picker = Picker(f"Compare {attempt_name(shown)} with", rows, glyphs=self.glyphs)
        self.pick(picker, lambda key: self._compare(shown, attempts[int(key)]) if key is not None else None)

    def _compare(self, one: Attempt, other: Attempt) -> None:
        self.say("comparing …", "quiet")
        older, newer = sorted((one, other), key=lambda attempt: (attempt.run, attempt.number))
        work = functools.partial(_compared, older, newer)
        self.run_worker(
            work, thread=True, group="compare", name="compare", exclusive=True, exit_on_error=False
        )

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.group != "compare" or event.state is not WorkerState.SUCCESS:
            return
        self.message = None
        self.show_bar()
        match event.worker.result:
            case OssatureError() as error:
                self.say_error(error)
            case Comparison() as found if not self.is_taken():
                _ = self.push_screen(ComparePage(found, glyphs=self.glyphs))


def attempt_name(attempt: Attempt) -> str:
    """Run, number and kind."""
    return f"{attempt.run} {attempt.number} {words(attempt.kind)}"


def _compared(old: Attempt, new: Attempt) -> Comparison | OssatureError:
    try:
        return compare(
            read_side(attempt_name(old), old.folder, output=old.verify_log),
            read_side(attempt_name(new), new.folder, output=new.verify_log),
        )
    except OssatureError as error:
        return error
