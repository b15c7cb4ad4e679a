"""`build`: what it refuses, what it says, and a run from the first line to the exit code."""

import json
import os
import signal
import subprocess
import sys

import pytest

from ossature.engine.accounts import accounts
from ossature.engine.session import RunRequest, spawn
from ossature.errors import Exit, OssatureError
from ossature.project import load_project
from ossature.store.lease import Lease, LeaseInfo
from tests.cli.conftest import OPEN, PLAN, RUN
from tests.cli.test_lazy_imports import LIGHT, imported


def runs_of(root):
    return accounts(load_project(root, {}))


def test_without_a_plan_the_next_command_is_named(shell, root):
    done = shell("build", cwd=root)
    assert done.returncode == 3
    assert "there is no plan (.ossature/plan.toml)\n  → make one with `ossature audit`" in done.stderr


def test_broken_plan_is_refused_with_its_errors(shell, planned):
    (planned / ".ossature" / "plan.toml").write_text(PLAN.replace("Greet one person", "Greet on person"))
    done = shell("build", cwd=planned)
    assert done.returncode == 3
    assert ".ossature/plan.toml:6:" in done.stdout or ".ossature/plan.toml:1:" in done.stdout
    assert "the plan has 1 error" in done.stderr
    (planned / ".ossature" / "plan.toml").write_text("[[task")
    done = shell("build", cwd=planned)
    assert done.returncode == 3
    assert "invalid TOML" in done.stdout
    assert runs_of(planned) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "2"], "there is no task '2'"),
        (["--only", "0O1"], "did you mean 001?"),
        (["--force", "nine"], "there is no task 'nine'"),
        (["--replay", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_what_does_not_exist_is_refused_before_a_run(shell, planned, arguments, said):
    done = shell("build", *arguments, cwd=planned)
    assert done.returncode == 2
    assert said in done.stderr
    assert runs_of(planned) == []


def test_dry_run_says_what_would_run_and_starts_nothing(shell, planned):
    done = shell("build", "-n", cwd=planned)
    assert done.returncode == 0
    first, estimate, _span = done.stdout.splitlines()
    assert first.startswith("will run  001  Greet [/x]^[[2J  never built  ~")
    assert estimate.startswith("our own estimate: ")
    assert estimate.endswith(" out tokens; price of your program unknown")
    done = shell("build", "-n", "--json", cwd=planned)
    document = json.loads(done.stdout)
    assert document["may_run"] == {}
    assert document["estimate"]["is_our_own"] is True
    assert document["estimate"]["unknown_prices"][0].startswith("exec:")
    told = document["will_run"].pop("001")
    assert document["will_run"] == {}
    assert (told["mode"], told["reason"], told["changes"]) == ("generate", "never built", [])
    assert told["estimate"]["cost_usd"] is None
    assert 0 < told["estimate"]["input_tokens"][0] < told["estimate"]["input_tokens"][1]
    assert runs_of(planned) == []


def test_without_a_terminal_the_run_is_told_line_by_line_and_then_nothing_is_to_do(shell, planned):
    done = shell("build", *OPEN, cwd=planned)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "001 landed greeting.py (1 changed)\n" in done.stdout
    assert done.stdout.endswith("run succeeded: 1 landed\n")
    assert (planned / "output" / "greeting.py").read_text("utf-8") == 'NAME = "Ada"\n'
    again = shell("build", cwd=planned)
    assert (again.returncode, again.stdout) == (0, "nothing to do: 1 task is up to date\n")
    assert len(runs_of(planned)) == 1
    assert not imported(["build"], planned) & LIGHT
    assert not imported(["why", "1"], planned) & LIGHT
    assert not imported(["status"], planned) & LIGHT


def test_failure_is_exit_1_and_names_where_to_look(shell, planned):
    (planned / "reply.txt").write_text('<file path="greeting.py">\nEve\n</file>', "utf-8")
    done = shell("build", "--auto", *OPEN, cwd=planned)
    assert done.returncode == 1
    assert "see `ossature logs 001`, `ossature retry 001 --feedback …`" in done.stdout
    status = shell("status", cwd=planned)
    assert status.returncode == 0
    assert "last attempt: failed" in status.stdout


def test_json_is_one_record_a_line(shell, planned):
    done = shell("build", "--json", *OPEN, cwd=planned)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    assert records[0]["event"]["kind"] == "run_started"
    assert records[-1]["event"]["kind"] == "run_finished"
    assert done.stdout.isascii()
    attached = shell("attach", "--json", cwd=planned)
    assert attached.stdout == done.stdout
    assert attached.returncode == 0


def test_forced_and_retried_tasks_are_generated_anew(shell, planned):
    assert shell("build", *OPEN, cwd=planned).returncode == 0
    forced = shell("build", "--force", "1", *OPEN, cwd=planned)
    assert "001 landed" in forced.stdout
    assert "will run  001" in shell("build", "-n", "--force", cwd=planned).stdout


def test_reader_that_leaves_does_not_end_the_run(planned):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "ossature", "build", *OPEN],
        cwd=planned,
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
    assert [run.outcome for run in runs_of(planned)] == ["succeeded"]


def test_project_that_another_run_owns_is_busy(shell, planned):
    project = load_project(planned, {})
    lease = Lease(project.lease_path)
    lease.acquire(LeaseInfo(pid=1, host="here", since="", run=RUN))
    done = shell("build", *OPEN, cwd=planned)
    assert done.returncode == 8
    assert "`ossature attach` shows it" in done.stderr
    with pytest.raises(OssatureError) as error:
        spawn(project, RunRequest(sandbox="danger-full-access"))
    assert error.value.exit_code == Exit.BUSY
    assert "attach" in error.value.hint
    lease.release()


def test_at_a_terminal_the_question_is_asked_and_the_answer_taken(terminal, planned):
    (planned / "reply.txt").write_text('<file path="greeting.py">\nEve\n</file>', "utf-8")
    person = terminal("build", *OPEN)
    person.expect("(? explains) > ")
    person.type("sk\n")
    person.expect("skip by cli")
    code = person.wait()
    assert code == runs_of(planned)[0].exit_code
    assert "\x1b" not in person.shown
    (folder,) = (planned / ".ossature" / "runs").iterdir()
    assert (folder / "owner.log").read_bytes() == b""


def test_ctrl_c_at_a_terminal_stops_the_run_in_order(terminal, planned):
    os.mkfifo(planned / "gate")
    person = terminal("build", *OPEN)
    person.expect("asking exec:")
    person.type("\x03")
    person.expect("stopping after the work in flight")
    person.expect("asked to stop")
    (planned / "gate").write_text("go on", "utf-8")
    assert person.wait() == runs_of(planned)[0].exit_code
    assert "001 landed" in person.shown


def test_run_outlives_its_terminal(terminal, planned):
    os.mkfifo(planned / "gate")
    person = terminal("build", *OPEN)
    person.expect("asking exec:")
    assert person.hang_up() in (-signal.SIGHUP, 129)
    assert [run.outcome for run in runs_of(planned)] == ["running"]
    again = terminal("attach")
    again.expect("asking exec:")
    (planned / "gate").write_text("go on", "utf-8")
    again.expect("001 landed")
    assert again.wait() == 0


def test_owner_says_through_the_pipe_that_it_began(planned):
    project = load_project(planned, {})
    reader, writer = os.pipe()
    request = RunRequest(sandbox="danger-full-access").model_dump_json()
    arguments = ["own", "--project", str(planned), "--request", request, "--ready-fd", str(writer)]
    done = subprocess.run([sys.executable, "-m", "ossature", *arguments], pass_fds=(writer,))
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        word = json.loads(pipe.read())
    assert done.returncode == 0
    assert word == {"run": runs_of(planned)[0].run}
    assert (project.runs_dir / word["run"] / "owner.log").exists()
