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
    project = load_project(terminal.cwd, terminal.environ)
    if args.plain:
        # Only who wants lines pays for them.
        from ossature.cli.plain import converse

        return converse(terminal, is_read_only=args.read_only)
    if not terminal.is_interactive:
        raise UsageError(
            "the screen needs a terminal", hint="`ossature tui --plain` is the same line by line"
        )
    # A refusal above costs no start of textual.
    from ossature.tui.launch import run_tui

    return run_tui(project, sandbox=args.sandbox, is_read_only=args.read_only)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sandbox", choices=SANDBOX_MODES, help="what commands of runs started here may reach"
    )
    parser.add_argument(
        "--read-only", action="store_true", help="only look: nothing is sent to a run, no file is written"
    )
    parser.add_argument(
        "--plain", action="store_true", help="line by line, for screen readers and dumb terminals"
    )


COMMANDS = {
    "tui": Command(
        about="Opens the full-screen view. Runs go on when it is closed.",
        examples=(
            ("ossature tui", "this project"),
            ("ossature tui --sandbox read-only", "commands of runs started here may only look"),
            ("ossature tui --read-only", "watch a build of somebody else's"),
            ("ossature tui --plain", "the same flow line by line"),
            ("ossature -C parcels tui", "a project elsewhere"),
        ),
        add_arguments=_add_arguments,
        run=tui,
    )
}
