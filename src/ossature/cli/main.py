"""The way in: answers `--help` and `--version` at once, hands on everything else, and reports our bugs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ossature import __version__
from ossature.cli import catalogue


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if _answer_at_once(arguments):
        return 0
    # dataclasses and pathlib take longer than all of `--help` may.
    from ossature.cli import shell
    from ossature.cli.terminal import Terminal

    terminal = Terminal.of_process()
    try:
        return shell.run(arguments, terminal)
    except Exception as error:  # noqa: BLE001  # the last line: a sentence instead of a traceback
        return shell.report_crash(error, terminal)


def _answer_at_once(arguments: list[str]) -> bool:
    """Print what needs no project; false where it is something else, or where printing fails."""
    match arguments:
        case ["-h" | "--help" | "help"]:
            text = catalogue.help_text()
        case ["-V" | "--version"]:
            text = f"ossature {__version__}"
        case _:
            return False
    try:
        print(text, flush=True)
    except (OSError, ValueError):  # the long way says why
        return False
    return True
