"""The way in: answers `--help` and `--version` at once, hands on everything else, and reports our bugs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ossature import __version__
from ossature.cli import catalogue


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    try:
        return _run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:  # before a command was there to take it
        return 130


def _run(arguments: list[str]) -> int:
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
        case ["build"]:
            text = _up_to_date()
            if not text:
                return False
        case _:
            return False
    try:
        print(text, flush=True)
    except (OSError, ValueError):  # the long way says why
        return False
    return True


def _up_to_date() -> str:
    """That nothing is to do in the project around here, when its stamp says so; else empty."""
    # Nothing else needs it, and it is all that a build with nothing to do needs.
    from ossature.engine.stamp import read_stamp, up_to_date

    folder = os.getcwd()  # noqa: PTH109  # pathlib takes longer to import than all of this to run
    while folder != "/" and not os.access(f"{folder}/ossature.toml", os.F_OK):
        folder = folder.rpartition("/")[0] or "/"
    known = read_stamp(folder)
    return "" if known is None else up_to_date(known)
