"""`status`, `plan`, `why`, `runs` and `logs` show what is there, whatever it is."""

import json

import pytest

from ossature.cli.commands import logs, plan, runs, status, why
from ossature.domain.decision import Question
from ossature.domain.event import Noticed, PlanAdopted, RunFinished, TaskRow, TaskStarted
from ossature.errors import OssatureError, PlanError, UsageError
from ossature.project import load_project
from ossature.store.tasklog import open_attempt
from tests.cli.conftest import PLAN, RUN, Owner, failure, run_command

QUESTION = Question(id="q1", gate="fix", subject="what [/x] now?\x1b[2J", verbs=("approve", "abort"))
SECOND = """
[[task]]
id = "002"
spec = "GREETING"
title = "Greet many"
outputs = ["many.py"]
depends_on = ["001"]
"""


@pytest.fixture
def playing(planned):
    """A live run on the planned project."""
    owner = Owner(load_project(planned, {}))
    yield owner
    owner.leave()


def show(module, name, arguments, screen):
    assert run_command(module.COMMANDS, name, arguments, screen) == 0
    return screen.text


def test_status_of_a_new_project_names_the_next_step(screen):
    shown = show(status, "status", [], screen)
    assert "1 spec: 0 errors, 0 warnings\n" in shown
    assert "no plan yet: `ossature audit` makes one\n" in shown


def test_status_of_broken_specs_and_plan_is_still_a_status(planned, screen):
    (planned / "specs" / "x.smd").write_bytes(b"\xff")
    (planned / ".ossature" / "plan.toml").write_text(PLAN.replace("001", "0\\u001b1") + "[[task]]\n", "utf-8")
    shown = show(status, "status", [], screen)
    assert "`ossature validate`" in shown
    assert "`ossature plan --check`" in shown
    assert "\x1b" not in shown
    (planned / ".ossature" / "plan.toml").write_text("[[", "utf-8")
    assert "the plan has 1 error" in show(status, "status", [], screen)


def test_status_shows_the_live_run_and_what_it_asks(playing, planned, screen):
    row = TaskRow(id="001", spec="GREETING", title="t")
    playing.tell(PlanAdopted(tasks=(row,)), TaskStarted(task="001", lineage="t", reason="never built"))
    playing.ask(QUESTION)
    shown = show(status, "status", [], screen)
    assert "001  running  Greet [/x]^[[2J  never built\n" in shown
    assert f"run {RUN} is at work: build" in shown
    assert "[q1] what [/x] now?^[[2J (approve / abort)" in shown


def test_status_as_json_is_one_document(playing, screen):
    playing.ask(QUESTION)
    document = json.loads(show(status, "status", ["--json"], screen))
    assert document["tasks"][0]["status"] == "pending"
    assert document["run"]["id"] == RUN
    assert document["run"]["questions"][0]["verbs"] == ["approve", "abort"]


def test_plan_is_a_table_in_building_order(planned, screen):
    (planned / ".ossature" / "plan.toml").write_text(SECOND + PLAN, "utf-8")
    header, first, second, *_ = show(plan, "plan", [], screen).splitlines()
    assert header.split() == ["TASK", "SPEC", "TITLE", "WRITES", "WAITS", "FOR"]
    assert first.split()[0] == "001"
    assert second.split()[0] == "002"
    assert second.endswith("  001")
    assert [task["id"] for task in json.loads(_fresh(screen, plan, "plan", ["--json"]))] == ["002", "001"]


def test_plan_check_lists_problems_and_fails_with_exit_3(planned, screen):
    text = PLAN + SECOND.replace('["001"]', '["009"]')
    (planned / ".ossature" / "plan.toml").write_text(text, "utf-8")
    assert run_command(plan.COMMANDS, "plan", ["--check"], screen) == 3
    assert ".ossature/plan.toml:" in screen.text
    assert "009" in screen.text
    show(plan, "plan", [], screen)


def test_plan_on_a_cycle_is_shown_too(planned, screen):
    text = PLAN + 'depends_on = ["002"]\n' + SECOND
    (planned / ".ossature" / "plan.toml").write_text(text, "utf-8")
    shown = show(plan, "plan", [], screen)
    assert "\n001 " in shown
    assert "\n002 " in shown


def test_without_a_plan_plan_and_why_say_so(screen):
    for module, name, arguments in ((plan, "plan", []), (why, "why", ["001"])):
        with pytest.raises(PlanError) as error:
            run_command(module.COMMANDS, name, arguments, screen)
        assert "there is no plan" in failure(error)
        assert error.value.exit_code == 3


def test_why_of_a_new_task_and_its_prompt(planned, screen):
    assert "001 Greet [/x]^[[2J: pending\nnever built\n" in show(why, "why", ["1"], screen)
    assert "Makes the sentence that greets one person." in show(why, "why", ["001", "--prompt"], screen)
    with pytest.raises(UsageError, match="there is no task '5'"):
        run_command(why.COMMANDS, "why", ["5"], screen)


