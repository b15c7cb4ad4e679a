"""Build by the plan: start what is ready, land what is green, leave what is up to date."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ossature.analysis.desk import Desk, Drained
from ossature.analysis.interface import write_interface
from ossature.build.adopting import Adoption
from ossature.build.evidence import refreshed
from ossature.build.job import Job
from ossature.build.material import Material, material_of
from ossature.build.order import JobEnd
from ossature.build.schedule import Schedule
from ossature.build.slots import Seat, Slots
from ossature.build.staleness import Judgement, judge
from ossature.domain import event as ev
from ossature.domain.decision import Requeue
from ossature.domain.plan import Task
from ossature.domain.wish import NO_WISH, Wish
from ossature.engine.conflicts import EDITS_HINT, EditedOutputs
from ossature.engine.controls import Controls
from ossature.engine.modelless import copy, note_as_landed, restore, take_manual
from ossature.engine.site import Site
from ossature.engine.sources import Loaded, load, plan_stamp
from ossature.engine.wanted import Wanted
from ossature.errors import Exit, PlanError
from ossature.store.ledger import Landing


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
    hint: str = ""


class _Ended(NamedTuple):
    """What came of a task in this run, and what it was built from."""

    is_met: bool
    generate: str
    verify: str


class Building:
    """One run over the plan. Up to *jobs* tasks are under way at a time, each in a slot of its own.

    The plan is read again between tasks: edits count for tasks that have not started, and one in flight whose
    task was edited is looked at again once it has ended.
    """

    def __init__(
        self, slots: Slots, desk: Desk, loaded: Loaded, wanted: Wanted, *, controls: Controls, jobs: int
    ) -> None:
        self._slots = slots
        self._tools = slots.tools(0)
        self._desk = desk
        self._controls = controls
        self._jobs = jobs
        self._wanted = wanted
        self._forced = wanted.forced_ids(loaded.plan, loaded.graph)
        self._wishes = dict.fromkeys(self._forced, wanted.wish)
        self._requeued: set[str] = set()
        self._running: dict[str, Task] = {}
        self._again: set[str] = set()
        """Tasks in flight that are to be looked at once more when they have ended."""
        self._ended: dict[str, _Ended] = {}
        """By lineage."""
        self._continued: set[str] = set()
        """Lineages of tasks whose plan an answer edited."""
        self._tried: dict[str, tuple[int, int]] = {}
        """Lineage -> attempts and questions in this run."""
        self._failed: dict[str, JobEnd] = {}
        self._blocked: dict[str, str] = {}
        self._landed = 0
        self._is_aborted = False
        self._read_plan = loaded.plan_stamp
        self._next: Loaded | None = None
        """An edited plan that waits for a task in flight which it no longer has."""
        self._interfaces = asyncio.Lock()
        self.loaded = loaded
        """The project and its plan as the build goes by them now."""
        self._site = Site(self._tools, loaded)
        self._edited = EditedOutputs(self._tools, loaded, self._site)
        self._open_schedule()

    async def run(self) -> BuildEnd:
        """Build until nothing is ready.

        Raises ReplayMiss and DiskError with the task that met it closed, and Drained where all that is in
        flight of a draining run waits for people.
        """
        self._emit_plan()
        self._controls.is_building = True
        try:
            async with asyncio.TaskGroup() as group:
                wanted = self._wanted.ids(self.loaded.plan, self.loaded.graph)
                if await self._edited.ask_unless_drained(group, self._controls, wanted, self._forced):
                    await self._drive(group)
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            self._controls.is_building = False
        failures = self._failed.values()
        if self._edited.refusal:
            refusal = self._edited.refusal
            return BuildEnd(is_aborted=True, exit_code=Exit.DRIFT, reason=refusal, hint=EDITS_HINT)
        return BuildEnd(
            landed=self._landed,
            failed=list(self._failed),
            blocked=list(self._blocked),
            is_aborted=self._is_aborted,
            is_drained=self._controls.is_draining and self._schedule.has_more,
            exit_code=max((end.exit_code for end in failures), default=Exit.OK),
            reason=next((end.reason for end in failures), ""),
        )

    async def _drive(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._controls.wait_while_paused()
            self._controls.changed.clear()
            self._take_wishes()
            self._look_at_plan()
            while self._may_start and (task_id := self._schedule.start()) is not None:
                self._running[task_id] = self.loaded.sources.tasks[task_id]
                group.create_task(self._work(task_id, self._slots.take()))
            if not self._running:
                return
            if self._controls.is_draining and len(self._running) == self._slots.waiting:
                raise Drained("stopped as asked", hint="open questions are asked again by `ossature build`")
            await self._controls.changed.wait()

    @property
    def _may_start(self) -> bool:
        is_ending = self._is_aborted or self._controls.is_draining
        return not is_ending and self._next is None and self._slots.has_room

    async def _work(self, task_id: str, seat: Seat) -> None:
        """Take one task to its end, and note what that means for the others."""
        try:
            is_met = await self._build(self._running[task_id], seat)
        finally:
            task = self._running.pop(task_id)
            self._slots.give_back(seat)
        is_outdated = task_id in self._again or _content(self.loaded.sources.tasks[task_id]) != _content(task)
        self._again.discard(task_id)
        if is_outdated and not self._is_aborted:
            self._failed.pop(task_id, None)
            self._schedule.reopen(task_id)
        elif not self._is_aborted or task_id in self._failed:
            for lost in self._schedule.finish(task_id, "met" if is_met else "unmet"):
                if self._blocked.get(lost.task) != lost.by:
                    self._blocked[lost.task] = lost.by
                    self._tools.channel.emit(ev.TaskBlocked(task=lost.task, by=lost.by))

    async def _build(self, task: Task, seat: Seat) -> bool:
        """Take one task to its end; True when what waits for it may go on."""
        await self._write_interfaces(task)
        site, sources = self._site, self.loaded.sources
        site.adopt_origins(task)
        material = material_of(task, sources)
        landing = sources.landings.get(task.id)
        found = judge(task, material, landing, on_disk=site.on_disk, heads=site.heads)
        if self._wanted.refreshes_prompts:
            found = refreshed(found, task, landing, self._tools.page)
        lineage = self.loaded.lineages[task.id]
        known = self._ended.get(lineage)
        if task.id in self._forced and found.standing not in ("skipped", "manual"):
            found = Judgement("stale", "asked for")
        elif known and not known.is_met and known[1:] == (material.generate, material.verify):
            return False
        is_met = await self._follow(task, material, found, landing, seat, is_news=known is None)
        if task.id not in self._again:
            self._ended[lineage] = _Ended(is_met, material.generate, material.verify)
        return is_met

    async def _follow(
        self,
        task: Task,
        material: Material,
        found: Judgement,
        landing: Landing | None,
        seat: Seat,
        *,
        is_news: bool,
    ) -> bool:
        """Do what *found* asks for. *is_news*: nothing was said of the task in this run."""
        emit = self._tools.channel.emit
        lineage = self.loaded.lineages[task.id]
        if (left_out := self._edited.left_out(task, lineage, found)) is not None:
            return self._take(task, left_out)
        match found.standing:
            case "skipped":
                if is_news:
                    emit(ev.TaskSkipped(task=task.id, reason=found.reason))
                return False
            case "manual":
                return take_manual(self._site, self._tools, task, material, found, landing)
            case "done" if not self._edited.is_adopted(lineage, found):
                if is_news:
                    self._edited.say_up_to_date(task, found)
                return True
            case "pending" if task.was_done and self._site.has_outputs(task):
                note_as_landed(self._site, self._tools, task, material, "adopted as done", run="")
                emit(ev.TaskUpToDate(task=task.id))
                return True
            case _:
                return await self._do(task, material, found, landing, seat)

    async def _do(
        self, task: Task, material: Material, found: Judgement, landing: Landing | None, seat: Seat
    ) -> bool:
        lineage = self.loaded.lineages[task.id]
        tried, asked = self._tried.get(lineage, (0, 0))
        is_forced = task.id in self._forced
        self._forced.discard(task.id)
        order = self._site.order(
            task,
            material,
            found,
            landing,
            is_forced=is_forced,
            wish=self._wishes.get(task.id, NO_WISH) if is_forced else NO_WISH,
            tried=tried,
            asked=asked,
            is_continued=lineage in self._continued,
        )
        is_adopted = self._edited.is_adopted(lineage, found)
        if found.standing == "restore" and landing is not None:
            restore(order, seat.tools, found)
            if not is_adopted:
                return True
        if task.source and not is_adopted:
            return self._take(task, await copy(order, seat, keeps_going=self._wanted.keeps_going))
        job = Adoption(seat, order, found.edited) if is_adopted else Job(seat, order)
        end = await job.run()
        self._tried[lineage] = (job.tried, job.asked)
        return self._take(task, end)

    def _take(self, task: Task, end: JobEnd) -> bool:
        self._failed.pop(task.id, None)
        if end.landing is not None:
            self._site.note_landed(task, end.landing)
            self._landed += 1
            return True
        if end.outcome in ("failed", "aborted") and end.is_failure:
            self._failed[task.id] = end
        if end.outcome == "requeued":
            # The plan was edited by an answer: it is read again before anything else starts.
            self._again.add(task.id)
            self._continued.add(self.loaded.lineages[task.id])
        self._is_aborted = self._is_aborted or end.outcome == "aborted"
        return False

    async def _write_interfaces(self, task: Task) -> None:
        """Interfaces that *task* shows and that no architecture gives are read from what has landed."""
        sources = self.loaded.sources
        for spec_id in task.cross_spec_interfaces:
            if spec_id not in self.loaded.tree.specs or sources.is_shown_from_architecture(spec_id):
                continue
            code: dict[str, str] = {}
            for other in self.loaded.plan.tasks:
                landing = sources.landings.get(other.id) if other.spec == spec_id else None
                for path, digest in sorted(landing.files.items()) if landing else ():
                    code[path] = self._tools.blobs.get(digest).decode("utf-8", "replace")
            # Several tasks may show one spec: the first asks, the others find what it brought.
            async with self._interfaces:
                text = await write_interface(self._desk, self.loaded.tree, spec_id, code)
            sources.set_interface(spec_id, text)

    def _take_wishes(self) -> None:
        """Put tasks back that a person wants once more."""
        wishes = self._controls.take_requeued()
        if any([self._requeue(wish) for wish in wishes]):
            self._open_schedule()

    def _requeue(self, wish: Requeue) -> bool:
        task = self.loaded.plan.find(wish.task)
        if task is None or task.id in self._running or self._is_aborted or self._controls.is_draining:
            why = "is not in the plan" if task is None else "is under way"
            if task is not None and task.id not in self._running:
                why = "cannot be taken up once more: the run is ending"
            self._say("warning", f"{wish.task} {why}")
            return False
        self._forced.add(task.id)
        self._wishes[task.id] = Wish(wish.feedback, wish.model)
        self._requeued.add(task.id)
        self._failed.pop(task.id, None)
        self._again |= self._running.keys() & self.loaded.graph.descendants(task.id)
        self._tools.channel.emit(ev.TaskRequeued(task=task.id))
        return True

    def _look_at_plan(self) -> None:
        """Adopt the plan as it is now, if a person has edited it."""
        stamp = plan_stamp(self.loaded.project)
        if stamp != self._read_plan:
            self._read_plan = stamp
            self._next = self._edited_plan()
            if self._next and not self._fits(self._next):
                names = ", ".join(self._running)
                self._say("info", f"the edited plan counts once {names} has ended")
        if self._next is not None and self._fits(self._next):
            # What has landed since it was read counts, too.
            self._adopt(self._edited_plan() or self._next)
            self._next = None
            self._say("info", "the plan was edited: the build goes on by it")
            self._emit_plan()

    def _edited_plan(self) -> Loaded | None:
        """The plan on disk; None where it cannot be built by, or says nothing else than before."""
        try:
            loaded = load(self.loaded.project, ledger=self._tools.ledger, tree=self.loaded.tree)
        except PlanError as error:
            self._say("warning", f"the edited plan cannot be read, the build goes on by the old one: {error}")
            return None
        if loaded.plan_errors:
            first = loaded.plan_errors[0]
            self._say("warning", f"the edited plan has errors, the build goes on by the old one: {first}")
            return None
        # Where a task stands in the file does not matter to anybody but the reader of a message.
        is_same = [_content(task) for task in loaded.plan.tasks] == [
            _content(task) for task in self.loaded.plan.tasks
        ]
        return None if is_same else loaded

    def _fits(self, loaded: Loaded) -> bool:
        """Every task in flight is still the same one under its id."""
        return all(loaded.lineages.get(name) == self.loaded.lineages[name] for name in self._running)

    def _adopt(self, loaded: Loaded) -> None:
        """Go by *loaded* from here on. Ids may have changed; a task is known by its lineage."""
        now = {lineage: name for name, lineage in loaded.lineages.items()}
        new = {name: now[lineage] for name, lineage in self.loaded.lineages.items() if lineage in now}
        self._failed = {new[name]: end for name, end in self._failed.items() if name in new}
        self._wishes = {new[name]: wish for name, wish in self._wishes.items() if name in new}
        self._forced = {new[name] for name in self._forced if name in new}
        self._requeued = {new[name] for name in self._requeued if name in new}
        self._again = {new[name] for name in self._again if name in new}
        self._wanted = self._wanted.within(loaded.plan)
        self.loaded = loaded
        self._site = Site(self._tools, loaded)
        self._open_schedule()

    def _open_schedule(self) -> None:
        """Look at all tasks again but those in flight; what has ended is known and quickly passed over."""
        plan, graph = self.loaded.plan, self.loaded.graph
        wanted = self._wanted.ids(plan, graph)
        wanted |= {name for name in {*self._requeued, *self._running} if name in graph.dependencies}
        for name in tuple(wanted):
            wanted |= graph.ancestors(name) if name in self._requeued or name in self._running else set()
        self._blocked.clear()
        self._schedule = Schedule(
            graph, wanted, started=self._running.keys(), by_critical_path=self._jobs > 1
        )

    def _emit_plan(self) -> None:
        self._tools.channel.emit(ev.PlanAdopted(tasks=tuple(_rows(self.loaded))))

    def _say(self, level: str, text: str) -> None:
        self._tools.channel.emit(ev.Noticed(level="warning" if level == "warning" else "info", text=text))


def _rows(loaded: Loaded) -> list[ev.TaskRow]:
    tasks = loaded.sources.tasks
    return [
        ev.TaskRow(
            id=name,
            spec=tasks[name].spec,
            title=tasks[name].title,
            lineage=loaded.lineages[name],
            outputs=tasks[name].outputs,
            depends_on=loaded.graph.dependencies[name],
            intent=tasks[name].intent,
        )
        for name in loaded.graph.order
    ]


def _content(task: Task) -> Task:
    """*task* whatever line it is on."""
    return replace(task, line=0)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """What ended the others too."""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
