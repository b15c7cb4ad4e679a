"""Keys that look at the plan in other ways: in layers, and over the runs."""

from __future__ import annotations

import functools

from textual.worker import Worker, WorkerState

from ossature.engine.outcomes import RunOutcomes
from ossature.errors import OssatureError
from ossature.tui.bridge import Bridge
from ossature.tui.panes.grid import GridPane, told
from ossature.tui.panes.layout import Pane
from ossature.tui.panes.views import TaskPointed, ViewWanted
from ossature.tui.showing import Showing


class ViewKeys(Showing):
    """All views share the cursor of the plan."""

    def on_view_wanted(self, event: ViewWanted) -> None:
        event.stop()
        self.show_view(event.view)

    def show_view(self, view: Pane) -> None:
        """Look at the plan like that, if it is not how it is looked at already."""
        if view == self.focused_pane:
            return
        self.go_to(view)
        if view == "chart":
            self.call_after_refresh(self.chart.open, self.bridge.board, self.plan.key)
        elif view == "grid":
            self.read_runs()
            self.show_plan()

    def reload(self) -> None:
        super().reload()
        self.read_runs()

    def read_runs(self) -> None:
        """Read what became of tasks in earlier runs; those that are known are not read again."""
        read = functools.partial(_read, self.bridge)
        self.run_worker(
            read, thread=True, group="outcomes", name="outcomes", exclusive=True, exit_on_error=False
        )

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.name != "outcomes" or event.state is not WorkerState.SUCCESS:
            return
        if not self.is_running or not self.screen_stack:
            # It came while the app was closing.
            return
        if isinstance(event.worker.result, OssatureError):
            self.say_error(event.worker.result)
            return
        self.bridge.take_runs(event.worker.result or [])
        self.grid.is_read = True
        self.show_header()
        if self.grid.display:
            self.grid.show(self.bridge.board.lines, self.bridge.runs, self.plan.key)
            self.grid.refresh()

    def on_grid_pane_cell_chosen(self, event: GridPane.CellChosen) -> None:
        """Open the last attempt of that run at the task."""
        event.stop()
        self.point_at(event.task)
        found = [i for i, attempt in enumerate(self.task_pane.attempts) if attempt.run == event.run.run]
        if not found:
            self.say(f"run {event.run.number} made no attempt: {event.task} {told(event.outcome)}", "quiet")
            return
        self.task_pane.choose_attempt(found[-1])
        self.task_pane.show_tab("verify" if event.outcome.kind == "failed" else "response")
        self.go_to("task")

    def on_task_pointed(self, event: TaskPointed) -> None:
        event.stop()
        self.point_at(event.task)
        if event.is_chosen:
            self.task_pane.show_tab("overview")
            self.go_to("task")

    def find_task(self, text: str) -> None:
        """Go to the next task in whose line every word of *text* occurs."""
        lines = self.bridge.board.lines
        start = next((i for i, line in enumerate(lines) if line.id == self.plan.key), -1) + 1
        words = text.lower().split()
        for line in (*lines[start:], *lines[:start]):
            said = f"{line.id} {line.title} {line.word}".lower()
            if words and all(word in said for word in words):
                self.point_at(line.id)
                return
        self.say(f"no task says {text!r}", "warn")

    def point_at(self, task: str) -> None:
        """Put the cursor of the plan on *task*; a filter that hides it goes."""
        self.follows = False
        if not self.plan.move_to(task):
            self.plan.set_filter("")
            self.plan.move_to(task)
        self.show_plan()


def _read(bridge: Bridge) -> list[RunOutcomes] | OssatureError:
    try:
        return bridge.outcomes.read()
    except OssatureError as error:
        return error