def test_why_shows_the_leaf_and_the_difference(shell, planned):
    assert shell("build", "--sandbox", "danger-full-access", cwd=planned).returncode == 0
    spec = planned / "specs" / "greeting.smd"
    spec.write_text(spec.read_text("utf-8").replace("greets one person. Space", "greets. Space"), "utf-8")
    done = shell("why", "1", cwd=planned)
    assert "Greet one person" in done.stdout.splitlines()[1]
    assert "\n-Makes the sentence that greets one person. Space" in done.stdout
    assert "\n+Makes the sentence that greets. Space" in done.stdout
    document = json.loads(shell("why", "1", "--json", cwd=planned).stdout)
    assert document["status"] == "stale"
    assert document["changes"][0]["old"] != document["changes"][0]["new"]


def test_runs_are_numbered_from_the_oldest(project, owner, screen):
    owner.tell(RunFinished(outcome="failed", exit_code=1))
    owner.leave()
    later = Owner(project, "2026-03-03T10-00-00-cd34")
    header, first, second = show(runs, "runs", [], screen).splitlines()
    assert header.split()[-3:] == ["TOKENS", "COST", "OUTCOME"]
    assert first.split()[:3] == ["1", RUN, "build"]
    assert first.endswith("failed")
    assert second.endswith("running")
    later.leave()
    document = json.loads(_fresh(screen, runs, "runs", ["--json"]))
    assert [run["outcome"] for run in document] == ["failed", "crashed"]


def test_no_run_yet_is_said(screen):
    assert "no run yet" in show(runs, "runs", [], screen)
    assert "no run yet" in _fresh(screen, logs, "logs", [])


def test_logs_tell_a_run_with_the_time(project, owner, screen):
    owner.tell(Noticed(level="info", text="hello\x1b]0;x\x07"))
    owner.leave()
    later = Owner(project, "2026-03-03T10-00-00-cd34")
    later.leave()
    for name in ("1", RUN, "2026-03-02"):
        *_, last = _fresh(screen, logs, "logs", ["--run", name]).splitlines()
        assert last.endswith("  hello^[]0;x^G")
        assert last[2] == last[5] == ":"
    assert "hello" not in _fresh(screen, logs, "logs", [])
    for name in ("7", "²"):
        with pytest.raises(UsageError, match="names no run"):
            run_command(logs.COMMANDS, "logs", ["--run", name], screen)


@pytest.fixture
def attempts(planned):
    """Two attempts of one task, the second one green."""
    project = load_project(planned, {})
    lineage = json_lineage(planned)
    for number, kind, verdict in ((1, "implement", "failed"), (2, "fix", "ok")):
        attempt = open_attempt(project.tasks_dir, lineage, RUN, number, kind)
        attempt.write_prompt(f"prompt {number}\n")
        attempt.finish_response(f"response {number}\x1b[31m\n")
        attempt.verify_log.write_bytes(b"verify \xff %d\n" % number)
        attempt.write_meta({"verdict": verdict, "model": "m"})
    attempt.write_changes("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n")
    return lineage


def json_lineage(planned):
    from ossature.engine.preview import look

    return look(load_project(planned, {})).tasks[0].lineage


def test_last_attempt_is_shown_with_its_verify_log(attempts, screen):
    shown = show(logs, "logs", ["1"], screen)
    listed, _, newest = shown.partition("\n\n")
    assert [line.split()[1:4] for line in listed.splitlines()[1:]] == [
        ["1", "implement", "failed"],
        ["2", "fix", "ok"],
    ]
    assert newest.startswith("attempt 2 (fix): ok  m\n")
    assert "/response.md\n" in shown
    assert shown.endswith("verify \ufffd 2\n")


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        (["--prompt"], "prompt 2\n"),
        (["--response"], "response 2^[[31m\n"),
        (["--verify"], "verify \ufffd 2\n"),
        (["--diff"], "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n"),
        (["--attempt", "1", "--prompt"], "prompt 1\n"),
        (["--run", RUN, "--attempt", "1", "--response"], "response 1^[[31m\n"),
    ],
)
def test_each_file_of_an_attempt_can_be_shown(attempts, screen, flags, shown):
    with pytest.raises(UsageError):
        run_command(logs.COMMANDS, "logs", ["2"], screen)
    if "--run" in flags:
        (screen.cwd / ".ossature" / "runs" / RUN).mkdir(parents=True)
        (screen.cwd / ".ossature" / "runs" / RUN / "events.jsonl").touch()
    assert show(logs, "logs", ["001", *flags], screen) == shown


def test_raw_bytes_are_refused_at_a_terminal(attempts, screen):
    screen.stdout.isatty = lambda: True
    with pytest.raises(UsageError, match="--raw is for a pipe or a file"):
        run_command(logs.COMMANDS, "logs", ["001", "--response", "--raw"], screen)


