"""The person's own editor, at a line."""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PLUS = ("vi", "vim", "nvim", "nano", "emacs", "emacsclient", "micro", "kak", "joe", "ne", "mg", "vis")
_COLON = ("subl", "hx", "helix", "zed")
_PR_SET_PDEATHSIG = 1
_GOTO = ("code", "codium", "code-insiders", "cursor")


def editor_argv(environ: Mapping[str, str], path: Path, *, line: int = 0) -> list[str] | None:
    """The command that opens *path*; None when there is no editor to be found."""
    named = environ.get("VISUAL") or environ.get("EDITOR") or ""
    try:
        argv = shlex.split(named)
    except ValueError:  # a quote that is not closed
        argv = named.split()
    if not argv:
        found = next((name for name in ("vi", "nano", "emacs") if shutil.which(name)), None)
        if found is None:
            return None
        argv = [found]
    name = Path(argv[0]).name
    if line and name in _PLUS:
        return [*argv, f"+{line}", str(path)]
    if line and name in _COLON:
        return [*argv, f"{path}:{line}"]
    if name in _GOTO:
        wait = [] if "--wait" in argv or "-w" in argv else ["--wait"]
        return [*argv, *wait, *(["--goto", f"{path}:{line}"] if line else [str(path)])]
    return [*argv, str(path)]


def run_in_front(argv: Sequence[str]) -> int:
    """Wait for the editor. It is hung up when we are killed: nobody would take the terminal from it again.

    Ctrl-\\ is meant for the editor. Raises OSError and SubprocessError when it does not start.
    """
    # A handler, unlike SIG_IGN, is not handed on to the child.
    quits = signal.signal(signal.SIGQUIT, lambda number, frame: None)
    try:
        # The call in the child is one system call, prepared here.
        return subprocess.run(argv, check=False, preexec_fn=_hung_up_with_us()).returncode
    finally:
        signal.signal(signal.SIGQUIT, quits)


def _hung_up_with_us() -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGHUP, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind
