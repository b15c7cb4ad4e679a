"""`why`: what made a task stale, with the difference, or the prompt that it would get."""

from __future__ import annotations

import argparse

from ossature.cli.changes import changes_as_json, print_change
from ossature.cli.command import Command, add_json
from ossature.cli.tasks import plan_of, task_id
from ossature.cli.terminal import Terminal
from ossature.engine.forecast import waits_for
from ossature.engine.preview import ProjectView, TaskView, look, prompt_preview
from ossature.errors import Exit
from ossature.project import load_project

_DIFF_LINES = 60


def why(args: argparse.Namespace, terminal: Terminal) -> int:
    """Name every leaf that changed, and show how."""
    view = look(load_project(terminal.cwd, terminal.environ))
    chosen = task_id(args.task, plan_of(view))
    if args.prompt:
        terminal.block(prompt_preview(view, chosen))
        return Exit.OK
    shown = view.by_id[chosen]
    if args.json:
        terminal.json(_as_json(shown, view))
        return Exit.OK
    terminal.spans([("strong", f"{chosen} {shown.task.title}: "), ("plain", shown.status)])
    if shown.reason:
        terminal.line(shown.reason)
    for note in shown.notes:
        terminal.line(note, tone="warn")
    _print_standing(shown, view, terminal)
    limit = None if args.full else _DIFF_LINES
    for change in shown.changes:
        terminal.line()
        print_change(change, terminal, limit=limit)
    uncounted = view.uncounted(chosen)
    if uncounted:
        terminal.line()
        terminal.line("changed besides, which makes nothing stale:")
    for change in uncounted:
        print_change(change, terminal, limit=limit, indent="  ")
    if any(change.leaf.startswith("built-in template") for change in uncounted):
        terminal.line("  (`ossature build --refresh-prompts` generates it anew for that)", tone="quiet")
    return Exit.OK


def _print_standing(shown: TaskView, view: ProjectView, terminal: Terminal) -> None:
    """What landed, when, and what the task waits for."""
    name = shown.task.id
    landing = shown.landing
    if landing is not None and landing.at:
        attempt = f", attempt {landing.attempt}" if landing.attempt else ""
        terminal.line(f"landed {landing.at} in run {landing.run or 'unknown'}{attempt}", tone="quiet")
    if name in view.blocked:
        by = view.by_id[view.blocked[name]]
        terminal.line(f"blocked by {by.task.id} {by.task.title}: {by.reason}", tone="warn")
        return
    for other in waits_for(view, name):
        foreseen = view.forecast.will_run[other]
        terminal.line(f"waits for {other} {view.by_id[other].task.title}: {foreseen.reason}")
    if name in view.may_run:
        terminal.line(f"runs {view.may_run[name]}")


def _as_json(shown: TaskView, view: ProjectView) -> dict[str, object]:
    name = shown.task.id
    landing = shown.landing
    return {
        "task": name,
        "title": shown.task.title,
        "status": shown.status,
        "reason": shown.reason,
        "edited": list(shown.edited),
        "landed": {"run": landing.run, "attempt": landing.attempt, "at": landing.at} if landing else None,
        "waits_for": list(waits_for(view, name)),
        "blocked_by": view.blocked.get(name),
        "may_run": view.may_run.get(name),
        "changes": changes_as_json(shown.changes),
        "uncounted": changes_as_json(view.uncounted(name)),
    }


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="TASK", help="id of the task; 7 is 007")
    parser.add_argument("--prompt", action="store_true", help="print the prompt that it would get now")
    parser.add_argument("--full", action="store_true", help="show long differences whole")
    add_json(parser)


COMMANDS = {
    "why": Command(
        about=(
            "Says why a task would run, or why it is done: what changed since it landed, old against new,\n"
            "and what it waits for."
        ),
        examples=(
            ("ossature why 004", "what changed"),
            ("ossature why 004 --prompt", "what the model would be shown"),
            ("ossature why 4 --json", "one JSON document"),
        ),
        add_arguments=_add_arguments,
        run=why,
    )
}
