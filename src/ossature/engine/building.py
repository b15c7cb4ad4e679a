"""Build by the plan: start what is ready, land what is green, leave what is up to date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ossature.analysis.desk import Desk, Pace
from ossature.analysis.interface import write_interface
from ossature.build.copying import copied_files
from ossature.build.job import Job
from ossature.build.landing import write_output
from ossature.build.material import Material, material_of
from ossature.build.order import JobEnd, Order, land_directly
from ossature.build.schedule import Schedule, with_dependencies
from ossature.build.staleness import Judgement, heads, judge
from ossature.build.tools import Tools
from ossature.build.unowned import unowned_files
from ossature.build.workspace import FileSource
from ossature.domain import event as ev
from ossature.domain.plan import Task
from ossature.engine.sources import ORIGIN, Loaded
from ossature.errors import Exit, OssatureError, PlanError
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
        self._unowned: dict[str, str] | None = None
        self._heads = heads(self._sources.writers, self._sources.landings)
        self._position = {task_id: index for index, task_id in enumerate(loaded.graph.order)}
        self._landed_paths = {path for entry in tools.ledger.landings.values() for path in entry.files}

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
        self._adopt_origins(task)
        material = material_of(task, self._sources)
        landing = self._sources.landings.get(task.id)
        shown = self._heads
        found = judge(task, material, landing, on_disk=self._on_disk, heads=shown)
        if task.id in self._forced and found.standing not in ("skipped", "manual"):
            found = Judgement("stale", "asked for")
        match found.standing:
            case "skipped":
                self._tools.channel.emit(ev.TaskSkipped(task=task.id, reason=found.reason))
                return False
            case "manual":
                return self._manual(task, material, found)
            case "done":
                return self._up_to_date(task, found)
            case "pending" if task.was_done and self._is_there(task):
                self._note_landing(task, material, "adopted as done", run="")
                self._tools.channel.emit(ev.TaskUpToDate(task=task.id))
                return True
            case _:
                return await self._do(task, material, found, landing, shown)

    async def _do(
        self,
        task: Task,
        material: Material,
        found: Judgement,
        landing: Landing | None,
        shown: Mapping[str, str],
    ) -> bool:
        order = self._order(task, material, found, landing, shown)
        if found.standing == "restore" and landing is not None:
            self._restore(order, found)
            return True
        try:
            end = self._copy(order) if task.source else await Job(self._tools, order).run()
        except ModelError as error:
            self._end.failed.append(task.id)
            self._end.exit_code = error.exit_code
            raise
        return self._take(task, end)

    def _copy(self, order: Order) -> JobEnd:
        """Copies need no model and no verify; what keeps them from landing ends the run like any failure."""
        try:
            files = copied_files(order.task, self._tools.project.context_root)
        except OssatureError as error:
            reason = str(error)
            self._tools.channel.emit(ev.TaskFailed(task=order.task.id, reason=reason, hint=error.hint))
            end = JobEnd("failed", reason=reason)
        else:
            end = land_directly(order, self._tools, files)
        if end.outcome == "failed" and not self._wanted.keeps_going:
            return end._replace(outcome="aborted")
        return end

    def _take(self, task: Task, end: JobEnd) -> bool:
        if end.landing is not None:
            self._note_landed(task, end.landing)
            self._end.landed += 1
            return True
        if end.outcome in ("failed", "aborted") and end.is_failure:
            self._end.failed.append(task.id)
            self._end.exit_code = max(self._end.exit_code, end.exit_code)
            self._end.reason = self._end.reason or end.reason
        self._end.is_aborted = self._end.is_aborted or end.outcome == "aborted"
        return False

    def _order(
        self,
        task: Task,
        material: Material,
        found: Judgement,
        landing: Landing | None,
        shown: Mapping[str, str],
    ) -> Order:
        landings = self._sources.landings
        # What a pattern of outputs stood for is known from the landing alone.
        on_disk = dict(landing.files) if landing and task.source else {}
        for path in task.outputs:
            if path in shown:
                on_disk[path] = landings[shown[path]].files[path]
            else:
                on_disk[path] = self._sources.origins.get(path, "")
            if (digest := self._tools.output_digest(path)) in self._loaded.leftovers.get(path, ()):
                on_disk[path] = digest or ""
        hidden = frozenset(
            path
            for path in task.outputs
            if path in shown and shown[path] in self._loaded.graph.descendants(task.id)
        )
        return Order(
            task=task,
            lineage=self._loaded.lineages[task.id],
            material=material,
            mode="verify" if found.standing == "verify" else "generate",
            reason=found.reason,
            tree=self._tree(task),
            previous=landing,
            shown={path: digest for path, digest in on_disk.items() if digest},
            hidden=hidden,
            strangers=lambda: self._strangers(task),
            stand_in=lambda path: self._stand_in(task, path),
            is_forced=task.id in self._forced,
            feedback=self._wanted.feedback if task.id in self._forced else "",
        )

    def _on_disk(self, path: str) -> str | None:
        """Digest of an output; None where it is missing, or is what a task left that writes it no longer."""
        digest = self._tools.output_digest(path)
        return None if digest in self._loaded.leftovers.get(path, ()) else digest

    def _stand_in(self, task: Task, path: str) -> str:
        """What is on disk once *task* writes *path* no more: its last other writer's version, or nothing."""
        landings = self._sources.landings
        for name in reversed(self._sources.writers.get(path, [])):
            if name != task.id and name in landings and path in landings[name].files:
                return landings[name].files[path]
        return self._sources.origins.get(path, "")

    def _strangers(self, task: Task) -> dict[str, str]:
        """Outputs of tasks that *task* does not wait for, and who writes them."""
        above = self._loaded.graph.ancestors(task.id)
        return {
            path: ids[0]
            for path, ids in self._sources.writers.items()
            if task.id not in ids and not above.intersection(ids)
        }

    def _tree(self, task: Task) -> dict[str, FileSource]:
        """What the stage of *task* holds: unowned files, then what the tasks before it landed, in order."""
        tree = {
            path: FileSource(digest, self._tools.project.output_root / path)
            for path, digest in self._unowned_files().items()
        }
        above = self._loaded.graph.ancestors(task.id)
        for path, digest in self._sources.origins.items():
            if path in task.outputs or any(name in above for name in self._sources.writers.get(path, ())):
                tree[path] = FileSource(digest)
        for name in sorted(above, key=self._position.__getitem__):
            if name in self._sources.landings:
                tree |= {path: FileSource(d) for path, d in self._sources.landings[name].files.items()}
        return tree

    def _unowned_files(self) -> dict[str, str]:
        if self._unowned is None:
            left = {path for path in self._landed_paths if self._is_leftover(path)}
            found = unowned_files(self._tools.project, left.union(self._sources.writers))
            self._unowned = dict(found.files)
            if found.skipped:
                reasons = ", ".join(f"{path} ({why})" for path, why in found.skipped.items())
                self._say("warning", f"left out of stages: {reasons}")
        return self._unowned

    def _is_leftover(self, path: str) -> bool:
        """The file is as a task landed it that the plan no longer has; changed since, it is a person's."""
        return self._tools.output_digest(path) in self._loaded.leftovers.get(path, ())

    def _adopt_origins(self, task: Task) -> None:
        """Keep a person's file that stands where the first task of its path will write."""
        fresh: dict[str, bytes] = {}
        for path in task.outputs:
            shown = self._heads.get(path)
            is_known = path in self._sources.origins or shown is not None or self._is_leftover(path)
            if not is_known and self._tools.output_digest(path) is not None and not task.was_done:
                fresh[path] = self._tools.output.read(path)
        for path, content in fresh.items():
            digest = self._tools.blobs.put(content)
            origin = Landing(
                lineage=f"{ORIGIN}{path}",
                task="",
                spec="",
                title=path,
                outputs=(path,),
                generate="",
                verify="",
                files={path: digest},
                run=self._tools.run,
                at=self._tools.now(),
            )
            self._tools.ledger.append_landed(self._tools.ledger.append_intent(origin, {path: digest}))
            self._sources.origins[path] = digest
            self._say("info", f"{path} was there before: {task.id} sees it, and it is kept as blob {digest}")

    def _manual(self, task: Task, material: Material, found: Judgement) -> bool:
        if found.missing:
            self._tools.channel.emit(ev.TaskSkipped(task=task.id, reason=found.reason))
            return False
        landing = self._sources.landings.get(task.id)
        # Where a later task has written the same path, the disk shows that one's version.
        own = [path for path in task.outputs if self._heads.get(path, task.id) == task.id]
        on_disk = {path: self._tools.output_digest(path) for path in own}
        if landing is None or any(landing.files.get(path) != digest for path, digest in on_disk.items()):
            self._note_landing(task, material, "written by hand", run=self._tools.run)
        self._tools.channel.emit(ev.TaskUpToDate(task=task.id))
        return True

    def _note_landing(self, task: Task, material: Material, why: str, *, run: str) -> None:
        """Record the files on disk as the task's landing, without a model and without writing."""
        contents = {path: self._tools.output.read(path) for path in task.outputs}
        order = self._order(task, material, Judgement("manual", why), None, {})
        end = land_directly(replace(order, reason=why), self._tools, contents, run=run, is_quiet=True)
        if end.landing is not None:
            self._note_landed(task, end.landing)

    def _note_landed(self, task: Task, landing: Landing) -> None:
        self._sources.landed(task.id, landing)
        self._landed_paths |= set(landing.files)
        written = {
            path: self._sources.writers[path] for path in landing.files if path in self._sources.writers
        }
        self._heads |= heads(written, self._sources.landings)

    def _up_to_date(self, task: Task, found: Judgement) -> bool:
        if found.edited:
            names = ", ".join(found.edited)
            self._say(
                "warning", f"{names} of {task.id} edited by hand: left as on disk, built from as generated"
            )
        self._tools.channel.emit(ev.TaskUpToDate(task=task.id))
        return True

    def _restore(self, order: Order, found: Judgement) -> None:
        """Put back outputs that are gone: their bytes are known, so no model and no verify is needed."""
        started = ev.TaskStarted(
            task=order.task.id, lineage=order.lineage, reason=found.reason, mode="restore"
        )
        self._tools.channel.emit(started)
        previous = order.previous
        for path in found.missing:
            if previous is not None and path not in order.hidden:
                write_output(self._tools.output, path, self._tools.blobs.get(previous.files[path]))
        self._tools.channel.emit(
            ev.TaskLanded(task=order.task.id, attempt=0, files=found.missing, changed=len(found.missing))
        )

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

    def _is_there(self, task: Task) -> bool:
        return all(self._tools.output_digest(path) is not None for path in task.outputs)

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
