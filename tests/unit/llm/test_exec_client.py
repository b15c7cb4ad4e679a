import asyncio
import contextlib
import os
import shlex
import sys
import time

import pytest

from ossature.llm.client import ModelError
from ossature.llm.exec_client import ExecClient
from tests.support.calls import a_request


@pytest.fixture
def script(tmp_path):
    """Writes a Python script; returns the model that runs it."""

    def write(code, *args):
        path = tmp_path / "model with space.py"
        path.write_text(code, encoding="utf-8")
        return "exec:" + shlex.join([sys.executable, str(path), *args])

    return write


def ask(model, environ=None, **changes):
    pieces = []

    async def run():
        return await ExecClient(environ).complete(a_request(model=model, **changes), pieces.append)

    reply = asyncio.run(run(), debug=True)
    assert "".join(pieces) == reply.text
    return reply


def failure(model, **changes):
    with pytest.raises(ModelError) as caught:
        ask(model, **changes)
    return caught.value


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return stat.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    return True


def wait_for(claim):
    """Polls; the test's own timeout ends it."""
    while not claim():
        time.sleep(0.02)


def test_prompt_goes_to_stdin_and_stdout_is_the_reply(script):
    model = script("import sys; sys.stdout.write('got: ' + sys.stdin.read())")
    reply = ask(model, system="Sÿs", prompt="Prömpt\n")
    assert reply.text == "got: Sÿs\n\nPrömpt\n"
    assert (reply.source, reply.finish, reply.cost_usd, reply.note) == ("exec", "stop", None, "")


def test_command_learns_what_it_is_asked_for(script, foreign):
    model = script(
        "import os\nfor name in sorted(os.environ):\n"
        "    if name.startswith('OSSATURE_'): print(name, os.environ[name])\nprint(os.environ['MINE'])"
    )
    reply = ask(model, {**os.environ, "MINE": "yes"}, role="fix", attempt=3)
    assert reply.text.splitlines() == [
        "OSSATURE_ATTEMPT 3",
        "OSSATURE_ROLE fix",
        "OSSATURE_SPEC EXPENSES",
        "OSSATURE_TASK 001",
        "yes",
    ]


def test_no_shell_sees_the_command(script):
    model = script("import sys; print(sys.argv[1:])", "$HOME", "a b", ";", "*")
    assert ask(model).text == "['$HOME', 'a b', ';', '*']\n"


def test_command_that_does_not_read_its_prompt_is_fine(script):
    assert ask(script("print('done')"), prompt="x" * 3_000_000).text == "done\n"


def test_long_prompt_and_long_reply_cross_without_a_deadlock(script):
    model = script("import sys\nfor line in sys.stdin: sys.stdout.write(line)")
    prompt = "0123456789abcde\n" * 200_000
    assert ask(model, system="s", prompt=prompt).text == f"s\n\n{prompt}"


def test_ten_megabytes_come_through(script):
    reply = ask(script("import sys; sys.stdout.write('é' * 5_000_000)"))
    assert len(reply.text) == 5_000_000


def test_more_than_the_limit_is_refused_and_the_command_ended(script, tmp_path):
    pid_path = tmp_path / "pid"
    model = script(
        f"import os, sys\nopen({str(pid_path)!r}, 'w').write(str(os.getpid()))\n"
        "while True: sys.stdout.write('x' * 1_000_000)"
    )
    assert failure(model).kind == "too_long"
    assert not is_alive(int(pid_path.read_text()))


def test_character_across_two_writes_is_whole(script):
    model = script(
        "import sys, time\nout = sys.stdout.buffer\nfor byte in 'a\N{GRINNING FACE}é'.encode():\n"
        "    out.write(bytes([byte])); out.flush(); time.sleep(0.01)"
    )
    reply = ask(model)
    assert reply.text == "a\N{GRINNING FACE}é" and not reply.note


@pytest.mark.parametrize("raw", [b"a\xffb", b"end \xe2\x82"])
def test_bytes_that_are_not_utf8_are_replaced_with_a_note(script, raw):
    reply = ask(script(f"import sys; sys.stdout.buffer.write({raw!r})"))
    assert "\N{REPLACEMENT CHARACTER}" in reply.text
    assert "not UTF-8" in reply.note


