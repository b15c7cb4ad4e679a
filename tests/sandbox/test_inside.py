"""What is allowed works in every sandbox, reads the same in all, and shows no secret."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ossature.build.cage import Limits
from ossature.build.verdict import judge
from tests.sandbox.conftest import TIERS, Slot

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these sandboxes are Linux's")

UNITTEST = """
import json, multiprocessing, os, pathlib, socket, subprocess, sys, tempfile, threading, unittest


def double(pipe, number):
    pipe.send(2 * number)


def square(number):
    return number * number


class Everyday(unittest.TestCase):
    def test_process_and_pipe(self):
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.Process(target=double, args=(theirs, 21))
        process.start()
        self.assertEqual(ours.recv(), 42)
        process.join()

    @unittest.skipIf("--bare" in sys.argv, "no semaphores here")
    def test_pool(self):
        with multiprocessing.Pool(2) as pool:
            self.assertEqual(pool.map(square, [1, 2, 3]), [1, 4, 9])

    @unittest.skipIf("--bare" in sys.argv, "no sockets here")
    def test_sockets(self):
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "localhost")):
            with socket.create_server((host, 0), family=family) as server:
                thread = threading.Thread(target=lambda: server.accept()[0].sendall(b"hello"))
                thread.start()
                with socket.create_connection(server.getsockname()) as link:
                    self.assertEqual(link.recv(5), b"hello")
                thread.join()

    @unittest.skipIf("--bare" in sys.argv, "no sockets here")
    def test_unix_socket(self):
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as link:
            server.bind("here.sock")
            server.listen()
            link.connect("here.sock")

    def test_files(self):
        pathlib.Path("made").mkdir()
        pathlib.Path("made/file").write_text("x")
        pathlib.Path("made/file").rename("made/other")
        pathlib.Path("made/other").chmod(0o755)
        os.link("made/other", "made/linked")
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "x").touch()
        pathlib.Path.home().joinpath(".cache").mkdir(exist_ok=True)

    def test_subprocess(self):
        done = subprocess.run(["sh", "-c", "echo $HOME | cat"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, str(pathlib.Path.home())))

    def test_event_loop(self):
        import asyncio
        self.assertEqual(asyncio.run(asyncio.sleep(0, 5)), 5)


