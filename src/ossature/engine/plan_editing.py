"""Carries out an edit on the text of a plan; what no edit is about stays byte for byte. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple, assert_never

from ossature.domain.plan import Plan, Task, graph_of
from ossature.engine import plan_edits as ed
from ossature.engine.plan_parts import existing, merge_tasks, next_id, split_task
from ossature.errors import PlanError
from ossature.store.plan_reading import WRONG_TASKS
from ossature.store.plan_text import replace_block
from ossature.store.planfile import (
    add_task,
    edit_task,
    edit_tasks,
    move_task,
    parse_plan,
    remove_task,
)

NAME = ".ossature/plan.toml"
_NOT_KEYS = ("id", "line", "was_done")
_KEY_OF = {"intent": "status"}


class Edited(NamedTuple):
    """The plan after an edit."""

    text: str
    task: str
    """Where a person's cursor belongs now; empty where the task is gone and none is near."""
    done: str
    """What was done, in a few words."""


def apply(text: str, edit: ed.PlanEdit) -> Edited:
    """Raises PlanError where *text* is no plan, or the edit does not fit it."""
    plan = parse_plan(text, name=NAME)
    unread = next(
        (
            item
            for item in plan.diagnostics
            if item.code == "plan-invalid-toml" or item.message == WRONG_TASKS
        ),
        None,
    )
    if unread is not None:
        raise PlanError(unread.message, place=unread.place, hint=unread.hint)
    match edit:
        case ed.AddTask():
            return _added(text, plan, edit)
        case ed.Split():
            return _split(text, plan, edit)
        case ed.Merge():
            return _merged(text, plan, edit)
        case ed.RemoveTask():
            return _removed(text, plan, edit)
        case ed.Move():
            return Edited(_moved(text, plan, edit), edit.task, ed.describe(edit))
        case ed.ReplaceBlock():
            new, task_id = replace_block(text, existing(plan, edit.task).id, edit.lines)
            return Edited(new, task_id, ed.describe(edit))
        case ed.SetFields() | ed.SetStatus() | ed.ChangeEdges():
            changes = _changes(existing(plan, edit.task), edit)
            return Edited(edit_task(text, edit.task, changes), edit.task, ed.describe(edit))
        case _:
            assert_never(edit)


def _changes(task: Task, edit: ed.SetFields | ed.SetStatus | ed.ChangeEdges) -> dict[str, Any]:
    """Key of the file -> its value from now on; None takes it out."""
    match edit:
        case ed.SetFields():
            changes = {key: list(v) if isinstance(v, tuple) else v for key, v in edit.fields}
            if changes.get("status") == "pending":
                changes["status"] = ""
            return {key: value or None for key, value in changes.items()}
        case ed.SetStatus():
            return {"status": None if edit.intent == "pending" else edit.intent}
        case ed.ChangeEdges():
            kept = [name for name in task.depends_on if name not in edit.removed]
            return {"depends_on": list(dict.fromkeys((*kept, *edit.added))) or None}


def _added(text: str, plan: Plan, edit: ed.AddTask) -> Edited:
    made = next_id(plan)
    task = replace(edit.task, id=made)
    new = add_task(text, task, _behind(plan, edit.after))
    return Edited(new, made, ed.describe(edit, made=made))


def _split(text: str, plan: Plan, edit: ed.Split) -> Edited:
    parts = split_task(plan, edit)
    before = existing(plan, edit.task)
    changes = {before.id: _difference(before, parts.first)}
    for name, waits in parts.waits.items():
        changes.setdefault(name, {})["depends_on"] = list(waits)
    text = add_task(edit_tasks(text, changes), parts.second, _behind(plan, before.id))
    return Edited(text, before.id, ed.describe(edit, made=parts.second.id))


def _merged(text: str, plan: Plan, edit: ed.Merge) -> Edited:
    merged = merge_tasks(plan, edit)
    changes = {edit.task: _difference(existing(plan, edit.task), merged)}
    for task in plan.tasks:
        if edit.other in task.depends_on and task.id not in (edit.task, edit.other):
            waits = [edit.task if name == edit.other else name for name in task.depends_on]
            changes[task.id] = {"depends_on": list(dict.fromkeys(waits))}
    return Edited(remove_task(edit_tasks(text, changes), edit.other), edit.task, ed.describe(edit))


def _removed(text: str, plan: Plan, edit: ed.RemoveTask) -> Edited:
    task = existing(plan, edit.task)
    graph = graph_of(plan)
    needing = [one.id for one in plan.tasks if task.id in one.depends_on and one.id != task.id]
    if needing:
        verb = "waits" if len(needing) == 1 else "wait"
        raise PlanError(
            f"{task.id} is needed: {ed.listed(needing)} {verb} for it",
            hint="take the edge away first, or merge the two",
        )
    order = [name for name in _shown_order(plan, graph.order) if name != task.id]
    near = min(_shown_order(plan, graph.order).index(task.id), len(order) - 1)
    return Edited(remove_task(text, task.id), order[near] if order else "", ed.describe(edit))


def _moved(text: str, plan: Plan, edit: ed.Move) -> str:
    """Ties in the graph's order are broken by the file's, so the block moves beyond its neighbour's."""
    task = existing(plan, edit.task)
    graph = graph_of(plan)
    order = _shown_order(plan, graph.order)
    where = order.index(task.id) + edit.step
    if not 0 <= where < len(order):
        raise PlanError(f"{task.id} is the {'first' if edit.step < 0 else 'last'} already")
    other = order[where]
    waiter, awaited = (task.id, other) if edit.step < 0 else (other, task.id)
    if awaited in graph.dependencies[waiter]:
        raise PlanError(
            f"{waiter} waits for {awaited}, so it comes after it", hint="take the edge away to move it"
        )
    return move_task(text, task.id, other if edit.step < 0 else _behind(plan, other, but=task.id))


def _shown_order(plan: Plan, order: tuple[str, ...]) -> list[str]:
    """As all faces show tasks: by the graph; those on a ring come last."""
    placed = set(order)
    return [*order, *(task.id for task in plan.tasks if task.id not in placed)]


def _behind(plan: Plan, task_id: str, *, but: str = "") -> str:
    """Id of the task that follows in the file; empty for none. *but* does not count."""
    ids = [task.id for task in plan.tasks if task.id != but]
    if task_id not in ids:
        return ""
    where = ids.index(task_id) + 1
    return ids[where] if where < len(ids) else ""


def _difference(old: Task, new: Task) -> dict[str, Any]:
    """Keys in which two tasks differ, as `edit_task` takes them."""
    changes: dict[str, Any] = {}
    for field in fields(Task):
        value = getattr(new, field.name)
        if field.name in _NOT_KEYS or value == getattr(old, field.name):
            continue
        plain = list(value) if isinstance(value, tuple) else value
        plain = dict(plain) if isinstance(plain, Mapping) else plain
        changes[_KEY_OF.get(field.name, field.name)] = plain or None
    return changes
