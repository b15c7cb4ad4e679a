"""Keep the plan in step with the specs: plan what is new or changed, leave the rest as a person has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from ossature.analysis.desk import Desk
from ossature.analysis.interface import write_interface
from ossature.analysis.planning import SpecPlan, plan_spec, planning_inputs, with_intents
from ossature.analysis.provenance import (
    Provenance,
    is_edited,
    read_provenance,
    write_proposal,
    write_provenance,
)
from ossature.digest import digest_bytes, digest_json
from ossature.domain import event as ev
from ossature.domain.decision import Abort, Approve, Question, Skip
from ossature.domain.finding import SpecAudit
from ossature.domain.plan import Plan, Task, next_number
from ossature.domain.spec import SpecTree
from ossature.errors import OssatureError, PlanError
from ossature.project import Project
from ossature.store.disk import read_existing, write_atomic
from ossature.store.plan_lock import awaited_plan_lock
from ossature.store.plan_reading import parse_plan, read_plan
from ossature.store.planfile import render_plan, splice_plan

Written = Literal["unchanged", "written", "kept", "proposed"]
"""kept: a person was asked and keeps the plan as it is, for these specs."""


async def update_plan(
    desk: Desk, tree: SpecTree, audits: Mapping[str, SpecAudit], *, replans: bool
) -> Written:
    """Plan every spec whose inputs changed (all with *replans*) and write the plan.

    Over a plan that a person edited, the `plan` gate is asked; where it says no, the proposal is written
    beside it. Raises ModelError, OssatureError, PlanError.
    """
    project = desk.project
    provenance = read_provenance(project)
    earlier = _earlier(project, replans=replans)
    tasks: list[Task] = []
    fresh: list[SpecPlan] = []
    interfaces: dict[str, str] = {}
    for spec_id in tree.specs:
        if any(spec_id in other.depends for other in tree.specs.values()):
            interfaces[spec_id] = await write_interface(desk, tree, spec_id, {})
        kept = [task for task in earlier.tasks if task.spec == spec_id] if earlier else []
        inputs = digest_json(planning_inputs(tree, spec_id, interfaces))
        is_whole = not _waits_for_lost(kept, earlier, [*tasks, *kept])
        if kept and is_whole and not replans and _is_known(provenance, spec_id, inputs):
            tasks += kept
            continue
        made = await plan_spec(
            desk,
            tree,
            spec_id,
            planned=tasks,
            interfaces=interfaces,
            audits=audits,
            first_id=next_number([*(earlier.tasks if earlier else ()), *tasks]),
        )
        if earlier:
            made = _with_ids(made, kept)
        fresh.append(made)
        tasks += made.tasks
    if not fresh and earlier and {task.spec for task in earlier.tasks} <= set(tree.specs):
        return "unchanged"
    return await _write(desk, tree, earlier, tasks, fresh, provenance)


def _earlier(project: Project, *, replans: bool) -> Plan | None:
    """The plan on disk; raises PlanError for one that cannot be read, unless all is planned anew."""
    if not project.plan_path.exists():
        return None
    plan = read_plan(project.plan_path, name=".ossature/plan.toml")
    if plan.tasks or not plan.has_errors:
        return plan
    if replans:
        return None
    first = next(item for item in plan.diagnostics if item.severity == "error")
    raise PlanError(first.message, place=first.place, hint=first.hint)


def _waits_for_lost(kept: list[Task], earlier: Plan | None, there: list[Task]) -> bool:
    """A kept task depends on one that is no longer planned, now that specs before it were planned anew."""
    specs = {task.spec for task in there}
    before = {task.id for task in earlier.tasks if task.spec in specs} if earlier else set()
    lost = before - {task.id for task in there}
    return any(lost.intersection(task.depends_on) for task in kept)


async def _write(
    desk: Desk,
    tree: SpecTree,
    earlier: Plan | None,
    tasks: list[Task],
    fresh: list[SpecPlan],
    provenance: Provenance,
) -> Written:
    project, names = desk.project, [plan.spec for plan in fresh]
    seen = _content(project)
    is_readable = _is_utf8(seen)
    base = seen if earlier and is_readable else None
    text = _plan_text(base, tasks, names, tree, desk.now())
    specs = {**(provenance.specs or {}), **{plan.spec: plan.inputs_digest for plan in fresh}}
    specs = {spec: digest for spec, digest in specs.items() if spec in tree.specs}
    if base is not None and _tasks_of(text) == _tasks_of(base):
        # Planned anew and come out the same: a person has nothing to decide.
        write_provenance(project, Provenance(provenance.plan_digest, specs))
        desk.keep("plan")
        return "unchanged"
    written: Written = "written"
    if earlier and not is_readable:
        # Saved that way while the specs were planned: nothing can be spliced into it.
        written = "proposed"
    elif is_edited(project):
        written = await _ask(desk, fresh)
    if written == "written":
        async with awaited_plan_lock(project.state_dir):
            found = _content(project)
            if found != seen:
                # Edited while the question was open: that counts, too.
                newer = _over_edits(found if earlier else None, tasks, names, tree, desk.now())
                text, written = (newer, "written") if newer else (text, "proposed")
            if written == "written":
                write_atomic(project.plan_path, text.encode())
    if written == "kept":
        write_provenance(project, Provenance(provenance.plan_digest, specs))
        desk.keep("plan")
        return written
    path = project.plan_path
    if written == "proposed":
        path = project.proposed_plan_path
        write_atomic(path, text.encode())
    note = write_provenance if written == "written" else write_proposal
    note(project, Provenance(digest_bytes(text.encode()), specs))
    name = project.relative(path)
    desk.channel.emit(ev.PlanWritten(path=name, tasks=len(tasks), is_proposal=written == "proposed"))
    if written != "proposed":
        desk.keep("plan")
    return written


def _content(project: Project) -> str | None:
    """The plan on disk as text; None where there is none. Raises DiskError."""
    content = read_existing(project.plan_path)
    return None if content is None else content.decode("utf-8", "surrogateescape")


def _is_utf8(text: str | None) -> bool:
    """Of a text as `_content` reads it."""
    return text is None or text.encode("utf-8", "ignore") == text.encode("utf-8", "surrogateescape")


def _tasks_of(text: str) -> list[Task]:
    return [replace(task, line=0) for task in parse_plan(text, name="plan").tasks]


async def _ask(desk: Desk, fresh: list[SpecPlan]) -> Written:
    """Whether the proposal replaces what a person edited. Raises OssatureError where the run is to end."""
    names = ", ".join(plan.spec for plan in fresh) or "specs that are gone"
    answer = await desk.channel.ask(
        Question(
            id=f"plan-{desk.run[-4:]}",
            gate="plan",
            subject=f"the plan holds your edits; replace the tasks of {names} by the new proposal?",
            detail="what you wrote for other specs, notes, skips and manual marks stay either way",
            verbs=("approve", "skip", "abort"),
            files=(desk.project.relative(desk.project.plan_path),),
        )
    )
    match answer:
        case Approve():
            return "written"
        case Skip() if not answer.by.startswith("policy:"):
            return "kept"
        case Abort():
            raise OssatureError("ended at the question about the plan", hint="`ossature audit` asks again")
        case _:
            return "proposed"


def _plan_text(base: str | None, tasks: list[Task], fresh: list[str], tree: SpecTree, at: str) -> str:
    """The plan *base* with new tasks for the *fresh* specs, and all others as *base* has them now."""
    if base is None:
        return render_plan(tasks, list(tree.specs), generated_at=at)
    there = parse_plan(base, name="plan").tasks
    wanted = [
        task for spec in tree.specs for task in (tasks if spec in fresh else there) if task.spec == spec
    ]
    if len({task.id for task in wanted}) < len(wanted):
        raise PlanError("a new task has an id that was given in the plan meanwhile", hint="audit again")
    return splice_plan(
        base,
        wanted,
        replaced_specs={*fresh, *({task.spec for task in there} - set(tree.specs))},
        specs=list(tree.specs),
        generated_at=at,
    )


def _over_edits(base: str | None, tasks: list[Task], fresh: list[str], tree: SpecTree, at: str) -> str | None:
    """Like `_plan_text`; None where what a person wrote stands in the way."""
    if base is None or not _is_utf8(base):
        return None
    try:
        return _plan_text(base, tasks, fresh, tree, at)
    except PlanError:
        return None


def _is_known(provenance: Provenance, spec_id: str, inputs: str) -> bool:
    """The spec's tasks belong to these inputs; tasks that a person wrote without us count as such."""
    if provenance.specs is None:
        return True
    return provenance.specs.get(spec_id) == inputs


def _with_ids(made: SpecPlan, kept: list[Task]) -> SpecPlan:
    """New tasks that write what an old one wrote take over its id, notes and intent."""
    old = {task.outputs: task.id for task in kept}
    ids = {task.id: old.pop(task.outputs, task.id) for task in made.tasks}
    tasks = [
        replace(
            task,
            id=ids[task.id],
            depends_on=tuple(ids.get(name, name) for name in task.depends_on),
        )
        for task in made.tasks
    ]
    return SpecPlan(made.spec, made.inputs_digest, with_intents(tasks, kept))
