"""`runs`: every run of a project, oldest first, one of them, or what all of them spent."""

from __future__ import annotations

import argparse
from typing import Any

from ossature.cli.columns import aligned
from ossature.cli.command import Command, add_json
from ossature.cli.sizes import duration
from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import count
from ossature.domain.state import RunState, TaskState
from ossature.engine.accounts import RunAccount, accounts
from ossature.engine.session import find_run, fold
from ossature.engine.spend import BYS, By, Group, Share, Sums, spend_by, total_of
from ossature.engine.totals import RunTotals
from ossature.errors import Exit, UsageError
from ossature.project import Project, load_project

_TONES = {
    "succeeded": "good",
    "failed": "bad",
    "crashed": "bad",
    "running": "ask",
    "stopped": "warn",
    "unreadable": "warn",
}
_TASK_TONES = {"landed": "good", "failed": "bad", "blocked": "warn", "interrupted": "warn"}


def runs(args: argparse.Namespace, terminal: Terminal) -> int:
    """List them, or show one; numbers are for people, ids are for good."""
    project = load_project(terminal.cwd, terminal.environ)
    if args.run is not None and args.by:
        raise UsageError("`--by` is about all runs", hint="leave the run out")
    found = accounts(project, keeps=not terminal.is_read_only)
    if args.run is not None:
        chosen = find_run(project, args.run)
        return _show(project, next(run for run in found if run.run == chosen), terminal, is_json=args.json)
    if args.by:
        shares = [share for run in found for share in run.shares]
        return _show_spend(shares, args.by, terminal, is_json=args.json)
    if args.json:
        terminal.json([_as_json(run) for run in found])
        return Exit.OK
    if not found:
        terminal.line("no run yet: `ossature audit` or `ossature build` is one", tone="quiet")
        return Exit.OK
    header = ("NO", "RUN", "GOAL", "STARTED", "TIME", "LANDED", "FAILED", "TOKENS", "COST", "OUTCOME")
    for index, cells in enumerate(aligned([header, *(_row(run) for run in found)])):
        tone = _TONES.get(cells[-1], "plain") if index else "strong"
        terminal.spans([("plain" if index else "strong", "".join(cells[:-1])), (tone, cells[-1])])
    for run in found:
        if run.outcome == "unreadable":
            terminal.say(f"run {run.number}: {run.reason}")
    return Exit.OK


def _show_spend(shares: list[Share], by: By, terminal: Terminal, *, is_json: bool) -> int:
    groups = spend_by(shares, by)
    total = total_of(group.sums for group in groups)
    if is_json:
        terminal.json({"by": by, "groups": [_group_json(one) for one in groups], "total": _sums_json(total)})
        return Exit.OK
    if not groups:
        terminal.line("no model has been called yet", tone="quiet")
        return Exit.OK
    header = (by.upper(), "COST", "CALLS", "INPUT", "CACHED", "OUTPUT")
    rows = [header, *(_spend_row(one.label, one.sums) for one in groups), _spend_row("total", total)]
    for index, cells in enumerate(aligned(rows)):
        terminal.line("".join(cells), tone="strong" if index in (0, len(rows) - 1) else "plain")
    if total.unpriced:
        terminal.say(f"{count(total.unpriced, 'call')} without a known price: `?` stands for them")
    if total.charged:
        calls = count(total.charged, "call")
        terminal.say(f"not in it: {calls} without a reply, at most ${total.charged_usd:.2f}")
    return Exit.OK


def _spend_row(label: str, sums: Sums) -> tuple[str, ...]:
    cost = _cost(sums.cost_usd, has_unknown=bool(sums.unpriced))
    cached = f"{sums.cached_percent}%" if sums.cached_tokens else "–"
    return label, cost, str(sums.calls), str(sums.input_tokens), cached, str(sums.output_tokens)


def _group_json(group: Group) -> dict[str, Any]:
    return {"key": group.key, "label": group.label} | _sums_json(group.sums)


def _sums_json(sums: Sums) -> dict[str, Any]:
    return {
        "calls": sums.calls,
        "input_tokens": sums.input_tokens,
        "output_tokens": sums.output_tokens,
        "cached_tokens": sums.cached_tokens,
        "cost_usd": round(sums.cost_usd, 10),
        "unpriced_calls": sums.unpriced,
        "charged_calls": sums.charged,
        "charged_usd": round(sums.charged_usd, 10),
    }


def _row(run: RunAccount) -> tuple[str, ...]:
    totals = run.totals
    return (
        str(run.number),
        run.run,
        run.goal,
        _started(run),
        duration(totals.seconds),
        str(totals.landed),
        str(totals.failed),
        f"{totals.input_tokens}+{totals.output_tokens}"
        if totals.input_tokens + totals.output_tokens
        else "–",
        _cost(totals.cost_usd, has_unknown=totals.has_unknown_cost),
        run.outcome,
    )


