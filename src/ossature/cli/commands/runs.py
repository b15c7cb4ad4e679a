"""`runs`: every run of a project, oldest first."""

from __future__ import annotations

import argparse

from ossature.cli.columns import aligned
from ossature.cli.command import Command, add_json
from ossature.cli.terminal import Terminal
from ossature.engine.session import list_runs
from ossature.errors import Exit
from ossature.project import load_project

_TONES = {"succeeded": "good", "failed": "bad", "crashed": "bad", "running": "ask", "stopped": "warn"}


def runs(args: argparse.Namespace, terminal: Terminal) -> int:
    """List them; numbers are for people, ids are for good."""
    project = load_project(terminal.cwd, terminal.environ)
    summaries = list_runs(project)
    if args.json:
        terminal.json(
            [
                {
                    "id": run.run,
                    "number": run.number,
                    "goal": run.goal,
                    "started_at": run.started_at,
                    "outcome": run.outcome,
                    "exit_code": run.exit_code,
                }
                for run in summaries
            ]
        )
        return Exit.OK
    if not summaries:
        terminal.line("no run yet: `ossature audit` or `ossature build` is one", tone="quiet")
    rows = [(str(run.number), run.run, run.goal, run.started_at, run.outcome) for run in summaries]
    for cells in aligned(rows):
        outcome = cells[-1]
        terminal.spans([("plain", "".join(cells[:-1])), (_TONES.get(outcome, "plain"), outcome)])
    return Exit.OK


COMMANDS = {
    "runs": Command(
        about="Lists every run. Commands that take a run take its id, the beginning of it, or its number.",
        examples=(
            ("ossature runs", "oldest first"),
            ("ossature runs --json", "one JSON document"),
        ),
        add_arguments=add_json,
        run=runs,
    )
}
