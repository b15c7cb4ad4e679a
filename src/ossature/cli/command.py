"""What a command is: its arguments, its examples and what runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from ossature.cli.terminal import Terminal
from ossature.errors import UsageError

FACES = ("lines", "tui", "plain")
"""How a command that starts a run shows it at a terminal."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command; `COMMANDS` of a command module maps its name to it."""

    about: str
    """One or two sentences for its help."""
    examples: tuple[tuple[str, str], ...]
    """Command line and what it does."""
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Terminal], int]
    """Returns the exit code."""


class Arguments(argparse.ArgumentParser):
    """Refuses like every other part of the program: one sentence and what to do."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"see `{self.prog} --help`")


def parser_for(name: str, command: Command) -> argparse.ArgumentParser:
    """The argument parser of *command*."""
    width = max(len(line) for line, _meaning in command.examples)
    shown = "\n".join(f"  {line:<{width}}   {meaning}" for line, meaning in command.examples)
    parser = Arguments(
        prog=f"ossature {name}",
        description=command.about,
        epilog=f"examples:\n{shown}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    return parser


def parse(name: str, command: Command, arguments: list[str]) -> argparse.Namespace:
    """*arguments* as values; raises UsageError, with the closest flag for one that does not exist."""
    parser = parser_for(name, command)
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        # Only a mistake pays for difflib.
        from ossature.cli.nearest import hint_for

        word = unknown[0]
        flags = [flag for action in parser._actions for flag in action.option_strings]
        hint = hint_for(
            word.split("=")[0],
            flags if word.startswith("-") else [],
            otherwise=f"see `ossature {name} --help`",
        )
        raise UsageError(f"{name} does not take {word!r}", hint=hint)
    return parsed


def add_json(parser: argparse._ActionsContainer) -> None:
    """The flag for programs that read the answer."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of every command that may ask a model."""
    parser.add_argument("--model", metavar="M", help="use this model for every role, as provider:model")
    parser.add_argument("--replay", metavar="DIR", help="take replies from recordings; no model is called")
    parser.add_argument(
        "--allow-unpriced",
        action="store_true",
        help="within a budget in dollars, calls of a model without a known price count as free",
    )
    parser.add_argument(
        "--ui",
        choices=FACES,
        default="lines",
        help="lines with colours (default), the screen, or plain lines for screen readers",
    )
    parser.add_argument(
        "--foreground", action="store_true", help="run in this process and ask nothing, as without a terminal"
    )
