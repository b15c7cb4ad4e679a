"""What a build is asked for, against the plan that it goes by."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ossature.build.schedule import with_dependencies
from ossature.domain.plan import Graph, Plan
from ossature.domain.wish import NO_WISH, Wish
from ossature.errors import PlanError


@dataclass(frozen=True, slots=True)
class Wanted:
    """A build as a person asked for it."""

    tasks: tuple[str, ...] = ()
    """Ids; empty means all. What they wait for is built too."""
    forced: tuple[str, ...] = ()
    wish: Wish = NO_WISH
    """How the forced tasks are to be tried."""
    keeps_going: bool = False
    refreshes_prompts: bool = False
    """Tasks whose prompt came from another version of our templates are generated anew."""

    def ids(self, plan: Plan, graph: Graph) -> set[str]:
        """Every task that the build has to do with. Raises PlanError for one that is not in the plan."""
        if not self.tasks and not self.forced:
            return set(graph.order)
        return with_dependencies(graph, task_ids(self.tasks, plan, graph) | self.forced_ids(plan, graph))

    def forced_ids(self, plan: Plan, graph: Graph) -> set[str]:
        """Tasks to be generated anew though nothing changed. Raises PlanError as `ids` does."""
        return task_ids(self.forced, plan, graph)

    def within(self, plan: Plan) -> Wanted:
        """The same without the tasks that *plan* no longer has."""
        known = [name for name in self.tasks if plan.find(name)]
        forced = [name for name in self.forced if name == "*" or plan.find(name)]
        return replace(self, tasks=tuple(known), forced=tuple(forced))


def task_ids(names: tuple[str, ...], plan: Plan, graph: Graph) -> set[str]:
    """Task ids as people give them; `*` is all. Raises PlanError for one that is not in the plan."""
    if "*" in names:
        return set(graph.order)
    found: set[str] = set()
    for name in names:
        task = plan.find(name)
        if task is None:
            raise PlanError(f"there is no task {name} in the plan", hint="see `ossature plan`")
        found.add(task.id)
    return found
