"""Finds tasks by what people type, and refuses a plan that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable

from ossature.cli.diagnostics import print_diagnostics
from ossature.cli.nearest import hint_for
from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import count
from ossature.domain.plan import Plan
from ossature.engine.preview import ProjectView
from ossature.errors import Diagnostic, PlanError, UsageError


def plan_of(view: ProjectView) -> Plan:
    """The plan; raises PlanError that says what is wrong with it, or how to get one."""
    if view.plan is not None:
        return view.plan
    for found in plan_errors(view):
        raise PlanError(found.message, place=found.place, hint=found.hint)
    path = view.project.relative(view.project.plan_path)
    raise PlanError(f"there is no plan ({path})", hint="make one with `ossature audit`")


def plan_errors(view: ProjectView) -> list[Diagnostic]:
    """What a build refuses the plan for."""
    return [found for found in view.diagnostics if found.severity == "error"]


def buildable_plan(view: ProjectView, terminal: Terminal) -> Plan:
    """The plan; one with errors has them printed and raises PlanError."""
    plan = plan_of(view)
    errors = plan_errors(view)
    if errors:
        print_diagnostics(errors, terminal)
        raise PlanError(
            f"the plan has {count(len(errors), 'error')}",
            hint="mend it, or make a new one: `ossature plan --replan`",
        )
    return plan


def task_ids(names: Iterable[str], plan: Plan) -> tuple[str, ...]:
    """Ids of the tasks with those names (`7` is `007`); raises UsageError for one that does not exist."""
    return tuple(dict.fromkeys(task_id(name, plan) for name in names))


def task_id(name: str, plan: Plan) -> str:
    """The id of the task that *name* stands for; raises UsageError."""
    task = plan.find(name)
    if task is None:
        hint = hint_for(name, (task.id for task in plan.tasks), otherwise="see `ossature plan`")
        raise UsageError(f"there is no task {name!r}", hint=hint)
    return task.id
