"""`prompt`: what the model would be sent for a task now."""

from __future__ import annotations

import argparse

from ossature.cli.command import Command, add_json
from ossature.cli.tasks import plan_of, task_id
from ossature.cli.terminal import Terminal
from ossature.engine.preview import look, prompt_preview
from ossature.errors import Exit
from ossature.llm.prompt import estimate_tokens
from ossature.project import load_project


def prompt(args: argparse.Namespace, terminal: Terminal) -> int:
    """The prompt on stdout, its size on stderr."""
    view = look(load_project(terminal.cwd, terminal.environ))
    chosen = task_id(args.task, plan_of(view))
    shown = next(task for task in view.tasks if task.task.id == chosen)
    text = prompt_preview(view, chosen)
    tokens = estimate_tokens(text)
    model = shown.task.model or view.project.settings.model_for("implement")
    if args.json:
        terminal.json(
            {
                "task": chosen,
                "lineage": shown.lineage,
                "status": shown.status,
                "model": model,
                "estimated_tokens": tokens,
                "prompt": text,
            }
        )
        return Exit.OK
    terminal.block(text)
    terminal.say(f"about {tokens} tokens by our own estimate, for {model or 'no model yet'}")
    above = view.graph.ancestors(chosen) if view.graph else frozenset()
    waits_for = [name for name in view.will_run if name in above]
    if waits_for:
        names = ", ".join(waits_for[:5]) + (", …" if len(waits_for) > 5 else "")
        terminal.say(f"it may still change: before it {names} will run")
    return Exit.OK


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="TASK", help="id of the task; 7 is 007")
    add_json(parser)


COMMANDS = {
    "prompt": Command(
        about="Prints the prompt that a build would send for a task now, and about how many tokens it has.",
        examples=(
            ("ossature prompt 004", "system text and user text"),
            ("ossature prompt 004 --json", "one JSON document, with model and tokens"),
        ),
        add_arguments=_add_arguments,
        run=prompt,
    )
}
