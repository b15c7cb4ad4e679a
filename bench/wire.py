"""Bytes that the screen sends at 80x24 with 256 colours, beside Textual's own driver on the same scenes.

`python bench/wire.py [stock|delta]…` measures these, else both; exits 1 when ours sends more than its budget.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path

import pyte
from _kit import environ, report

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from ossature.tui.launch import screen_environment  # noqa: E402  # the folder above has to be on the path
from tests.tui.scene import Scene, at_fix_gate, lineage, owned, while_running  # noqa: E402

WIDTH, HEIGHT = 80, 24
QUIET_S = 0.7
"""After so long without a byte an answer is over; less than a tick, at which stock Textual always sends."""
PATIENCE_S = 60.0
LINK_BYTES_PER_S = 20_000
LOST_S = 10.0
"""So long a key's sign is waited for; it counts with this time then."""
ECHOED = "the-sign-of-each-key-comes-back-while-a-log-runs"
NAVIGATION = (
    ("", "jkkj"),
    ("1", "jjjk"),
    ("2", "jjkk"),
    ("4", ("\x1b[D", "k", "k", "j")),
    ("5", "kkjk"),
    ("3", ("k", "\x1b[F", "\x1b[H", "j")),
)
"""Panes by their keys, and moves within each; the first is the plan, which has the focus."""
ROWS = (
    ("first paint", "first_paint_bytes", "B", 6144),
    ("a navigation key, median", "key_median_bytes", "B", 400),
    ("a navigation key, worst", "key_worst_bytes", "B", 3072),
    ("pane switch, median", "pane_switch_median_bytes", "B", 1024),
    ("pane switch, worst", "pane_switch_worst_bytes", "B", 1024),
    ("palette", "palette_bytes", "B", 3072),
    ("idle", "idle_bytes_per_s", "B/s", 0),
    ("a task at work", "running_bytes_per_s", "B/s", 30),
    ("a log of 1,000 lines a second", "log_bytes_per_s", "B/s", 3072),
    ("key to echo at 20 kB/s under that log, p95", "echo_p95_ms", "ms", 250),
)
"""What is measured, in which unit, and how much it may be. Times depend on what else the machine does."""


class Link:
    """A screen process on a pseudo terminal, and what it sends."""

    def __init__(self, project: Path, driver: str) -> None:
        env = screen_environment(
            {
                **environ(),
                "TERM": "xterm-256color",
                "LC_ALL": "C.UTF-8",
                "SSH_CONNECTION": "198.51.100.7 50022 198.51.100.8 22",
                "OSSATURE_DRIVER": driver,
            }
        )
        for name in ("COLORTERM", "NO_COLOR", "TMUX", "TERM_PROGRAM"):
            env.pop(name, None)
        argv = [sys.executable, "-m", "ossature.tui.main", "--project", str(project)]
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.execve(sys.executable, argv, env)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self.screen)
        self.total = 0

    def read(self, limit_s: float, most: int = 65536) -> int:
        """Bytes that came within that time, which may be none."""
        ready, _, _ = select.select([self._fd], [], [], limit_s)
        if not ready:
            return 0
        chunk = os.read(self._fd, most)
        self.total += len(chunk)
        self._stream.feed(chunk.replace(b"\x1b[>25u", b"").replace(b"\x1b[<u", b""))
        return len(chunk)

    def settle(self) -> int:
        """Bytes until nothing comes any more."""
        before, end = self.total, time.monotonic() + PATIENCE_S
        while self.read(QUIET_S):
            if time.monotonic() > end:
                raise TimeoutError("the screen does not come to rest")
        return self.total - before

    def rate(self, for_s: float) -> float:
        """Bytes a second."""
        before, started = self.total, time.monotonic()
        while (left := started + for_s - time.monotonic()) > 0:
            self.read(left)
        return (self.total - before) / (time.monotonic() - started)

    def wait(self, text: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while text not in self.text():
            self.read(0.2)
            if time.monotonic() > end:
                raise TimeoutError(f"{text!r} never came:\n{self.text()}")

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def answer(self, keys: str) -> int:
        self.press(keys)
        return self.settle()

    def text(self) -> str:
        return "\n".join(self.screen.display)

    def end(self) -> None:
        os.kill(self._pid, signal.SIGTERM)
        os.waitpid(self._pid, 0)
        os.close(self._fd)


@contextmanager
def shown(driver: str, play: Callable[[Scene], None]) -> Iterator[tuple[Link, Scene, float]]:
    """The screen on a live run of the scene, and the seconds from its start to what it shows first."""
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder) / "spenny", started="just now")
        play(scene)
        with owned(scene):
            started = time.monotonic()
            link = Link(scene.project.root, driver)
            try:
                link.wait("3 Plan")
                first_s = time.monotonic() - started
                link.settle()
                yield link, scene, first_s
            finally:
                link.end()


