"""Flaky verifies, failures that repeat themselves, time limits, and dependencies that the plan forgot."""

import json
from contextlib import ExitStack

import pytest

from ossature.cli.story import lines_of, print_summary
from ossature.cli.terminal import Terminal
from ossature.domain.decision import Abort, Depend, Skip
from ossature.domain.event import (
    DependencyAdded,
    FailureRepeated,
    Noticed,
    TaskFailed,
    TaskStarted,
    VerifyFinished,
    VerifyRepeated,
)
from ossature.domain.state import RunState
from ossature.store.disk import write_atomic
from ossature.store.plan_lock import plan_lock
from tests.runs.kit import Kit, block, task

# A counter beside the stage, which no reset of the stage can take back.
COUNT = "n=$(cat $HOME/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > $HOME/n; echo run $n; "


def one(kit: Kit, config: str = "", **keys) -> None:
    kit.plan([task("001", "a.txt", **keys)])
    kit.config(config)


def verdicts(run):
    return [event.verdict for event in run.of(VerifyFinished)]


class TestFlaky:
    def test_a_verify_that_turns_green_by_itself_lands_as_flaky_and_pays_no_fixer(self, kit: Kit):
        one(kit, verify=[COUNT + "test $n -gt 1"])
        run = kit.own()
        assert run.code == 0
        assert run.asked == ["implement 001"]
        assert verdicts(run) == ["flaky"]
        assert [event.runs for event in run.of(VerifyFinished)] == [2]
        assert [event.verdict for event in run.of(VerifyRepeated)] == ["failed"]
        assert run.landed == ["001"]
        view = kit.look()
        assert view.tasks[0].status == "done"
        assert view.tasks[0].is_flaky

    def test_the_record_keeps_the_log_and_the_outcome_of_every_run(self, kit: Kit):
        one(kit, "[build]\nverify_attempts = 3\n", verify=[COUNT + "test $n -gt 2"])
        assert kit.own().code == 0
        (attempt,) = kit.attempts()
        log = (attempt / "verify.log").read_text("utf-8")
        assert [f"run {number}\n" in log for number in (1, 2, 3)] == [True] * 3
        meta = json.loads((attempt / "attempt.json").read_bytes())
        assert [run["verdict"] for run in meta["verify_runs"]] == ["failed", "failed", "ok"]
        assert (meta["verdict"], meta["landed"]) == ("flaky", True)

    @pytest.mark.parametrize(
        ("config", "keys"), [("[build]\nverify_attempts = 1\n", {}), ("", {"verify_attempts": 1})]
    )
    def test_one_attempt_runs_nothing_again(self, kit: Kit, config, keys):
        one(kit, config, verify=[COUNT + "test $n -gt 1"], **keys)
        kit.model.says("fix 001", block("a.txt", "another"))
        run = kit.own()
        assert verdicts(run) == ["failed", "ok"]
        assert run.asked == ["implement 001", "fix 001"]
        assert not kit.look().tasks[0].is_flaky

    def test_a_run_again_starts_from_the_files_as_they_were_generated(self, kit: Kit):
        """What the first run left or changed would make the second green for the wrong reason."""
        spoil = "test -e left.txt && exit 0; grep -q spoiled a.txt && exit 0; "
        one(kit, verify=[spoil + "touch left.txt; echo spoiled > a.txt; exit 1"])
        run = kit.own()
        assert run.code == 1
        assert set(verdicts(run)) == {"failed"}

    def test_a_machine_that_lacks_the_tool_is_not_asked_again(self, kit: Kit):
        one(kit, verify=["no-such-tool-anywhere"])
        run = kit.own()
        assert verdicts(run) == ["command_not_found"]
        assert not run.of(VerifyRepeated)

    def test_the_summary_names_what_is_flaky(self, kit: Kit, capsys):
        one(kit, verify=[COUNT + "test $n -gt 1"])
        state, said = RunState(), []
        kit.own(hear=lambda record: (state.apply(record), said.extend(lines_of(record))))
        print_summary(state, Terminal.of_process())
        assert "flaky: 001" in capsys.readouterr().out
        assert any("verify is flaky" in text for line in said for _tone, text in line)


class TestWholeTree:
    def test_a_final_verify_that_turns_green_by_itself_is_called_flaky_and_counts(self, kit: Kit):
        one(kit, f"[build]\nverify = {json.dumps(COUNT + 'test $n -gt 1')}\n")
        run = kit.own()
        assert run.code == 0
        assert verdicts(run) == ["ok", "failed", "ok"]
        assert any("[build] verify is flaky" in event.text for event in run.of(Noticed))
        assert kit.look().is_verified

    def test_a_final_verify_that_stays_red_fails_the_build(self, kit: Kit):
        one(kit, '[build]\nverify = "exit 3"\n')
        run = kit.own()
        assert run.code == 1
        assert verdicts(run) == ["ok", "failed", "failed"]


