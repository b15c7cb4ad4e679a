"""`tui`: the full-screen view."""

from __future__ import annotations

import argparse

from ossature.cli.command import Command
from ossature.cli.terminal import Terminal
from ossature.errors import UsageError
from ossature.project import load_project
from ossature.settings import SANDBOX_MODES


def tui(args: argparse.Namespace, terminal: Terminal) -> int:
    """Open the screen on this project."""
    if not terminal.is_interactive:
        raise UsageError("the screen needs a terminal", hint="`ossature status` and `ossature attach` do not")
    project = load_project(terminal.cwd, terminal.environ)
    # A refusal above costs no start of textual.
    from ossature.engine.session import RunRequest
    from ossature.tui.launch import run_tui

    return run_tui(project, base=RunRequest(preset="tui", sandbox=args.sandbox))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sandbox", choices=SANDBOX_MODES, help="what commands of runs started here may reach"
    )


COMMANDS = {
    "tui": Command(
        about="Opens the full-screen view. Runs go on when it is closed.",
        examples=(
            ("ossature tui", "this project"),
            ("ossature tui --sandbox read-only", "commands of runs started here may only look"),
            ("ossature -C parcels tui", "a project elsewhere"),
        ),
        add_arguments=_add_arguments,
        run=tui,
    )
}
