"""Keeps the panes up to date with the run and the project, and follows the run."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping

from textual.worker import Worker, WorkerState

from ossature.domain import event as ev
from ossature.domain.decision import Decision
from ossature.domain.record import Record, UnknownRecord
from ossature.engine.preview import ProjectView, attempts_of, look, prompt_preview
from ossature.errors import OssatureError
from ossature.project import Project, load_project
from ossature.tui.bridge import is_news
from ossature.tui.noticing import Noticing
from ossature.tui.panes.attempts import Attempt, merged_attempts
from ossature.tui.panes.findings import remarks_of
from ossature.tui.panes.task import SENT_NOW, Tab
from ossature.tui.panes.task_lines import TaskLine

BY = "tui"
"""Who decides, in every decision and command from here."""
_WORK: Mapping[str, str] = {
    "look": "the project could not be read",
    "preview": "the prompt could not be made",
    "outcomes": "the runs could not be read",
    "start": "the run could not be started",
    "runs": "the runs could not be read",
    "spend": "the runs could not be read",
    "replay": "the run could not be replayed",
    "compare": "the attempts could not be compared",
    "review": "the change could not be read",
    "ruling": "the finding could not be ruled on",
    "yank": "the text could not be copied",
}
"""Name of a worker -> what did not happen when it fails."""
CATCH_UP_S = 0.05
"""How long one poll may read a long journal before keys are heard again."""


class Showing(Noticing):
    """Reads of the project happen off the event loop; the newest counts, an older one is dropped."""

    _ticks = 0
    _is_looking = False
    _looks_again = False

    def poll(self) -> None:
        records: list[Record | UnknownRecord] = []
        end = time.monotonic() + CATCH_UP_S
        was_live = self.bridge.is_live
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
            self.call_back(records, was_live=was_live)

    def tick(self) -> None:
        """What no event tells: the clock, a new file, an owner that is gone, a run of another face."""
        self._ticks += 1
        try:
            if self._ticks % 2 == 0:
                if self.bridge.check_owner():
                    self.bridge.rebuild()
                    self.show_all()
                self._look_elsewhere()
        except OssatureError as error:
            self.say_error(error)
        self.show_header()
        if self.bridge.is_live:
            self.task_pane.draw()

    def _look_elsewhere(self) -> None:
        """Go to a run that another face has started, unless the person looks back at an earlier one."""
        before, self.bridge.elsewhere = self.bridge.elsewhere, self.bridge.other_live_run() or ""
        # What is typed for a question of the run that is shown must not answer one of another run.
        is_free = not self.bar.is_busy and len(self.screen_stack) == 1
        if self.bridge.elsewhere and not self.bridge.is_past and is_free:
            self.show_run(self.bridge.elsewhere)
        elif before != self.bridge.elsewhere and self.message is None:
            self.show_bar()

    def show_run(self, run: str) -> None:
        self.bridge.attach(run)
        self.log_pane.restart(self.bridge.log)
        self.poll()
        self.bridge.rebuild()
        self.show_all()

    def _show_news(self, records: list[Record | UnknownRecord]) -> None:
        self.log_pane.grow()
        if self.message and self.message.tone == "quiet":
            self.message = None
        for record in records:
            match record.event:
                case ev.DecisionRefused(decision=decision, reason=reason) if decision.by == BY:
                    self._tell_refusal(decision, reason)
        if is_news(records, "spec_audited", "specs_loaded"):
            self._show_remarks()
        if is_news(records, "run_finished", "plan_written", "plan_adopted"):
            self.reload()
        self.follow()
        self.show_plan()
        self.show_header()
        self.show_bar()

    def _tell_refusal(self, decision: Decision, reason: str) -> None:
        """Words that came too late are kept: the next question on that task may want them."""
        said = getattr(decision, "feedback", "")
        if said:
            self.save_draft(decision.question_id, said)
        kept = f"; you said: {said}" if said else ""
        self.say(
            f"the answer to {decision.question_id} was refused: {reason.replace('_', ' ')}{kept}", "warn"
        )

    def show_all(self) -> None:
        """Everything anew."""
        self._show_remarks()
        self.follow()
        self.show_plan()
        self.show_header()
        self.show_bar()
        self.show_footer()

    def _show_remarks(self) -> None:
        remarks = remarks_of(self.bridge.state, None if self.bridge.is_past else self.bridge.view)
        self.findings.show(remarks)
        if self.bridge.view:
            self.specs.show(self.bridge.view.tree, remarks, self.bridge.view.coverage)

    def show_plan(self) -> None:
        """Plan and task, from the merged state."""
        self.plan.show(self.bridge.board, follows=self.follows and self.bridge.is_live)
        self.specs.highlight(self.plan.key)
        if self.chart.display:
            self.chart.show(self.bridge.board, self.plan.key)
        if self.grid.display:
            self.grid.show(self.bridge.board.lines, self.bridge.runs, self.plan.key)
        self._show_task()

    def _show_task(self) -> None:
        line = self.bridge.board.find(self.plan.key)
        self.task_pane.show(line, self.bridge.board, self._attempts(line))

        self.want_preview(line)

    def _attempts(self, line: TaskLine | None) -> list[Attempt]:
        if line is None:
            return merged_attempts(self.bridge.project, (), self.bridge.state.calls, self.bridge.state.run)
        stored = attempts_of(self.bridge.project, line.lineage) if line.lineage else []
        if self.bridge.is_past:
            stored = [attempt for attempt in stored if attempt.run < self.bridge.state.run]
        running = line.state.attempts if line.state else ()
        return merged_attempts(self.bridge.project, stored, running, self.bridge.state.run)

    def follow(self) -> None:
        """Put cursor and tab where the run is, as long as the person has not gone elsewhere."""
        if not self.follows or self.plan.is_moving:
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
        self.follow()
        self.show_plan()

    def reload(self) -> None:
        """Look at the project again; while that is being done, once more when it is."""
        if self._is_looking:
            self._looks_again = True
            return
        self._is_looking = True
        read = functools.partial(_looked, self.bridge.project, self.environ)
        self.run_worker(read, thread=True, group="look", name="look", exit_on_error=False)

    def want_preview(self, line: TaskLine | None) -> None:
        """Fetch the prompt of a task that was not tried yet, when its tab is open."""
        pane, view = self.task_pane, self.bridge.view
        if pane.tab not in ("context", "prompt") or pane.preview or pane.attempts or view is None:
            return
        if line and line.view:
            read = functools.partial(_previewed, view, line.id)
            self.run_worker(
                read, thread=True, group="preview", name="preview", exclusive=True, exit_on_error=False
            )

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.name == "look" and event.worker.is_finished:
            self._is_looking = False
            if self._looks_again:
                self._looks_again = False
                self.reload()
        if event.state is WorkerState.SUCCESS and event.worker.name == "look":
            self._take_look(event.worker.result)
        elif event.state is WorkerState.SUCCESS and event.worker.name == "preview":
            task, prompt = event.worker.result or ("", "")
            if self.task_pane.line and self.task_pane.line.id == task:
                self.task_pane.preview = prompt
                self.task_pane.draw()
        elif event.state is WorkerState.ERROR:
            self._tell_failure(event.worker)

    def _tell_failure(self, worker: Worker[object]) -> None:
        """Something that nobody foresaw: the screen goes on, and says what was not done."""
        words = _WORK.get(worker.name)
        if words:
            self.say(f"{words}: {type(worker.error).__name__}: {worker.error}", "bad")

    def _take_look(self, seen: object) -> None:
        if isinstance(seen, ProjectView):
            before = self.bridge.view
            self.bridge.see(seen)
            self.show_all()
            self.looked(before, seen)
        elif isinstance(seen, OssatureError):
            self.say_error(seen)

    def looked(self, before: ProjectView | None, after: ProjectView) -> None:
        """The project was looked at again; what differs may be worth a word."""


def _looked(project: Project, environ: Mapping[str, str]) -> ProjectView | OssatureError:
    """Config, specs, plan, findings, and what a build would do."""
    try:
        view = look(load_project(project.root, environ))
        # Made here, since the first access takes its time.
        _ = view.audits, view.findings, view.forecast, view.coverage
    except OssatureError as error:
        return error
    return view


def _previewed(view: ProjectView, task: str) -> tuple[str, str]:
    """The task, and the prompt that a build would send for it now or why there is none."""
    try:
        return task, f"{SENT_NOW}{prompt_preview(view, task)}"
    except OssatureError as error:
        return task, f"The prompt cannot be made: {error}"


def _tab_of(line: TaskLine) -> Tab:
    """Where there is something to see of a task."""
    attempt = line.state.attempts[-1] if line.state and line.state.attempts else None
    match line.status:
        case "verifying" | "waiting" | "failed":
            return "verify" if attempt and attempt.log else "overview"
        case "running" | "fixing" if attempt:
            return "response"
    return "overview"
