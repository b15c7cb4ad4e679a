"""`why`: what made a task stale, with the difference, or the prompt that it would get."""

from __future__ import annotations

import argparse
from difflib import unified_diff

from ossature.cli.command import Command, add_json
from ossature.cli.tasks import plan_of, task_id
from ossature.cli.terminal import Terminal
from ossature.digest import short
from ossature.engine.preview import Change, TaskView, look, prompt_preview
from ossature.errors import Exit
from ossature.project import load_project

_DIFF_TONES = {"+": "good", "-": "bad", "@": "ask"}


def why(args: argparse.Namespace, terminal: Terminal) -> int:
    """Name every leaf that changed, and show how."""
    view = look(load_project(terminal.cwd, terminal.environ))
    chosen = task_id(args.task, plan_of(view))
    if args.prompt:
        terminal.block(prompt_preview(view, chosen))
        return Exit.OK
    shown = next(task for task in view.tasks if task.task.id == chosen)
    if args.json:
        terminal.json(_as_json(shown))
        return Exit.OK
    terminal.spans([("strong", f"{chosen} {shown.task.title}: "), ("plain", shown.status)])
    if shown.reason:
        terminal.line(shown.reason)
    for path in shown.edited:
        terminal.line(f"edited by hand: {path}", tone="warn")
    for change in shown.changes:
        _print_change(change, terminal)
    return Exit.OK


def _print_change(change: Change, terminal: Terminal) -> None:
    old, new = short(change.old) or "nothing", short(change.new) or "nothing"
    terminal.line()
    terminal.spans([("strong", change.leaf), ("quiet", f"  {old} → {new}")])
    if change.old_text is None or change.new_text is None:
        return
    difference = unified_diff(
        change.old_text.splitlines(),
        change.new_text.splitlines(),
        fromfile="as it was built",
        tofile="now",
        lineterm="",
    )
    for line in difference:
        terminal.line(line, tone=_DIFF_TONES.get(line[:1], "plain"))


def _as_json(shown: TaskView) -> dict[str, object]:
    return {
        "task": shown.task.id,
        "title": shown.task.title,
        "status": shown.status,
        "reason": shown.reason,
        "edited": list(shown.edited),
        "changes": [{"leaf": change.leaf, "old": change.old, "new": change.new} for change in shown.changes],
    }


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="TASK", help="id of the task; 7 is 007")
    parser.add_argument("--prompt", action="store_true", help="print the prompt that it would get now")
    add_json(parser)


COMMANDS = {
    "why": Command(
        about="Says why a task would run: what changed since it landed, old against new.",
        examples=(
            ("ossature why 004", "what changed"),
            ("ossature why 004 --prompt", "what the model would be shown"),
            ("ossature why 4 --json", "one JSON document"),
        ),
        add_arguments=_add_arguments,
        run=why,
    )
}
