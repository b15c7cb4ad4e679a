"""What model calls cost, added up by day, spec, task, model or run; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple

By = Literal["day", "spec", "task", "model", "run"]
BYS: tuple[By, ...] = ("day", "spec", "task", "model", "run")
MAX_DAYS = 3660
"""So long a series of days is filled up at most; a clock may have been wrong by decades."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Calls added up; replies that were played back are not among them."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of the input."""
    cost_usd: float = 0.0
    """Of the calls whose price is known."""
    unpriced: int = 0
    """Calls whose price nobody knows."""
    charged: int = 0
    """Calls without a reply, which a provider may have counted all the same; not among `calls`."""
    charged_usd: float = 0.0
    """The worst case for those; not in `cost_usd`."""

    def plus(self, other: Sums) -> Sums:
        return Sums(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cost_usd + other.cost_usd,
            self.unpriced + other.unpriced,
            self.charged + other.charged,
            self.charged_usd + other.charged_usd,
        )

    @property
    def cached_percent(self) -> int:
        """Share of the input that came from a provider's cache."""
        return 100 * self.cached_tokens // self.input_tokens if self.input_tokens else 0


@dataclass(frozen=True, slots=True)
class Share:
    """The calls of one run that have day, task, model and role in common."""

    run: str
    day: str
    """UTC, as for the budget: `YYYY-MM-DD`."""
    spec: str
    task: str
    """The lineage: a task that was renumbered stays one."""
    title: str
    """Id and title of the task as last seen; empty where the call belongs to none."""
    role: str
    model: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Group:
    """What has one day, spec, task, model or run in common."""

    key: str
    label: str
    sums: Sums


class Book(NamedTuple):
    """All shares added up in every way, so that a face may leaf through them."""

    total: Sums
    groups: Mapping[By, Sequence[Group]]


def book_of(shares: Sequence[Share]) -> Book:
    """Takes too long for an event loop where there are many."""
    groups = {by: spend_by(shares, by) for by in BYS}
    return Book(total_of(group.sums for group in groups["day"]), groups)


def total_of(sums: Iterable[Sums]) -> Sums:
    """Everything together."""
    total = Sums()
    for one in sums:
        total = total.plus(one)
    return total


def spend_by(shares: Iterable[Share], by: By) -> list[Group]:
    """One group for each key: days and runs in their order, the others with the dearest first.

    Where several shares of a group are named differently, the last name counts.
    """
    labels: dict[str, str] = {}
    sums: dict[str, Sums] = {}
    for share in shares:
        key, label = _key(share, by)
        labels[key] = label
        sums[key] = sums[key].plus(share.sums) if key in sums else share.sums
    groups = [Group(key, labels[key], sums[key]) for key in sums]
    if by in ("day", "run"):
        return sorted(groups, key=lambda group: group.key)
    return sorted(
        groups, key=lambda g: (-g.sums.cost_usd, -g.sums.input_tokens - g.sums.output_tokens, g.key)
    )


def _key(share: Share, by: By) -> tuple[str, str]:
    match by:
        case "day":
            return share.day, share.day
        case "spec":
            return share.spec, share.spec or "(all specs together)"
        case "model":
            return share.model, share.model or "(unknown)"
        case "run":
            return share.run, share.run
        case "task" if share.title:
            return share.task, share.title
        case _:
            return (
                f"{share.role} {share.spec}",
                f"({share.role.replace('_', ' ')} {share.spec}".rstrip() + ")",
            )


def daily(groups: Sequence[Group]) -> list[Group]:
    """Groups by day with the days in between, on which nothing was spent."""
    try:
        days = [date.fromisoformat(group.key) for group in groups]
    except ValueError:
        return list(groups)
    if not days or (days[-1] - days[0]).days > MAX_DAYS:
        return list(groups)
    known = {group.key: group for group in groups}
    span = [(days[0] + timedelta(days=n)).isoformat() for n in range((days[-1] - days[0]).days + 1)]
    return [known.get(day) or Group(day, day, Sums()) for day in span]


def levels(values: Sequence[float], *, steps: int, width: int) -> list[int]:
    """A series as heights from 0 (nothing) to *steps*, in at most *width* places.

    Where there are more values than places, each place is a sum of neighbours.
    """
    if not values or width < 1:
        return []
    each = -(-len(values) // width)
    # Counted from the end, so that the newest place is a whole one.
    first = len(values) % each or each
    cuts = [0, *range(first, len(values) + 1, each)]
    heights = [sum(values[start:end]) for start, end in pairwise(cuts)]
    top = max(heights)
    return [max(1, round(steps * value / top)) if value > 0 else 0 for value in heights]
