"""Adopts what people wrote over outputs, task by task, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ossature.build.adopting import Adoption
from ossature.build.material import material_of
from ossature.build.slots import Slots
from ossature.build.staleness import Judgement
from ossature.domain import event as ev
from ossature.domain.plan import Task
from ossature.engine.building import BuildEnd
from ossature.engine.controls import Controls
from ossature.engine.handedits import hand_edits
from ossature.engine.site import Site
from ossature.engine.sources import Loaded
from ossature.errors import Exit


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be adopted."""

    tasks: tuple[str, ...] = ()
    """Ids; `*` means every task with edited outputs. One without is verified, if it landed unverified."""
    paths: tuple[str, ...] = ()
    """Edited outputs, relative to the output folder."""
    lands_red: bool = False


class Accepting:
    """One pass over the tasks with chosen edits, in the order of the plan's dependencies."""

    def __init__(self, slots: Slots, loaded: Loaded, chosen: Chosen, *, controls: Controls) -> None:
        self._seat = slots.take()
        self._tools = self._seat.tools
        self._loaded = loaded
        self._chosen = chosen
        self._controls = controls
        self._site = Site(self._tools, loaded)
        self._end = BuildEnd()

    async def run(self) -> BuildEnd:
        """Adopt each choice that is green; a red one fails, and the others are tried all the same.

        Raises DiskError.
        """
        paths = self._paths()
        tasks = [self._loaded.sources.tasks[name] for name in self._loaded.graph.order if name in paths]
        rows = tuple(
            ev.TaskRow(
                id=task.id,
                spec=task.spec,
                title=task.title,
                lineage=self._loaded.lineages[task.id],
                outputs=task.outputs,
            )
            for task in tasks
        )
        self._tools.channel.emit(ev.PlanAdopted(tasks=rows))
        for task in tasks:
            await self._controls.wait_while_paused()
            if self._controls.is_draining or self._end.is_aborted:
                self._end.is_drained = not self._end.is_aborted
                break
            await self._adopt(task, paths[task.id])
        return self._end

    async def _adopt(self, task: Task, paths: tuple[str, ...]) -> None:
        landing = self._site.landing_of(task)
        material = material_of(task, self._loaded.sources)
        order = self._site.order(task, material, Judgement("verify", "accepted by hand"), landing)
        end = await Adoption(self._seat, order, paths, lands_red=self._chosen.lands_red).run()
        if end.landing is not None:
            self._site.note_landed(task, end.landing)
            self._end.landed += 1
            return
        self._end.failed.append(task.id)
        self._end.exit_code = Exit.FAILED
        self._end.is_aborted = end.outcome == "aborted"

    def _paths(self) -> Mapping[str, tuple[str, ...]]:
        """Task id -> the outputs to take from the disk."""
        chosen, landings = self._chosen, self._loaded.sources.landings
        found: dict[str, tuple[str, ...]] = {}
        for edit in hand_edits(self._loaded, shown=self._site.heads):
            is_chosen = edit.task in chosen.tasks or "*" in chosen.tasks or edit.path in chosen.paths
            if edit.kind == "edited" and is_chosen:
                found[edit.task] = (*found.get(edit.task, ()), edit.path)
        for name in chosen.tasks:
            if name in landings and not landings[name].is_verified:
                found.setdefault(name, ())
        return found
