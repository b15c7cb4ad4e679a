"""What a build would do and why, without a run and without a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ossature.analysis.texts import read_briefs
from ossature.build.material import Material, material_of
from ossature.build.prompting import Page, implement_prompt, previous_files, previous_text
from ossature.build.staleness import Judgement, Standing, heads, judge
from ossature.domain.plan import Graph, Plan, Task
from ossature.domain.spec import SpecTree
from ossature.engine.sources import Loaded, is_set_up, load, load_tree
from ossature.engine.whole import is_verified
from ossature.errors import Diagnostic, DiskError, PlanError
from ossature.llm.prompt import USER_LINE
from ossature.project import Project
from ossature.store.blobs import Blobs
from ossature.store.safe_root import SafeRoot
from ossature.store.tasklog import list_attempts

if TYPE_CHECKING:
    from ossature.domain.finding import SpecAudit

RUNS: frozenset[str] = frozenset({"pending", "stale", "verify", "restore"})
"""Standings of tasks that a build would touch."""


@dataclass(frozen=True, slots=True)
class Change:
    """A leaf that differs from what landed last, with its texts where they are known."""

    leaf: str
    old: str
    new: str
    old_text: str | None = None
    new_text: str | None = None


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task and where it stands."""

    task: Task
    lineage: str
    status: Standing
    reason: str
    changes: tuple[Change, ...] = ()
    edited: tuple[str, ...] = ()
    is_flaky: bool = False
    """It is done, by a verify that was red before, with nothing changed in between."""


