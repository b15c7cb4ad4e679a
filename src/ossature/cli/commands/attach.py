"""`attach`: follow a run and answer its questions."""

from __future__ import annotations

import argparse

from ossature.cli.command import Command
from ossature.cli.terminal import Terminal
from ossature.cli.watching import watch
from ossature.engine.session import Attachment, find_run, latest_run
from ossature.errors import OssatureError
from ossature.project import load_project


def attach(args: argparse.Namespace, terminal: Terminal) -> int:
    """Tell the run from its first event on, until it is over; exits as the run did."""
    project = load_project(terminal.cwd, terminal.environ)
    run = find_run(project, args.run) if args.run else latest_run(project)
    if run is None:
        raise OssatureError("no run yet", hint="`ossature audit` or `ossature build` is one")
    return watch(
        Attachment(project, run),
        terminal,
        on_interrupt="leave",
        is_json=args.json,
        is_read_only=args.read_only,
    )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", metavar="RUN", help="the live run, or the last one, by default")
    parser.add_argument("--read-only", action="store_true", help="only look: questions are not asked here")
    parser.add_argument("--json", action="store_true", help="print the events as JSON lines; ask nothing")


COMMANDS = {
    "attach": Command(
        about="Follows a run, whoever started it, and asks its questions here. Ctrl-C only leaves.",
        examples=(
            ("ossature attach", "the live run"),
            ("ossature attach 3", "the third run"),
            ("ossature attach --json", "its events as JSON lines"),
        ),
        add_arguments=_add_arguments,
        run=attach,
    )
}
