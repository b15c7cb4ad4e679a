"""Keys that move between panes, tabs and rows, and that filter."""

from __future__ import annotations

from ossature.tui.keys.views import ViewKeys
from ossature.tui.panes.findings import remark_text
from ossature.tui.panes.layout import VIEWS, Pane
from ossature.tui.panes.task import OpenedText, TaskPane
from ossature.tui.widgets.bar import Asking
from ossature.tui.widgets.rows import RowList


class PaneKeys(ViewKeys):
    """Where the person goes, the run is not followed any more."""

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        if event.by_person:
            event.rows.is_moving = False
        if event.rows is self.plan:
            self.follows = self.follows and not event.by_person
            self.plan.mark()
            self.show_plan()
            if self.task_pane.tab == "text" and event.by_person:
                self.task_pane.show_tab("overview")
            return
        if event.rows is self.specs:
            self.specs.say_users()
        if event.by_person and self.task_pane.tab == "text":
            self._open_selected(event.rows)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        if event.rows is not self.plan:
            if not self._open_selected(event.rows):
                return
        elif self.task_pane.tab == "text":
            self.task_pane.show_tab("overview")
        self.go_to("task")

    def _open_selected(self, rows: RowList) -> bool:
        """Show the spec's section or the finding under the cursor as text."""
        node, remark = self.specs.selected, self.findings.selected
        if rows is self.specs and node:
            name = f"{node.path}:{node.line}"
            self.task_pane.show_text(OpenedText(name, node.body, node.path, node.line))
            return True
        if rows is self.findings and remark:
            self.task_pane.show_text(
                OpenedText("Finding", remark_text(remark), remark.path, remark.line, form="labels")
            )
            return True
        return False

    def on_task_pane_tab_chosen(self, event: TaskPane.TabChosen) -> None:
        event.stop()
        self.follows = False
        self.show_plan()

    def action_pane(self, pane: Pane) -> None:
        self.go_to(pane)

    def action_log(self) -> None:
        self.go_to("task" if self.focused_pane == "log" else "log")

    def action_zoom(self) -> None:
        if self.focused_pane in VIEWS:
            self.say("this view has the whole screen already", "quiet")
            return
        self.is_zoomed = not self.is_zoomed
        self.lay_out()

    def action_filter(self) -> None:
        """Filter a list as one types, or search a text."""
        if self.focused_pane in ("task", "log"):
            viewer = self.viewer_in_use()
            initial = viewer.pattern.text if viewer.pattern else ""
            self.bar.ask(
                Asking(
                    "search (a regular expression)",
                    submit=self._search,
                    initial=initial,
                    hint=f"enter searches, {self.table.key('viewer-next-match')} and "
                    f"{self.table.key('viewer-previous-match')} go on, escape ends it",
                )
            )
            return
        if self.focused_pane in VIEWS:
            self.bar.ask(Asking("find a task", submit=self.find_task))
            return
        rows = self.list_of(self.focused_pane)

        def narrow(text: str) -> None:
            rows.set_filter(text)
            self.show_plan()

        self.bar.ask(
            Asking("filter", submit=narrow, initial=rows.filter, change=narrow, cancel=lambda: narrow(""))
        )

    def action_step_back(self) -> None:
        """One step out: the filter, the search, the zoom, the opened text, the pane, the hint."""
        if self.focused_pane in ("specs", "findings", "plan"):
            rows = self.list_of(self.focused_pane)
            if rows.filter:
                rows.set_filter("")
                self.show_plan()
                return
        if self.focused_pane in ("task", "log") and self.viewer_in_use().leave():
            return
        if self.is_zoomed:
            self.action_zoom()
        elif self.focused_pane in VIEWS:
            self.go_to("plan")
        elif self.focused_pane in ("task", "log"):
            self.go_to(self.listed)
        else:
            self.hide_hint()

    def action_follow_run(self) -> None:
        self.follows = True
        self.follow()
        self.show_plan()

    def _search(self, text: str) -> None:
        viewer = self.viewer_in_use()
        viewer.find(text)
        if viewer.pattern and viewer.pattern.note:
            self.say(viewer.pattern.note, "warn")
