"""What a build would do and why, without a run and without a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ossature.analysis.texts import read_briefs
from ossature.build.evidence import refreshed, texts_of, uncounted_changes
from ossature.build.handedits import HandEdit
from ossature.build.material import NEVER, material_of
from ossature.build.prompting import Page, implement_prompt, previous_files, previous_text
from ossature.build.staleness import Judgement, Standing, heads, judge
from ossature.domain.plan import Graph, Plan, Task
from ossature.domain.spec import SpecTree
from ossature.engine.difference import Change, Past
from ossature.engine.forecast import Forecast, foretell
from ossature.engine.handedits import hand_edits
from ossature.engine.interfaces import outdated_interfaces
from ossature.engine.sources import Loaded, is_set_up, load, load_tree
from ossature.engine.whole import is_verified
from ossature.errors import Diagnostic, PlanError
from ossature.llm.prompt import USER_LINE
from ossature.project import Project
from ossature.spec.coverage import Coverage, coverage_of
from ossature.store.blobs import Blobs
from ossature.store.ledger import Aside, Landing
from ossature.store.safe_root import SafeRoot
from ossature.store.tasklog import list_attempts

if TYPE_CHECKING:
    from ossature.analysis.rulings import Bench
    from ossature.domain.ruling import Judged
    from ossature.store.findings import Audits
    from ossature.store.rulings import Rulings


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
    landing: Landing | None = None
    """What landed last; None where nothing has."""
    by_hand: tuple[HandEdit, ...] = ()
    """What people did to its outputs since they landed: `edited` ones, deleted ones, renamed ones."""

    @property
    def is_verified(self) -> bool:
        """False where it landed although its verify was red, because a person said so."""
        return self.landing is None or self.landing.is_verified

    @property
    def notes(self) -> tuple[str, ...]:
        """What people did to the task, a sentence each."""
        unverified = () if self.is_verified else ("landed unverified",)
        return (*(edit.sentence for edit in self.by_hand), *unverified)


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
    def audits(self) -> Audits:
        """Stored audits by spec id, '' across specs."""
        # pydantic takes longer to import than a no-op build takes; most commands never look at findings.
        from ossature.store.findings import read_audits

        return read_audits(self.project.audit_dir)

    @property
    def unusable(self) -> tuple[Diagnostic, ...]:
        """What is wrong with the stored audits and rulings."""
        return (*self.audits.warnings, *self.rulings.warnings)

    @cached_property
    def rulings(self) -> Rulings:
        """What people decided about findings, by the finding's key."""
        # As for the audits.
        from ossature.store.rulings import read_rulings

        return read_rulings(self.project.rulings_path)

    @cached_property
    def bench(self) -> Bench:
        """Judges findings by the specs and rulings of this look."""
        # As for the audits.
        from ossature.analysis.rulings import Bench

        return Bench(self.tree, self.rulings, refs=self.loaded.sources.refs if self.loaded else None)

    @cached_property
    def findings(self) -> tuple[Judged, ...]:
        """All that the audits found, and what was decided about it."""
        return tuple(self.bench.judge_all({name: audit.findings for name, audit in self.audits.items()}))

    def find(self, task_id: str) -> TaskView | None:
        task = self.plan.find(task_id) if self.plan else None
        return self.by_id.get(task.id) if task else None

    @cached_property
    def by_id(self) -> Mapping[str, TaskView]:
        return {view.task.id: view for view in self.tasks}

    @cached_property
    def forecast(self) -> Forecast:
        """What a build of everything would run."""
        return foretell(self)

    @property
    def will_run(self) -> tuple[str, ...]:
        """Ids that a build runs in any case, in order. What waits for a skipped task is not among them."""
        return tuple(self.forecast.will_run)

    @property
    def may_run(self) -> Mapping[str, str]:
        """Id -> reason, for tasks that run only if something before them comes out differently."""
        return {name: foreseen.reason for name, foreseen in self.forecast.may_run.items()}

    @cached_property
    def coverage(self) -> Coverage:
        """Which tasks use which parts of the specs."""
        if self.loaded is None:
            return Coverage()
        return coverage_of(self.loaded.plan, self.tree, refs=self.loaded.sources.refs)

    @property
    def blobs(self) -> Blobs:
        return Blobs(self.project.blobs_dir)

    @cached_property
    def page(self) -> Page:
        """Where prompts get their texts."""
        return page_of(self.project, self.blobs)

    @cached_property
    def past(self) -> Past:
        """How things were. Raises PlanError where there is no plan."""
        if self.loaded is None:
            raise PlanError("there is no plan", hint="run `ossature audit`")
        return Past(self.loaded.sources, self.blobs, self.page)

    def uncounted(self, task_id: str) -> tuple[Change, ...]:
        """What differs of what the task's prompt shows without making it stale."""
        shown = self.by_id[task_id]
        if shown.landing is None:
            return ()
        found = uncounted_changes(shown.task, shown.landing, self.page)
        counted = {change.leaf for change in shown.changes}
        changes = self.past.changes(shown.task, shown.landing, found)
        return tuple(change for change in changes if change.leaf not in counted)

    @property
    def is_set_up(self) -> bool:
        """What `[build] setup` makes has landed, or there is none."""
        return self.loaded is None or is_set_up(self.loaded)

    @cached_property
    def outdated_interfaces(self) -> frozenset[str]:
        """Specs whose interface a build would have a model read anew before a task that shows it."""
        return outdated_interfaces(self.loaded) if self.loaded else frozenset()

    @property
    def by_hand(self) -> tuple[HandEdit, ...]:
        """What people did to outputs since these landed, in the order of the tasks."""
        return tuple(edit for view in self.tasks for edit in view.by_hand)

    @property
    def asides(self) -> tuple[Aside, ...]:
        """Versions that people gave up for others, oldest first; each is a blob."""
        return self.loaded.ledger.asides if self.loaded else ()

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


