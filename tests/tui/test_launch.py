"""The launcher leaves a usable terminal behind, and no screen process outlives its terminal."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ossature.errors import UsageError
from ossature.tui import launch
from tests.tui.scene import Scene, at_fix_gate, owned

pytestmark = pytest.mark.timeout(400)

DEADLINE_S = 60.0
LAUNCH = (
    "import sys; from pathlib import Path; from ossature.project import load_project; "
    "from ossature.tui.launch import run_tui; sys.exit(run_tui(load_project(Path(sys.argv[1]))))"
)


def wait_for(is_so: Callable[[], object], said: Callable[[], str] = str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < end, f"never came: {said()}"
        time.sleep(0.05)


def screen_processes(root: Path) -> list[int]:
    """Ids of the screen processes on that project."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        if b"ossature.tui.main" in argv and str(root).encode() in argv:
            found.append(int(entry.name))
    return found


class Tmux:
    """A private server with one shell."""

    def __init__(self, name: str, env: dict[str, str]) -> None:
        self.name = name
        self.env = env
        self("new-session", "-d", "-x", "80", "-y", "24", "-s", "test", "/bin/sh")

    def __call__(self, *args: str) -> str:
        command = ["tmux", "-L", self.name, "-f", "/dev/null", *args]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60)
        return done.stdout

    def type(self, text: str) -> None:
        self("send-keys", "-t", "test", "-l", text)
        self("send-keys", "-t", "test", "Enter")

    def key(self, name: str) -> None:
        self("send-keys", "-t", "test", name)

    def screen(self) -> str:
        return self("capture-pane", "-p", "-t", "test")

    def wait(self, text: str) -> None:
        wait_for(lambda: text in self.screen(), self.screen)

    def wait_until_gone(self, text: str) -> None:
        wait_for(lambda: text not in self.screen(), self.screen)

    def wait_for_size(self, width: int, height: int) -> None:
        """The program has been told: tmux does that in its own time."""
        wanted = f"{height} {width}"
        tty = self("display-message", "-p", "-t", "test", "#{pane_tty}").strip()
        wait_for(lambda: subprocess.check_output(["stty", "-F", tty, "size"], text=True).strip() == wanted)


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    env = {**os.environ, "LC_ALL": "C.UTF-8", "PS1": "ready> ", "ENV": ""}
    server = Tmux(f"ossature-test-{uuid.uuid4().hex[:12]}", env)
    try:
        yield server
    finally:
        server("kill-server")


def stty(tmux: Tmux, path: Path) -> str:
    """The modes of the terminal; not its size, which tmux gives in its own time."""
    path.unlink(missing_ok=True)
    tmux.type(f"stty -a > {path}; echo done >> {path}")
    wait_for(lambda: path.exists() and path.read_text().endswith("done\n"), tmux.screen)
    return re.sub(r"rows \d+; columns \d+;", "", path.read_text())


@pytest.fixture
def live(scene: Scene) -> Iterator[Scene]:
    at_fix_gate(scene)
    with owned(scene):
        yield scene


def test_a_real_terminal_shows_resizes_and_is_restored_after_a_kill(
    tmux: Tmux, live: Scene, tmp_path: Path
) -> None:
    root = live.project.root
    before = stty(tmux, tmp_path / "before")
    tmux.type(f"{sys.executable} -c '{LAUNCH}' {root}; echo code=$?")
    tmux.wait("006 verify failed")
    assert "3 Plan" in tmux.screen()
    assert tmux("display-message", "-p", "-t", "test", "#{alternate_on}").strip() == "1"

    tmux("resize-window", "-t", "test", "-x", "160", "-y", "45")
    tmux.wait("1 Specs")
    tmux("resize-window", "-t", "test", "-x", "60", "-y", "20")
    wait_for(lambda: "1 Specs" not in tmux.screen() and "3 Plan" in tmux.screen(), tmux.screen)
    tmux("resize-window", "-t", "test", "-x", "80", "-y", "24")
    tmux.wait("4 006")

    tmux.key("a")
    wait_for(live.letters, tmux.screen)

    (pid,) = screen_processes(root)
    os.kill(pid, signal.SIGKILL)
    tmux.wait("code=137")
    modes = tmux("display-message", "-p", "-t", "test", "#{alternate_on}#{mouse_any_flag}#{cursor_flag}")
    assert modes.strip() == "001"
    assert stty(tmux, tmp_path / "after") == before


def test_an_editor_that_does_not_start_takes_nothing_and_leaving_tells_the_way_back(
    tmux: Tmux, live: Scene
) -> None:
    tmux.type(f"EDITOR=/nowhere/ed {sys.executable} -c '{LAUNCH}' {live.project.root}; echo code=$?")
    tmux.wait("006 verify failed")
    tmux.key("e")
    tmux.wait("/nowhere/ed does not start: No such file or directory")
    tmux.key("q")
    tmux.wait("code=0")
    # The terminal breaks lines, and drops the space at a break.
    said = tmux.screen().replace("\n", "").replace(" ", "")
    assert f"goeson;comebackwith`ossature-C{live.project.root}tui`" in said
    assert screen_processes(live.project.root) == []


