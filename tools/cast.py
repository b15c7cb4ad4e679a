"""Records the demo in a terminal of its own: `python -m tools.cast [file]`, default `screenshots/demo.cast`.

What is written is an asciinema recording, version 2. Keys are pressed when the screen shows what they answer.
"""

import codecs
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.tui.terminals import Terminal

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "screenshots" / "demo.cast"
WIDTH, HEIGHT = 100, 30
DEADLINE_S = 100.0
LONGEST_PAUSE_S = 1.2
"""Nothing is to be seen in a longer one, so it is cut to that."""
COMMAND = (sys.executable, "-m", "ossature", "demo")


class Step(NamedTuple):
    """Keys, and what the screen shows when they are pressed."""

    shown: str
    keys: str
    pause_s: float = 1.2
    """So long a person looks first."""


STEPS = (
    Step("approve fix", "4", 1.5),
    Step("Diff", "\x1b[D"),
    Step("+++ b/", "3"),
    Step("approve fix", "a", 1.5),
    Step("succeeded", "", 1.5),
    Step("succeeded", "w"),
    Step("because", "3", 1.5),
)


Events = list[tuple[float, str]]
"""What came from the program, with the seconds since its start."""


def record(argv: tuple[str, ...], steps: tuple[Step, ...], place: Path) -> Events:
    """Run *argv* in a terminal; raises SystemExit when it does not come as far as a step."""
    pid, terminal_fd = pty.fork()
    if pid == 0:
        os.execve(argv[0], list(argv), _environment(place))
    fcntl.ioctl(terminal_fd, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    try:
        return _played(terminal_fd, steps)
    finally:
        os.close(terminal_fd)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def _played(terminal_fd: int, steps: tuple[Step, ...]) -> Events:
    screen, events = Terminal(WIDTH, HEIGHT), Events()
    start = time.monotonic()

    def read_until(is_so: Callable[[], bool], limit_s: float) -> bool:
        end = time.monotonic() + limit_s
        while not is_so():
            left = end - time.monotonic()
            if left <= 0:
                return False
            if select.select([terminal_fd], [], [], min(left, 0.1))[0]:
                text = next(texts, None)
                if text is None:
                    return is_so()
                screen.send(text)
                events.append((time.monotonic() - start, text))
        return True

    texts = _texts(terminal_fd)
    for step in steps:
        if not read_until(lambda step=step: step.shown in screen.text(), DEADLINE_S):
            raise SystemExit(f"never came: {step.shown!r}; the screen:\n{screen.text()}")
        read_until(lambda: False, step.pause_s)
        os.write(terminal_fd, step.keys.encode())
    read_until(lambda: False, LONGEST_PAUSE_S)
    return events


def _texts(terminal_fd: int) -> Iterator[str]:
    """What can be read, without a character that is not whole yet."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while True:
        try:
            content = os.read(terminal_fd, 65_536)
        except OSError:  # the program is gone
            return
        if not content:
            return
        yield decoder.decode(content)


def cast_lines(events: Events, *, title: str) -> Iterator[str]:
    """The lines of the file, long pauses shortened."""
    yield json.dumps(
        {"version": 2, "width": WIDTH, "height": HEIGHT, "title": title, "env": {"TERM": "xterm-256color"}}
    )
    at = before = 0.0
    for moment, text in events:
        at += min(moment - before, LONGEST_PAUSE_S)
        before = moment
        yield json.dumps([round(at, 3), "o", text], ensure_ascii=False)


def _environment(place: Path) -> dict[str, str]:
    folders = {name: str(place / name.lower()) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "src"),
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color",
        "TZ": "UTC",
        "TMPDIR": str(place),
        **folders,
    }


def main() -> None:
    """Record the demo."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    with tempfile.TemporaryDirectory(prefix="demo-", dir="/tmp") as place:
        events = record((*COMMAND, "--dir", f"{place}/spenny"), STEPS, Path(place))
    shown = [(at, text.replace(place, "~")) for at, text in events]
    lines = [f"{line}\n" for line in cast_lines(shown, title="ossature demo")]
    target.write_text("".join(lines), encoding="utf-8")
    print(f"{target.name}: {len(lines) - 1} frames, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