def test_attempts_are_listed_and_found_by_folder(attempts, screen):
    listed = show(logs, "logs", ["001", "--list"], screen).splitlines()
    assert [line.split()[1:4] for line in listed[1:]] == [["1", "implement", "failed"], ["2", "fix", "ok"]]
    assert _fresh(screen, logs, "logs", [attempts, "--prompt"]) == "prompt 2\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["001", "--attempt", "1", "--diff"], "was not written"),
        (["001", "--attempt", "3"], "there are: 1, 2"),
        (["--prompt"], "--prompt is about a task"),
        (["--attempt", "1"], "--attempt is about a task"),
        (["gret-x-2j"], "did you mean"),
    ],
)
def test_logs_that_are_not_there_are_said(attempts, screen, arguments, said):
    with pytest.raises(OssatureError) as error:
        run_command(logs.COMMANDS, "logs", arguments, screen)
    assert said in failure(error)


def test_a_task_without_attempts_says_where_to_look(planned, screen):
    with pytest.raises(OssatureError) as error:
        run_command(logs.COMMANDS, "logs", ["001"], screen)
    assert "ossature why 001" in failure(error)


def _fresh(screen, module, name, arguments):
    screen.stdout.truncate(0)
    screen.stdout.seek(0)
    return show(module, name, arguments, screen)


@pytest.fixture
def built(shell, planned):
    """The planned project with a second task that waits for the first, both landed."""
    (planned / ".ossature" / "plan.toml").write_text(PLAN + SECOND, "utf-8")
    model = planned / "model.py"
    reply = model.read_text("utf-8").replace("greeting.py", "many.py")
    head = f"import os\nif os.environ['OSSATURE_TASK'] == '002':\n    exec({reply!r})\n    raise SystemExit\n"
    model.write_text(head + model.read_text("utf-8"), "utf-8")
    assert shell("build", "--sandbox", "danger-full-access", cwd=planned).returncode == 0
    return planned


def edit_spec(root, old, new):
    spec = root / "specs" / "greeting.smd"
    text = spec.read_text("utf-8")
    assert old in text
    spec.write_text(text.replace(old, new), "utf-8")


def test_why_of_a_done_task_says_when_it_landed(built, screen):
    shown = show(why, "why", ["2"], screen)
    assert "up to date\n" in shown
    assert "\nlanded 20" in shown
    assert ", attempt 1\n" in shown
    document = json.loads(_fresh(screen, why, "why", ["2", "--json"]))
    assert document["landed"]["attempt"] == 1
    assert (document["changes"], document["waits_for"], document["blocked_by"]) == ([], [], None)


def test_why_names_what_a_task_waits_for(built, screen):
    edit_spec(built, "greets one person. Space", "greets. Space")
    shown = show(why, "why", ["2"], screen)
    assert "waits for 001 Greet [/x]^[[2J: spec GREETING:" in shown
    assert "runs if 001's output changes\n" in shown
    document = json.loads(_fresh(screen, why, "why", ["2", "--json"]))
    assert document["waits_for"] == ["001"]
    assert document["may_run"] == "if 001's output changes"


def test_why_of_a_blocked_task_names_the_one_that_blocks(built, screen):
    plan_path = built / ".ossature" / "plan.toml"
    plan_path.write_text(PLAN + 'status = "skipped"\n' + SECOND, "utf-8")
    assert "blocked by 001 Greet [/x]^[[2J: the plan says skipped\n" in show(why, "why", ["2"], screen)


def test_why_cuts_a_long_difference_and_cleans_it(built, screen):
    lines = "\n".join(f"Line {n} \x1b[31m[/x]." for n in range(100))
    edit_spec(built, "greets one person. Space", f"greets.\n{lines}\nSpace")
    shown = show(why, "why", ["1"], screen)
    assert "\x1b" not in shown
    assert "+Line 3 ^[[31m[/x].\n" in shown
    assert "more lines\n" in shown
    assert "+Line 99 " not in shown
    whole = _fresh(screen, why, "why", ["1", "--full"])
    assert "+Line 99 ^[[31m[/x].\n" in whole
    document = json.loads(_fresh(screen, why, "why", ["1", "--json"]))
    assert [line for line in document["changes"][0]["difference"] if line.startswith("+Line 99")]


def test_dry_run_names_leaves_and_what_may_follow(shell, built):
    edit_spec(built, "greets one person. Space", "greets. Space")
    shown = shell("build", "-n", cwd=built).stdout
    assert "will run  001" in shown
    assert "    spec GREETING:" in shown
    assert "\n    -Makes the sentence that greets one person. Space" in shown
    assert "\nmay run   002  Greet many  verify only: if 001's output changes\n" in shown
    document = json.loads(shell("build", "-n", "--json", cwd=built).stdout)
    (change,) = document["will_run"]["001"]["changes"]
    assert change["leaf"].startswith("spec GREETING:")
    assert len(change["old"]) == len(change["new"]) == 64
    told = document["may_run"]["002"]
    assert (told["if_changed"], told["mode"]) == (["001"], "verify")
    assert document["runs_final_verify"] is False
    only = json.loads(shell("build", "-n", "--json", "--only", "2", cwd=built).stdout)
    assert list(only["will_run"]) == ["001"]


def test_dry_run_of_prompts_to_refresh_is_a_build_that_finds_nothing(shell, built):
    done = shell("build", "--refresh-prompts", cwd=built)
    assert (done.returncode, done.stdout) == (0, "nothing to do: 2 tasks are up to date\n")
