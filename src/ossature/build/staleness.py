"""Which tasks have to run, and the leaf that says why; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ossature.build.material import Material, changed_leaves
from ossature.domain.plan import Plan, Task
from ossature.store.ledger import Landing
from ossature.store.tasklog import lineage_name

Standing = Literal["done", "stale", "verify", "restore", "pending", "skipped", "manual"]
"""done: nothing to do · stale: generate anew · verify: only the commands again · restore: put files back ·
pending: never built."""


@dataclass(frozen=True, slots=True)
class Change:
    """One leaf that differs from what landed last. An empty digest: it was not there."""

    leaf: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """Where a task stands."""

    standing: Standing
    reason: str
    changes: tuple[Change, ...] = ()
    edited: tuple[str, ...] = ()
    """Outputs whose bytes on disk are not what landed: changed by hand."""
    missing: tuple[str, ...] = ()
    """Outputs that are gone from the disk."""


def judge(
    task: Task,
    material: Material,
    landing: Landing | None,
    *,
    on_disk: Callable[[str], str | None],
    heads: Mapping[str, str],
) -> Judgement:
    """Compare *material* with what landed.

    `on_disk` gives the digest of an output or None; `heads` says which task the disk shows for an output
    that several tasks write.
    """
    if task.intent == "skipped":
        return Judgement("skipped", "the plan says skipped")
    if task.intent == "manual":
        return _judge_manual(task, on_disk)
    if landing is None:
        return Judgement("pending", "never built")
    shown = {
        path: digest
        for path, digest in landing.files.items()
        if heads.get(path, task.id) == task.id and is_written_by(task, path)
    }
    found = {path: on_disk(path) for path in shown}
    missing = tuple(path for path, digest in found.items() if digest is None)
    edited = tuple(path for path, digest in found.items() if digest not in (None, shown[path]))
    by_hand = f"; edited by hand: {', '.join(edited)}" if edited else ""
    changed = changed_leaves(landing.leaves, material.leaves)
    if changed:
        changes = _changes(changed, landing.leaves, material.leaves)
        return Judgement("stale", _reason(changed) + by_hand, changes, edited)
    changed = changed_leaves(landing.verify_leaves, material.verify_leaves)
    if changed:
        changes = _changes(changed, landing.verify_leaves, material.verify_leaves)
        return Judgement("verify", _reason(changed) + by_hand, changes, edited)
    if missing:
        return Judgement("restore", f"{missing[0]} is gone", missing=missing, edited=edited)
    return Judgement("done", f"up to date{by_hand}", edited=edited)


def is_written_by(task: Task, path: str) -> bool:
    """The plan still has *task* write *path*, which it once landed."""
    return path in task.written or bool(task.source)


def match_landings(plan: Plan, landings: Mapping[str, Landing]) -> dict[str, Landing]:
    """Task id -> the landing that it continues: same spec, outputs and title; else outputs; else id.

    Each landing goes to one task at most.
    """
    found: dict[str, Landing] = {}
    left = {
        name: landing
        for name, landing in landings.items()
        if not name.startswith(("origin.", "final.", "setup."))
    }
    keys: tuple[Callable[[Task | Landing], object], ...] = (
        lambda item: (item.spec, item.outputs, item.title),
        lambda item: item.outputs,
    )
    for key in keys:
        index = {key(landing): landing for landing in left.values()}
        for task in plan.tasks:
            landing = index.pop(key(task), None) if task.id not in found else None
            if landing is not None:
                found[task.id] = landing
                del left[landing.lineage]
    by_id = {landing.task: landing for landing in left.values()}
    for task in plan.tasks:
        landing = by_id.pop(task.id, None) if task.id not in found else None
        if landing is not None and landing.spec == task.spec:
            found[task.id] = landing
    return found


def lineages(plan: Plan, landings: Mapping[str, Landing]) -> dict[str, str]:
    """Task id -> lineage: kept from what landed, else made from title, spec and outputs."""
    taken: set[str] = {landing.lineage for landing in landings.values()}
    names: dict[str, str] = {}
    for task in plan.tasks:
        if task.id in landings:
            names[task.id] = landings[task.id].lineage
            continue
        name = lineage_name(task.title, task.spec, task.outputs)
        while name in taken:
            name += "x"
        taken.add(name)
        names[task.id] = name
    return names


def heads(writers: Mapping[str, Iterable[str]], landings: Mapping[str, Landing]) -> dict[str, str]:
    """Output path -> id of its last writer that has landed: the one whose bytes the disk shows."""
    shown: dict[str, str] = {}
    for path, ids in writers.items():
        for task_id in ids:
            if task_id in landings and path in landings[task_id].files:
                shown[path] = task_id
    return shown


def _judge_manual(task: Task, on_disk: Callable[[str], str | None]) -> Judgement:
    missing = tuple(path for path in task.outputs if on_disk(path) is None)
    if missing:
        return Judgement("manual", f"written by hand; {missing[0]} is not there yet", missing=missing)
    return Judgement("manual", "written by hand")


def _reason(changed: list[str]) -> str:
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"{changed[0]} changed{more}"


def _changes(changed: list[str], old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Change, ...]:
    return tuple(Change(leaf, old.get(leaf, ""), new.get(leaf, "")) for leaf in changed)
