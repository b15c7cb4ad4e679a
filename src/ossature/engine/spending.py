"""What the runs of a day spent on models, by their journals: a new run does not begin at nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from ossature.domain import event as ev
from ossature.domain.record import Channel, Record, UnknownRecord
from ossature.engine.session import run_ids
from ossature.llm.budget import Budget, Spending
from ossature.llm.prices import price
from ossature.project import Project
from ossature.store.journal import read_records


def budget_of(project: Project, channel: Channel, *, is_replay: bool, allows_unpriced: bool) -> Budget | None:
    """The budget of a run that begins; None where nothing is limited, or nothing is paid for."""
    limits = project.settings.limits
    if is_replay or not limits.has_any:
        return None
    has_day = bool(limits.day_usd or limits.day_tokens)
    return Budget(
        limits,
        channel,
        price=price,
        allows_unpriced=allows_unpriced,
        spent_today=spent_on(project, today()) if has_day else None,
        today=today,
    )


def today() -> str:
    """The UTC day, `YYYY-MM-DD`."""
    return datetime.now(UTC).date().isoformat()


def spent_on(project: Project, day: str) -> Spending:
    """What all runs of *project* spent on that UTC day."""
    first = date.fromisoformat(day)
    # A run is named for when it began, and may have gone on past midnight.
    stamps = {f"{first:%Y%m%d}", f"{first - timedelta(days=1):%Y%m%d}"}
    total = Spending()
    for run in run_ids(project):
        if run[:8] in stamps:
            for record in read_records(project.runs_dir / run / "events.jsonl"):
                if record.at.astimezone(UTC).date() == first:
                    total = total.plus(_spent(record))
    return total


def _spent(record: Record | UnknownRecord) -> Spending:
    match record.event:
        case ev.ModelReplied(source="live" | "exec") as reply:
            return Spending(reply.cost_usd or 0.0, reply.input_tokens + reply.output_tokens)
        case ev.CallCharged() as call:
            return Spending(call.cost_usd, call.tokens)
    return Spending()
