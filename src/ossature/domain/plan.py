"""The plan: a graph of small tasks, checked without a model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Literal

from ossature.errors import Diagnostic

Intent = Literal["pending", "skipped", "manual"]
"""What a person wants of a task. What the engine did with it is in the ledger, never in the plan."""
TaskKind = Literal["task", "verify"]
_NUMBER = re.compile("[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Task:
    """One `[[task]]` of the plan."""

    id: str
    spec: str
    title: str
    outputs: tuple[str, ...]
    """Relative to the output folder, with `/`."""
    description: str = ""
    depends_on: tuple[str, ...] = ()
    spec_refs: tuple[str, ...] = ()
    arch_refs: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    """Shell commands, run in this order; all have to end with 0."""
    inject_files: tuple[str, ...] = ()
    """Outputs of dependencies that the prompt shows in full."""
    cross_spec_interfaces: tuple[str, ...] = ()
    """Spec ids whose interface the prompt shows; each stands for a dependency on all tasks of that spec."""
    context_files: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    notes: str = ""
    kind: TaskKind = "task"
    intent: Intent = "pending"
    was_done: bool = False
    """The file says `status = "done"`, as other tools write it; believed once, when the outputs exist."""
    timeout_s: float = 0.0
    """For each verify command; 0 means the project's setting."""
    verify_attempts: int = 0
    """How often its verify is run before it counts as red; 0 means the project's setting."""
    byproducts: tuple[str, ...] = ()
    """Files that its verify may make and that land with it; relative to the output folder."""
    inject: Mapping[str, str] = field(default_factory=dict)
    """path -> "full" or "interface", where a person chose."""
    model: str = ""
    context_budget_tokens: int = 0
    line: int = 0
    """Of the `[[task]]` header in the plan file, counted from 1; 0 when the task was not read from a file."""

    @property
    def written(self) -> tuple[str, ...]:
        """Everything that may land with it."""
        return (*self.outputs, *self.byproducts)


@dataclass(frozen=True, slots=True)
class Plan:
    """Every task, in file order."""

    tasks: tuple[Task, ...] = ()
    specs: tuple[str, ...] = ()
    path: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def has_errors(self) -> bool:
        return any(d.severity == "error" for d in self.diagnostics)

    def by_id(self) -> dict[str, Task]:
        return {task.id: task for task in self.tasks}

    def find(self, task_id: str) -> Task | None:
        """The task with that id; a bare number finds `007` as `7`."""
        padded = task_id.lstrip("0").zfill(3) if task_id.isdigit() else task_id
        for task in self.tasks:
            if task.id in (task_id, padded):
                return task
        return None


@dataclass(frozen=True, slots=True)
class Graph:
    """Who waits for whom. Edges that name no task are left out; the checks report them."""

    dependencies: Mapping[str, tuple[str, ...]]
    """Task id -> ids it waits for directly: `depends_on` and every task of `cross_spec_interfaces`."""
    dependents: Mapping[str, tuple[str, ...]]
    order: tuple[str, ...]
    """Topological; ties are broken by file order. Tasks on a cycle are missing."""
    cycle: tuple[str, ...] = ()
    """Ids along one cycle, first repeated at the end; empty when the graph is acyclic."""

    def ancestors(self, task_id: str) -> frozenset[str]:
        """Everything that *task_id* waits for, directly or not."""
        return _reach(self.dependencies, task_id)

    def descendants(self, task_id: str) -> frozenset[str]:
        return _reach(self.dependents, task_id)


def direct_dependencies(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Task id -> the existing ids it waits for, with cross-spec interfaces spelled out."""
    by_spec: dict[str, list[str]] = {}
    for task in plan.tasks:
        by_spec.setdefault(task.spec, []).append(task.id)
    known = {task.id for task in plan.tasks}
    edges: dict[str, tuple[str, ...]] = {}
    for task in plan.tasks:
        wanted = [d for d in task.depends_on if d in known]
        for spec in task.cross_spec_interfaces:
            wanted += [other for other in by_spec.get(spec, ()) if spec != task.spec]
        edges[task.id] = tuple(dict.fromkeys(wanted))
    return edges


def graph_of(plan: Plan) -> Graph:
    """Order the plan with a ready queue: linear in tasks and edges."""
    dependencies = direct_dependencies(plan)
    position = {task.id: index for index, task in enumerate(plan.tasks)}
    dependents: dict[str, list[str]] = {task_id: [] for task_id in dependencies}
    for task_id, wanted in dependencies.items():
        for name in wanted:
            dependents[name].append(task_id)
    missing = {task_id: len(wanted) for task_id, wanted in dependencies.items()}
    ready = [position[task_id] for task_id, count in missing.items() if not count]
    heapify(ready)
    order: list[str] = []
    while ready:
        task_id = plan.tasks[heappop(ready)].id
        order.append(task_id)
        for name in dependents[task_id]:
            missing[name] -= 1
            if not missing[name]:
                heappush(ready, position[name])
    cycle = (
        _find_cycle(dependencies, set(dependencies) - set(order)) if len(order) < len(dependencies) else ()
    )
    return Graph(
        dependencies=dependencies,
        dependents={task_id: tuple(names) for task_id, names in dependents.items()},
        order=tuple(order),
        cycle=cycle,
    )


def next_number(tasks: Iterable[Task]) -> int:
    """Of a new task: one more than the greatest id that is a number."""
    return max((int(task.id) for task in tasks if _NUMBER.fullmatch(task.id)), default=0) + 1


def writers_of(tasks: Iterable[Task]) -> dict[str, list[str]]:
    """Output or byproduct -> ids of the tasks that write it, in the order given."""
    writers: dict[str, list[str]] = {}
    for task in tasks:
        for path in dict.fromkeys(task.written):
            writers.setdefault(path, []).append(task.id)
    return writers


def _reach(edges: Mapping[str, tuple[str, ...]], start: str) -> frozenset[str]:
    seen: set[str] = set()
    waiting = list(edges.get(start, ()))
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(edges.get(name, ()))
    return frozenset(seen)


def _find_cycle(edges: Mapping[str, tuple[str, ...]], among: set[str]) -> tuple[str, ...]:
    """Walk dependencies within *among* (each has one there) until a task repeats."""
    if not among:
        return ()
    path: list[str] = []
    seen: dict[str, int] = {}
    current = min(among)
    while current not in seen:
        seen[current] = len(path)
        path.append(current)
        current = next(name for name in edges[current] if name in among)
    return (*path[seen[current] :], current)
