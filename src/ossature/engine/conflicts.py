"""Asks at the start of a build what is to become of outputs that people edited since these landed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ossature.analysis.desk import Drained
from ossature.build.conflict import how_of, set_aside
from ossature.build.diffing import unified
from ossature.build.handedits import HandEdit
from ossature.build.landing import replace_output
from ossature.build.material import material_of
from ossature.build.order import JobEnd
from ossature.build.staleness import Judgement, judge
from ossature.build.tools import Tools
from ossature.digest import digest_bytes
from ossature.domain import event as ev
from ossature.domain.decision import Abort, Decision, Question, Side, Take
from ossature.domain.plan import Task
from ossature.engine.controls import Controls
from ossature.engine.handedits import hand_edits
from ossature.engine.site import Site
from ossature.engine.sources import Loaded
from ossature.errors import Exit

EDITS_HINT = (
    "adopt edits with `ossature accept`, or say what becomes of them: `--edits accept|set-aside|revert`"
)
Answer = Literal["adopt", "build", "leave", "refuse", "abort"]
"""adopt: take it as the output · build: nothing is in the way any more, or the landing will ask · leave: as
it is for this run, by a person · refuse: nobody could be asked · abort: end the run."""


@dataclass
class EditedOutputs:
    """The edited outputs of a build, and what was answered about them."""

    tools: Tools
    loaded: Loaded
    site: Site
    answers: dict[str, Answer] = field(default_factory=dict)
    """Lineage -> what was answered; tasks whose outputs nobody touched are missing."""
    refusal: str = ""
    """Why the run ends before anything is built; empty where it goes on."""
    _asked_count: int = 0

    async def ask_unless_drained(
        self, group: asyncio.TaskGroup, controls: Controls, wanted: Collection[str], forced: Collection[str]
    ) -> bool:
        """`ask`, within *group*, unless the run is to end: then nobody is waited for. Raises Drained."""
        asking = group.create_task(self.ask(wanted, forced))
        asking.add_done_callback(lambda _asking: controls.changed.set())
        while not asking.done():
            if controls.is_draining:
                raise Drained("stopped as asked", hint="open questions are asked again by `ossature build`")
            await controls.changed.wait()
            controls.changed.clear()
        return asking.result()

    async def ask(self, wanted: Collection[str], forced: Collection[str]) -> bool:
        """Settle the edits of the *wanted* tasks; False where the run is to end. Raises DiskError.

        A task that is about to be generated anew is asked about when its new version is there, since only
        then can the two be compared and merged. Where nobody could choose then, it is asked about now.
        """
        by_task: dict[str, list[HandEdit]] = {}
        for edit in hand_edits(self.loaded, shown=self.site.heads):
            if edit.task in wanted:
                by_task.setdefault(edit.task, []).append(edit)
        for task_id, edits in by_task.items():
            self._tell(edits)
            edited = [edit for edit in edits if edit.kind == "edited"]
            if edited:
                task = self.loaded.sources.tasks[task_id]
                answer = await self._settle(task, edited, is_forced=task_id in forced)
                self.answers[self.loaded.lineages[task_id]] = answer
                if answer == "abort":
                    self.refusal = (
                        f"{_names(edited)} of {task_id} was edited by hand, and is to be settled first"
                    )
                    return False
        return True

    def is_adopted(self, lineage: str, found: Judgement) -> bool:
        """What a person wrote is to count as the output of the task, which needs no other work."""
        return bool(found.edited) and found.standing != "stale" and self.answers.get(lineage) == "adopt"

    def left_out(self, task: Task, lineage: str, found: Judgement) -> JobEnd | None:
        """How *task* ends where it may not be built over what a person wrote; None where it may."""
        answer, reason = self.answers.get(lineage), f"{', '.join(found.edited)} was edited by hand"
        if not found.edited or found.standing in ("skipped", "manual"):
            return None
        if answer == "leave" and found.standing in ("stale", "verify"):
            self.tools.channel.emit(ev.TaskSkipped(task=task.id, reason=f"{reason} and left as it is"))
            return JobEnd("skipped", is_failure=False)
        if answer == "refuse":
            reason += ", and nobody was there to ask"
            self.tools.channel.emit(ev.TaskFailed(task=task.id, reason=reason, hint=EDITS_HINT))
            return JobEnd("failed", exit_code=Exit.DRIFT, reason=reason)
        return None

    def say_up_to_date(self, task: Task, found: Judgement) -> None:
        """Nothing is to do for *task*; an edit that nobody has settled is named."""
        if found.edited:
            names = ", ".join(found.edited)
            text = f"{names} of {task.id} edited by hand: left as on disk, built from as it landed"
            self.tools.channel.emit(ev.Noticed(level="warning", text=text))
        self.tools.channel.emit(ev.TaskUpToDate(task=task.id))

    def _tell(self, edits: Sequence[HandEdit]) -> None:
        for edit in edits:
            if edit.kind == "renamed":
                hint = f"to keep the new name, write it into the outputs of {edit.task} in the plan"
                text = f"{edit.sentence}; {edit.path} is put back, {edit.renamed_to} stays as a file of yours"
                self.tools.channel.emit(ev.Noticed(level="warning", text=text, hint=hint))
            elif edit.kind == "deleted":
                hint = f"to do without it, take it out of the outputs of {edit.task} in the plan"
                text = f"{edit.sentence}; it is put back as it landed"
                self.tools.channel.emit(ev.Noticed(level="info", text=text, hint=hint))

    async def _settle(self, task: Task, edits: Sequence[HandEdit], *, is_forced: bool) -> Answer:
        is_stale = is_forced or self._is_stale(task)
        if is_stale and self.tools.can_merge_edits:
            return "build"
        while edits:
            answer = await self._asked(task, edits, is_stale=is_stale)
            now = self._as_now(edits)
            if not isinstance(answer, Take) or now == edits:
                return self._act(answer, edits)
            text = f"{_names(edits)} changed again while the question was open"
            self.tools.channel.emit(ev.Noticed(level="info", text=text))
            edits = now
        return "build"

    def _act(self, answer: Decision, edits: Sequence[HandEdit]) -> Answer:
        match answer:
            case Take(side="mine"):
                return "adopt"
            case Take(side=side):
                for edit in edits:
                    self._put_back(edit, side)
                return "build"
            case Abort():
                return "abort"
            case _:
                return "refuse" if answer.by.startswith("policy:") else "leave"

    def _put_back(self, edit: HandEdit, side: Side) -> None:
        """Keep what is on disk as a blob, then write what counts as the output in its place."""
        content = self.tools.output.read(edit.path)
        set_aside(self.tools, edit.task, edit.path, content, how=how_of(side))
        accepted = self.tools.blobs.get(edit.accepted)
        replace_output(self.tools.output, edit.path, accepted, expected=digest_bytes(content))

    async def _asked(self, task: Task, edits: Sequence[HandEdit], *, is_stale: bool) -> Decision:
        project = self.tools.project
        why = ", and it is about to be built anew" if is_stale else ""
        sides: tuple[Side, ...] = ("theirs", "aside") if is_stale else ("mine", "theirs", "aside")
        self._asked_count += 1
        return await self.tools.channel.ask(
            Question(
                id=f"{task.id}-edits-{self._asked_count}",
                gate="conflict",
                subject=f"{_names(edits)} of {task.id} was edited by hand{why}: which version counts?",
                detail=_detail(self.tools, edits),
                verbs=("take", "skip", "abort"),
                sides=sides,
                task=task.id,
                spec=task.spec,
                files=tuple(project.relative(project.output_root / edit.path) for edit in edits),
                digests=tuple(edit.disk or "" for edit in edits),
            )
        )

    def _as_now(self, edits: Sequence[HandEdit]) -> list[HandEdit]:
        """Those of *edits* that are still on disk, as they are there by now."""
        now = [replace(edit, disk=self.tools.output_digest(edit.path)) for edit in edits]
        return [edit for edit in now if edit.disk not in (None, edit.accepted)]

    def _is_stale(self, task: Task) -> bool:
        material = material_of(task, self.loaded.sources)
        landing = self.loaded.sources.landings.get(task.id)
        found = judge(task, material, landing, on_disk=self.site.on_disk, heads=self.site.heads)
        return found.standing == "stale"


def _names(edits: Sequence[HandEdit]) -> str:
    return ", ".join(edit.path for edit in edits)


def _detail(tools: Tools, edits: Sequence[HandEdit]) -> str:
    """What was changed, against what counts as the outputs."""
    before: dict[str, bytes | None] = {edit.path: tools.blobs.get(edit.accepted) for edit in edits}
    after: dict[str, bytes | None] = {edit.path: tools.output.read(edit.path) for edit in edits}
    return unified(before, after).rstrip("\n")
