"""Keys that look at the plan in other ways: in layers, and over the runs."""

from __future__ import annotations

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
