"""What keys do to the plan: each is an edit of the user's file, told with what it makes stale."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from textual.worker import Worker, WorkerState

from ossature.domain.plain_text import clean_line
from ossature.domain.plan import Intent, Plan, Task
from ossature.engine import plan_edits as ed
from ossature.engine.plan_editor import Outcome, PlanEditor, Sheet
from ossature.engine.plan_effect import foreign_change
from ossature.engine.plan_parts import merge_refusals
from ossature.engine.plan_writing import Clash
from ossature.engine.preview import ProjectView
from ossature.errors import OssatureError
from ossature.project import load_project
from ossature.store.plan_text import task_lines
from ossature.tui.keys.answering import AnswerKeys
from ossature.tui.look.spans import Span
from ossature.tui.panes.plan import PlanPane
from ossature.tui.screens.checks import EdgesDialog, SplitDialog
from ossature.tui.screens.plan_dialog import Answer, Desk
from ossature.tui.screens.task_form import TaskForm
from ossature.tui.widgets.bar import Asking, Confirming
from ossature.tui.widgets.picker import Picker
from ossature.tui.widgets.rows import Row


class _Job(NamedTuple):
    """Something that reads or writes the plan, and what to do with what comes of it."""

    act: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[OssatureError], None]


class _Copy(NamedTuple):
    """A task's lines as they were given to the editor; kept until they are in the plan."""

    path: Path
    sheet: Sheet
    line: int = 0


