"""Keys on specs and findings: what uses a place, what becomes of a finding."""

from __future__ import annotations

from ossature.domain.plain_text import clean_line
from ossature.tui.look.spans import Span
from ossature.tui.showing import Showing
from ossature.tui.widgets.picker import Picker
from ossature.tui.widgets.rows import Row


class FindingKeys(Showing):
    """What is decided here is the user's, and is kept in the project."""

    def on_specs_pane_users_wanted(self) -> None:
        """Choose one of the tasks that use the place under the cursor, and go there."""
        users = self.specs.users
        node = self.specs.selected
        if node is None or not users:
            self.say("no task uses this place", "quiet")
            return
        lines = [line for line in self.bridge.board.lines if line.id in users]
        rows = [
            Row(
                line.id,
                (Span(f" {clean_line(line.id)} ", "label"), Span(clean_line(line.title))),
                (Span(f"{line.word} ", line.tone),),
            )
            for line in lines
        ]
        self.pick(
            Picker(f"Tasks that use {clean_line(node.text)}", rows, glyphs=self.glyphs), self._go_to_task
        )

    def _go_to_task(self, task: str | None) -> None:
        if task:
            self.follows = False
            self.plan.move_to(task)
            self.show_plan()
            self.go_to("plan")
