"""Real commands that behave badly: they end, their output is kept, and nothing of them is left."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ossature.build import command as module
from ossature.build import process
from ossature.build.command import HEAD_BYTES, TAIL_BYTES, Action, Finished, LocalExecutor
from ossature.build.process import MARK

ENVIRON = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
PYTHON = sys.executable
needs_proc = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds survivors through /proc")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(module, "GRACE_S", 0.4)
    monkeypatch.setattr(module, "DRAIN_S", 0.4)


@pytest.fixture
def stage(tmp_path):
    folder = tmp_path / "stage"
    folder.mkdir()
    yield folder
    for pid in survivors(folder):
        os.kill(pid, signal.SIGKILL)


def action(stage, command, **changes):
    fields = {
        "cwd": stage,
        "environ": ENVIRON,
        "timeout_s": 20.0,
        "log_path": stage.parent / "logs" / "verify.log",
    }
    return Action(command=command, **{**fields, **changes})


def run(stage, command, **changes) -> Finished:
    return asyncio.run(LocalExecutor().run(action(stage, command, **changes)))


def python(stage, source, name="bad.py") -> str:
    """A command that runs *source*."""
    (stage / name).write_text(textwrap.dedent(source), encoding="utf-8")
    return f"{PYTHON} {name}"


def survivors(stage) -> list[int]:
    """Processes that still stand in the stage; a zombie has no working directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == stage:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def log_of(stage) -> str:
    return (stage.parent / "logs" / "verify.log").read_text(encoding="utf-8", errors="replace")


BAD_SHELL = {
    "floods": ("yes flood", "flood\nflood", True),
    "ignores TERM": ("trap '' TERM; echo deaf; while :; do sleep 0.05; done", "deaf", True),
    "leaves a daemon in its group": ("sleep 60 & echo started", "started", False),
    "reads stdin": ("cat; echo end of input", "end of input", False),
    "reads the terminal": ("cat </dev/tty; echo no terminal", "no terminal", False),
    "stops itself": ("echo before; kill -STOP $$; echo after", "before", True),
    "kills its shell": ("sleep 60 & echo last; kill -9 $$", "last", False),
    "forks a tree": (
        'f() { [ "$1" -gt 0 ] && { f $(($1-1)) & f $(($1-1)) & }; sleep 60; }; echo tree; f 4',
        "tree",
        True,
    ),
    "writes one huge line": ("head -c 3000000 /dev/zero | tr '\\0' x", "xxxx", False),
    "writes binary": ("printf 'a\\377\\376\\000\\033[2Jz'; exit 4", "a\ufffd\ufffd\x00\x1b[2Jz", False),
    "closes its output and goes on": ("echo only; exec >&- 2>&-; sleep 60", "only", True),
    "speaks after TERM": (
        "trap 'echo late; exit 3' TERM; echo early; while :; do sleep 0.05; done",
        "late",
        True,
    ),
    "ends with a stopped child": (
        "sh -c 'echo child; kill -STOP $$' & sleep 0.1; echo parent",
        "parent",
        False,
    ),
}
BAD_PYTHON = {
    "double fork holding the pipe": (
        """
        import os, time
        if os.fork():
            os.wait()
            print("parent", flush=True)
            raise SystemExit
        os.setsid()
        if os.fork():
            os._exit(0)
        time.sleep(60)
        """,
        "parent",
        False,
    ),
    "double fork without the pipe": (
        """
        import os, time
        if os.fork():
            os.wait()
            print("parent", flush=True)
            raise SystemExit
        os.setsid()
        if os.fork():
            os._exit(0)
        for fd in (0, 1, 2):
            os.close(fd)
        time.sleep(60)
        """,
        "parent",
        False,
    ),
    "group of its own that ignores TERM": (
        """
        import os, signal, time
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("own group", flush=True)
        time.sleep(60)
        """,
        "own group",
        True,
    ),
    "speaks after TERM below a shell that is dead": (
        """
        import signal, sys, time
        def last_words(*_):
            time.sleep(0.05)
            print("last words", flush=True)
            sys.exit(0)
        signal.signal(signal.SIGTERM, last_words)
        print("first words", flush=True)
        time.sleep(60)
        """,
        "first words\nlast words",
        True,
    ),
}


@needs_proc
@pytest.mark.parametrize("name", BAD_SHELL)
def test_bad_command_ends_and_leaves_nothing_but_its_output(stage, name):
    command, expected, is_timed_out = BAD_SHELL[name]
    finished = run(stage, command, timeout_s=0.5 if is_timed_out else 20.0)
    assert finished.is_timed_out == is_timed_out
    assert expected in finished.head
    assert survivors(stage) == []
    assert log_of(stage).startswith(f"$ {command}\n")
    assert expected.replace("\x00", "")[:4] in log_of(stage).replace("\x00", "")


