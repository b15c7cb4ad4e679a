"""What two tasks are that one is split into, and what one task is that two are merged into; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ossature.domain.plan import Graph, Plan, Task, graph_of, next_number
from ossature.engine.plan_edits import Merge, SharedKey, Side, Split
from ossature.errors import PlanError
from ossature.spec.plan_check import named_in

OWNED: tuple[SharedKey, ...] = ("outputs", "byproducts")
SHARED: tuple[SharedKey, ...] = ("spec_refs", "arch_refs", "verify", "inject_files", "context_files")


class Parts(NamedTuple):
    """The two tasks, and whose dependents wait for what from now on."""

    first: Task
    second: Task
    waits: dict[str, tuple[str, ...]]
    """Id of a task that waited for the whole -> its `depends_on`, anew."""


def split_task(plan: Plan, edit: Split) -> Parts:
    """Raises PlanError for a task that cannot be split, or not in this way."""
    task = existing(plan, edit.task)
    if task.source:
        raise PlanError(
            f"{task.id} is a copy task: its sources and outputs go in pairs", hint="edit its block instead"
        )
    if task.kind == "verify":
        raise PlanError(f"{task.id} runs written cases: it cannot be split", hint="edit its block instead")
    if edit.title.strip() == edit.second_title.strip():
        raise PlanError("both parts have the same title", hint="give each its own")
    sides = {(share.key, share.item): share.side for share in edit.shares}
    taken: dict[str, Any] = {key: _of_side(task, key, sides, "first") for key in (*OWNED, *SHARED)}
    given: dict[str, Any] = {key: _of_side(task, key, sides, "second") for key in (*OWNED, *SHARED)}
    for name, outputs in (("first", taken["outputs"]), ("second", given["outputs"])):
        if not outputs:
            raise PlanError(f"the {name} part writes no file", hint="give it an output")
    new_id = next_id(plan)
    first = replace(task, title=edit.title.strip(), **taken)
    shown = [path for path in taken["outputs"] if path not in given["outputs"]]
    given["inject_files"] = _united(given["inject_files"], shown)
    second = replace(
        task,
        id=new_id,
        title=edit.second_title.strip(),
        depends_on=_united(task.depends_on, [task.id]),
        inject={},
        was_done=False,
        **given,
    )
    return Parts(first, second, _waits(plan, first, second))


def _of_side(
    task: Task, key: SharedKey, sides: dict[tuple[SharedKey, str], Side], side: Side
) -> tuple[str, ...]:
    otherwise: Side = "first" if key in OWNED else "both"
    items: tuple[str, ...] = getattr(task, key)
    return tuple(item for item in items if sides.get((key, item), otherwise) in (side, "both"))


def _waits(plan: Plan, first: Task, second: Task) -> dict[str, tuple[str, ...]]:
    """Who waited for the whole waits for the part that writes what it names; for both if it names none."""
    found: dict[str, tuple[str, ...]] = {}
    for task in plan.tasks:
        if first.id not in task.depends_on:
            continue
        needed = needed_of(task, {*first.written, *second.written})
        # What both write comes from the second, which waits for the first.
        is_second = bool(needed.intersection(second.written))
        is_first = bool(needed.difference(second.written)) or not needed
        wanted = [first.id] * is_first + [second.id] * (is_second or not needed)
        found[task.id] = tuple(
            dict.fromkeys(name for old in task.depends_on for name in (wanted if old == first.id else [old]))
        )
    return found


def needed_of(task: Task, paths: Iterable[str]) -> set[str]:
    """Those of *paths* that the task names: shows, writes too, or has in its verify."""
    known = set(paths)
    named = {path for command in task.verify for path in named_in(command, known)}
    return known.intersection((*task.inject_files, *task.written)) | named


def merge_tasks(plan: Plan, edit: Merge) -> Task:
    """The one task. Raises PlanError for two that cannot be one."""
    one, two = existing(plan, edit.task), existing(plan, edit.other)
    _refuse_merge(graph_of(plan), one, two)
    own = {*one.outputs, *two.outputs}
    pair = (one.id, two.id)
    return replace(
        one,
        title=edit.title.strip(),
        outputs=_united(one.outputs, two.outputs),
        description=_joined(one.description, two.description),
        notes=_joined(one.notes, two.notes),
        depends_on=tuple(n for n in _united(one.depends_on, two.depends_on) if n not in pair),
        spec_refs=_united(one.spec_refs, two.spec_refs),
        arch_refs=_united(one.arch_refs, two.arch_refs),
        verify=_united([c.strip() for c in one.verify], [c.strip() for c in two.verify]),
        inject_files=tuple(p for p in _united(one.inject_files, two.inject_files) if p not in own),
        cross_spec_interfaces=_united(one.cross_spec_interfaces, two.cross_spec_interfaces),
        context_files=_united(one.context_files, two.context_files),
        covers=_united(one.covers, two.covers),
        byproducts=_united(one.byproducts, two.byproducts),
        timeout_s=max(one.timeout_s, two.timeout_s),
        verify_attempts=max(one.verify_attempts, two.verify_attempts),
        context_budget_tokens=max(one.context_budget_tokens, two.context_budget_tokens),
        model=one.model or two.model,
        inject={**two.inject, **one.inject},
    )


def merge_refusals(plan: Plan, task_id: str) -> dict[str, str]:
    """Id of a task that cannot be merged with *task_id* -> the reason. Raises PlanError."""
    one, graph = existing(plan, task_id), graph_of(plan)
    found: dict[str, str] = {}
    for two in plan.tasks:
        try:
            _refuse_merge(graph, one, two)
        except PlanError as error:
            found[two.id] = error.message
    return found


def _refuse_merge(graph: Graph, one: Task, two: Task) -> None:
    if one.id == two.id:
        raise PlanError(f"{one.id} cannot be merged with itself")
    if one.spec != two.spec:
        raise PlanError(f"{one.id} belongs to {one.spec} and {two.id} to {two.spec}: a task has one spec")
    if one.source or two.source:
        raise PlanError(f"{one.id} and {two.id} cannot be one task: copy tasks stay by themselves")
    if one.kind != two.kind:
        running = one if one.kind == "verify" else two
        raise PlanError(f"{one.id} and {two.id} cannot be one task: {running.id} runs written cases")
    if one.intent != two.intent:
        raise PlanError(
            f"{one.id} is {one.intent} and {two.id} is {two.intent}", hint="let both be the same first"
        )
    ring = _between(graph, one.id, two.id)
    if ring:
        raise PlanError(
            f"{one.id} and {two.id} cannot be one task: {' waits for '.join(ring)}",
            hint=f"merge {ring[1]} with one of them first, or take an edge away",
        )


def _between(graph: Graph, one: str, two: str) -> tuple[str, ...]:
    """A way of waiting from one task to the other over a third; empty where there is none."""
    for start, end in ((one, two), (two, one)):
        for name in graph.dependencies[start]:
            if name != end and (way := way_up(graph.dependencies, name, end)):
                return (start, *way)
    return ()


def way_up(dependencies: Mapping[str, tuple[str, ...]], start: str, end: str) -> tuple[str, ...]:
    """The shortest way of waiting from *start* to *end*, both named; empty where there is none."""
    came_from = {start: ""}
    waiting = deque([start])
    while waiting:
        name = waiting.popleft()
        if name == end:
            way = [name]
            while came_from[way[-1]]:
                way.append(came_from[way[-1]])
            return tuple(reversed(way))
        for above in dependencies.get(name, ()):
            if above not in came_from:
                came_from[above] = name
                waiting.append(above)
    return ()


def existing(plan: Plan, task_id: str) -> Task:
    """Raises PlanError where the plan has no such task."""
    task = plan.by_id().get(task_id)
    if task is None:
        raise PlanError(f"the plan has no task {task_id} any more", hint="R reads it again")
    return task


def next_id(plan: Plan) -> str:
    """Ids count on; one that was in use and is free again is not given twice while a greater one is there."""
    return f"{next_number(plan.tasks):03d}"


def _united(one: Sequence[str], two: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *two)))


def _joined(one: str, two: str) -> str:
    return "\n\n".join(dict.fromkeys(text.strip() for text in (one, two) if text.strip()))
