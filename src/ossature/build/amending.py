"""Edits the plan as an answer asks for it, and leaves every other byte of it as it is."""

from __future__ import annotations

from ossature.build.tools import Tools
from ossature.domain import event as ev
from ossature.errors import BusyError, PlanError
from ossature.project import Project
from ossature.store.disk import read_existing, write_atomic
from ossature.store.plan_lock import awaited_plan_lock
from ossature.store.planfile import edit_task, parse_plan


async def let_wait(tools: Tools, task_id: str, dependency: str) -> bool:
    """Write into the plan that a task waits for another, as a person answered; False where that cannot be
    done as things stand, which is said. Raises DiskError."""
    try:
        path = await add_dependency(tools.project, task_id, dependency)
    except (PlanError, BusyError) as error:
        reason = f"{error} ({error.hint})" if error.hint else str(error)
        text = f"the plan does not let {task_id} wait for {dependency}: {reason}"
        tools.channel.emit(ev.Noticed(level="warning", text=text))
        return False
    tools.channel.emit(ev.DependencyAdded(task=task_id, dependency=dependency, path=path))
    return True


async def add_dependency(project: Project, task_id: str, dependency: str) -> str:
    """Let *task_id* wait for *dependency*; returns the project-relative name of the plan.

    Goes by the file as it is now, which a person may have edited since the build read it. Raises PlanError
    where either task is gone or the text cannot be edited, BusyError, DiskError.
    """
    name = project.relative(project.plan_path)
    async with awaited_plan_lock(project.state_dir):
        content = read_existing(project.plan_path)
        text = (content or b"").decode("utf-8", "surrogateescape")
        plan = parse_plan(text, name=name)
        if not plan.tasks and plan.has_errors:
            first = next(item for item in plan.diagnostics if item.severity == "error")
            raise PlanError(first.message, place=first.place, hint=first.hint)
        task = plan.by_id().get(task_id)
        if task is None or dependency not in plan.by_id():
            gone = dependency if task else task_id
            raise PlanError(f"task {gone} is not in the plan any more", hint=f"see {name}")
        if dependency not in task.depends_on:
            edited = edit_task(text, task_id, {"depends_on": [*task.depends_on, dependency]})
            write_atomic(project.plan_path, edited.encode("utf-8", "surrogateescape"))
    return name