@needs_proc
@pytest.mark.parametrize("name", BAD_PYTHON)
def test_bad_program_ends_and_leaves_nothing_but_its_output(stage, name):
    source, expected, is_timed_out = BAD_PYTHON[name]
    # `; true` keeps the shell from becoming the program.
    command = python(stage, source) + "; true"
    finished = run(stage, command, timeout_s=2.0 if is_timed_out else 20.0)
    assert finished.is_timed_out == is_timed_out
    assert expected in finished.head
    assert survivors(stage) == []


@needs_proc
def test_survivors_are_seen_when_nobody_kills_them(stage):
    process = subprocess.Popen(
        ["/bin/sh", "-c", "sleep 60 & echo started"], cwd=stage, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    process.wait()
    process.stdout.close()
    assert len(survivors(stage)) == 1


@needs_proc
def test_process_that_hides_its_environment_cannot_hold_the_run_up(stage):
    source = """
        import os, sys
        print("parent", flush=True)
        if os.fork() == 0:
            os.setsid()
            os.execve("/bin/sleep", ["sleep", "60"], {})
    """
    finished = run(stage, python(stage, source))
    assert (finished.exit_status, finished.is_timed_out) == (0, False)
    assert finished.head == "parent\n"


@pytest.mark.parametrize(
    ("command", "status"),
    [("true", 0), ("exit 7", 7), ("kill -9 $$", -9), ("kill -TERM $$", -15), ("no-such-tool-here", 127)],
)
def test_exit_status_is_the_shells_and_negative_for_a_signal(stage, command, status):
    finished = run(stage, command)
    assert (finished.exit_status, finished.is_timed_out, finished.note) == (status, False, "")


def test_status_after_term_is_what_the_command_made_of_it(stage):
    command, _, _ = BAD_SHELL["speaks after TERM"]
    finished = run(stage, command, timeout_s=0.3)
    assert (finished.exit_status, finished.is_timed_out) == (3, True)


@pytest.mark.parametrize(
    "command",
    [
        "if true; then echo yes; else echo no; fi",
        "! false && echo yes",
        "( cd / && echo yes )",
        "for x in yes; do echo $x; done",
        "# a comment\necho yes",
        "cat <<END\nyes\nEND",
        "test -d . && { echo yes; }",
    ],
)
def test_any_shell_syntax_runs(stage, command):
    finished = run(stage, command)
    assert (finished.exit_status, finished.head) == (0, "yes\n")


def test_stdout_and_stderr_are_one_in_the_order_written(stage):
    finished = run(stage, "echo 1; echo 2 >&2; echo 3")
    assert finished.head == "1\n2\n3\n"
    assert finished.total_bytes == 6


def test_head_and_tail_are_kept_of_a_long_output(stage):
    finished = run(stage, "echo first; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last")
    assert finished.head.startswith("first\n")
    assert len(finished.head) == HEAD_BYTES
    assert finished.tail.endswith("x\nlast\n")
    assert len(finished.tail) == TAIL_BYTES
    assert finished.total_bytes == 6 + 5_000_000 + 6


def test_no_character_is_cut_where_head_and_tail_meet(stage):
    finished = run(stage, python(stage, "print('x' + 'é€😀' * 40_000)"))
    assert finished.total_bytes > HEAD_BYTES
    assert finished.head + finished.tail == "x" + "é€😀" * 40_000 + "\n"
    assert len(finished.head.encode()) > HEAD_BYTES - 4


def test_memory_stays_small_with_200_megabytes_of_output(stage):
    source = f"""
        import asyncio, resource, sys
        from pathlib import Path
        from ossature.build.command import Action, LocalExecutor
        action = Action("yes | head -c 200000000", Path("."), {ENVIRON!r}, 60.0, Path("flood.log"))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        finished = asyncio.run(LocalExecutor().run(action))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(finished.total_bytes, grown // (1024 * 1024 if sys.platform == "darwin" else 1024))
    """
    command = python(stage, source)
    done = subprocess.run(command.split(), cwd=stage, capture_output=True, text=True, check=True)
    total_bytes, grown_mib = map(int, done.stdout.split())
    assert total_bytes == 200_000_000
    assert grown_mib < 32
    assert (stage / "flood.log").stat().st_size < 10 * 1024 * 1024 + 200


def test_log_holds_all_commands_of_a_verify(stage):
    run(stage, "echo one")
    run(stage, "printf two")
    run(stage, "echo three\nexit 1")
    assert log_of(stage) == "$ echo one\none\n$ printf two\ntwo\n$ echo three\n> exit 1\nthree\n"


def test_log_shows_output_while_the_command_runs(stage):
    seen = []

    async def follow():
        async with asyncio.TaskGroup() as group:
            group.create_task(
                LocalExecutor().run(action(stage, "echo early; while [ ! -e go ]; do sleep 0.02; done"))
            )
            for _ in range(500):
                await asyncio.sleep(0.01)
                if "early" in log_of(stage):
                    seen.append("early")
                    break
            (stage / "go").touch()

    asyncio.run(follow())
    assert seen == ["early"]


@pytest.mark.parametrize("total", [0, 1, 399, 400, 401, 799, 800, 801, 5000])
def test_capped_log_keeps_head_and_tail_and_says_what_is_missing(stage, total):
    source = f"import sys; sys.stdout.write(''.join(chr(97 + n % 26) for n in range({total})))"
    run(stage, python(stage, source), log_cap_bytes=800)
    whole = "".join(chr(97 + n % 26) for n in range(total))
    body = log_of(stage).split("\n", 1)[1]
    if total <= 800:
        assert body == (whole + "\n" if whole else "")
    else:
        assert body == f"{whole[:400]}\n… {total - 800} bytes left out …\n{whole[-400:]}\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_full_disk_costs_the_log_and_not_the_command(stage):
    finished = run(stage, "echo kept", log_path=Path("/dev/full"))
    assert (finished.exit_status, finished.head) == (0, "kept\n")
    assert "No space left" in finished.note


def test_log_that_cannot_be_opened_costs_the_log_and_not_the_command(stage):
    (stage / "file").touch()
    finished = run(stage, "echo kept", log_path=stage / "file" / "verify.log")
    assert (finished.exit_status, finished.head) == (0, "kept\n")
    assert "the log is not whole" in finished.note


@pytest.mark.parametrize("command", ["echo a\0b", "echo " + "x" * 3_000_000])
def test_command_that_cannot_start_is_a_value(stage, command):
    finished = run(stage, command)
    assert (finished.exit_status, finished.is_timed_out) == (None, False)
    assert finished.note.startswith("the command cannot be started: ")


def test_missing_folder_is_a_value(stage):
    finished = run(stage, "true", cwd=stage / "gone")
    assert finished.exit_status is None
    assert "No such file" in finished.note


def test_command_sees_the_environment_it_is_given_and_no_other(stage, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    finished = run(stage, "env")
    names = {line.partition("=")[0] for line in finished.head.splitlines()}
    assert {"PATH", "LANG", MARK} <= names
    assert names <= {"PATH", "LANG", MARK, "PWD", "OLDPWD", "SHLVL", "_"}
    assert "sk-canary" not in finished.head


def test_no_core_file_is_written(stage):
    assert run(stage, "ulimit -c").head == "0\n"


def test_commands_have_no_terminal_and_a_session_of_their_own(stage):
    source = "import os; print(os.getsid(0) != %d, os.isatty(0), os.isatty(1))"
    assert run(stage, python(stage, source % os.getsid(0))).head == "True False False\n"


@needs_proc
@pytest.mark.parametrize(
    "command", ["sleep 60 & sleep 60", "trap '' TERM; while :; do sleep 0.05; done", "yes", "kill -STOP $$"]
)
def test_cancelled_command_is_killed_and_the_cancellation_goes_on(stage, command):
    async def cancelled():
        async with asyncio.timeout(0.3):
            await LocalExecutor().run(action(stage, f"echo begun; {command}"))

    with pytest.raises(TimeoutError):
        asyncio.run(cancelled())
    for _ in range(100):
        if not survivors(stage):
            break
        time.sleep(0.02)
    assert survivors(stage) == []
    assert "begun" in log_of(stage)


@needs_proc
def test_descriptors_and_children_do_not_pile_up(stage):
    async def many():
        before = len(list(Path("/proc/self/fd").iterdir()))
        for number in range(10):
            await LocalExecutor().run(action(stage, f"echo {number}; sleep 60 & exit {number}"))
        return before, len(list(Path("/proc/self/fd").iterdir()))

    before, after = asyncio.run(many())
    assert before == after
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_many_commands_run_side_by_side(stage):
    async def many():
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    LocalExecutor().run(action(stage, f"echo {n}; exit {n}", log_path=stage / f"{n}.log"))
                )
                for n in range(16)
            ]
        return [(task.result().exit_status, task.result().head) for task in tasks]

    assert asyncio.run(many()) == [(n, f"{n}\n") for n in range(16)]


def test_command_ends_where_the_system_has_no_pidfd(stage, monkeypatch):
    monkeypatch.setattr(process, "_pidfd", lambda _pid: None)
    assert run(stage, "sleep 0.05; echo done; exit 5").exit_status == 5
    finished = run(stage, "echo begun; sleep 60", timeout_s=0.3)
    assert (finished.exit_status, finished.is_timed_out, finished.head) == (-15, True, "begun\n")
