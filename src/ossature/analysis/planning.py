"""Propose a plan: spec by spec in dependency order, each knowing what is planned before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ossature.analysis.desk import Desk, Inquiry
from ossature.analysis.texts import architecture_text, inputs_of_text, read_briefs, spec_inputs, spec_text
from ossature.digest import digest_json
from ossature.domain import event as ev
from ossature.domain.finding import SpecAudit
from ossature.domain.plan import Plan, Task
from ossature.domain.spec import SpecTree
from ossature.errors import Diagnostic
from ossature.llm.prompt import join_parts
from ossature.spec.plan_check import check_plan


class _PlannedTask(BaseModel):
    """A task as a model writes it."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(min_length=1)
    title: str = Field(min_length=1)
    description: str = ""
    outputs: list[str] = Field(min_length=1)
    depends_on: list[str] = []
    spec_refs: list[str] = []
    arch_refs: list[str] = []
    verify: list[str] = []
    inject_files: list[str] = []
    cross_spec_interfaces: list[str] = []
    context_files: list[str] = []
    notes: str = ""

    @field_validator("verify", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class _PlannedTasks(BaseModel):
    tasks: list[_PlannedTask] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class SpecPlan:
    """The tasks of one spec, and what they were planned from."""

    spec: str
    inputs_digest: str
    tasks: tuple[Task, ...]


def planning_inputs(tree: SpecTree, spec_id: str, interfaces: Mapping[str, str]) -> dict[str, str]:
    """What a spec's plan hangs on: what a person wrote for it, and the interfaces it may use."""
    inputs = spec_inputs(tree, spec_id)
    for name in tree.upstream(spec_id):
        inputs |= inputs_of_text(f"interface {name}", interfaces.get(name, ""))
    return inputs


async def plan_spec(
    desk: Desk,
    tree: SpecTree,
    spec_id: str,
    *,
    planned: Sequence[Task],
    interfaces: Mapping[str, str],
    audits: Mapping[str, SpecAudit],
    first_id: int,
) -> SpecPlan:
    """Ask for the tasks of one spec. Ids count on from *first_id*. Raises ModelError, OssatureError."""
    inputs = planning_inputs(tree, spec_id, interfaces)
    upstream = {name: interfaces.get(name, "") for name in tree.upstream(spec_id)}
    findings = [finding for audit in audits.values() for finding in audit.findings if finding.spec == spec_id]
    settings = desk.project.settings
    values = {
        "project": settings.name,
        "language": settings.language,
        "framework": settings.framework,
        "brief": read_briefs(desk.project, spec_id),
        "spec_id": spec_id,
        "spec_text": spec_text(tree, spec_id),
        "architecture_text": architecture_text(tree, spec_id),
        "upstream_interfaces": join_parts([(f'interface spec="{n}"', t) for n, t in upstream.items() if t]),
        "planned": "\n".join(_listed(task) for task in planned),
        "findings": "\n".join(f"- {f.severity}: {f.place}: {f.issue} {f.suggestion}" for f in findings),
    }
    seen = {"planned": digest_json([[t.id, t.spec, t.title, list(t.outputs)] for t in planned])}
    seen["findings"] = digest_json([finding.issue for finding in findings])
    inquiry = Inquiry("plan", spec_id, "plan", values, inputs | seen)

    def wrong(answer: _PlannedTasks) -> str:
        return _problems(_numbered(answer, spec_id, planned, first_id), planned, tree, desk)

    answer = await desk.ask_json(inquiry, _PlannedTasks, check=wrong)
    tasks = _numbered(answer, spec_id, planned, first_id)
    desk.channel.emit(ev.SpecPlanned(spec=spec_id, tasks=len(tasks)))
    return SpecPlan(spec_id, digest_json(inputs), tasks)


def _listed(task: Task) -> str:
    return f"- {task.id} ({task.spec}) {task.title}: writes {', '.join(task.outputs)}"


def _numbered(
    answer: _PlannedTasks, spec_id: str, planned: Sequence[Task], first_id: int
) -> tuple[Task, ...]:
    """Local names become ids of the plan; a name that is neither local nor planned stays, to be reported."""
    ids = {item.id: f"{first_id + index:03d}" for index, item in enumerate(answer.tasks)}
    known = {task.id for task in planned}

    def resolved(name: str) -> str:
        return ids.get(name) or (name if name in known else f"?{name}")

    return tuple(
        Task(
            id=ids[item.id],
            spec=spec_id,
            title=item.title.strip(),
            description=item.description.strip(),
            outputs=tuple(item.outputs),
            depends_on=tuple(dict.fromkeys(resolved(name) for name in item.depends_on)),
            spec_refs=tuple(item.spec_refs),
            arch_refs=tuple(item.arch_refs),
            verify=tuple(command for command in item.verify if command.strip()),
            inject_files=tuple(item.inject_files),
            cross_spec_interfaces=tuple(name for name in item.cross_spec_interfaces if name != spec_id),
            context_files=tuple(item.context_files),
            notes=item.notes.strip(),
        )
        for item in answer.tasks
    )


def _problems(tasks: Sequence[Task], planned: Sequence[Task], tree: SpecTree, desk: Desk) -> str:
    """Why these tasks cannot be part of the plan, one line each; empty when they can."""

    def errors(tasks: Sequence[Task]) -> list[Diagnostic]:
        found = check_plan(
            Plan(tasks=tuple(tasks)),
            tree,
            output_exists=lambda path: (desk.project.output_root / path).is_file(),
            context_exists=lambda path: (desk.project.context_root / path).is_file(),
            reserved=desk.project.reserved,
        )
        return [item for item in found if item.severity == "error"]

    # What is wrong with the tasks of other specs is a person's doing, and no model can mend it here.
    before = {item.message for item in errors(planned)}
    own = [item for item in errors([*planned, *tasks]) if item.message not in before]
    twice = len({task.id for task in tasks}) != len(tasks)
    lines = ["two tasks have the same id"] if twice else []
    for item in own[:20]:
        hint = f" ({item.hint})" if item.hint else ""
        lines.append(f"{item.message}{hint}")
    return "\n".join(lines)


def with_intents(tasks: Sequence[Task], earlier: Sequence[Task]) -> tuple[Task, ...]:
    """Notes and intents that a person gave to tasks with the same outputs stay."""
    by_outputs = {task.outputs: task for task in earlier}
    kept: list[Task] = []
    for task in tasks:
        old = by_outputs.get(task.outputs, task)
        intent = old.intent if task.intent == "pending" else task.intent
        kept.append(replace(task, intent=intent, notes=task.notes or old.notes))
    return tuple(kept)
