"""`demo`: the shipped example, built from recorded replies."""

from __future__ import annotations

import argparse
import shlex
import tempfile
from contextlib import suppress
from pathlib import Path

from ossature.cli.command import Command
from ossature.cli.running import own_here
from ossature.cli.terminal import Terminal
from ossature.domain.state import RunState, TaskState
from ossature.engine.example import copy_example
from ossature.engine.session import RunRequest, fold, latest_run
from ossature.errors import DiskError
from ossature.project import Project, load_project
from ossature.store.trust import user_trust

_CHARS_PER_S = 6000.0
"""Fast enough not to bore, slow enough to read along."""


def demo(args: argparse.Namespace, terminal: Terminal) -> int:
    """Copy the example and build it, on the screen or line by line."""
    is_headless = args.headless
    if not is_headless and not terminal.is_interactive:
        terminal.say("no terminal here: the demo runs as with --headless")
        is_headless = True
    target = terminal.cwd / args.dir if args.dir else Path(tempfile.mkdtemp(prefix="ossature-demo-"))
    recordings = copy_example(target)
    project = load_project(target, terminal.environ)
    # Its files are ours; where that cannot be kept, a later build of it asks.
    with suppress(DiskError):
        user_trust(terminal.environ).own(project)
    request = RunRequest(
        goal="all",
        preset="auto" if is_headless else "tui",
        replay=str(recordings),
        matches_slots=True,
        chars_per_s=0.0 if is_headless else _CHARS_PER_S,
        is_demo=True,
    )
    if is_headless:
        code = own_here(project, request, terminal=terminal)
        run = latest_run(project)
        if run:
            _print_outcome(fold(project.runs_dir / run), project, terminal)
        return code
    # Only the screen pays for textual.
    from ossature.tui.launch import run_tui

    code = run_tui(project, request=request.model_dump_json(), is_demo=True)
    _print_next_steps(project, None, terminal)
    return code


def _print_outcome(state: RunState, project: Project, terminal: Terminal) -> None:
    fixed = [task for task in state.tasks.values() if task.status == "landed" and task.fixes]
    terminal.line()
    for task in fixed:
        _print_fix(task, terminal)
    _print_next_steps(project, fixed[0] if fixed else None, terminal)


def _print_fix(task: TaskState, terminal: Terminal) -> None:
    """The task whose first reply was wrong: what the verify said and what became of it."""
    red = next((attempt for attempt in task.attempts if attempt.verdict not in ("", "ok", "flaky")), None)
    said = f": {red.summary}" if red and red.summary else ""
    fixes = "one fix" if task.fixes == 1 else f"{task.fixes} fixes"
    terminal.line(f"{task.row.id} {task.row.title}: red at first{said}; green after {fixes}", tone="warn")


def _print_next_steps(project: Project, fixed: TaskState | None, terminal: Terminal) -> None:
    task = fixed.row.id if fixed else "001"
    terminal.line(f"everything is in {project.root}; the program is in {project.settings.output_dir}/")
    terminal.line("try:", tone="strong")
    steps = (
        ("ossature status", "what was built"),
        (f"ossature logs {task} --list", "every attempt on that task"),
        ("ossature build -n", "what an edit of specs/ would rebuild, and why"),
    )
    if terminal.cwd != project.root:
        terminal.line(f"  cd {shlex.quote(str(project.root))}")
    for step, meaning in steps:
        terminal.spans([("plain", f"  {step:<26}"), ("quiet", meaning)])


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--headless", action="store_true", help="line by line instead of the screen")
    parser.add_argument(
        "--dir", metavar="DIR", help="a new or empty folder for it; a temporary one by default"
    )


COMMANDS = {
    "demo": Command(
        about="Builds a small program from specs with recorded replies: no key, no network.",
        examples=(
            ("ossature demo", "on the screen"),
            ("ossature demo --headless", "line by line"),
            ("ossature demo --dir spenny", "in a folder to keep"),
        ),
        add_arguments=_add_arguments,
        run=demo,
    )
}
