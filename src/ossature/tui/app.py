"""The app: the journal comes in, the panes follow, keys go to where they belong."""

from __future__ import annotations

import time

from ossature.domain import event as ev
from ossature.domain.record import Record, UnknownRecord
from ossature.domain.wording import verdict_tone
from ossature.engine.preview import attempts_of
from ossature.engine.session import RunRequest
from ossature.errors import OssatureError
from ossature.project import Project
from ossature.tui.actions import ACTIONS
from ossature.tui.answering import BY
from ossature.tui.answers import offers
from ossature.tui.attempts import Attempt, merged_attempts
from ossature.tui.bar import Asking
from ossature.tui.bridge import Bridge, is_news
from ossature.tui.directory import help_rows
from ossature.tui.findings import remark_text, remarks_of
from ossature.tui.pane_layout import PANES, Pane
from ossature.tui.picker import Picker
from ossature.tui.project_reads import ProjectReads
from ossature.tui.rows import Row, RowList
from ossature.tui.spans import Span
from ossature.tui.task_lines import TaskLine
from ossature.tui.task_pane import OpenedText, Tab, TaskPane
from ossature.tui.why import why_text

POLL_S = 0.1
"""At most so often the screen changes because of the run."""
TICK_S = 1.0
CATCH_UP_S = 0.05
"""How long one poll may read a long journal before keys are heard again."""


class OssatureApp(ProjectReads):
    """What the panes show, and what the person did to them."""

    def __init__(
        self,
        bridge: Bridge,
        *,
        request: RunRequest | None = None,
        base: RunRequest | None = None,
        is_demo: bool = False,
    ) -> None:
        super().__init__(bridge, is_demo=is_demo)
        self._request = request
        self.base = base or request or self.base
        self._ticks = 0

    def on_mount(self) -> None:
        self.lay_out()
        self.go_to("plan")
        try:
            self.bridge.attach_latest()
        except OssatureError as error:
            self.say_error(error)
        self.log_pane.restart(self.bridge.log)
        self._poll()
        self.show_all()
        self.reload()
        self.app_resume_signal.subscribe(self, lambda _: self.call_after_refresh(self.repaint))
        self.set_interval(POLL_S, self._poll)
        self.set_interval(TICK_S, self._tick)
        if self._request is not None:
            self.start(self._request)

    def _poll(self) -> None:
        records: list[Record | UnknownRecord] = []
        end = time.monotonic() + CATCH_UP_S
        try:
            while batch := self.bridge.poll():
                records += batch
                if time.monotonic() > end:
                    break
        except OssatureError as error:
            self.say_error(error)
            return
        if records:
            self._show_news(records)

    def _tick(self) -> None:
        """What no event tells: the clock, a new file, an owner that is gone, a run of another face."""
        self._ticks += 1
        try:
            if self._ticks % 2 == 0:
                if self.bridge.check_owner():
                    self.bridge.rebuild()
                    self.show_all()
                run = self.bridge.other_live_run()
                if run:
                    self.show_run(run)
        except OssatureError as error:
            self.say_error(error)
        self.show_header()
        if self.bridge.is_live:
            self.task_pane.draw()

    def show_run(self, run: str) -> None:
        self.bridge.attach(run)
        self.log_pane.restart(self.bridge.log)
        self._poll()
        self.bridge.rebuild()
        self.show_all()

    def _show_news(self, records: list[Record | UnknownRecord]) -> None:
        self.log_pane.grow()
        if self.message and self.message.tone == "quiet":
            self.message = None
        for record in records:
            match record.event:
                case ev.DecisionRefused(decision=decision, reason=reason) if decision.by == BY:
                    self.say(
                        f"the answer to {decision.question_id} was refused: {reason.replace('_', ' ')}",
                        "warn",
                    )
        if is_news(records, "spec_audited", "specs_loaded"):
            self._show_remarks()
        if is_news(records, "run_finished", "plan_written", "plan_adopted"):
            self.reload()
        self._follow()
        self.show_plan()
        self.show_header()
        self.show_bar()

    def show_all(self) -> None:
        """Everything anew."""
        self._show_remarks()
        self._follow()
        self.show_plan()
        self.show_header()
        self.show_bar()
        self.show_footer()

    def _show_remarks(self) -> None:
        remarks = remarks_of(self.bridge.state, self.bridge.view)
        self.findings.show(remarks)
        if self.bridge.view:
            self.specs.show(self.bridge.view.tree, remarks)

    def show_plan(self) -> None:
        """Plan and task, from the merged state."""
        self.plan.show(self.bridge.board, follows=self.follows and self.bridge.is_live)
        self._show_task()

    def _show_task(self) -> None:
        line = self.bridge.board.find(self.plan.key)
        self.task_pane.show(line, self.bridge.board, self._attempts(line))

        self.want_preview(line)

    def _attempts(self, line: TaskLine | None) -> list[Attempt]:
        if line is None:
            return merged_attempts(self.bridge.project, (), self.bridge.state.calls, self.bridge.state.run)
        stored = attempts_of(self.bridge.project, line.lineage) if line.lineage else []
        running = line.state.attempts if line.state else ()
        return merged_attempts(self.bridge.project, stored, running, self.bridge.state.run)

    def _follow(self) -> None:
        """Put cursor and tab where the run is, as long as the person has not gone elsewhere."""
        if not self.follows:
            return
        question = self.question
        line = (
            self.bridge.board.find(question.task) if question and question.task else self.bridge.board.active
        )
        if line is None and self.bridge.outcome == "failed":
            line = next((one for one in self.bridge.board.lines if one.status == "failed"), None)
        if line is None:
            calls = self.bridge.state.calls
            if calls and self.bridge.is_live and not self.bridge.board.lines:
                self.task_pane.tab = "response"
            return
        self.plan.show(self.bridge.board, follows=True, key=line.id)
        if self.bridge.is_live or line.status == "failed":
            self.task_pane.tab = _tab_of(line)

    def question_changed(self) -> None:
        self._follow()
        self.show_plan()

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        if event.rows is self.plan:
            self.follows = self.follows and not event.by_person
            self.plan.mark()
            self.show_plan()
            if self.task_pane.tab == "text" and event.by_person:
                self.task_pane.show_tab("overview")
        elif event.by_person and self.task_pane.tab == "text":
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

    def next_pane(self, step: int) -> None:
        self.go_to(PANES[(PANES.index(self.focused_pane) + step) % len(PANES)])

    def action_log(self) -> None:
        self.go_to("task" if self.focused_pane == "log" else "log")

    def action_zoom(self) -> None:
        self.is_zoomed = not self.is_zoomed
        self.lay_out()

    def action_filter(self) -> None:
        """Filter a list as one types, or search a text."""
        if self.focused_pane in ("task", "log"):
            viewer = self.viewer_in_use()
            initial = viewer.pattern.pattern if viewer.pattern else ""
            self.bar.ask(
                Asking(
                    "search (a regular expression)",
                    submit=self._search,
                    initial=initial,
                    hint="enter searches, n and N go on, empty ends it",
                )
            )
            return
        rows = self.list_of(self.focused_pane)

        def narrow(text: str) -> None:
            rows.set_filter(text)
            self.show_plan()

        self.bar.ask(
            Asking("filter", submit=narrow, initial=rows.filter, change=narrow, cancel=lambda: narrow(""))
        )

    def _search(self, text: str) -> None:
        self.run_worker(self.viewer_in_use().find(text), exclusive=True, group="search")

    def action_step_back(self) -> None:
        """One step out: the filter, the zoom, the opened text, the pane."""
        if self.focused_pane in ("specs", "findings", "plan"):
            rows = self.list_of(self.focused_pane)
            if rows.filter:
                rows.set_filter("")
                self.show_plan()
                return
        if self.is_zoomed:
            self.action_zoom()
        elif self.focused_pane in ("task", "log"):
            self.go_to(self.listed)

    def action_why(self) -> None:
        line = self.bridge.board.find(self.plan.key)
        if line is None:
            self.say("no task is selected", "warn")
            return
        self.task_pane.show_text(OpenedText(f"Why {line.id}", why_text(line, self.bridge.board), form="diff"))
        self.go_to("task")

    def action_follow_run(self) -> None:
        self.follows = True
        self._follow()
        self.show_plan()

    def action_attempt(self, step: int) -> None:
        self.follows = False
        self.task_pane.step_attempt(step)
        if self.task_pane.tab in ("overview", "text"):
            self.task_pane.show_tab("response")

    def action_attempts(self) -> None:
        """Choose among all attempts of the task, of every run."""
        attempts = self.task_pane.attempts
        rows = [_attempt_row(number, attempt) for number, attempt in enumerate(attempts)][::-1]
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
        """The line under the cursor in specs and findings; else the asked-about file, or what is shown."""
        question = self.question
        if self.focused_pane in ("specs", "findings"):
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

    def action_reload(self) -> None:
        self.say("reading specs and plan again …", "quiet")
        self.reload()

    def action_help(self) -> None:
        picker = Picker("Keys", help_rows(), glyphs=self.glyphs, key="0")
        self.pick(picker, self._help_chosen)

    async def _help_chosen(self, key: str | None) -> None:
        if key is not None:
            await self.carry_out(ACTIONS[int(key)])

    def action_leave(self) -> None:
        self.exit(0)