class TestRepetition:
    def test_the_same_failure_twice_in_a_row_ends_the_loop(self, kit: Kit):
        one(kit, "[build]\nmax_fix_attempts = 9\n", verify=["echo error: same; exit 1"])
        kit.model.says("fix 001", *(block("a.txt", f"try {number}") for number in range(9)))
        run = kit.own()
        assert run.asked == ["implement 001", "fix 001"]
        (event,) = run.of(FailureRepeated)
        assert (event.what, event.model) == ("failure", "")
        assert "changed nothing about it" in run.of(TaskFailed)[0].reason

    def test_a_stronger_model_is_asked_once_where_one_is_configured(self, kit: Kit):
        config = "[build]\nmax_fix_attempts = 9\n"
        one(kit, config, verify=["grep -q strong a.txt || { echo error: same; exit 1; }"])
        kit.edit("ossature.toml", "[llm]\n", '[llm]\nfix_escalation = "strong"\n')
        kit.model.says("fix 001", *(block("a.txt", f"try {number}") for number in range(9)))
        kit.model.says("fix_escalation 001", block("a.txt", "strong"))
        run = kit.own()
        assert run.code == 0
        assert run.asked == ["implement 001", "fix 001", "fix_escalation 001"]
        assert kit.model.calls[-1].model == "strong"
        assert run.of(FailureRepeated)[0].model == "strong"

    def test_after_the_stronger_model_nothing_is_asked(self, kit: Kit):
        one(kit, "[build]\nmax_fix_attempts = 9\n", verify=["cat a.txt; exit 1"])
        kit.edit("ossature.toml", "[llm]\n", '[llm]\nfix_escalation = "strong"\n')
        kit.model.says("001", block("a.txt", "error: one"))
        kit.model.says("fix 001", block("a.txt", "error: two"), block("a.txt", "error: one"))
        kit.model.says("fix_escalation 001", block("a.txt", "error: three"))
        run = kit.own()
        assert run.code == 1
        assert run.asked == ["implement 001", "fix 001", "fix 001", "fix_escalation 001"]
        assert run.of(FailureRepeated)[0].what == "reply"

    def test_a_reply_that_is_known_to_fail_is_not_verified(self, kit: Kit):
        one(kit, "[build]\nmax_fix_attempts = 9\n", verify=["cat a.txt; exit 1"])
        kit.model.says("001", block("a.txt", "error: one"))
        kit.model.says("fix 001", block("a.txt", "error: two"), block("a.txt", "error: one"))
        run = kit.own()
        assert run.asked == ["implement 001", "fix 001", "fix 001"]
        assert verdicts(run) == ["failed", "failed"]
        assert run.of(FailureRepeated)[0].what == "reply"
        marks = [json.loads((path / "attempt.json").read_bytes())["verdict"] for path in kit.attempts()]
        assert marks == ["failed", "failed", "failed"]


class TestTimeLimit:
    def test_a_timed_out_verify_keeps_its_output_and_the_fixer_is_told(self, kit: Kit):
        one(
            kit,
            "[build]\nverify_timeout_s = 60\n",
            verify=["test -s fast.txt || grep -q fast a.txt || { echo the last words; sleep 50; }"],
            timeout_s=0.3,
            verify_attempts=1,
        )
        kit.model.says("fix 001", block("a.txt", "fast"))
        run = kit.own()
        assert run.code == 0
        assert verdicts(run) == ["timed_out", "ok"]
        prompt = kit.model.calls[-1].prompt
        assert "the last words" in prompt
        assert "still running after 0.3 s" in prompt
        assert "the last words" in (kit.attempts()[0] / "verify.log").read_text("utf-8")


PLAN_HEAD = "# a comment that stays\n"


class TestUndeclaredDependency:
    def plan(self, kit: Kit, verify: str = "cat b.txt") -> None:
        kit.plan(
            [
                task("001", "b.txt"),
                task("002", "c.txt", depends_on=["001"]),
                # The name is put together, so that the checks of the plan do not see it.
                task("003", "a.txt", verify=[verify.replace("b.txt", "b''.txt")]),
            ]
        )
        path = kit.plan_path
        path.write_text(PLAN_HEAD + path.read_text("utf-8"), "utf-8")

    def test_it_is_named_and_headless_goes_on_to_the_fixer(self, kit: Kit):
        self.plan(kit)
        run = kit.own()
        assert run.code == 1
        event = next(event for event in run.of(VerifyFinished) if event.task == "003")
        assert (event.verdict, event.dependency) == ("undeclared_dependency", "001")
        assert event.summary.startswith("undeclared dependency on 001: b.txt is missing")
        assert "fix 003" in run.asked

    def test_the_answer_edits_the_plan_alone_and_the_task_runs_again_without_a_call(self, kit: Kit):
        self.plan(kit)
        before = kit.plan_path.read_text("utf-8")

        def depend(attachment, question):
            assert question.gate == "fix"
            assert (question.dependency, "depend" in question.verbs) == ("001", True)
            attachment.decide(Depend(question_id=question.id, by="cli"))

        run = kit.answering(depend)
        assert run.code == 0
        assert run.asked.count("implement 003") == 1
        assert "fix 003" not in run.asked
        assert run.landed == ["001", "002", "003"]
        assert [event.task for event in run.of(TaskStarted)] == ["001", "002", "003", "003"]
        assert [event.dependency for event in run.of(DependencyAdded)] == ["001"]
        after = kit.plan_path.read_text("utf-8")
        assert after == before.rstrip("\n") + '\ndepends_on = ["001"]\n'
        assert kit.own().ran == {}

    def test_the_answer_can_be_given_again_where_the_plan_could_not_be_edited(
        self, kit: Kit, monkeypatch: pytest.MonkeyPatch
    ):
        self.plan(kit)
        monkeypatch.setattr("ossature.store.plan_lock._PATIENCE_S", 0.0)
        text = kit.plan_path.read_text("utf-8")

        def depend(attachment, question):
            assert question.gate == "fix"
            attachment.decide(Depend(question_id=question.id, by="cli"))

        with ExitStack() as held:

            def depend_while_it_is_written(attachment, question):
                held.enter_context(plan_lock(kit.project.state_dir))
                depend(attachment, question)

            def depend_on_half_a_plan(attachment, question):
                held.close()
                write_atomic(kit.plan_path, f"{text}[[task".encode())
                depend(attachment, question)

            def mend_it_and_depend(attachment, question):
                write_atomic(kit.plan_path, text.encode())
                depend(attachment, question)

            run = kit.answering(depend_while_it_is_written, depend_on_half_a_plan, mend_it_and_depend)
        assert (run.code, run.landed) == (0, ["001", "002", "003"])
        refusal = "the plan does not let 003 wait for 001: "
        said = [event.text for event in run.of(Noticed) if event.text.startswith(refusal)]
        assert "another process is writing the plan" in said[0]
        assert "invalid TOML" in said[1]
        assert [event.dependency for event in run.of(DependencyAdded)] == ["001"]

    def test_what_was_left_out_before_the_edit_stays_left_out(self, kit: Kit):
        kit.plan(
            [
                task("001", "z.txt", verify=["echo error: no; exit 1"]),
                task("002", "b.txt"),
                task("003", "a.txt", verify=["cat b''.txt"]),
            ]
        )
        kit.config("[build]\nmax_fix_attempts = 0\n")

        def skip(attachment, question):
            assert question.task == "001"
            attachment.decide(Skip(question_id=question.id, by="cli"))

        def depend(attachment, question):
            attachment.decide(Depend(question_id=question.id, by="cli"))

        run = kit.answering(skip, depend)
        assert run.asked.count("implement 001") == 1
        assert run.code == 1
        assert sorted(run.landed) == ["002", "003"]

    def test_a_ring_is_not_offered(self, kit: Kit):
        kit.plan(
            [
                task("001", "a.txt", verify=["cat b''.txt"]),
                task("002", "b.txt", depends_on=["001"]),
            ]
        )

        def abort(attachment, question):
            assert question.gate == "task_failed"
            assert "depend" not in question.verbs
            attachment.decide(Abort(question_id=question.id, by="cli"))

        run = kit.answering(abort)
        assert verdicts(run)[0] == "undeclared_dependency"

    @pytest.mark.parametrize(
        ("output", "said"),
        [
            ("lib/money.py", "ModuleNotFoundError: No module named 'lib.money'"),
            ("lib/money.py", "ImportError: cannot import name 'money' from 'lib' (./lib/__init__.py)"),
            ("src/util.js", "Error: Cannot find module './util'"),
            ("inc/list.h", "main.c:1:10: fatal error: list.h: No such file or directory"),
            ("src/parse.rs", "error[E0583]: file not found for module `parse`"),
            ("src/ring.zig", "src/main.zig:1:22: error: unable to load 'src/ring.zig': FileNotFound"),
            ("pkg/store/store.go", "main.go:3:8: package app/pkg/store is not in std"),
        ],
    )
    def test_it_is_told_in_the_words_of_many_tools(self, kit: Kit, output, said):
        kit.write("output/said.txt", said + "\n")
        kit.plan([task("001", "a.txt", verify=["cat said.txt; exit 1"]), task("002", output)])
        kit.config("[build]\nmax_fix_attempts = 0\n")
        run = kit.own()
        event = run.of(VerifyFinished)[0]
        assert (event.verdict, event.dependency) == ("undeclared_dependency", "002")
