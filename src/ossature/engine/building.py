"""Build by the plan: start what is ready, land what is green, leave what is up to date."""

from __future__ import annotations

from dataclasses import dataclass, field

from ossature.analysis.desk import Desk, Pace
from ossature.analysis.interface import write_interface
from ossature.build.job import Job
from ossature.build.material import Material, material_of
from ossature.build.order import JobEnd
from ossature.build.schedule import Schedule, with_dependencies
from ossature.build.staleness import Judgement, judge
from ossature.build.tools import Tools
from ossature.domain import event as ev
from ossature.domain.plan import Task
from ossature.engine.modelless import copy, note_as_landed, restore, take_manual
from ossature.engine.site import Site
from ossature.engine.sources import Loaded
from ossature.errors import Exit, PlanError
from ossature.llm.client import ModelError
from ossature.store.ledger import Landing


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a build is asked for."""

    tasks: tuple[str, ...] = ()
    """Ids; empty means all. What they wait for is built too."""
    forced: tuple[str, ...] = ()
    feedback: str = ""
    keeps_going: bool = False


@dataclass
class BuildEnd:
    """How a build came out."""

    landed: int = 0
    failed: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    is_aborted: bool = False
    is_drained: bool = False
    """Stopped by request before everything was tried."""
    exit_code: Exit = Exit.OK
    reason: str = ""


class Building:
    """One pass over the plan."""

    def __init__(self, tools: Tools, desk: Desk, loaded: Loaded, wanted: Wanted, *, pace: Pace) -> None:
        self._tools = tools
        self._desk = desk
        self._loaded = loaded
        self._sources = loaded.sources
        self._wanted = wanted
        self._pace = pace
        self._end = BuildEnd()
        self._forced = self._ids(wanted.forced)
        self._site = Site(tools, loaded)

    async def run(self) -> BuildEnd:
        """Build until nothing is ready. Raises ReplayMiss and DiskError with the task in flight closed."""
        graph = self._loaded.graph
        ids = self._ids(self._wanted.tasks) | self._forced
        wanted = (
            with_dependencies(graph, ids) if self._wanted.tasks or self._wanted.forced else set(graph.order)
        )
        schedule = Schedule(graph, wanted)
        self._tools.channel.emit(
            ev.PlanAdopted(tasks=tuple(self._row(task) for task in self._tasks_in_order()))
        )
        while (task_id := schedule.start()) is not None:
            await self._pace.wait_while_paused()
            if self._pace.is_draining:
                self._end.is_drained = True
                break
            is_met = await self._build(self._sources.tasks[task_id])
            if self._end.is_aborted and task_id not in self._end.failed:
                break
            for lost in schedule.finish(task_id, "met" if is_met else "unmet"):
                self._end.blocked.append(lost.task)
                self._tools.channel.emit(ev.TaskBlocked(task=lost.task, by=lost.by))
            if self._end.is_aborted:
                break
        return self._end

    async def _build(self, task: Task) -> bool:
        """Take one task to its end; True when what waits for it may go on."""
        await self._write_interfaces(task)
        self._site.adopt_origins(task)
        material = material_of(task, self._sources)
        landing = self._sources.landings.get(task.id)
        found = judge(task, material, landing, on_disk=self._site.on_disk, heads=self._site.heads)
        if task.id in self._forced and found.standing not in ("skipped", "manual"):
            found = Judgement("stale", "asked for")
        match found.standing:
            case "skipped":
                self._tools.channel.emit(ev.TaskSkipped(task=task.id, reason=found.reason))
                return False
            case "manual":
                return take_manual(self._site, self._tools, task, material, found, landing)
            case "done":
                return self._up_to_date(task, found)
            case "pending" if task.was_done and self._site.has_outputs(task):
                note_as_landed(self._site, self._tools, task, material, "adopted as done", run="")
                self._tools.channel.emit(ev.TaskUpToDate(task=task.id))
                return True
            case _:
                return await self._do(task, material, found, landing)

    async def _do(self, task: Task, material: Material, found: Judgement, landing: Landing | None) -> bool:
        is_forced = task.id in self._forced
        feedback = self._wanted.feedback if is_forced else ""
        order = self._site.order(task, material, found, landing, is_forced=is_forced, feedback=feedback)
        if found.standing == "restore" and landing is not None:
            restore(order, self._tools, found)
            return True
        try:
            if task.source:
                end = copy(order, self._tools, keeps_going=self._wanted.keeps_going)
            else:
                end = await Job(self._tools, order).run()
        except ModelError as error:
            self._end.failed.append(task.id)
            self._end.exit_code = error.exit_code
            raise
        return self._take(task, end)

    def _take(self, task: Task, end: JobEnd) -> bool:
        if end.landing is not None:
            self._site.note_landed(task, end.landing)
            self._end.landed += 1
            return True
        if end.outcome in ("failed", "aborted") and end.is_failure:
            self._end.failed.append(task.id)
            self._end.exit_code = max(self._end.exit_code, end.exit_code)
            self._end.reason = self._end.reason or end.reason
        self._end.is_aborted = self._end.is_aborted or end.outcome == "aborted"
        return False

    def _up_to_date(self, task: Task, found: Judgement) -> bool:
        if found.edited:
            names = ", ".join(found.edited)
            self._say(
                "warning", f"{names} of {task.id} edited by hand: left as on disk, built from as generated"
            )
        self._tools.channel.emit(ev.TaskUpToDate(task=task.id))
        return True

    async def _write_interfaces(self, task: Task) -> None:
        """Interfaces that *task* shows and that no architecture gives are read from what has landed."""
        for spec_id in task.cross_spec_interfaces:
            if spec_id not in self._loaded.tree.specs:
                continue
            sources: dict[str, str] = {}
            for other in self._loaded.plan.tasks:
                landing = self._sources.landings.get(other.id) if other.spec == spec_id else None
                for path, digest in sorted(landing.files.items()) if landing else ():
                    sources[path] = self._tools.blobs.get(digest).decode("utf-8", "replace")
            if self._sources.is_shown_from_architecture(spec_id):
                continue
            text = await write_interface(self._desk, self._loaded.tree, spec_id, sources)
            self._sources.set_interface(spec_id, text)

    def _tasks_in_order(self) -> list[Task]:
        return [self._sources.tasks[task_id] for task_id in self._loaded.graph.order]

    def _row(self, task: Task) -> ev.TaskRow:
        return ev.TaskRow(
            id=task.id,
            spec=task.spec,
            title=task.title,
            lineage=self._loaded.lineages[task.id],
            outputs=task.outputs,
            depends_on=self._loaded.graph.dependencies[task.id],
            intent=task.intent,
        )

    def _ids(self, names: tuple[str, ...]) -> set[str]:
        """Task ids as people give them; `*` is all. Raises PlanError for one that is not in the plan."""
        if "*" in names:
            return set(self._loaded.graph.order)
        found: set[str] = set()
        for name in names:
            task = self._loaded.plan.find(name)
            if task is None:
                raise PlanError(f"there is no task {name} in the plan", hint="see `ossature plan`")
            found.add(task.id)
        return found

    def _say(self, level: str, text: str) -> None:
        self._tools.channel.emit(ev.Noticed(level="warning" if level == "warning" else "info", text=text))
