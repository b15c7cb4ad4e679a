"""The launcher: starts the screen in its own process, waits for it, and leaves a usable terminal behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

from ossature.errors import UsageError
from ossature.project import Project

RESTORE = (
    "\x1b[?2026l"  # end of a synchronised update
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"  # mouse
    "\x1b[?1004l\x1b[?2004l\x1b[?2048l"  # focus reports, bracketed paste, in-band resize
    "\x1b[<u"  # kitty keyboard protocol
    "\x1b[?7h\x1b[0m"  # line wrap, attributes
    "\x1b[?1049l\x1b[?25h"  # main screen, cursor
)
"""Undoes what the screen process sets; each part is without effect where it is not set."""
GRACE_S = 3.0
"""How long the screen process may take to end after a signal before it is killed."""

PATIENCE_S = 2.0
"""How long a terminal may take to read what restores it."""

WAKE_S = 0.5
"""How long a shell may take to wake the screen process together with us."""


def run_tui(
    project: Project,
    *,
    request: str = "",
    sandbox: str | None = None,
    is_demo: bool = False,
    is_read_only: bool = False,
) -> int:
    """Show the screen until the person leaves it; raises UsageError where there is no terminal for it.

    *request*, a run request as JSON, is started as soon as the screen is there; commands of runs that keys
    start reach what *sandbox* says. Returns 0, or 128 and the signal that ended it.
    """
    check_terminal(os.environ)
    reader, writer = os.pipe()
    argv = [
        sys.executable,
        "-P",  # a module that lies in the folder where we were started is not ours to import
        "-m",
        "ossature.tui.main",
        "--project",
        str(project.root),
        "--parent-fd",
        str(reader),
    ]
    if request:
        argv += ["--request", request]
    if sandbox:
        argv += ["--sandbox", sandbox]
    if is_demo:
        argv.append("--demo")
    if is_read_only:
        argv.append("--read-only")
    saved = termios.tcgetattr(sys.stdin.fileno())
    child = subprocess.Popen(argv, pass_fds=(reader,), env=screen_environment(os.environ))
    os.close(reader)
    with _Signals(child):
        status = _wait(child, saved)
    # The other end tells the screen process that its launcher lives.
    os.close(writer)
    if status != 0:
        restore_terminal(saved)
    return status if status >= 0 else 128 - status


def check_terminal(environ: Mapping[str, str]) -> None:
    """Raises UsageError that names the way that works without a screen."""
    hint = "`ossature tui --plain` is the same line by line"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the screen needs a terminal for input and output", hint=hint)
    if environ.get("TERM", "") in ("dumb", "unknown", ""):
        raise UsageError(f"the terminal (TERM={environ.get('TERM', '')}) cannot show a screen", hint=hint)


def screen_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the screen process: what has to be set before Textual is imported.

    COLUMNS and LINES are left out: where a shell exports them they would hold against the real size, and a
    resized window would change nothing.
    """
    is_remote = bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))
    kept = {name: value for name, value in environ.items() if name not in ("COLUMNS", "LINES")}
    return {
        **kept,
        "TEXTUAL_ANIMATIONS": "none",
        "ESCDELAY": environ.get("ESCDELAY") or ("150" if is_remote else "50"),
        # Our driver paces what is sent by itself, and makes one frame of what follows closely.
        "TEXTUAL_FPS": "10" if is_remote and environ.get("OSSATURE_DRIVER") == "stock" else "30",
        "TEXTUAL_SMOOTH_SCROLL": "0",
        # The screen itself keeps to the colours that there are.
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
    }


def restore_terminal(saved: list[Any], *, out: int | None = None) -> None:
    """Main screen, cursor, cooked mode, whatever was left. A dead terminal is no error.

    A terminal that nobody reads any more is given up after a moment: it would hold us for ever.
    """
    keyboard = sys.stdin.fileno()
    out = sys.stdout.fileno() if out is None else out
    try:
        os.set_blocking(out, False)
        try:
            _write_within(out, RESTORE.encode(), PATIENCE_S)
        finally:
            # The shell shares it, and does not expect a terminal that refuses.
            os.set_blocking(out, True)
    except OSError:
        pass
    try:
        termios.tcflush(keyboard, termios.TCIFLUSH)
        termios.tcsetattr(keyboard, termios.TCSANOW, saved)
    except (OSError, termios.error):
        pass


def _write_within(fd: int, content: bytes, limit_s: float) -> None:
    """Write as much as *fd* takes in that time."""
    end = time.monotonic() + limit_s
    while content and (left := end - time.monotonic()) > 0:
        _, writable, _ = select.select([], [fd], [], left)
        if writable:
            content = content[os.write(fd, content) :]


class _Signals:
    """While the screen process lives, signals that end or interrupt us are for it to act on."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGHUP, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._forward)
        for number in (signal.SIGINT, signal.SIGQUIT):
            self._before[number] = signal.signal(number, _ignore)
        self._before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._suspend)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _suspend(self, number: int, _: FrameType | None) -> None:
        """Once it has given the terminal back and stopped, we stop, too."""
        self._child.send_signal(number)

    def _forward(self, number: int, _: FrameType | None) -> None:
        self._child.send_signal(number)
        deadline = time.monotonic() + GRACE_S
        while time.monotonic() < deadline:
            if self._child.poll() is not None:
                return
            time.sleep(0.02)
        self._child.kill()


def _ignore(number: int, _: FrameType | None) -> None:
    """Ctrl-C reaches the whole group while an editor has the terminal; it is the editor's."""


def _wait(child: subprocess.Popen[bytes], saved: list[Any]) -> int:
    """Wait for the end; a screen that suspends itself suspends us with it."""
    while True:
        if child.returncode is not None:
            return child.returncode
        try:
            pid, status = os.waitpid(child.pid, os.WUNTRACED)
        except ChildProcessError:
            # A signal handler has waited for it.
            return child.poll() or 0
        if pid and os.WIFSTOPPED(status):
            restore_terminal(saved)
            os.kill(os.getpid(), signal.SIGSTOP)
            _continue(child)
        elif pid:
            child.returncode = os.waitstatus_to_exitcode(status)


def _continue(child: subprocess.Popen[bytes]) -> None:
    """Wake the screen once: `fg` wakes the whole group, and a second signal would start the screen twice."""
    deadline = time.monotonic() + WAKE_S
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child.pid, os.WNOHANG | os.WCONTINUED)
        if pid:
            if not os.WIFCONTINUED(status):
                child.returncode = os.waitstatus_to_exitcode(status)
            return
        time.sleep(0.02)
    child.send_signal(signal.SIGCONT)
