"""The plain face: the whole flow as lines that are typed and read, for any terminal."""

from __future__ import annotations

import shlex

from ossature.cli import catalogue, shell
from ossature.cli.terminal import Terminal
from ossature.engine.session import live_holder
from ossature.errors import Exit
from ossature.project import load_project

PROMPT = "ossature> "
_ELSEWHERE = ("demo", "init", "own", "tui")
"""Commands that make or leave the project: for the shell."""
_LOOKING = ("attach", "diff", "graph", "logs", "prompt", "runs", "status", "validate", "why")
"""Commands that send and write nothing."""
_OPTIONS = ("-h", "--help", "-V", "--version")
"""What may be typed before a command; `-C` would take every later line to another project."""


def converse(terminal: Terminal, *, is_read_only: bool) -> int:
    """Say how the project stands, follow a live run, then carry out what is typed until the person leaves."""
    terminal.is_plain = True
    terminal.is_read_only = is_read_only
    terminal.line(_greeting(terminal, is_read_only=is_read_only))
    shell.run(["status"], terminal)
    if live_holder(load_project(terminal.cwd, terminal.environ)) is not None:
        shell.run(_attaching(is_read_only=is_read_only), terminal)
    while True:
        terminal.prompt(PROMPT)
        try:
            typed = terminal.stdin.readline()
        except KeyboardInterrupt:
            terminal.line()
            continue
        if not typed:
            terminal.line()
            return Exit.OK
        if _carry_out(typed, terminal, is_read_only=is_read_only):
            return Exit.OK


def _greeting(terminal: Terminal, *, is_read_only: bool) -> str:
    name = load_project(terminal.cwd, terminal.environ).settings.name
    limits = " This only looks: nothing is sent or written." if is_read_only else ""
    return f"{name}.{limits} Type a command, help for all of them, quit to leave; a run goes on."


def _carry_out(typed: str, terminal: Terminal, *, is_read_only: bool) -> bool:
    """Run one typed line; true when the person leaves."""
    try:
        words = shlex.split(typed)
    except ValueError as error:
        terminal.line(f"that cannot be read: {error}")
        return False
    match words:
        case []:
            return False
        case ["quit" | "q" | "exit" | "leave"]:
            return True
        case ["help" | "?"]:
            _print_commands(terminal, is_read_only=is_read_only)
        case ["attach", *rest]:
            shell.run([*_attaching(is_read_only=is_read_only), *rest], terminal)
        case [name, *_] if name.startswith("-") and name not in _OPTIONS:
            terminal.line(f"{name}: that is for the shell; help shows what can be typed here")
        case [name, *_] if name not in _offered(is_read_only=is_read_only) and catalogue.find(name):
            where = "this only looks" if is_read_only else "that is for the shell"
            terminal.line(f"{name}: {where}; help shows what can be typed here")
        case _:
            shell.run(words, terminal)
    return False


def _attaching(*, is_read_only: bool) -> list[str]:
    return ["attach", "--read-only"] if is_read_only else ["attach"]


def _offered(*, is_read_only: bool) -> list[str]:
    names = [entry.name for entry in catalogue.ENTRIES if entry.group and entry.name not in _ELSEWHERE]
    return [name for name in names if name in _LOOKING] if is_read_only else names


def _print_commands(terminal: Terminal, *, is_read_only: bool) -> None:
    for name in _offered(is_read_only=is_read_only):
        entry = catalogue.find(name)
        if entry is not None:
            terminal.line(f"{name}: {entry.summary}")
    terminal.line("quit: leave; a run goes on")
