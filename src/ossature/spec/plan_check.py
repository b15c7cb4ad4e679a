"""Check a plan against its specs and itself; every problem at once, with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from ossature.domain.paths import find_clashes, obeyed_part, quoted_path, relative_parts
from ossature.domain.plain_text import hidden_in_line
from ossature.domain.plan import Graph, Plan, Task, graph_of, writers_of
from ossature.domain.spec import SpecTree
from ossature.errors import Diagnostic, Place, Severity, UnsafePath
from ossature.spec.closest import closest
from ossature.spec.refs import Refs, Unresolved

_WORD = re.compile(r"[A-Za-z0-9_./-]+")
_MANY_WRITERS = 2
"""More tasks than this on one file serialise a build."""


@dataclass
class _Check:
    """One pass over a plan."""

    plan: Plan
    tree: SpecTree
    graph: Graph
    output_exists: Callable[[str], bool]
    context_exists: Callable[[str], bool]
    found: list[Diagnostic] = field(default_factory=list)
    above: dict[str, frozenset[str]] = field(default_factory=dict)
    ids: frozenset[str] = frozenset()

    def say(
        self, task: Task | None, code: str, message: str, *, hint: str = "", severity: Severity = "error"
    ) -> None:
        name = f"task {task.id}: " if task else ""
        place = Place(self.plan.path or "plan", task.line if task else 0)
        self.found.append(Diagnostic(f"plan-{code}", severity, place, name + message, hint))

    def waits_for(self, task_id: str) -> frozenset[str]:
        if task_id not in self.above:
            self.above[task_id] = self.graph.ancestors(task_id)
        return self.above[task_id]


def check_plan(
    plan: Plan,
    tree: SpecTree,
    *,
    output_exists: Callable[[str], bool] = lambda _path: False,
    context_exists: Callable[[str], bool] = lambda _path: True,
    reserved: Collection[str] = (),
    refs: Refs | None = None,
) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with *plan*, beyond what reading it already told.

    `reserved` are files and folders below the output folder that are the project's own. `output_exists`
    tells of files in that folder that no task writes; `context_exists` of files in the context folder;
    `refs` is an index of *tree* that is made already.
    """
    check = _Check(plan, tree, graph_of(plan), output_exists, context_exists)
    check.ids = frozenset(task.id for task in plan.tasks)
    refs = refs or Refs(tree)
    if check.graph.cycle:
        first = plan.find(check.graph.cycle[0])
        check.say(first, "cycle", "tasks wait for each other: " + " -> ".join(check.graph.cycle))
    writers = writers_of(plan.tasks)
    modules = {_module(path): path for path in writers if path.endswith(".py")}
    for task in plan.tasks:
        _check_edges(check, task)
        _check_outputs(check, task, reserved)
        _check_unused(check, task)
        _check_shown_files(check, task, writers)
        _check_refs(check, task, refs)
        _check_verify(check, task, writers, modules)
    for one, like_it in find_clashes(writers):
        message = f"writes {quoted_path(like_it)}, on some systems the same file as {quoted_path(one)}"
        hint = f"which {writers[one][0]} writes: let the names differ in more than case"
        check.say(plan.find(writers[like_it][0]), "same-file", message, hint=hint)
    if not check.graph.cycle:
        _check_writers(check, writers)
    return tuple(check.found)


def _check_edges(check: _Check, task: Task) -> None:
    for name in task.depends_on:
        if name == task.id:
            check.say(task, "self-dependency", "depends on itself")
        elif name not in check.ids:
            hint = _near(name, sorted(check.ids))
            check.say(task, "unknown-task", f"depends on {name}, which is not in the plan", hint=hint)
    if task.spec not in check.tree.specs:
        known = list(check.tree.specs)
        check.say(
            task, "unknown-spec", f"belongs to {task.spec}, which is no spec", hint=_near(task.spec, known)
        )
    for name in task.cross_spec_interfaces:
        if name == task.spec:
            check.say(task, "own-interface", f"names its own spec {name} in cross_spec_interfaces")
        elif name not in check.tree.specs:
            known = list(check.tree.specs)
            check.say(
                task,
                "unknown-spec",
                f"shows the interface of {name}, which is no spec",
                hint=_near(name, known),
            )
    if task.kind == "verify":
        check.say(task, "verify-kind", 'kind = "verify" (author-written cases) is not supported yet')


def _check_unused(check: _Check, task: Task) -> None:
    """Keys that say how a prompt is cut down, which nothing does yet: everything is shown in full."""
    if any(how != "full" for how in task.inject.values()) or task.context_budget_tokens:
        check.say(
            task,
            "no-effect",
            "inject and context_budget_tokens have no effect yet",
            hint="files are shown in full",
            severity="warning",
        )


def _check_outputs(check: _Check, task: Task, reserved: Collection[str]) -> None:
    if not task.outputs:
        check.say(task, "no-outputs", "writes no file")
    seen: dict[str, str] = {}
    for output in task.written:
        path = output.replace("*", "x") if task.source else output
        _check_path(check, task, "outputs" if output in task.outputs else "byproducts", path)
        obeyed = obeyed_part(path)
        if obeyed and task.intent != "manual":
            hint = "name another file, or mark the task manual and write it yourself"
            check.say(task, "obeyed-name", f"writes {path}: other programs act upon {obeyed}", hint=hint)
        folded = path.casefold()
        for name in reserved:
            if folded == name.casefold() or folded.startswith(f"{name.casefold()}/"):
                hint = "set [output] dir to a folder of its own, or name another file"
                check.say(task, "own-file", f"writes {path}, which is the project's own", hint=hint)
        if folded in seen:
            check.say(task, "duplicate-output", f"lists {path} twice (as {seen[folded]})")
        seen[folded] = path


def _check_path(check: _Check, task: Task, key: str, path: str) -> bool:
    try:
        relative_parts(path)
    except UnsafePath as error:
        check.say(task, "unsafe-path", f"{key}: {error.message}", hint=error.hint)
        return False
    return True


def _check_shown_files(check: _Check, task: Task, writers: dict[str, list[str]]) -> None:
    for path in task.inject_files:
        if not _check_path(check, task, "inject_files", path):
            continue
        ids = [name for name in writers.get(path, ()) if name != task.id]
        if not ids and not check.output_exists(path):
            hint = _near(path, list(writers))
            check.say(task, "unknown-file", f"shows {path}, which no task writes and is not there", hint=hint)
        elif ids and not check.waits_for(task.id).intersection(ids):
            check.say(
                task,
                "undeclared-dependency",
                f"shows {path}, which {ids[0]} writes, but does not depend on it",
                hint=f'add "{ids[0]}" to depends_on',
            )
    for path in task.context_files:
        if _check_path(check, task, "context_files", path) and not check.context_exists(path):
            check.say(task, "unknown-context", f"context file {path} does not exist")


def _check_refs(check: _Check, task: Task, refs: Refs) -> None:
    if task.spec not in check.tree.specs:
        return
    for ref in task.spec_refs:
        found = refs.spec(task.spec, ref)
        if isinstance(found, Unresolved):
            check.say(
                task, "unresolved-ref", f"spec_refs: {found.message}", hint=_did_you_mean(found.closest)
            )
    for ref in task.arch_refs:
        found = refs.architecture(task.spec, ref)
        if isinstance(found, Unresolved):
            check.say(
                task, "unresolved-ref", f"arch_refs: {found.message}", hint=_did_you_mean(found.closest)
            )
    if not task.spec_refs and not task.source and task.intent == "pending":
        check.say(task, "no-refs", "shows no part of its spec", hint="add spec_refs", severity="warning")


def _check_verify(check: _Check, task: Task, writers: dict[str, list[str]], modules: dict[str, str]) -> None:
    """A verify may only name files that exist by then: its own outputs and those of what it waits for."""
    if not task.verify and not task.source and task.intent == "pending":
        check.say(task, "no-verify", "has no verify command", hint="it lands unverified", severity="warning")
    for command in task.verify:
        hidden = hidden_in_line(command)
        if hidden:
            message = f"its verify holds the character {hidden}, which hides what it does"
            check.say(task, "hidden-character", message, hint="write it without")
    told: set[str] = set()
    for path in _mentioned(task, writers, modules):
        ids = writers[path]
        if path in told or task.id in ids or check.waits_for(task.id).intersection(ids):
            continue
        told.add(path)
        check.say(
            task,
            "verify-too-early",
            f"its verify names {path}, which {ids[0]} writes, but does not depend on it",
            hint=f'add "{ids[0]}" to depends_on',
        )


def _mentioned(task: Task, writers: dict[str, list[str]], modules: dict[str, str]) -> Iterator[str]:
    for command in task.verify:
        yield from _named(command, writers, modules)


def named_in(command: str, paths: Collection[str]) -> Iterator[str]:
    """Those of *paths* that a command names as files, or as `python -m` takes modules."""
    return _named(command, paths, {_module(path): path for path in paths if path.endswith(".py")})


def _named(command: str, paths: Collection[str], modules: Mapping[str, str]) -> Iterator[str]:
    for word in _WORD.findall(command):
        name = word.removeprefix("./")
        if name in paths:
            yield name
        elif name in modules:
            yield modules[name]


def _module(path: str) -> str:
    """`tests/test_x.py` as `python -m unittest` takes it."""
    return path.removesuffix(".py").replace("/", ".")


def _check_writers(check: _Check, writers: dict[str, list[str]]) -> None:
    position = {task_id: index for index, task_id in enumerate(check.graph.order)}
    for path, ids in writers.items():
        if len(ids) == 1:
            continue
        chain = sorted(ids, key=position.__getitem__)
        for earlier, later in pairwise(chain):
            if earlier not in check.waits_for(later):
                check.say(
                    check.plan.find(later),
                    "two-writers",
                    f"writes {path}, which {earlier} writes too, without depending on it",
                    hint=f'add "{earlier}" to depends_on, or give each its own file',
                )
        if len(ids) > _MANY_WRITERS:
            check.say(
                check.plan.find(chain[-1]),
                "many-writers",
                f"{len(ids)} tasks write {path}, so they run one after the other",
                hint="let the scaffold declare what they add",
                severity="warning",
            )


def _near(name: str, known: list[str]) -> str:
    return _did_you_mean(closest(name, known))


def _did_you_mean(name: str) -> str:
    return f"did you mean {name!r}?" if name else ""
