"""Find the lineage that a person means, whatever plan its task's id is from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ossature.build.staleness import lineages, match_landings
from ossature.domain.plan import Plan
from ossature.engine.sources import PLAN_NAME
from ossature.errors import PlanError, UsageError
from ossature.project import Project
from ossature.spec.closest import closest
from ossature.store.ledger import Ledger, read_history
from ossature.store.plan_reading import read_plan
from ossature.store.tasklog import AttemptLog

_SHOWN = 5


def plan_lineages(project: Project) -> dict[str, str]:
    """Task id -> lineage, by the present plan; empty where there is none that can be read."""
    return _lineages(_plan(project), Ledger(project.ledger_path))


def lineage_of(project: Project, name: str, *, run: str = "") -> str:
    """The lineage of the task that *name* stands for.

    In this order: an id in *run*; an id in the present plan (`7` is `007`); a lineage, or the beginning of
    one; an id that a task of an earlier plan had. Raises UsageError where there is none, or several.
    """
    if run and (found := _in_run(project, run, name)):
        return found
    plan = _plan(project)
    ledger = Ledger(project.ledger_path)
    known = _lineages(plan, ledger)
    if plan and (task := plan.find(name)):
        return known[task.id]
    lines = sorted({*known.values(), *ledger.landings, *_folders(project)})
    if name in lines:
        return name
    for candidates in ([line for line in lines if line.startswith(name)], _earlier(project, name)):
        if len(candidates) > 1:
            shown = ", ".join(candidates[:_SHOWN]) + (", …" if len(candidates) > _SHOWN else "")
            raise UsageError(f"{name!r} may be one of several tasks", hint=f"name one: {shown}")
        if candidates:
            return candidates[0]
    near = closest(name, [*known, *lines])
    hint = f"did you mean {near}?" if near else "see `ossature status`"
    raise UsageError(f"there is no task {name!r}", hint=hint)


def _plan(project: Project) -> Plan | None:
    try:
        return read_plan(project.plan_path, name=PLAN_NAME)
    except PlanError:
        return None


def _lineages(plan: Plan | None, ledger: Ledger) -> dict[str, str]:
    return lineages(plan, match_landings(plan, ledger.landings)) if plan else {}


def _folders(project: Project) -> list[str]:
    if not project.tasks_dir.is_dir():
        return []
    return [path.name for path in project.tasks_dir.iterdir() if path.is_dir()]


def _in_run(project: Project, run: str, name: str) -> str:
    """By the plan that the run went by; empty where that had no such task."""
    # Events are pydantic models: only who names a run pays for them.
    from ossature.engine.session import fold

    rows = {task_id: state.row for task_id, state in fold(project.runs_dir / run).tasks.items()}
    row = rows.get(name) or rows.get(name.zfill(3) if name.isdigit() else name)
    return row.lineage if row else ""


def _earlier(project: Project, name: str) -> list[str]:
    """Lineages of tasks that once had the id, by what they landed and by their attempts."""
    ids = {name, name.zfill(3)} if name.isdigit() else {name}
    landed = {
        lineage
        for lineage, landings in read_history(project.ledger_path).items()
        if any(landing.task in ids for landing in landings)
    }
    tried = {path.parent.name for path in _attempts(project) if _task_of(path) in ids}
    return sorted(landed | tried)


def _attempts(project: Project) -> Iterator[Path]:
    return (path.parent for path in project.tasks_dir.glob("*/*/attempt.json"))


def _task_of(attempt: Path) -> object:
    return (AttemptLog(attempt).read_meta() or {}).get("task")