def _started(run: RunAccount) -> str:
    return run.started_at.isoformat(timespec="seconds") if run.started_at else ""


def _cost(known_usd: float, *, has_unknown: bool) -> str:
    """`?` stands for calls whose price is not known."""
    known = f"${known_usd:.2f}" if known_usd else ""
    return f"{known}{' + ' if known else ''}?" if has_unknown else known or "–"


def _show(project: Project, run: RunAccount, terminal: Terminal, *, is_json: bool) -> int:
    state, totals = fold(project.runs_dir / run.run), run.totals
    if is_json:
        terminal.json(_as_json(run) | _details(state))
        return Exit.OK
    outcome = run.outcome if run.exit_code is None else f"{run.outcome} (exit {run.exit_code})"
    terminal.spans(
        [("strong", f"run {run.number}  {run.run}: "), (_TONES.get(run.outcome, "plain"), outcome)]
    )
    for text in (state.reason, state.hint):
        if text:
            terminal.line(f"  {text}")
    facts = [
        ("goal", state.goal),
        ("started", _started(run)),
        ("took", duration(totals.seconds)),
        ("model", state.model or "–"),
        ("answers", state.preset if not state.replay else f"{state.preset}, replies from {state.replay}"),
        ("tokens", f"{totals.input_tokens} in, {totals.output_tokens} out"),
        ("cost", _cost(totals.cost_usd, has_unknown=totals.has_unknown_cost)),
        ("tasks", _counts(totals)),
    ]
    for cells in aligned(facts):
        terminal.spans([("quiet", f"  {cells[0]}"), ("plain", cells[1])])
    _print_tasks(state, terminal)
    terminal.line(f"see `ossature logs --run {run.number}` for every event", tone="quiet")
    return Exit.OK


def _counts(totals: RunTotals) -> str:
    return f"{totals.landed} landed, {totals.failed} failed, {totals.up_to_date} up to date"


def _print_tasks(state: RunState, terminal: Terminal) -> None:
    """What the run worked on; tasks that it left as they were are only counted."""
    rows = [
        (
            task.row.id,
            task.status,
            task.row.title,
            count(len(task.attempts), "attempt"),
            _took(task),
            task.reason,
        )
        for task in state.tasks.values()
        if task.status not in ("up-to-date", "pending", "manual")
    ]
    for cells in aligned(rows):
        tone = _TASK_TONES.get(cells[1].strip(), "plain")
        terminal.spans(
            [
                ("plain", f"  {cells[0]}"),
                (tone, cells[1]),
                ("plain", "".join(cells[2:5])),
                ("quiet", cells[5]),
            ]
        )


def _took(task: TaskState) -> str:
    if task.started_at is None or task.ended_at is None:
        return "–"
    return duration((task.ended_at - task.started_at).total_seconds())


def _as_json(run: RunAccount) -> dict[str, Any]:
    totals = run.totals
    return {
        "id": run.run,
        "number": run.number,
        "goal": run.goal,
        "started_at": _started(run),
        "outcome": run.outcome,
        "exit_code": run.exit_code,
        "seconds": totals.seconds,
        "landed": totals.landed,
        "failed": totals.failed,
        "up_to_date": totals.up_to_date,
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "cached_tokens": totals.cached_tokens,
        "cost_usd": totals.cost_usd,
        "has_unknown_cost": totals.has_unknown_cost,
    }


def _details(state: RunState) -> dict[str, Any]:
    return {
        "model": state.model,
        "preset": state.preset,
        "replay": state.replay,
        "reason": state.reason,
        "hint": state.hint,
        "tasks": [
            {
                "id": task.row.id,
                "lineage": task.row.lineage,
                "title": task.row.title,
                "status": task.status,
                "reason": task.reason,
                "files": list(task.files),
                "attempts": [
                    {
                        "number": attempt.number,
                        "kind": attempt.role,
                        "verdict": attempt.verdict,
                        "folder": attempt.folder,
                    }
                    for attempt in task.attempts
                ],
            }
            for task in state.tasks.values()
        ],
    }


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="id, beginning of an id, or number: only that one"
    )
    parser.add_argument(
        "--by", choices=BYS, help="what the model calls of all runs cost by this, in place of the runs"
    )
    add_json(parser)


COMMANDS = {
    "runs": Command(
        about="Lists every run, shows one, or adds up what all spent. Commands that take a run take its "
        "id, the beginning of it, or its number.",
        examples=(
            ("ossature runs", "oldest first"),
            ("ossature runs 3", "what run 3 did, task by task"),
            ("ossature runs --by day", "what model calls cost, day by day; also by spec, task, model, run"),
            ("ossature runs --json", "one JSON document"),
        ),
        add_arguments=_add_arguments,
        run=runs,
    )
}