@dataclass(frozen=True)
class ProjectView:
    """A project as it is on disk now."""

    project: Project
    tree: SpecTree
    plan: Plan | None
    graph: Graph | None
    tasks: tuple[TaskView, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    """Of the config and of the plan; the specs' are in `tree`."""
    loaded: Loaded | None = field(default=None, repr=False)

    @cached_property
    def audits(self) -> Mapping[str, SpecAudit]:
        """Stored audits by spec id, '' across specs."""
        # pydantic takes longer to import than a no-op build takes; most commands never look at findings.
        from ossature.store.findings import read_audits

        return read_audits(self.project.audit_dir)

    def find(self, task_id: str) -> TaskView | None:
        task = self.plan.find(task_id) if self.plan else None
        return next((view for view in self.tasks if task and view.task.id == task.id), None)

    @cached_property
    def will_run(self) -> tuple[str, ...]:
        """Ids that a build runs in any case, in order. What waits for a skipped task is not among them."""
        blocked = self.blocked
        return tuple(v.task.id for v in self.tasks if v.status in RUNS and v.task.id not in blocked)

    @cached_property
    def may_run(self) -> Mapping[str, str]:
        """Id -> reason, for tasks that run only if something before them comes out differently."""
        if self.graph is None:
            return {}
        starts = [name for name in self.will_run if self._status[name] != "restore"]
        found: dict[str, str] = {}
        if self.loaded is not None and not is_set_up(self.loaded):
            # It runs before all of them, and each sees what it makes.
            found = {name: "if what [build] setup makes changes" for name in self._done}
        for start in starts:
            for name in self.graph.descendants(start):
                if self._status.get(name) == "done" and name not in found:
                    found[name] = f"if {start}'s output changes"
        return {name: found[name] for name in self.graph.order if name in found}

    @property
    def _done(self) -> list[str]:
        return [view.task.id for view in self.tasks if view.status == "done"]

    @cached_property
    def blocked(self) -> Mapping[str, str]:
        """Id -> the skipped or unwritten task that keeps it from running."""
        if self.graph is None:
            return {}
        found: dict[str, str] = {}
        for view in self.tasks:
            unmet = view.status == "skipped" or (view.status == "manual" and "not there" in view.reason)
            if unmet:
                found |= {name: view.task.id for name in self.graph.descendants(view.task.id)}
        return found

    @cached_property
    def is_verified(self) -> bool:
        """The project's setup has run, and its verify was green on what has landed, where it has them."""
        return self.loaded is None or (is_set_up(self.loaded) and is_verified(self.loaded))

    @cached_property
    def _status(self) -> Mapping[str, Standing]:
        return {view.task.id: view.status for view in self.tasks}


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt on a task, of any run."""

    folder: Path
    run: str
    number: int
    kind: str
    verdict: str
    model: str
    meta: Mapping[str, Any]


def look(project: Project) -> ProjectView:
    """Read everything and judge every task. A missing or broken plan is a diagnostic, not an error."""
    tree = load_tree(project)
    try:
        loaded = load(project, tree=tree)
    except PlanError as error:
        if not project.plan_path.exists():
            return ProjectView(project, tree, None, None, diagnostics=project.diagnostics)
        place = error.place
        broken = (Diagnostic("plan-unreadable", "error", place, error.message, error.hint),) if place else ()
        return ProjectView(project, tree, None, None, diagnostics=(*project.diagnostics, *broken))
    blobs = Blobs(project.blobs_dir)
    shown = heads(loaded.sources.writers, loaded.sources.landings)
    views = [_view(loaded, task_id, shown, blobs) for task_id in _all_in_order(loaded)]
    return ProjectView(
        project,
        tree,
        loaded.plan,
        loaded.graph,
        tasks=tuple(views),
        diagnostics=(*project.diagnostics, *loaded.diagnostics),
        loaded=loaded,
    )


def attempts_of(project: Project, lineage: str) -> list[AttemptView]:
    """All attempts of a lineage, oldest first."""
    found: list[AttemptView] = []
    for log in list_attempts(project.tasks_dir, lineage):
        meta = log.read_meta() or {}
        name = log.name
        found.append(
            AttemptView(
                folder=log.folder,
                run=name.run if name else "",
                number=name.number if name else 0,
                kind=name.kind if name else "",
                verdict=str(meta.get("verdict") or ""),
                model=str(meta.get("model") or ""),
                meta=meta,
            )
        )
    return found


def _all_in_order(loaded: Loaded) -> list[str]:
    """Dependency order; what lies on a cycle comes last, in file order."""
    placed = set(loaded.graph.order)
    return [*loaded.graph.order, *(task.id for task in loaded.plan.tasks if task.id not in placed)]


def _view(loaded: Loaded, task_id: str, shown: Mapping[str, str], blobs: Blobs) -> TaskView:
    task = loaded.sources.tasks[task_id]
    if loaded.graph.cycle and task_id not in loaded.graph.order:
        return TaskView(task, loaded.lineages[task_id], "pending", "waits for itself")
    material = material_of(task, loaded.sources)
    landing = loaded.sources.landings.get(task_id)
    judgement = judge(task, material, landing, on_disk=loaded.on_disk, heads=shown)
    if landing is None and task.was_done and judgement.standing == "pending" and _all_there(task, loaded):
        judgement = Judgement("done", "the plan says done, and its files are there")
    old_texts = _texts(blobs, landing.texts) if landing and judgement.changes else {}
    return TaskView(
        task,
        loaded.lineages[task_id],
        judgement.standing,
        judgement.reason,
        changes=tuple(
            Change(c.leaf, c.old, c.new, old_texts.get(c.leaf), _new_text(material, c.leaf))
            for c in judgement.changes
        ),
        edited=judgement.edited,
        is_flaky=judgement.standing == "done" and landing is not None and landing.is_flaky,
    )


def _all_there(task: Task, loaded: Loaded) -> bool:
    return all(loaded.on_disk(path) is not None for path in task.outputs)


def _texts(blobs: Blobs, digest: str) -> dict[str, str]:
    try:
        texts: dict[str, str] = json.loads(blobs.get(digest)) if digest else {}
    except (DiskError, ValueError):
        return {}
    return texts


def _new_text(material: Material, leaf: str) -> str | None:
    if leaf == "verify commands":
        return "\n".join(material.commands)
    return next((part.text for part in material.parts if part.leaf == leaf), None)


def prompt_preview(view: ProjectView, task_id: str) -> str:
    """The prompt that a build would send for *task_id* now. Raises PlanError."""
    task = view.plan.find(task_id) if view.plan else None
    if task is None or view.loaded is None:
        raise PlanError(f"there is no task {task_id} in the plan", hint="see `ossature plan`")
    blobs = Blobs(view.project.blobs_dir)
    sources = view.loaded.sources
    material = material_of(task, sources)
    landing = sources.landings.get(task.id)
    previous = ""
    if landing is not None:
        old_texts = _texts(blobs, landing.texts)
        previous = previous_text(previous_files(landing, task, blobs), old_texts, material)
    prompt = implement_prompt(task, material, page_of(view.project, blobs), previous=previous)
    return f"{prompt.system}\n\n{USER_LINE}\n\n{prompt.prompt}"


def page_of(project: Project, blobs: Blobs) -> Page:
    """Where prompts of *project* get their texts."""
    output = SafeRoot(project.output_root)
    context = SafeRoot(project.context_root)

    def read_file(path: str, digest: str) -> bytes:
        return blobs.get(digest) if blobs.has(digest) else output.read(path)

    return Page(
        project=project.settings.name,
        brief_of=lambda spec: read_briefs(project, spec),
        prompts_dir=project.prompts_dir if project.prompts_dir.is_dir() else None,
        read_file=read_file,
        read_context=context.read,
        max_inline_lines=project.settings.max_inline_lines,
    )
