"""What an edit of the plan makes of the tasks: which a build would run because of it, and which no more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from ossature.domain.plan import Plan, Task
from ossature.engine.forecast import Forecast, Foreseen
from ossature.engine.plan_edits import listed
from ossature.engine.preview import ProjectView

_NAMED = 4
"""So many tasks are named; of more the number is told."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Ids in building order; each list leaves out what was so before the edit."""

    stale: tuple[str, ...] = ()
    """Landed once, and would be made anew."""
    unbuilt: tuple[str, ...] = ()
    """New, or wanted again: would be built for the first time."""
    verified: tuple[str, ...] = ()
    """Only their verify would run again, or files be put back."""
    may: tuple[str, ...] = ()
    """Would run if what comes before them comes out otherwise."""
    held: tuple[str, ...] = ()
    """Wait from now on for a task that is skipped, or not written yet."""
    settled: tuple[str, ...] = ()
    """Would have run, and need not any more."""

    @property
    def is_empty(self) -> bool:
        return self == Effect()

    @property
    def sentence(self) -> str:
        """As it follows what was done."""
        parts = [
            _part("makes {} stale", self.stale),
            _part("{} is to be built|{} are to be built", self.unbuilt),
            _part("{} is verified again|{} are verified again", self.verified),
            _part("{} may follow", self.may),
            _part("holds up {}", self.held),
            _part("{} need not run any more", self.settled),
        ]
        return "; ".join(filter(None, parts)) or "makes nothing stale"


def effect_of(before: ProjectView, after: ProjectView) -> Effect:
    """Compare what a build would run; a task is known by its lineage, else by its id."""
    was = _known(before, after)
    now = after.forecast
    found: dict[str, list[str]] = {name: [] for name in ("stale", "unbuilt", "verified", "may", "held")}
    for name in after.graph.order if after.graph else ():
        old = was.get(name)
        foreseen = _foreseen(now, name)
        if name in after.blocked and not (old and old in before.blocked):
            found["held"].append(name)
        past = _foreseen(before.forecast, old) if old else None
        if foreseen is None or (past and _alike(past, foreseen)):
            continue
        has_landed = after.by_id[name].landing is not None
        found[_kind(foreseen, has_landed=has_landed)].append(name)
    settled = [
        name
        for name, old in was.items()
        if _foreseen(before.forecast, old) and not _foreseen(now, name) and name not in after.blocked
    ]
    return Effect(settled=tuple(settled), **{name: tuple(ids) for name, ids in found.items()})


def _known(before: ProjectView, after: ProjectView) -> dict[str, str]:
    """Id after the edit -> id before it. What never landed has a lineage that goes by its title."""
    ids = {shown.lineage: name for name, shown in before.by_id.items()}
    found = {name: ids[shown.lineage] for name, shown in after.by_id.items() if shown.lineage in ids}
    left = before.by_id.keys() - found.values()
    return found | {name: name for name in after.by_id if name not in found and name in left}


def _foreseen(forecast: Forecast, name: str) -> Foreseen | None:
    return forecast.will_run.get(name) or forecast.may_run.get(name)


def _alike(old: Foreseen, new: Foreseen) -> bool:
    """The same would be done, as surely as before."""
    return old.mode == new.mode and bool(old.causes) == bool(new.causes)


def _kind(foreseen: Foreseen, *, has_landed: bool) -> str:
    if foreseen.causes:
        return "may"
    if foreseen.mode in ("verify", "restore"):
        return "verified"
    return "stale" if has_landed else "unbuilt"


def _part(words: str, ids: tuple[str, ...]) -> str:
    if not ids:
        return ""
    one, _, several = words.partition("|")
    names = listed(ids) if len(ids) <= _NAMED else f"{len(ids)} tasks"
    return (several if several and len(ids) > 1 else one).format(names)


def _short(ids: tuple[str, ...], *, most: int = 6) -> tuple[str, ...]:
    """The first few, and how many more."""
    return ids if len(ids) <= most else (*ids[: most - 1], f"{len(ids) - most + 1} more")


def changes_between(old: Plan, new: Plan) -> str:
    """What differs between two plans, task by task; empty where only order or comments do."""
    was, now = old.by_id(), new.by_id()
    parts = [
        f"{name}: {listed(keys)}" for name in now if name in was and (keys := _keys(was[name], now[name]))
    ]
    added = tuple(name for name in now if name not in was)
    gone = tuple(name for name in was if name not in now)
    parts += [f"{listed(_short(added))} added"] * bool(added) + [f"{listed(_short(gone))} gone"] * bool(gone)
    return "; ".join(_short(tuple(parts), most=4))


def foreign_change(before: ProjectView, after: ProjectView) -> str:
    """What to say of a plan that somebody else has changed; empty where it says the same as before."""
    if before.plan is None or before.plan == after.plan:
        return ""
    if after.plan is None:
        return "the plan was changed on disk and cannot be read: it stays as it was until it can"
    changes = changes_between(before.plan, after.plan)
    effect = effect_of(before, after)
    if not changes and effect.is_empty:
        return ""
    return f"the plan was changed on disk ({changes or 'its order'}); {effect.sentence}"


def _keys(one: Task, two: Task) -> list[str]:
    names = [name for name in one.__slots__ if name not in ("line", "was_done")]
    return [
        "status" if name == "intent" else name.replace("_", " ")
        for name in names
        if getattr(one, name) != getattr(two, name)
    ]


def in_flight(old: Plan, new: Plan, running: Collection[str]) -> str:
    """What a run makes of an edit of tasks that it is at work on; empty where none is touched."""
    was, now = old.by_id(), new.by_id()
    parts: list[str] = []
    for name in sorted(running):
        if name not in was:
            continue
        if name not in now:
            parts.append(f"{name} is under way: the edit counts once it has ended")
        elif replace(was[name], line=0) != replace(now[name], line=0):
            parts.append(f"{name} is under way: it ends as it began, and is then looked at again")
    return "; ".join(parts)