def at_rest(driver: str) -> dict[str, float]:
    """Keys on a run that waits for a person."""
    with shown(driver, at_fix_gate) as (link, _, first_s):
        first = link.total
        keys, switches = [], []
        for pane, moves in NAVIGATION:
            if pane:
                switches.append(link.answer(pane))
            keys += [size for move in moves if (size := link.answer(move))]
        link.answer("3")
        palette = link.answer(":")
        link.answer("\x1b")
        return {
            "first_paint_bytes": first,
            "first_paint_ms": 1000 * first_s,
            "key_median_bytes": statistics.median(keys),
            "key_worst_bytes": max(keys),
            "pane_switch_median_bytes": statistics.median(switches),
            "pane_switch_worst_bytes": max(switches),
            "palette_bytes": palette,
            "idle_bytes_per_s": link.rate(5.0),
        }


def under_way(driver: str) -> dict[str, float]:
    """A run that works: silent, then with a log of 1,000 lines a second in view, then over a slow link."""
    with shown(driver, while_running) as (link, scene, _):
        running = link.rate(10.0)
        with pouring(scene):
            show_verify(link)
            link.rate(3.0)
            log = link.rate(10.0)
            echoes = sorted(echo_times(link))
        return {
            "running_bytes_per_s": running,
            "log_bytes_per_s": log,
            "echo_median_ms": 1000 * statistics.median(echoes),
            "echo_p95_ms": 1000 * echoes[int(len(echoes) * 0.95)],
        }


def show_verify(link: Link) -> None:
    """Bring the log into view that grows: the verify of the task above the one under the cursor."""
    link.press("3k4")
    for _ in range(6):
        link.rate(1.5)
        if "poured" in link.text():
            return
        link.press("\x1b[C")
    raise TimeoutError(f"the log is not in view:\n{link.text()}")


@contextmanager
def pouring(scene: Scene) -> Iterator[None]:
    """1,000 lines a second into the log of the verify that runs."""
    log = scene.project.tasks_dir / lineage("004") / f"{scene.run}-1-implement" / "verify.log"
    over = threading.Event()

    def pour() -> None:
        numbers = count(1)
        with log.open("a", encoding="utf-8") as file:
            while not over.wait(0.05):
                for number in islice(numbers, 50):
                    file.write(f"poured {number:07} test_case_{number % 97} ... ok in {number % 13} ms\n")
                file.flush()

    thread = threading.Thread(target=pour)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def echo_times(link: Link) -> list[float]:
    """Seconds from each of some keys to its sign on the screen, where the link takes 20 kB/s."""
    link.press("/")
    slowly(link, lambda: "search" in link.text(), for_s=LOST_S)
    times, typed, end = [], "", time.monotonic() + PATIENCE_S
    for letter in ECHOED:
        if time.monotonic() > end:
            break
        typed += letter
        slowly(link, lambda: False, for_s=0.3)
        link.press(letter)
        started = time.monotonic()
        slowly(link, lambda text=typed[-20:]: text in link.text(), for_s=LOST_S)
        times.append(time.monotonic() - started)
    return times


def slowly(link: Link, is_so: Callable[[], bool], *, for_s: float = PATIENCE_S) -> None:
    """Read as a slow link does, until it is so or the time is over."""
    started, taken = time.monotonic(), 0
    while (passed := time.monotonic() - started) < for_s and not is_so():
        room = int(passed * LINK_BYTES_PER_S) - taken
        if room > 0:
            got = link.read(0.01, room)
            # What a link does not carry now it cannot carry later.
            taken = taken + got if got else int((time.monotonic() - started) * LINK_BYTES_PER_S)
        else:
            time.sleep(0.005)


def main(drivers: list[str]) -> int:
    measured = {driver: {**at_rest(driver), **under_way(driver)} for driver in drivers}
    for driver, figures in measured.items():
        report("wire", {"driver": driver, **figures})
    print(table(measured))
    ours = measured.get("delta", {})
    over = [name for _, name, unit, most in ROWS if unit != "ms" and ours.get(name, 0) > most]
    report("wire", {"over": over})
    return 1 if over else 0


def table(measured: dict[str, dict[str, float]]) -> str:
    """Every budget beside what each driver sends, and whether ours keeps to it."""
    lines = [f"{'80x24, 256 colours':<44}{'budget':>12}" + "".join(f"{name:>12}" for name in measured)]
    for label, name, unit, most in ROWS:
        cells = "".join(f"{figures[name]:>12,.0f}" for figures in measured.values())
        ours = measured.get("delta")
        verdict = "" if ours is None else "   holds" if ours[name] <= most else "   OVER"
        lines.append(f"{label:<44}{f'{most:,} {unit}':>12}{cells}{verdict}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["delta", "stock"]))
