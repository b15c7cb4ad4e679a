"""`runs`: every run of a project, oldest first, or one of them."""

from __future__ import annotations

import argparse
from typing import Any

from ossature.cli.columns import aligned
from ossature.cli.command import Command, add_json
from ossature.cli.sizes import duration
from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import count
from ossature.domain.state import RunState, TaskState
from ossature.engine.session import RunSummary, find_run, fold, list_runs
from ossature.engine.totals import RunTotals, totals_of
from ossature.errors import Exit
from ossature.project import load_project

_TONES = {"succeeded": "good", "failed": "bad", "crashed": "bad", "running": "ask", "stopped": "warn"}
_TASK_TONES = {"landed": "good", "failed": "bad", "blocked": "warn", "interrupted": "warn"}


def runs(args: argparse.Namespace, terminal: Terminal) -> int:
    """List them, or show one; numbers are for people, ids are for good."""
    project = load_project(terminal.cwd, terminal.environ)
    summaries = list_runs(project)
    if args.run is not None:
        chosen = find_run(project, args.run)
        return _show(next(run for run in summaries if run.run == chosen), terminal, is_json=args.json)
    told = [(run, totals_of(run.folder)) for run in summaries]
    if args.json:
        terminal.json([_as_json(run, totals) for run, totals in told])
        return Exit.OK
    if not told:
        terminal.line("no run yet: `ossature audit` or `ossature build` is one", tone="quiet")
        return Exit.OK
    header = ("NO", "RUN", "GOAL", "STARTED", "TIME", "LANDED", "FAILED", "TOKENS", "COST", "OUTCOME")
    for index, cells in enumerate(aligned([header, *(_row(run, totals) for run, totals in told)])):
        tone = _TONES.get(cells[-1], "plain") if index else "strong"
        terminal.spans([("plain" if index else "strong", "".join(cells[:-1])), (tone, cells[-1])])
    return Exit.OK


def _row(run: RunSummary, totals: RunTotals) -> tuple[str, ...]:
    return (
        str(run.number),
        run.run,
        run.goal,
        run.started_at,
        duration(totals.seconds),
        str(totals.landed),
        str(totals.failed),
        f"{totals.input_tokens}+{totals.output_tokens}"
        if totals.input_tokens + totals.output_tokens
        else "–",
        _cost(totals),
        run.outcome,
    )


def _cost(totals: RunTotals) -> str:
    """`?` stands for calls whose price is not known."""
    known = f"${totals.cost_usd:.2f}" if totals.cost_usd else ""
    return f"{known}{' + ' if known else ''}?" if totals.has_unknown_cost else known or "–"


def _show(run: RunSummary, terminal: Terminal, *, is_json: bool) -> int:
    state, totals = fold(run.folder), totals_of(run.folder)
    if is_json:
        terminal.json(_as_json(run, totals) | _details(state))
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
        ("started", run.started_at),
        ("took", duration(totals.seconds)),
        ("model", state.model or "–"),
        ("answers", state.preset if not state.replay else f"{state.preset}, replies from {state.replay}"),
        ("tokens", f"{totals.input_tokens} in, {totals.output_tokens} out"),
        ("cost", _cost(totals)),
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


def _as_json(run: RunSummary, totals: RunTotals) -> dict[str, Any]:
    return {
        "id": run.run,
        "number": run.number,
        "goal": run.goal,
        "started_at": run.started_at,
        "outcome": run.outcome,
        "exit_code": run.exit_code,
        "seconds": totals.seconds,
        "landed": totals.landed,
        "failed": totals.failed,
        "up_to_date": totals.up_to_date,
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
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
    add_json(parser)


COMMANDS = {
    "runs": Command(
        about="Lists every run, or shows one. Commands that take a run take its id, the beginning of it, or "
        "its number.",
        examples=(
            ("ossature runs", "oldest first"),
            ("ossature runs 3", "what run 3 did, task by task"),
            ("ossature runs --json", "one JSON document"),
        ),
        add_arguments=_add_arguments,
        run=runs,
    )
}
