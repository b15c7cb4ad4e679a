"""Starts a run the way that fits where it was asked for: watched at a terminal, or owned right here."""

from __future__ import annotations

from pathlib import Path

from ossature.cli.story import Listener
from ossature.cli.terminal import Terminal
from ossature.cli.watching import watch
from ossature.engine.session import Attachment, RunRequest, spawn
from ossature.errors import UsageError
from ossature.project import Project


def start_run(
    project: Project,
    request: RunRequest,
    *,
    terminal: Terminal,
    face: str = "lines",
    is_foreground: bool = False,
    is_json: bool = False,
) -> int:
    """Run *request* to its end and return its exit code. *face* is one of `command.FACES`.

    At a terminal a process of its own owns the run, so that it outlives the screen; anywhere else this
    process does, and nobody is asked.
    """
    if face == "tui":
        return _show(project, request, terminal=terminal, is_alone=is_foreground or is_json)
    terminal.is_plain = terminal.is_plain or face == "plain"
    if terminal.is_interactive and not is_foreground and not is_json:
        run = spawn(project, request)
        return watch(Attachment(project, run), terminal, on_interrupt="stop")
    return own_here(project, request, terminal=terminal, is_json=is_json)


def _show(project: Project, request: RunRequest, *, terminal: Terminal, is_alone: bool) -> int:
    """The run on the screen, whose exit code is that of the screen: the run outlives it."""
    if is_alone or not terminal.is_interactive:
        raise UsageError(
            "the screen needs a terminal, and no --foreground or --json", hint="--ui plain works anywhere"
        )
    # Only the screen pays for its launcher.
    from ossature.tui.launch import run_tui

    asked = request.model_copy(update={"preset": "tui"}) if request.preset == "default" else request
    return run_tui(project, request=asked.model_dump_json(), sandbox=request.sandbox)


def own_here(project: Project, request: RunRequest, *, terminal: Terminal, is_json: bool = False) -> int:
    """Own the run in this process, printing its records as they come."""
    # Only a process that owns a run pays for the engine.
    from ossature.engine.owner import own

    listener = Listener(terminal, is_json=is_json)
    code = own(project, request.model_copy(update={"is_headless": True}), on_record=listener.hear)
    listener.end()
    return code


def replay_folder(name: str | None, cwd: Path) -> str:
    """The folder of recordings as an absolute path; empty where none is asked for."""
    if not name:
        return ""
    folder = (cwd / name).absolute()
    if not folder.is_dir():
        raise UsageError(f"--replay: {folder} is not a folder")
    return str(folder)
