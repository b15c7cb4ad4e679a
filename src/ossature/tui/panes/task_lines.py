"""What the plan pane shows of each task: the run's state where there is one, else what would happen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ossature.domain.plan import Graph, Plan, Task, graph_of
from ossature.domain.state import RunState, TaskState
from ossature.engine.preview import ProjectView, TaskView
from ossature.tui.graph.rails import RailRow, rails

_ACTIVE = ("running", "verifying", "fixing", "waiting")
_TONES: Mapping[str, str] = {
    "running": "active",
    "verifying": "active",
    "fixing": "fix",
    "waiting": "ask",
    "landed": "good",
    "done": "good",
    "up-to-date": "good",
    "failed": "bad",
    "invalid": "bad",
    "blocked": "warn",
    "interrupted": "warn",
    "stale": "warn",
    "verify": "warn",
    "restore": "warn",
    "skipped": "quiet",
    "manual": "quiet",
    "pending": "quiet",
}
_WORDS: Mapping[str, str] = {"verify": "reverify", "up-to-date": "current"}


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task, as all panes speak of it."""

    id: str
    spec: str
    title: str
    lineage: str
    status: str
    """Of `TaskStatus`, or of the preview's; `done` when nothing runs and nothing is to do."""
    note: str
    """`fix 2`, `try 3`, `flaky` or `may run`."""
    reason: str
    state: TaskState | None = None
    view: TaskView | None = None

    @property
    def tone(self) -> str:
        return _TONES.get(self.status, "plain")

    @property
    def word(self) -> str:
        """The status as people read it."""
        return _WORDS.get(self.status, self.status)

    @property
    def is_active(self) -> bool:
        return self.status in _ACTIVE

    @property
    def outputs(self) -> tuple[str, ...]:
        if self.view:
            return self.view.task.outputs
        return self.state.row.outputs if self.state else ()


@dataclass(frozen=True, slots=True)
class TaskBoard:
    """All tasks in an order that puts each after what it waits for, with their rails."""

    lines: tuple[TaskLine, ...] = ()
    rails: tuple[RailRow, ...] = ()
    graph: Graph | None = None

    def find(self, task: str) -> TaskLine | None:
        return next((line for line in self.lines if line.id == task), None)

    @property
    def active(self) -> TaskLine | None:
        """The task to look at: one that waits for an answer, else the one that was started last."""
        waiting = [line for line in self.lines if line.status == "waiting"]
        if waiting:
            return waiting[0]
        running = [line for line in self.lines if line.is_active]
        return running[-1] if running else None

    @property
    def done(self) -> int:
        return sum(1 for line in self.lines if line.status in ("landed", "up-to-date", "manual", "done"))


def task_board(state: RunState, view: ProjectView | None, *, live: bool, known: TaskBoard) -> TaskBoard:
    """Merge both; while a run lives its tasks count, afterwards the preview's. *known* lends its rails."""
    views = {item.task.id: item for item in view.tasks} if view else {}
    if state.tasks and (live or not views):
        lines = [_from_run(state.tasks[task], views.get(task)) for task in state.order]
    else:
        may_run = view.may_run if view else {}
        lines = [_from_view(item, state.tasks.get(item.task.id), may_run) for item in views.values()]
    graph = _graph(lines, view)
    if known.graph and known.graph.dependencies == graph.dependencies and known.graph.order == graph.order:
        rows = known.rails
    else:
        rows = tuple(rails(graph.order, graph.dependencies))
    by_id = {line.id: line for line in lines}
    placed = set(graph.order)
    ordered = [by_id[task] for task in graph.order]
    ordered += [line for line in lines if line.id not in placed]
    return TaskBoard(tuple(ordered), rows, graph)


def _from_run(task: TaskState, view: TaskView | None) -> TaskLine:
    row = task.row
    known = view if view and (not row.lineage or view.lineage == row.lineage) else None
    status = row.intent if task.status == "pending" and row.intent != "pending" else task.status
    return TaskLine(
        id=row.id,
        spec=row.spec,
        title=row.title,
        lineage=row.lineage or (known.lineage if known else ""),
        status=status,
        note=_note(task),
        reason=task.reason or (known.reason if known else ""),
        state=task,
        view=known,
    )


def _from_view(view: TaskView, state: TaskState | None, may_run: Mapping[str, str]) -> TaskLine:
    """After a run, what went wrong in it is still said where the task is not in order.

    *may_run* are tasks that run only if something before them comes out differently, and why.
    """
    known = state if state and (not state.row.lineage or state.row.lineage == view.lineage) else None
    status: str = view.status
    if known and known.status in ("failed", "interrupted", "blocked") and status not in ("done", "manual"):
        status = known.status
    return TaskLine(
        id=view.task.id,
        spec=view.task.spec,
        title=view.task.title,
        lineage=view.lineage,
        status=status,
        note="may run" if view.task.id in may_run else "flaky" if view.is_flaky else _note(known),
        reason=known.reason if known and status == known.status else may_run.get(view.task.id) or view.reason,
        state=known,
        view=view,
    )


def _note(task: TaskState | None) -> str:
    if task is None:
        return ""
    if task.is_flaky:
        return "flaky"
    if task.fixes:
        return f"fix {task.fixes}"
    calls = sum(1 for attempt in task.attempts if attempt.role == "implement")
    return f"try {calls}" if calls > 1 else ""


def _graph(lines: Sequence[TaskLine], view: ProjectView | None) -> Graph:
    ids = {line.id for line in lines}
    if view and view.graph and set(view.graph.dependencies) == ids:
        return view.graph
    tasks = tuple(
        Task(
            id=line.id,
            spec=line.spec,
            title=line.title,
            outputs=line.outputs,
            depends_on=line.state.row.depends_on if line.state else (),
        )
        for line in lines
    )
    return graph_of(Plan(tasks=tasks))