def test_the_editor_has_the_terminal_and_gives_it_back(tmux: Tmux, live: Scene, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "EDITING $2"\nread answer\necho "$answer" >> "$2"\n')
    editor.chmod(0o755)
    tmux.type(f"EDITOR='{editor} -n' {sys.executable} -c '{LAUNCH}' {live.project.root}; echo code=$?")
    tmux.wait("006 verify failed")
    tmux.key("e")
    tmux.wait("EDITING")
    assert tmux("display-message", "-p", "-t", "test", "#{alternate_on}").strip() == "0"
    tmux.type("# by hand")
    tmux.wait("edit sent for 006-fix-1")
    wait_for(lambda: "3 Plan" in tmux.screen() and "a approve fix" in tmux.screen(), tmux.screen)
    assert "# by hand" in live.letters()[0].read_text()
    tmux.key("q")
    tmux.wait("code=0")


def test_a_suspended_screen_comes_back_with_fg(tmux: Tmux, live: Scene) -> None:
    tmux("set-option", "-g", "default-shell", "/bin/bash")
    tmux.type("bash --norc -i")
    tmux.type(f"{sys.executable} -c '{LAUNCH}' {live.project.root}; echo code=$?")
    tmux.wait("006 verify failed")
    tmux.key("C-z")
    tmux.wait("Stopped")
    tmux.type("fg")
    tmux.wait("006 verify failed")
    tmux.key("q")
    wait_for(lambda: screen_processes(live.project.root) == [], tmux.screen)


@pytest.mark.parametrize("how", ["close", "hup", "term", "launcher"])
def test_no_screen_process_outlives_its_terminal_or_launcher(live: Scene, how: str) -> None:
    root = live.project.root
    pid, master = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", COLUMNS="80", LINES="24")
        os.execv(sys.executable, [sys.executable, "-c", LAUNCH, str(root)])
    os.set_blocking(master, False)
    received = bytearray()

    def drain() -> bool:
        """Read what is there; False once the terminal has no other side, which is an error on Linux."""
        try:
            chunk = os.read(master, 65536) if master >= 0 else b""
        except BlockingIOError:
            return True
        except OSError:
            return False
        received.extend(chunk)
        return bool(chunk)

    def is_shown() -> bool:
        drain()
        return b"Plan" in received and bool(screen_processes(root))

    def is_over() -> bool:
        drain()
        done, status = os.waitpid(pid, os.WNOHANG)
        ended.extend([status] if done else [])
        return bool(done)

    ended: list[int] = []
    try:
        wait_for(is_shown, lambda: repr(bytes(received[-400:])))
        match how:
            case "close":
                os.close(master)
                master = -1
            case "hup":
                os.kill(pid, signal.SIGHUP)
            case "term":
                os.kill(pid, signal.SIGTERM)
            case "launcher":
                os.kill(pid, signal.SIGKILL)

        wait_for(is_over)
        wait_for(lambda: not drain() and not screen_processes(root))
        (status,) = ended
        if how == "term":
            assert os.waitstatus_to_exitcode(status) == 143
            assert received.endswith(launch.RESTORE.encode())
        if how == "hup":
            assert os.waitstatus_to_exitcode(status) == 129
    finally:
        if master >= 0:
            os.close(master)


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_a_terminal_that_cannot_show_a_screen_is_refused_with_the_other_way(
    term: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with pytest.raises(UsageError) as caught:
        launch.check_terminal({"TERM": term})
    assert caught.value.exit_code == 2
    assert "ossature tui --plain" in caught.value.hint


def test_without_a_terminal_it_is_refused(scene: Scene) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH, str(scene.project.root)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "needs a terminal" in done.stderr


def test_the_launcher_imports_no_textual() -> None:
    code = "import sys, ossature.tui.launch; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_restoring_a_dead_terminal_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    saved = termios.tcgetattr(slave)
    with os.fdopen(slave, "w") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        monkeypatch.setattr("sys.stdout", stream)
        os.close(master)
        launch.restore_terminal(saved)


@pytest.mark.parametrize(
    ("environ", "delay"), [({}, "50"), ({"SSH_TTY": "/dev/pts/1"}, "150"), ({"ESCDELAY": "9"}, "9")]
)
def test_textual_is_told_before_it_is_imported(environ: dict[str, str], delay: str) -> None:
    told = launch.screen_environment(environ)
    assert told["ESCDELAY"] == delay
    assert told["TEXTUAL_ANIMATIONS"] == "none"