def test_failed_command_says_its_exit_code_and_last_words(script):
    error = failure(script("import sys; print('half'); sys.exit('no licence, sk-abcdefghijkl')"))
    assert error.kind == "exec" and not error.is_retryable
    assert "exit code 1" in str(error) and "no licence" in str(error)
    assert "sk-abc" not in str(error)


def test_killed_command_says_the_signal(script):
    assert "signal 9" in str(failure(script("import os; print(1, flush=True); os.kill(os.getpid(), 9)")))


def test_silence_is_no_reply(script):
    error = failure(script("import sys; sys.stderr.write('nothing to say')"))
    assert error.kind == "bad_reply" and not error.is_retryable
    assert "nothing to say" in str(error)


def test_flood_on_stderr_blocks_nobody(script):
    assert ask(script("import sys; sys.stderr.write('x' * 5_000_000); print('ok')")).text == "ok\n"


def test_unknown_command_is_named():
    error = failure("exec:no-such-command-anywhere --flag")
    assert error.kind == "exec" and "`no-such-command-anywhere` was not found" in str(error)
    assert "PATH" in error.hint


def test_command_without_permission_is_named(tmp_path):
    path = tmp_path / "tool"
    path.write_text("#!/bin/sh\necho hi\n", encoding="utf-8")
    assert "chmod +x" in failure(f"exec:{path}").hint


@pytest.mark.parametrize("model", ["exec:", "exec:   ", "exec:echo 'open", "exec:echo a\0b"])
def test_unusable_command_is_a_model_error(model):
    assert failure(model).kind == "exec"


def test_hanging_command_is_ended_at_the_deadline(script, tmp_path):
    pid_path = tmp_path / "pid"
    model = script(
        f"import os, time\nopen({str(pid_path)!r}, 'w').write(str(os.getpid()))\n"
        "print('thinking', flush=True)\ntime.sleep(1000)"
    )
    error = failure(model, timeout_s=1.0)
    assert error.kind == "timeout" and not error.is_retryable
    assert "1 s" in str(error)
    assert not is_alive(int(pid_path.read_text()))


def cancelled(model, ready):
    """Cancel the call once *ready* exists."""

    async def run():
        async with asyncio.TaskGroup() as group:
            call = group.create_task(ExecClient().complete(a_request(model=model), lambda text: None))
            await asyncio.to_thread(wait_for, lambda: ready.exists() and ready.read_text())
            call.cancel()
        return call.cancelled()

    return asyncio.run(run())


def test_cancelled_call_ends_the_whole_group(script, tmp_path):
    ready = tmp_path / "ready"
    model = script(
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'])\n"
        f"open({str(ready)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\ntime.sleep(1000)"
    )
    assert cancelled(model, ready)
    for pid in ready.read_text().split():
        wait_for(lambda pid=int(pid): not is_alive(pid))


def test_command_that_ignores_term_is_killed(script, tmp_path):
    ready = tmp_path / "ready"
    model = script(
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(ready)!r}, 'w').write(str(os.getpid()))\ntime.sleep(1000)"
    )
    assert cancelled(model, ready)
    assert not is_alive(int(ready.read_text()))


def test_grandchild_that_holds_stdout_does_not_hold_the_reply(script, tmp_path):
    pid_path = tmp_path / "pid"
    model = script(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'])\n"
        f"open({str(pid_path)!r}, 'w').write(str(child.pid))\nprint('answer')"
    )
    assert ask(model, timeout_s=60.0).text == "answer\n"
    wait_for(lambda: not is_alive(int(pid_path.read_text())))


def test_error_of_the_listener_ends_the_command(script, tmp_path):
    pid_path = tmp_path / "pid"
    model = script(
        f"import os, time\nopen({str(pid_path)!r}, 'w').write(str(os.getpid()))\n"
        "print('text', flush=True)\ntime.sleep(1000)"
    )

    def refuse(_text):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        asyncio.run(ExecClient().complete(a_request(model=model), refuse))
    assert not is_alive(int(pid_path.read_text()))