unittest.main(argv=["t", *[one for one in sys.argv[1:] if one != "--bare"]])
"""
BARE = {"landlock": " --bare"}
"""Tests that need what this tier does not have, as its gaps say."""


@pytest.mark.parametrize("tier", TIERS)
def test_python_is_at_home(slot: Slot, shut_in, tier: str):
    (slot.stage / "t.py").write_text(UNITTEST)
    finished = shut_in(tier, f"python t.py{BARE.get(tier, '')}")
    assert finished.exit_status == 0, finished.head
    assert "Ran 7 tests" in finished.head


@pytest.mark.skipif(not (shutil.which("gcc") and shutil.which("make")), reason="needs gcc and make")
@pytest.mark.parametrize("tier", TIERS)
def test_c_is_compiled_and_run(slot: Slot, shut_in, tier: str):
    (slot.stage / "main.c").write_text('#include <stdio.h>\nint main(void) { puts("from C"); return 0; }\n')
    (slot.stage / "Makefile").write_text("all: main\n\t./main\nmain: main.c\n\tgcc -O1 -o main main.c\n")
    finished = shut_in(tier, "make -j2")
    assert finished.exit_status == 0, finished.head
    assert finished.head.endswith("from C\n")


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
@pytest.mark.parametrize("tier", ("open", "bubblewrap"))
def test_sanitizer_finds_what_is_wrong_and_nothing_else(slot: Slot, shut_in, tier: str):
    """It reserves terabytes, and would look for leaks by a call that is denied."""
    (slot.stage / "main.c").write_text(
        "#include <stdlib.h>\n"
        "int main(int c, char **v) { int *p = malloc(4); p[c - 1] = c; free(p); return 0; }\n"
    )
    finished = shut_in(tier, "gcc -g -fsanitize=address main.c -o main && ./main && ! ./main too far")
    if "cannot find" in finished.head:
        pytest.skip("this gcc has no sanitizer")
    assert finished.exit_status == 0, finished.head
    assert "heap-buffer-overflow" in finished.head


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
@pytest.mark.parametrize("tier", TIERS)
def test_node_runs_its_tests(slot: Slot, shut_in, tier: str):
    (slot.stage / "sum.test.js").write_text(
        "const test = require('node:test'); const assert = require('node:assert');\n"
        "const { execSync } = require('node:child_process');\n"
        "test('adds', () => assert.equal(1 + 1, 2));\n"
        "test('runs', () => assert.equal(execSync('echo x').toString(), 'x\\n'));\n"
    )
    finished = shut_in(tier, "node sum.test.js")
    assert finished.exit_status == 0, finished.head
    assert "adds" in finished.head


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
@pytest.mark.parametrize("tier", TIERS)
def test_git_commits(slot: Slot, shut_in, tier: str):
    identity = "-c user.name=t -c user.email=t@example.org"
    finished = shut_in(
        tier, f"git init -q . && touch a && git add a && git {identity} commit -qm a && git log --oneline"
    )
    assert finished.exit_status == 0, finished.head


@pytest.mark.parametrize("tier", ("open", *TIERS))
def test_failure_reads_the_same_in_every_sandbox_and_without(slot: Slot, shut_in, tier: str):
    (slot.stage / "t.py").write_text(
        "import os, tempfile\nprint(os.getcwd(), os.environ['HOME'], tempfile.gettempdir())\n"
    )
    command = "python t.py && pwd; exit 3"
    finished = shut_in(tier, command)
    verdict = judge(command, finished, on_path=lambda _name: True, stage_root=str(slot.stage))
    assert verdict.excerpt.splitlines() == [". /home/sandbox /tmp", "."]
    assert (verdict.name, verdict.exit_status) == ("failed", 3)


@pytest.mark.parametrize("tier", ("open", *TIERS))
@pytest.mark.parametrize(
    ("command", "status"), [("kill -9 $$", -9), ("sh -c 'kill -SEGV $$'; exit $?", -11), ("exit 129", 129)]
)
def test_death_by_a_signal_is_told_the_same_way(shut_in, tier: str, command: str, status: int):
    assert shut_in(tier, command).exit_status == status


@pytest.mark.parametrize("tier", TIERS)
def test_read_only_leaves_the_stage_alone(slot: Slot, shut_in, tier: str):
    (slot.stage / "kept").write_text("kept\n")
    own = "echo z > $HOME/z && echo z > $TMPDIR/z && echo own folders"
    command = f"cat kept; echo x > kept; echo y > new; rm -f kept; {own}"
    finished = shut_in(tier, command, mode="read-only")
    assert finished.head.startswith("kept\n")
    assert finished.head.endswith("own folders\n")
    assert [path.name for path in slot.stage.iterdir()] == ["kept"]
    assert (slot.stage / "kept").read_text() == "kept\n"


@pytest.mark.parametrize("tier", ("bubblewrap", "bubblewrap-nested"))
def test_files_that_tools_of_yours_read_cannot_be_changed(slot: Slot, shut_in, tier: str):
    for name in (
        ".git/hooks/pre-commit",
        ".git/config",
        ".envrc",
        "AGENTS.md",
        ".vscode/tasks.json",
        "src/main.py",
    ):
        path = slot.stage / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine\n")
    command = (
        "for f in $(find . -type f); do echo theirs > $f; done; rm -rf .git/hooks .envrc; mv .git moved; true"
    )
    shut_in(tier, command)
    changed = [path for path in slot.stage.rglob("*") if path.is_file() and path.read_text() != "mine\n"]
    assert [path.name for path in changed] == ["main.py"]
    assert len([path for path in slot.stage.rglob("*") if path.is_file()]) == 6


CANARIES = {
    "OPENAI_API_KEY": "canary-openai",
    "AWS_SECRET_ACCESS_KEY": "canary-aws",
    "SSH_AUTH_SOCK": "/tmp/canary-agent",
    "DATABASE_URL": "postgres://me:canary-db@host/db",
    "GITHUB_TOKEN": "ghp_canary",
}
LOOK = (
    "env; set; cat /proc/self/environ /proc/$PPID/environ /proc/[0-9]*/environ 2>&1 | tr '\\0' '\\n';"
    " cat /proc/[0-9]*/cmdline 2>&1 | tr '\\0' '\\n';"
    " cat {home}/.ssh/id_rsa {home}/.aws/credentials ~/.ssh/id_rsa ~/.aws/credentials; ls -la {home};"
    " grep -rs canary / --include=id_rsa --include=credentials --exclude-dir=proc --exclude-dir=usr"
)


@pytest.mark.parametrize("tier", TIERS)
def test_no_secret_is_ever_printed(
    slot: Slot, shut_in, tier: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for folder, name in ((".ssh", "id_rsa"), (".aws", "credentials")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(f"canary-{name}\n")
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    finished = shut_in(tier, LOOK.format(home=tmp_path))
    said = finished.head + finished.tail + (slot.folder / "verify.log").read_text().partition("\n")[2]
    assert "CI=1" in said
    assert "canary" not in said.replace("grep -rs canary", "")
    control = subprocess.run(
        ["/bin/sh", "-c", f"env; cat {tmp_path}/.ssh/id_rsa"], capture_output=True, text=True, check=True
    )
    assert {"canary-openai", "canary-id_rsa"} <= set(control.stdout.replace("=", "\n").split())


@pytest.mark.parametrize("tier", TIERS)
def test_network_is_there_when_it_is_granted(shut_in, tier: str):
    # A listener of this test stands for the world.
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        link = f"socket.create_connection(('127.0.0.1', {port}), 5)"
        ask = f"python -c \"import socket; {link}; print('through')\""
        assert "through" not in shut_in(tier, ask).head
        assert shut_in(tier, ask, has_network=True).head == "through\n"


@pytest.mark.parametrize("tier", ("open", *TIERS))
def test_limits_are_what_was_asked_for(shut_in, tier: str):
    limits = Limits(file_mib=3, open_files=77, memory_mib=600, processes=0)
    said = shut_in(tier, "ulimit -f; ulimit -n; ulimit -c", limits=limits).head.split()
    assert said[1:] == ["77", "0"]
    # Blocks of 512 bytes, or of 1024 where /bin/sh is bash.
    assert said[0] in ("6144", "3072")
    none = Limits(file_mib=0, open_files=0, memory_mib=0, processes=0)
    assert shut_in(tier, "ulimit -f", limits=none).head.split() == ["unlimited"]


def test_sandbox_that_breaks_is_no_fault_of_the_code(slot: Slot, shut_in):
    """A folder that is gone keeps bubblewrap from starting: that is the environment, and costs no fixer."""
    shutil.rmtree(slot.folder / "home")
    finished = shut_in("bubblewrap", "true")
    assert finished.exit_status is None
    verdict = judge("true", finished, on_path=lambda _name: True)
    assert verdict.name == "environment"
    assert "sandbox could not be set up" in verdict.summary


MASKED = """
import os, sys
os.environ["HOME"] = "/root"
from pathlib import Path
from ossature.build.cage import Policy
from ossature.build.tiers import Machine
found = Machine({"PATH": os.environ["PATH"]}, Path("/nowhere")).find(Policy())
print(found.tier, found.cage is not None)
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare")
def test_container_with_a_masked_proc_gets_the_nested_tier(shut_in):
    shut_in("bubblewrap-nested", "true")
    mask = "mount --bind /dev/null /proc/uptime"
    done = subprocess.run(
        ["unshare", "--mount", "/bin/sh", "-c", f'{mask} && exec "$@"', "sh", sys.executable, "-c", MASKED],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode and "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.stdout.split() == ["bubblewrap-nested", "True"], done.stderr