def look(project: Project, *, refreshes_prompts: bool = False, plan: Plan | None = None) -> ProjectView:
    """Read everything and judge every task. A missing or broken plan is a diagnostic, not an error.

    *refreshes_prompts* judges as a build does that was asked for that. *plan* is looked at in place of the
    one on disk.
    """
    tree = load_tree(project)
    try:
        loaded = load(project, tree=tree, plan=plan)
    except PlanError as error:
        if not project.plan_path.exists():
            return ProjectView(project, tree, None, None, diagnostics=project.diagnostics)
        place = error.place
        broken = (Diagnostic("plan-unreadable", "error", place, error.message, error.hint),) if place else ()
        return ProjectView(project, tree, None, None, diagnostics=(*project.diagnostics, *broken))
    page = page_of(project, Blobs(project.blobs_dir))
    past = Past(loaded.sources, Blobs(project.blobs_dir), page)
    shown = heads(loaded.sources.writers, loaded.sources.landings)
    loaded.read_disk()
    refresh = page if refreshes_prompts else None
    views = [_view(loaded, task_id, shown, past, refresh) for task_id in _all_in_order(loaded)]
    if any(view.edited or view.status == "restore" for view in views):
        edits = hand_edits(loaded, shown=shown)
        views = [
            replace(view, by_hand=tuple(edit for edit in edits if edit.task == view.task.id))
            for view in views
        ]
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


def _view(loaded: Loaded, task_id: str, shown: dict[str, str], past: Past, refresh: Page | None) -> TaskView:
    """Where a task stands, those before it being as a build would find them."""
    task = loaded.sources.tasks[task_id]
    lineage = loaded.lineages[task_id]
    if loaded.graph.cycle and task_id not in loaded.graph.order:
        return TaskView(task, lineage, "pending", "waits for itself")
    material = material_of(task, loaded.sources)
    landing = loaded.sources.landings.get(task_id)
    found = judge(task, material, landing, on_disk=loaded.on_disk, heads=shown)
    if landing is None and task.was_done and found.standing == "pending" and _all_there(task, loaded):
        found = Judgement("done", "the plan says done, and its files are there")
        _adopt(task, loaded, shown)
    elif found.standing == "manual" and not found.missing:
        _adopt(task, loaded, shown)
    if refresh is not None:
        found = refreshed(found, task, landing, refresh)
    changes = past.changes(task, landing, found.changes)
    is_flaky = found.standing == "done" and landing is not None and landing.is_flaky
    return TaskView(
        task, lineage, found.standing, found.reason, changes, found.edited, is_flaky=is_flaky, landing=landing
    )


def _adopt(task: Task, loaded: Loaded, shown: dict[str, str]) -> None:
    """What waits for a file that is taken as it is on disk sees that, as soon as a build begins."""
    landings = loaded.sources.landings
    before = landings.get(task.id)
    own = [path for path in task.outputs if shown.get(path, task.id) == task.id]
    if before is not None and all(before.files.get(path) == loaded.on_disk(path) for path in own):
        return
    files = {path: loaded.on_disk(path) or NEVER for path in task.outputs}
    lineage = loaded.lineages[task.id]
    landing = Landing(lineage, task.id, task.spec, task.title, task.outputs, "", "", files=files)
    loaded.sources.landed(task.id, landing)
    written = {path: loaded.sources.writers[path] for path in files}
    shown |= heads(written, landings)


def _all_there(task: Task, loaded: Loaded) -> bool:
    return all(loaded.on_disk(path) is not None for path in task.outputs)


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
    page = page_of(view.project, blobs)
    if landing is not None and page.shows_previous:
        old_texts = texts_of(landing, blobs)
        previous = previous_text(previous_files(landing, task, blobs), old_texts, material)
    prompt = implement_prompt(task, material, page, previous=previous)
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
        shows_previous=project.settings.regenerate == "update",
    )
