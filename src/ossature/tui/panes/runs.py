"""A run as one row of a list."""

from __future__ import annotations

from collections.abc import Mapping

from ossature.domain.plain_text import clean_line
from ossature.engine.accounts import RunAccount
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.widgets.header import clock
from ossature.tui.widgets.rows import Row

OUTCOME_TONES: Mapping[str, str] = {
    "succeeded": "good",
    "running": "active",
    "failed": "bad",
    "crashed": "bad",
}
_SIGNS: Mapping[str, str] = {"succeeded": "landed", "running": "running", "failed": "failed"}


def run_row(run: RunAccount, glyphs: Glyphs) -> Row:
    """Number, state, goal, start, time, tasks; what it cost stands at the right."""
    tone = OUTCOME_TONES.get(run.outcome, "warn")
    sign = glyphs.status[_SIGNS.get(run.outcome, "interrupted")]
    started = f"{run.started_at.astimezone():%Y-%m-%d %H:%M}" if run.started_at else "-" * 16
    left = (
        Span(f" {run.number:>3} ", "label"),
        Span(f"{sign} {clean_line(run.outcome):<9}", tone),
        Span(f" {clean_line(run.goal):<8}"),
        Span(f" {started}", "quiet"),
        Span(f" {clock(run.totals.seconds):>7}", "quiet"),
        *_task_spans(run),
    )
    return Row(run.run, left, (Span(f"{_cost(run)} ", "strong"),))


def _task_spans(run: RunAccount) -> tuple[Span, ...]:
    totals = run.totals
    if run.outcome == "unreadable":
        return (Span(f"  {clean_line(run.reason)}", "warn"),)
    return (
        Span(f"  {totals.landed:>3} landed", "plain" if totals.landed else "faint"),
        Span(f"  {totals.failed} failed" if totals.failed else "", "bad"),
        Span(f"  {clean_line(run.run)}", "faint"),
    )


def _cost(run: RunAccount) -> str:
    totals = run.totals
    known = f"${totals.cost_usd:.2f}" if totals.cost_usd else ""
    return (
        f"{known}+?"
        if totals.has_unknown_cost and known
        else "?"
        if totals.has_unknown_cost
        else known or "-"
    )