def _tab_of(line: TaskLine) -> Tab:
    """Where there is something to see of a task."""
    attempt = line.state.attempts[-1] if line.state and line.state.attempts else None
    match line.status:
        case "verifying" | "waiting" | "failed":
            return "verify" if attempt and attempt.log else "overview"
        case "running" | "fixing" if attempt:
            return "response"
    return "overview"


def _attempt_row(number: int, attempt: Attempt) -> Row:
    left = (
        Span(f" {attempt.number:>2} ", "label"),
        Span(f"{attempt.kind.replace('_', ' '):<11}"),
        Span(f"{attempt.run}  ", "quiet"),
        Span(attempt.model, "faint"),
    )
    tone = verdict_tone(attempt.verdict) or "quiet"
    return Row(str(number), left, (Span(f"{attempt.verdict.replace('_', ' ') or 'no verdict'} ", tone),))


def leave_message(bridge: Bridge) -> str:
    """What to say on the plain terminal once the screen is gone."""
    if not bridge.is_live or bridge.attachment is None:
        return ""
    return f"run {bridge.attachment.run} goes on; come back with `ossature tui`, or `ossature attach`\n"


def make_app(
    project: Project,
    request: RunRequest | None,
    *,
    base: RunRequest | None = None,
    is_demo: bool = False,
) -> OssatureApp:
    """An app on *project* that starts *request* when it is there, and later ones like *base*."""
    return OssatureApp(Bridge(project), request=request, base=base, is_demo=is_demo)
