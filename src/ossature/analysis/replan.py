"""Keep the plan in step with the specs: plan what is new or changed, leave the rest as a person has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ossature.analysis.desk import Desk
from ossature.analysis.interface import write_interface
from ossature.analysis.planning import SpecPlan, plan_spec, planning_inputs, with_intents
from ossature.digest import digest_bytes, digest_json
from ossature.domain import event as ev
from ossature.domain.decision import Approve, Question
from ossature.domain.finding import SpecAudit
from ossature.domain.plan import Plan, Task
from ossature.domain.spec import SpecTree
from ossature.errors import PlanError
from ossature.project import Project
from ossature.store.disk import write_atomic
from ossature.store.plan_reading import read_plan
from ossature.store.planfile import add_task, edit_task, remove_task, render_plan

Written = Literal["unchanged", "written", "proposed"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the plan on disk was made from."""

    plan_digest: str = ""
    """Of the file as we wrote it last; another digest on disk means that a person edited it."""
    specs: Mapping[str, str] | None = None
    """Spec id -> digest of what its tasks were planned from."""


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
            first_id=_next_id(earlier, tasks),
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


def read_provenance(project: Project) -> Provenance:
    """What is known about the plan on disk; nothing, where the note is missing or damaged."""
    try:
        note = json.loads((project.audit_dir / "planned.json").read_bytes())
        return Provenance(str(note["plan_digest"]), {str(k): str(v) for k, v in note["specs"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Provenance()


def is_edited(project: Project) -> bool:
    """A person changed the plan since we wrote it (or wrote it in the first place)."""
    if not project.plan_path.exists():
        return False
    return digest_bytes(project.plan_path.read_bytes()) != read_provenance(project).plan_digest


async def _write(
    desk: Desk,
    tree: SpecTree,
    earlier: Plan | None,
    tasks: list[Task],
    fresh: list[SpecPlan],
    provenance: Provenance,
) -> Written:
    project = desk.project
    text = _plan_text(project, earlier, tasks, [plan.spec for plan in fresh], tree, desk.now())
    may_replace = True
    if is_edited(project):
        names = ", ".join(plan.spec for plan in fresh) or "specs that are gone"
        answer = await desk.channel.ask(
            Question(
                id=f"plan-{desk.run[-4:]}",
                gate="plan",
                subject=f"the plan holds your edits; replace the tasks of {names} by the new proposal?",
                detail="what you wrote for other specs, notes, skips and manual marks stay either way",
                verbs=("approve", "skip", "abort"),
                files=(project.relative(project.plan_path),),
            )
        )
        may_replace = isinstance(answer, Approve)
    path = project.plan_path if may_replace else project.proposed_plan_path
    write_atomic(path, text.encode())
    desk.channel.emit(
        ev.PlanWritten(path=project.relative(path), tasks=len(tasks), is_proposal=not may_replace)
    )
    if not may_replace:
        return "proposed"
    specs = {**(provenance.specs or {}), **{plan.spec: plan.inputs_digest for plan in fresh}}
    note = {
        "plan_digest": digest_bytes(text.encode()),
        "specs": {spec: digest for spec, digest in specs.items() if spec in tree.specs},
    }
    write_atomic(project.audit_dir / "planned.json", (json.dumps(note, indent=1) + "\n").encode())
    desk.keep("plan")
    return "written"


def _plan_text(
    project: Project, earlier: Plan | None, tasks: list[Task], fresh: list[str], tree: SpecTree, at: str
) -> str:
    if earlier is None:
        return render_plan(tasks, list(tree.specs), generated_at=at)
    text = project.plan_path.read_bytes().decode("utf-8")
    return _spliced(
        text, earlier, tasks, {*fresh, *({task.spec for task in earlier.tasks} - set(tree.specs))}
    )


def _spliced(text: str, earlier: Plan, tasks: list[Task], replaced: set[str]) -> str:
    """*text* with the tasks of the replaced specs exchanged; every other block stays byte for byte."""
    wanted = {task.id: task for task in tasks if task.spec in replaced}
    known = {task.id for task in earlier.tasks}
    for task in earlier.tasks:
        if task.spec in replaced and task.id not in wanted:
            text = remove_task(text, task.id)
    for task in wanted.values():
        text = edit_task(text, task.id, _fields(task)) if task.id in known else add_task(text, task)
    return text


def _fields(task: Task) -> dict[str, Any]:
    """What a plan says of a task, as the file spells it; None takes a key out."""
    lists = {
        "inject_files": task.inject_files,
        "cross_spec_interfaces": task.cross_spec_interfaces,
        "context_files": task.context_files,
    }
    return {
        "spec": task.spec,
        "title": task.title,
        "description": task.description,
        "outputs": list(task.outputs),
        "depends_on": list(task.depends_on),
        "spec_refs": list(task.spec_refs),
        "arch_refs": list(task.arch_refs),
        "verify": list(task.verify),
        **{key: list(value) or None for key, value in lists.items()},
        "notes": task.notes or None,
    }


def _is_known(provenance: Provenance, spec_id: str, inputs: str) -> bool:
    """The spec's tasks belong to these inputs; tasks that a person wrote without us count as such."""
    if provenance.specs is None:
        return True
    return provenance.specs.get(spec_id) == inputs


def _next_id(earlier: Plan | None, tasks: list[Task]) -> int:
    used = [int(task.id) for task in (*(earlier.tasks if earlier else ()), *tasks) if task.id.isdigit()]
    return max(used, default=0) + 1


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
