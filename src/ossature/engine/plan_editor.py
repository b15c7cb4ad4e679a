"""The way of a face to edit the plan: look at it, foretell, write, undo."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ossature.domain.plan import Graph, Plan, graph_of
from ossature.engine.plan_checking import Ground, ground_of, refuse_worse, ring_of
from ossature.engine.plan_editing import NAME, Edited, apply
from ossature.engine.plan_edits import PlanEdit
from ossature.engine.plan_effect import Effect, effect_of, in_flight
from ossature.engine.plan_history import PlanHistory, Step, Taken
from ossature.engine.plan_writing import Written, read_plan_text, rewrite, settle
from ossature.engine.preview import ProjectView, look
from ossature.engine.sources import PlanStamp, plan_stamp
from ossature.errors import PlanError
from ossature.project import Project
from ossature.store.planfile import parse_plan

_CLEAN = Effect()


@dataclass(frozen=True)
class Sheet:
    """The plan as it lay before a person when they began an edit."""

    text: str
    view: ProjectView
    ground: Ground

    @property
    def plan(self) -> Plan:
        """Raises PlanError where the text is no plan."""
        if self.view.plan is None:
            raise PlanError("the plan cannot be read", hint="mend it by hand (e)")
        return self.view.plan

    def ring(self, task_id: str, needed: str) -> tuple[str, ...]:
        """The ring that *task_id* would close by waiting for *needed*; empty where it would not."""
        return ring_of(self._graph, task_id, needed)

    def waiting(self, task_id: str) -> frozenset[str]:
        """Ids of all tasks that wait for *task_id*, directly or not: only with them it can close a ring."""
        return self._graph.descendants(task_id)

    @property
    def _graph(self) -> Graph:
        return self.view.graph or graph_of(self.plan)


@dataclass(frozen=True)
class Outcome:
    """What an edit came to, or would."""

    done: str
    """In a few words."""
    task: str
    """Where the cursor belongs."""
    view: ProjectView
    """The project with the edit."""
    effect: Effect = _CLEAN
    note: str = ""
    """What a run that is at work makes of it."""
    is_changed: bool = True

    @property
    def sentence(self) -> str:
        if not self.is_changed:
            return "nothing was changed"
        note = f"; {self.note}" if self.note else ""
        return f"{self.done}; {self.effect.sentence}{note}"


class PlanEditor:
    """Everything here reads files and takes its time. One call at a time."""

    def __init__(self, read_project: Callable[[], Project]) -> None:
        """*read_project* reads the config anew, which may have changed since."""
        self._read_project = read_project
        self.history = PlanHistory()
        self.stamp: PlanStamp = None
        """Of the file when it was last read or written here."""

    def open(self) -> Sheet:
        """The plan as it is now. Raises PlanError where there is none, OssatureError."""
        project = self._read_project()
        return self._sheet(project, self._note(project, read_plan_text(project).text))

    def foretell(self, edit: PlanEdit, sheet: Sheet, *, running: Collection[str] = ()) -> Outcome:
        """What *edit* would come to; nothing is written. Raises PlanError where it is refused."""
        edited = apply(sheet.text, edit)
        refuse_worse(sheet.text, edited.text, sheet.ground)
        return _outcome(sheet, edited, running)

    def commit(self, edit: PlanEdit, sheet: Sheet, *, running: Collection[str] = ()) -> Outcome:
        """Write *edit*, which was made on *sheet*; what others wrote since stays.

        Raises PlanError where the edit is refused, Clash where what it is about has changed on disk;
        OssatureError.
        """

        def change(text: str) -> tuple[str, Edited]:
            edited = apply(text, settle(edit, sheet.text, text))
            refuse_worse(text, edited.text, sheet.ground)
            return edited.text, edited

        project = self._read_project()
        written, edited = rewrite(project, change)
        self._note(project, written.after)
        if written.before != written.after:
            step = Step(edited.done, written.before, written.after, edited.task)
            self.history = self.history.did(step)
        return self._told(project, written, edited, running)

    def undo(self, *, running: Collection[str] = ()) -> Outcome:
        """Take back the last edit of this session. Raises PlanError, OssatureError."""
        return self._go("undone", self.history.undo, running)

    def redo(self, *, running: Collection[str] = ()) -> Outcome:
        """Make the edit again that was undone last. Raises PlanError, OssatureError."""
        return self._go("redone", self.history.redo, running)

    def wrote(self, view: ProjectView) -> bool:
        """The plan that *view* shows is one that was read or written here last."""
        return view.loaded is not None and view.loaded.plan_stamp == self.stamp

    def _go(self, word: str, way: Callable[[str], Taken], running: Collection[str]) -> Outcome:
        project = self._read_project()
        ground: list[Ground] = []

        def change(text: str) -> tuple[str, Taken]:
            taken = way(text)
            if taken.text not in (taken.step.before, taken.step.after):
                ground[:] = ground or [ground_of(project, look(project).tree)]
                refuse_worse(text, taken.text, ground[0])
            return taken.text, taken

        written, taken = rewrite(project, change)
        self._note(project, written.after)
        self.history = taken.history
        edited = Edited(written.after, taken.step.task, f"{word}: {taken.step.done}")
        return self._told(project, written, edited, running)

    def _told(self, project: Project, written: Written, edited: Edited, running: Collection[str]) -> Outcome:
        outcome = _outcome(self._sheet(project, written.before), edited, running)
        # Read here, since the first access reads files, and a face would wait for them.
        _ = outcome.view.audits
        return outcome

    def _note(self, project: Project, text: str) -> str:
        """Remember how the file looks; one that somebody saves at this moment is not ours."""
        stamp = plan_stamp(project)
        self.stamp = stamp if read_plan_text(project).text == text else None
        return text

    def _sheet(self, project: Project, text: str) -> Sheet:
        view = look(project, plan=parse_plan(text, name=NAME))
        return Sheet(text, view, ground_of(project, view.tree))


def _outcome(sheet: Sheet, edited: Edited, running: Collection[str]) -> Outcome:
    if edited.text == sheet.text:
        return Outcome(edited.done, edited.task, sheet.view, is_changed=False)
    plan = parse_plan(edited.text, name=NAME)
    after = look(sheet.view.project, plan=plan)
    note = in_flight(sheet.plan, plan, running)
    return Outcome(edited.done, edited.task, after, effect_of(sheet.view, after), note)
