"""Keys on specs and findings: what uses a place, what becomes of a finding."""

from __future__ import annotations

import functools

from textual.worker import Worker, WorkerState

from ossature.domain.plain_text import clean_line
from ossature.domain.ruling import Judged, RulingKind
from ossature.engine.ruling import rule
from ossature.errors import OssatureError
from ossature.project import Project
from ossature.tui.keys.running import RunKeys
from ossature.tui.look.spans import Span
from ossature.tui.panes.findings import FindingsPane
from ossature.tui.panes.task import OpenedText
from ossature.tui.showing import BY
from ossature.tui.widgets.bar import Asking
from ossature.tui.widgets.picker import Picker
from ossature.tui.widgets.rows import Row


class FindingKeys(RunKeys):
    """What is decided here is the user's, and is kept in the project."""

    _ruling = ""
    """What to say once the ruling is written down."""
    _shown_edit = ("", "")
    """Run and question whose spec edit was put on the screen."""

    def follow(self) -> None:
        """A proposed edit of a spec is shown as a difference as soon as it is asked about."""
        super().follow()
        question = self.question
        if question is None or question.gate != "spec_edit":
            return
        key = (self.bridge.state.run, question.id)
        if key != self._shown_edit:
            self._shown_edit = key
            name = f"Edit of {', '.join(question.titles)}"
            self.task_pane.show_text(
                OpenedText(name, f"{question.subject}\n\n{question.detail}", form="diff")
            )
            self.aside = "task"
            self.lay_out()

    def on_findings_pane_fix_wanted(self) -> None:
        """Ask a model, in a run of its own, for an edit that settles the finding under the cursor."""
        remark = self.findings.selected
        if remark is None or self.bridge.is_read_only:
            return
        if remark.judged is None:
            self.say("a check's problem is mended in its file (e); F is for findings of the audit", "warn")
        elif not remark.is_open:
            self.say("the finding is settled; open it again first", "warn")
        else:
            # Its edits are always a person's to approve.
            preset = "tui" if self.base.preset == "auto" else self.base.preset
            wanted = {"findings": (remark.judged.key,), "preset": preset}
            self.start(self.request_for("spec_fix").model_copy(update=wanted))

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

    def on_findings_pane_ruling_wanted(self, event: FindingsPane.RulingWanted) -> None:
        """Rule the finding under the cursor, or take back what is ruled so already."""
        remark = self.findings.selected
        if remark is None or self.bridge.is_read_only:
            return
        judged = remark.judged
        if judged is None:
            self.say(
                "a check's problem is mended in its file (e); only findings of the audit are ruled", "warn"
            )
        elif judged.ruling and judged.ruling.kind == event.kind:
            self._rule(judged, "open")
        elif event.kind == "accepted":
            self._rule(judged, "accepted")
        else:
            self.bar.ask(
                Asking(
                    f"dismiss {judged.id}: why?",
                    submit=lambda reason: self._dismiss(judged, reason),
                    initial=judged.ruling.reason if judged.ruling else "",
                )
            )

    def _dismiss(self, judged: Judged, reason: str) -> None:
        if reason.strip():
            self._rule(judged, "dismissed", reason)
        else:
            self.say("not dismissed: a reason is needed", "warn")

    def _rule(self, judged: Judged, kind: RulingKind, reason: str = "") -> None:
        undo = {
            "accepted": self.table.key("findings-accept"),
            "dismissed": self.table.key("findings-dismiss"),
            "open": "",
        }[kind]
        word = "is open again" if kind == "open" else f"{kind}; {undo} takes it back"
        self._ruling = f"{judged.id} {word}"
        keep = functools.partial(_ruled, self.bridge.project, judged, kind, reason)
        self.run_worker(keep, thread=True, group="ruling", name="ruling", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.name != "ruling" or event.state is not WorkerState.SUCCESS:
            return
        done = event.worker.result
        if isinstance(done, OssatureError):
            self.say_error(done)
        else:
            self.say(self._ruling, "good")
            self.reload()

    def _go_to_task(self, task: str | None) -> None:
        if task:
            self.follows = False
            self.plan.move_to(task)
            self.show_plan()
            self.go_to("plan")


def _ruled(project: Project, judged: Judged, kind: RulingKind, reason: str) -> OssatureError | None:
    """What kept it from being written down."""
    try:
        rule(project, judged, kind, reason=reason, by=BY)
    except OssatureError as error:
        return error
    return None