class PlanKeys(AnswerKeys):
    """Jobs run off the event loop, one after the other, in the order of their keys."""

    @cached_property
    def editor(self) -> PlanEditor:
        root = self.bridge.project.root
        return PlanEditor(lambda: load_project(root, self.environ))

    @cached_property
    def _jobs(self) -> deque[_Job]:
        return deque()

    _foreign: str = ""
    """What to say of a change of the plan during a run, unless the run says that it was its own."""
    _foreign_age = 0

    @cached_property
    def _plan_writes(self) -> deque[int]:
        """How often the run had written the plan, at the last few ticks."""
        return deque([0], maxlen=3)

    @cached_property
    def _copies(self) -> dict[str, _Copy]:
        return {}

    def on_plan_pane_wanted(self, event: PlanPane.Wanted) -> None:
        event.stop()
        task = event.task
        if self.bridge.is_read_only:
            return
        if not task and event.verb != "add":
            self.say("no task is selected", "warn")
            return
        match event.verb:
            case "down" | "up":
                self._edit(ed.Move(task, 1 if event.verb == "down" else -1))
            case "manual" | "skip":
                self._turn(task, "manual" if event.verb == "manual" else "skipped")
            case "change" | "edges" | "split":
                self._open(functools.partial(self._show_dialog, event.verb, task))
            case "add" | "delete" | "block" | "merge":
                ways = {
                    "add": self._show_new,
                    "delete": self._confirm_delete,
                    "block": self._edit_block,
                    "merge": self._pick_other,
                }
                self._open(functools.partial(ways[event.verb], task))

    def action_undo(self) -> None:
        undo = functools.partial(self.editor.undo, running=self._in_flight())
        self._do(undo, self._plan_edited)

    def action_redo(self) -> None:
        redo = functools.partial(self.editor.redo, running=self._in_flight())
        self._do(redo, self._plan_edited)

    def looked(self, before: ProjectView | None, after: ProjectView) -> None:
        super().looked(before, after)
        if before is not None and self.bridge.is_live and not self.editor.wrote(after):
            self._foreign, self._foreign_age = foreign_change(before, after) or self._foreign, 0

    def tick(self) -> None:
        """A run says that it wrote the plan before or after that is seen: others are told of later."""
        super().tick()
        self._foreign_age += 1
        if self.bridge.plan_writes > self._plan_writes[0]:
            self._foreign = ""
        elif self._foreign and self._foreign_age > 1:
            self.say(self._foreign, "warn")
            self._foreign = ""
        self._plan_writes.append(self.bridge.plan_writes)

    def _turn(self, task: str, intent: Intent) -> None:
        """Give the task that status, or take it away where it has it."""

        def turned(sheet: Sheet) -> None:
            found = self._planned(sheet, task)
            if found:
                self._edit(ed.SetStatus(task, "pending" if found.intent == intent else intent), sheet)

        self._open(turned)

    def _show_dialog(self, verb: str, task: str, sheet: Sheet) -> None:
        found = self._planned(sheet, task)
        if found is None or self.is_taken():
            return
        desk = self._desk(sheet)
        match verb:
            case "edges":
                dialog: Any = EdgesDialog(sheet, found, desk, glyphs=self.glyphs)
            case "split":
                dialog = SplitDialog(found, desk, glyphs=self.glyphs)
            case _:
                dialog = TaskForm(found, desk, glyphs=self.glyphs)
        _ = self.push_screen(dialog, self._plan_edited)

    def _show_new(self, near: str, sheet: Sheet) -> None:
        if self.is_taken():
            return
        before = sheet.plan.find(near)
        spec = before.spec if before else next(iter(sheet.plan.specs), "")
        task = Task(id="", spec=spec, title="", outputs=(), depends_on=(near,) if before else ())
        form = TaskForm(task, self._desk(sheet), glyphs=self.glyphs, after=near)
        _ = self.push_screen(form, self._plan_edited)

    def _confirm_delete(self, task: str, sheet: Sheet) -> None:
        found = self._planned(sheet, task)
        if found is None:
            return
        edit = ed.RemoveTask(task)

        def ask(outcome: Outcome) -> None:
            if self.is_taken():
                return
            self.say(f"without {task}: {outcome.effect.sentence}; u takes it back", "warn")
            text = clean_line(f"Delete {task} {found.title}?")
            self.bar.confirm(Confirming(text, lambda: self._edit(edit, sheet)))

        foretell = functools.partial(self.editor.foretell, edit, sheet, running=self._in_flight())
        self._do(foretell, ask)

    def _pick_other(self, task: str, sheet: Sheet) -> None:
        """Choose the task to merge with; the title of both is asked for afterwards."""
        found = self._planned(sheet, task)
        if found is None:
            return
        others = {other.id: other for other in sheet.plan.tasks if other.id != task}

        def show(refused: Mapping[str, str]) -> None:
            if self.is_taken():
                return
            rows = [merge_row(other, refused.get(name, "")) for name, other in others.items()]
            picker = Picker(f"Merge {task} with", rows, glyphs=self.glyphs)
            self.pick(picker, functools.partial(chosen, refused))

        def chosen(refused: Mapping[str, str], key: str | None) -> None:
            if key is None:
                return
            if key in refused:
                self.say(f"refused: {refused[key]}", "bad")
            else:
                ask(key)

        def ask(key: str) -> None:
            self.bar.ask(
                Asking(
                    f"title of {task} and {key} as one task",
                    submit=lambda text: self._edit(ed.Merge(task, key, text), sheet),
                    initial=f"{found.title}; {others[key].title}",
                    hint="enter merges, escape closes",
                )
            )

        self._do(functools.partial(merge_refusals, sheet.plan, task), show)

    def _edit_block(self, task: str, sheet: Sheet) -> None:
        """Open the task's own lines, or the copy that an earlier edit of them left."""
        if self._planned(sheet, task) is None or self.is_taken():
            return
        copy = self._copies.pop(task, None)
        if copy is None or not copy.path.is_file():
            try:
                lines = task_lines(sheet.text, task)
            except OssatureError as error:
                self.say_error(error)
                return
            path = Path(tempfile.mkdtemp(prefix="ossature-edit-")) / f"task-{_name(task)}.toml"
            path.write_bytes(lines.encode("utf-8"))
            copy = _Copy(path, sheet)
        before = task_lines(copy.sheet.text, task)
        is_fine = self.open_editor(copy.path, copy.line)
        lines = copy.path.read_bytes().decode("utf-8", "replace") if copy.path.is_file() else ""
        if not lines.strip() or lines == before:
            if is_fine:
                self.say("nothing was changed", "quiet")
            shutil.rmtree(copy.path.parent, ignore_errors=True)
            return
        if not is_fine:
            self._keep(task, copy, "the editor failed, so nothing was written")
            return

        def written(outcome: Outcome) -> None:
            shutil.rmtree(copy.path.parent, ignore_errors=True)
            self._plan_edited(outcome)

        def refused(error: OssatureError) -> None:
            if isinstance(error, Clash):
                self._keep_both(task, copy, error)
                return
            line = error.place.line if error.place and not error.place.path else 0
            where = f"line {line}: " if line else ""
            hint = f" ({error.hint})" if error.hint else ""
            self._keep(task, copy._replace(line=line), f"not written: {where}{error.message}{hint}")

        edit = ed.ReplaceBlock(task, lines)
        commit = functools.partial(self.editor.commit, edit, copy.sheet, running=self._in_flight())
        self._do(commit, written, refused)

    def _keep_both(self, task: str, copy: _Copy, clash: Clash) -> None:
        """The copy goes by what is on disk now, and shows it beside what was typed."""
        if clash.lines:
            copy.path.write_bytes(clash.lines.encode("utf-8"))
        both = "; your copy holds both versions now" if clash.lines else ""
        renewed = copy._replace(sheet=replace(copy.sheet, text=clash.text))
        self._keep(task, renewed, f"not written: {clash.message}{both}")

    def _keep(self, task: str, copy: _Copy, why: str) -> None:
        """What was typed is never ours to delete."""
        self._copies[task] = copy
        self.say(f"{why}; E opens your copy again: {copy.path}", "bad")

    def _planned(self, sheet: Sheet, task: str) -> Task | None:
        """The task as it is in the plan; says so where it is not."""
        plan = sheet.view.plan or Plan()
        found = plan.by_id().get(task)
        if found is None:
            broken = next((item for item in plan.diagnostics if item.severity == "error"), None)
            self.say(str(broken) if broken else f"the plan has no task {task}", "bad")
        return found

    def _desk(self, sheet: Sheet) -> Desk:
        def commit(edit: ed.PlanEdit, tell: Callable[[Answer], None]) -> None:
            self._do(
                functools.partial(self.editor.commit, edit, sheet, running=self._in_flight()), tell, tell
            )

        return Desk(
            functools.partial(self._foretell, sheet),
            commit,
            lambda text: self._desk(replace(sheet, text=text)),
        )

    def _foretell(self, sheet: Sheet, edit: ed.PlanEdit) -> Outcome:
        return self.editor.foretell(edit, sheet, running=self._in_flight())

    def _in_flight(self) -> frozenset[str]:
        """Tasks that a run is at work on."""
        if not self.bridge.is_live:
            return frozenset()
        return frozenset(line.id for line in self.bridge.board.lines if line.is_active)

    def _open(self, then: Callable[[Sheet], None]) -> None:
        """Read the plan as it is on disk now."""
        self._do(self.editor.open, then)

    def _edit(self, edit: ed.PlanEdit, sheet: Sheet | None = None) -> None:
        def commit() -> Outcome:
            return self.editor.commit(edit, sheet or self.editor.open(), running=running)

        running = self._in_flight()
        self._do(commit, self._plan_edited)

    def _plan_edited(self, outcome: Outcome | None) -> None:
        """Show the plan as it is now, with the cursor on the task, and say what that makes stale."""
        if outcome is None:
            return
        self.bridge.see(outcome.view)
        self.follows = False
        if outcome.task:
            self.plan.show(self.bridge.board, follows=False, key=outcome.task)
        self.show_all()
        is_dear = outcome.effect.stale or outcome.effect.held or outcome.note
        tone = "quiet" if not outcome.is_changed else "warn" if is_dear else "good"
        self.say(outcome.sentence, tone)

    def _do(
        self,
        act: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[OssatureError], None] | None = None,
    ) -> None:
        self._jobs.append(_Job(act, done, failed or self._refused))
        if len(self._jobs) == 1:
            self._begin_job()

    def _refused(self, error: OssatureError) -> None:
        hint = f" ({error.hint})" if error.hint else ""
        self.say(f"refused: {error}{hint}", "bad")

    def _begin_job(self) -> None:
        work = functools.partial(_worked, self._jobs[0].act)
        self.run_worker(work, thread=True, group="plan", name="plan", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.name != "plan" or event.state not in (WorkerState.SUCCESS, WorkerState.ERROR):
            return
        job = self._jobs.popleft()
        if self._jobs:
            self._begin_job()
        if event.state is WorkerState.ERROR:
            job.failed(OssatureError(f"the plan could not be edited: {event.worker.error}"))
        elif isinstance(event.worker.result, OssatureError):
            job.failed(event.worker.result)
        else:
            job.done(event.worker.result)


def _worked(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except OssatureError as error:
        return error


def merge_row(other: Task, refusal: str) -> Row:
    """A task to merge with; one that cannot be says so."""
    tone = "quiet" if refusal else "plain"
    left = (Span(f" {clean_line(other.id)} ", "label"), Span(clean_line(other.title), tone))
    return Row(other.id, left, (Span("cannot be merged ", "quiet"),) if refusal else ())


def _name(task: str) -> str:
    """An id as part of a file name."""
    return "".join(char if char.isalnum() or char in "-_" else "-" for char in task)[:40]
