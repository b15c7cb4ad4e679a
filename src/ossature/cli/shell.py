"""Picks the command that a command line names, and turns failures into a sentence and an exit code."""

from __future__ import annotations

from pathlib import Path

from ossature import __version__
from ossature.cli import catalogue
from ossature.cli.terminal import PIPE_CLOSED, Terminal
from ossature.errors import Exit, OssatureError, UsageError


def run(arguments: list[str], terminal: Terminal) -> int:
    """Run one command line and return its exit code; only bugs of ours are raised."""
    try:
        code = _run(arguments, terminal)
        terminal.flush()
        return code
    except OssatureError as error:
        return _refuse(error, terminal)
    except KeyboardInterrupt:
        return Exit.INT
    except BrokenPipeError:
        terminal.mute()
        return PIPE_CLOSED
    except OSError as error:
        _show_traceback(terminal)
        where = f"{error.filename}: " if error.filename else ""
        return _refuse(OssatureError(f"{where}{error.strerror or error}"), terminal)


def report_crash(error: Exception, terminal: Terminal) -> int:
    """One line about a bug of ours, and a file with the rest."""
    # Only a bug pays for what writes it down.
    from ossature.store.crash import crash_sentence

    _show_traceback(terminal)
    terminal.say(f"ossature: {crash_sentence(error, terminal.cwd)}")
    return Exit.FAILED


def _run(arguments: list[str], terminal: Terminal) -> int:
    """Take the options before the command, then hand the rest to its module."""
    while arguments and arguments[0].startswith("-"):
        flag = arguments.pop(0)
        if flag in ("-h", "--help"):
            terminal.block(catalogue.help_text())
            return Exit.OK
        if flag in ("-V", "--version"):
            terminal.line(f"ossature {__version__}")
            return Exit.OK
        if flag != "-C":
            raise _unknown(flag, ["--help", "--version", "-C"], what="option")
        terminal.cwd = _folder(arguments, terminal.cwd)
    if arguments and arguments[0] == "help":
        arguments = [*arguments[1:2], "--help"]
        return _run(arguments, terminal)
    if not arguments:
        terminal.block(catalogue.help_text())
        return Exit.USAGE
    return _run_command(arguments[0], arguments[1:], terminal)


def _run_command(name: str, arguments: list[str], terminal: Terminal) -> int:
    entry = catalogue.find(name)
    if entry is None:
        raise _unknown(name, [entry.name for entry in catalogue.ENTRIES if entry.group], what="command")
    # Each command pays for its own imports only.
    from importlib import import_module

    from ossature.cli.command import parse

    command = import_module(f"ossature.cli.commands.{entry.module}").COMMANDS[name]
    try:
        parsed = parse(name, command, arguments)
    except SystemExit:  # argparse has printed the help
        return Exit.OK
    return int(command.run(parsed, terminal))


def _folder(arguments: list[str], cwd: Path) -> Path:
    if not arguments:
        raise UsageError("-C needs a folder")
    folder = cwd / arguments.pop(0)
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    return folder


def _unknown(word: str, known: list[str], *, what: str) -> UsageError:
    # Only a mistake pays for difflib.
    from ossature.cli.nearest import hint_for

    hint = hint_for(word, known, otherwise="see `ossature --help`")
    return UsageError(f"there is no {what} {word!r}", hint=hint)


def _refuse(error: OssatureError, terminal: Terminal) -> int:
    """Say *error*; what cannot be printed any more is dropped, so that the process can end."""
    terminal.fail(error)
    try:
        terminal.flush()
    except (OssatureError, BrokenPipeError):
        terminal.mute()
    return int(error.exit_code)


def _show_traceback(terminal: Terminal) -> None:
    """With OSSATURE_DEBUG=1, where the present exception came from."""
    if terminal.environ.get("OSSATURE_DEBUG") == "1":
        # Only somebody who debugs pays for it.
        from traceback import format_exc

        for line in terminal.without_secrets(format_exc()).splitlines():
            terminal.say(line)
