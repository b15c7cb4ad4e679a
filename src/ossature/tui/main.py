"""The screen process, started by the launcher: `python -m ossature.tui.main --project …`."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import termios
import threading
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from ossature.engine.session import RunRequest
from ossature.project import load_project
from ossature.settings import SANDBOX_MODES
from ossature.tui.app import leave_message, make_app
from ossature.tui.driver.terminal import driver_for
from ossature.tui.launch import restore_terminal

GC_THRESHOLDS = (20_000, 20, 50)
"""Python's (700, 10, 10) looks through a screen's many small objects at almost every key."""


def main(argv: list[str]) -> int:
    """Show the screen; the exit code is the launcher's."""
    # What is imported by now stays to the end: there is nothing to collect in it.
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    parser = argparse.ArgumentParser(prog="ossature tui")
    parser.add_argument("--project", required=True)
    parser.add_argument("--parent-fd", type=int, default=-1)
    parser.add_argument("--request", default="")
    parser.add_argument("--sandbox", choices=SANDBOX_MODES)
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--read-only", action="store_true")
    args = parser.parse_args(argv)
    _end_with_terminal(args.parent_fd)
    request = RunRequest.model_validate_json(args.request) if args.request else None
    # Runs that keys start in the demo are recorded ones, as its first is.
    base = None if args.demo else RunRequest(preset="tui", sandbox=args.sandbox)
    app = make_app(
        load_project(Path(args.project)),
        request,
        base=base,
        is_demo=args.demo,
        is_read_only=args.read_only,
    )
    app.driver_class = driver_for(os.environ)
    status = app.run(mouse=app.prefs.is_on("mouse"))
    sys.stdout.write(leave_message(app.bridge))
    sys.stdout.flush()
    return status if status is not None else app.return_code or 0


def _end_with_terminal(parent_fd: int) -> None:
    """Leave at once when the terminal or the launcher is gone.

    Nothing is lost: what is typed is saved as it is typed, the run has its own process, and the launcher
    mends the terminal. Textual's own way out writes to the terminal and would wait for a dead one.
    """
    signal.signal(signal.SIGHUP, _leave)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _stay)
    if parent_fd >= 0:
        saved = termios.tcgetattr(sys.stdin.fileno()) if sys.stdin.isatty() else []
        # Textual puts streams of its own in place of these.
        streams = (sys.stdout.fileno(), sys.stderr.fileno())
        watch = partial(_watch, parent_fd, saved, streams)
        threading.Thread(target=watch, daemon=True, name="launcher-watch").start()


def _watch(parent_fd: int, saved: list[Any], streams: tuple[int, int]) -> None:
    """The launcher holds the other end open as long as it lives; without it, the terminal is ours to mend."""
    while os.read(parent_fd, 1):
        pass
    try:
        terminal, nowhere = os.dup(streams[0]), os.open(os.devnull, os.O_WRONLY)
        # What the painter is about to send must not come after what mends the terminal.
        for stream in streams:
            os.dup2(nowhere, stream)
        restore_terminal(saved, out=terminal)
    finally:
        os._exit(128 + signal.SIGHUP)


def _leave(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)


def _stay(number: int, _: FrameType | None) -> None:
    """Ctrl-C is a key here; as a signal it is meant for an editor in front of the screen."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
