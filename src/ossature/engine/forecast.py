"""What a build would run for certain, and what it runs if something before comes out differently."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ossature.build.material import TREE_LEAF, changed_leaves, material_of
from ossature.build.schedule import with_dependencies
from ossature.domain.plan import Task

if TYPE_CHECKING:
    from ossature.engine.preview import ProjectView, TaskView

Mode = Literal["generate", "verify", "restore", "copy"]
_SETUP = "setup"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A task that a build would run."""

    task: str
    mode: Mode
    """As far as is known now: what is verified may have to be generated, once its inputs are there."""
    reason: str
    causes: tuple[str, ...] = ()
    """Of what may run: tasks whose output, or specs whose interface, would have to change for it."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Whatever runs is in one of both, and all of `will_run` runs where nothing fails."""

    will_run: Mapping[str, Foreseen]
    """In building order."""
    may_run: Mapping[str, Foreseen]

    @property
    def is_empty(self) -> bool:
        return not self.will_run and not self.may_run


def foretell(view: ProjectView, *, only: Collection[str] = (), forced: Collection[str] = ()) -> Forecast:
    """What a build of *only* these tasks (none means all) and what they need would run.

    *forced* are generated whatever their state; `*` means all. Without *only*, they alone are in scope.
    """
    if view.graph is None or view.loaded is None:
        return Forecast({}, {})
    graph = view.graph
    everything = set(graph.order)
    asked = everything if "*" in forced else set(forced)
    scope = with_dependencies(graph, {*only, *asked}) if only or forced else everything
    seer = _Seer(view, asked)
    for name in graph.order:
        if name in scope:
            seer.see(name)
    return Forecast(seer.will, seer.may)


class _Seer:
    """Goes over the tasks in building order, each after all that it waits for."""

    def __init__(self, view: ProjectView, forced: Collection[str]) -> None:
        assert view.graph is not None
        assert view.loaded is not None
        self._graph = view.graph
        self._sources = view.loaded.sources
        self._view = view
        self._forced = forced
        self.will: dict[str, Foreseen] = {}
        self.may: dict[str, Foreseen] = {}
        self._open: dict[str, str] = {}
        """Task -> the nearest task, itself or before it, whose files a build may change."""
        self._open_everywhere = "" if view.is_set_up else _SETUP
        """What may change in the stage of every task from here on; empty for nothing."""

    def see(self, name: str) -> None:
        shown = self._view.by_id[name]
        above = next((self._open[d] for d in self._graph.dependencies[name] if d in self._open), "")
        above = above or self._open_everywhere
        foreseen = None if name in self._view.blocked else self._foresee(shown, above)
        if foreseen is not None and foreseen.causes:
            self.may[name] = foreseen
        elif foreseen is not None:
            self.will[name] = foreseen
        is_changing = foreseen is not None and (foreseen.mode != "restore" or above)
        if is_changing or above:
            self._open[name] = name if is_changing else above
        if is_changing and self._sources.isolation == "tree":
            self._open_everywhere = name

    def _foresee(self, shown: TaskView, above: str) -> Foreseen | None:
        task = shown.task
        generate: Mode = "copy" if task.source else "generate"
        if task.id in self._forced and shown.status not in ("skipped", "manual"):
            return Foreseen(task.id, generate, "asked for")
        match shown.status:
            case "skipped" | "manual":
                return None
            case "pending":
                return Foreseen(task.id, generate, shown.reason)
            case "restore":
                return Foreseen(task.id, "restore", shown.reason)
            case "done":
                is_adopted = shown.landing is None
                foreseen = None if is_adopted else self._if_changed(task, above)
                return foreseen or (self._if_accepted(shown) if shown.edited else None)
            case "stale" | "verify":
                if self._is_certain(shown, above):
                    mode = generate if shown.status == "stale" else "verify"
                    return Foreseen(task.id, mode, shown.reason)
                return self._if_changed(task, above)

    @staticmethod
    def _if_accepted(shown: TaskView) -> Foreseen:
        """Runs if a person has the build take what they wrote over its outputs."""
        reason = f"if your edit of {', '.join(shown.edited)} is accepted"
        return Foreseen(shown.task.id, "verify", reason, (shown.task.id,))

    def _if_changed(self, task: Task, above: str) -> Foreseen | None:
        """Runs if what it shows, or else what its verify sees, comes out differently; None if nothing can."""
        for path in (*task.inject_files, *task.outputs):
            writer = self._sources.last_writer(task, path)
            if writer and self._is_open(writer):
                return Foreseen(task.id, "generate", f"if {writer}'s output changes", (writer,))
        for spec in task.cross_spec_interfaces:
            if self._is_interface_open(spec):
                return Foreseen(task.id, "generate", f"if {spec}'s interface changes", (spec,))
        if above == _SETUP:
            return Foreseen(task.id, "verify", "if what [build] setup makes changes", (above,))
        if above:
            return Foreseen(task.id, "verify", f"if {above}'s output changes", (above,))
        return None

    def _is_certain(self, shown: TaskView, above: str) -> bool:
        """One of the changed leaves stays changed, whatever comes of the tasks before."""
        task, landing = shown.task, shown.landing
        if landing is None or any(self._stays(task, change.leaf, above) for change in shown.changes):
            return True
        verify_leaves = material_of(task, self._sources).verify_leaves
        return any(
            self._stays(task, leaf, above) for leaf in changed_leaves(landing.verify_leaves, verify_leaves)
        )

    def _stays(self, task: Task, leaf: str, above: str) -> bool:
        kind, _, name = leaf.partition(" ")
        if leaf == TREE_LEAF:
            return not above or self._is_tree_settled(task)
        if kind == "file":
            is_shown = name in task.inject_files or name in task.outputs
            writer = self._sources.last_writer(task, name) if is_shown else ""
            is_from_setup = is_shown and not writer and not self._view.is_set_up
            return not is_from_setup and (not writer or not self._is_open(writer))
        if kind == "interface":
            return name not in task.cross_spec_interfaces or not self._is_interface_open(name)
        return True

    def _is_tree_settled(self, task: Task) -> bool:
        """A part of the input tree that nothing can change any more was not in it before."""
        landing = self._sources.landings.get(task.id)
        known = self._view.past.nodes(landing) if landing else None
        settled = self._sources.input_trees.settled(task.id, self._open.__contains__)
        return known is not None and any(digest not in known for digest in settled)

    def _is_open(self, name: str) -> bool:
        """The task itself may land other files."""
        return self._open.get(name) == name

    def _is_interface_open(self, spec: str) -> bool:
        if self._sources.is_shown_from_architecture(spec):
            return False
        writers = (task.id for task in self._sources.plan.tasks if task.spec == spec)
        return spec in self._view.outdated_interfaces or any(self._is_open(name) for name in writers)


def waits_for(view: ProjectView, task_id: str) -> tuple[str, ...]:
    """Tasks before *task_id* that a build runs first and whose files it may change, in building order."""
    above = view.graph.ancestors(task_id) if view.graph else frozenset()
    will_run = view.forecast.will_run.values()
    return tuple(f.task for f in will_run if f.task in above and f.mode != "restore")
