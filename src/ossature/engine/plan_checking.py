"""Why an edit of the plan is refused: it would break the graph, or the plan against its specs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

from ossature.domain.plan import Graph, Plan, graph_of
from ossature.domain.spec import SpecTree
from ossature.engine.plan_editing import NAME
from ossature.engine.plan_parts import way_up
from ossature.errors import Diagnostic, OssatureError, PlanError, UnsafePath
from ossature.project import Project
from ossature.spec.plan_check import check_plan
from ossature.spec.refs import Refs
from ossature.store.planfile import parse_plan
from ossature.store.safe_root import SafeRoot

_SHOWN = 3
_LINE = re.compile(r"\bline \d+")


@dataclass(frozen=True)
class Ground:
    """What a plan is checked against."""

    tree: SpecTree
    refs: Refs
    output_exists: Callable[[str], bool]
    context_exists: Callable[[str], bool]
    reserved: Collection[str] = ()

    def errors(self, text: str) -> tuple[Plan, list[Diagnostic]]:
        """The plan in *text*, and what `validate` has against it."""
        plan = parse_plan(text, name=NAME)
        checks = check_plan(
            plan,
            self.tree,
            output_exists=self.output_exists,
            context_exists=self.context_exists,
            reserved=self.reserved,
            refs=self.refs,
        )
        return plan, [item for item in (*plan.diagnostics, *checks) if item.severity == "error"]


def ground_of(project: Project, tree: SpecTree) -> Ground:
    """Goes by the disk for files that no task writes."""
    output, context = SafeRoot(project.output_root), SafeRoot(project.context_root)
    return Ground(tree, Refs(tree), _asks(output), _asks(context), project.reserved)


def _asks(root: SafeRoot) -> Callable[[str], bool]:
    def exists(path: str) -> bool:
        try:
            return root.exists(path)
        except (UnsafePath, OssatureError):
            return False

    return exists


def refuse_worse(before: str, after: str, ground: Ground) -> None:
    """Raise PlanError where *after* has an error that *before* has not.

    A plan that is broken already may be mended step by step.
    """
    known = Counter(map(_essence, ground.errors(before)[1]))
    plan, errors = ground.errors(after)
    new = [item for item in errors if not _is_known(item, known)]
    if not new:
        return
    ring = graph_of(plan).cycle
    if ring and any(item.code == "plan-cycle" for item in new):
        raise PlanError(ring_text(plan, ring), hint="an edge of that ring has to go")
    more = f"; and {len(new) - _SHOWN} more" if len(new) > _SHOWN else ""
    text = "; ".join(item.message.removeprefix("task ") for item in new[:_SHOWN])
    raise PlanError(f"{text}{more}", hint=next((item.hint for item in new if item.hint), ""))


def _is_known(item: Diagnostic, known: Counter[tuple[str, str]]) -> bool:
    essence = _essence(item)
    known[essence] -= 1
    return known[essence] >= 0


def _essence(item: Diagnostic) -> tuple[str, str]:
    """What stays of a diagnostic when its lines move."""
    return item.code, _LINE.sub("line", item.message)


def ring_of(graph: Graph, task_id: str, needed: str) -> tuple[str, ...]:
    """The ring that comes about where *task_id* waits for *needed*, its first repeated; empty for none."""
    way = way_up(graph.dependencies, needed, task_id)
    return (task_id, *way) if way else ()


def ring_text(plan: Plan, ring: tuple[str, ...]) -> str:
    """The ring, task by task."""
    by_id = plan.by_id()
    named = [f"{name} {by_id[name].title}" if name in by_id else name for name in ring[:-1]]
    return f"tasks would wait for each other: {' waits for '.join([*named, ring[-1]])}"
