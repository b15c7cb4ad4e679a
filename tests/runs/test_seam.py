"""Questions and answers of a run, through the inbox of a real run folder."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable

import pytest

from ossature.build.tiers import Found, Machine
from ossature.digest import digest_bytes
from ossature.domain.decision import (
    Abort,
    Approve,
    Edit,
    Letter,
    Pause,
    Resume,
    Retry,
    SetPreset,
    Skip,
    Stop,
    Take,
)
from ossature.domain.event import (
    CommandReceived,
    DecisionRefused,
    ModelCalled,
    QuestionAsked,
    QuestionClosed,
    TaskFailed,
    TaskInterrupted,
    TaskLanded,
    VerifyFinished,
)
from ossature.engine.accounts import accounts
from ossature.engine.session import Attachment, fold
from ossature.errors import Exit, OssatureError
from ossature.store import inbox
from tests.runs.kit import OPEN, Kit, Live, ScriptedKit, block, build, cli, five_tasks, task

RED = block("shelf.txt", "red")


def decide(verb: type, **fields: object) -> Callable[[Attachment, object], None]:
    """Answers a question with that verb."""

    def answer(attachment: Attachment, question: object) -> None:
        attachment.decide(verb(question_id=question.id, by="test", **fields))

    return answer


def wants_green(kit: Kit) -> None:
    """001 is green only with `green` in its file."""
    tasks = five_tasks()
    tasks[0]["verify"] = ["cat shelf.txt", "grep -q green shelf.txt"]
    kit.plan(tasks)
    kit.model.says("001", RED)
    kit.model.says("fix 001", RED)


@pytest.fixture
def red(kit: Kit) -> Kit:
    """The verify of 001 is red and its fixer does not help."""
    wants_green(kit)
    return kit


class TestDecisions:
    def test_headless_run_never_asks_and_fails_closed(self, red: Kit):
        run = red.own(preset="default")
        assert run.code == 1
        (closed,) = run.of(QuestionClosed)
        assert isinstance(closed.decision, Abort)
        assert closed.decision.by == "policy:headless"
        assert not (red.output / "shelf.txt").exists()
        assert run.landed == []

    def test_retry_takes_its_feedback_into_the_next_prompt(self, red: Kit):
        red.model.says("001", RED, block("shelf.txt", "green"))
        run = red.answering(decide(Retry, feedback="paint it green"))
        assert run.code == 0
        assert run.landed == ["001", "002", "003", "004", "005"]
        folder = next(e.folder for e in run.of(ModelCalled) if e.attempt == 3)
        prompt = (red.root / folder / "prompt.md").read_text("utf-8")
        assert "paint it green" in prompt
        assert "paint it green" not in red.model.calls[0].prompt

    def test_retry_with_another_model_asks_that_one(self, red: Kit):
        red.model.says("001", RED, block("shelf.txt", "green"))
        run = red.answering(decide(Retry, model="better"))
        assert run.code == 0
        assert [e.model for e in run.of(ModelCalled) if e.task == "001"] == ["fake", "fake", "better"]
        assert [e.model for e in run.of(ModelCalled) if e.task == "002"] == ["fake"]

    def test_skip_blocks_what_waits_for_it(self, red: Kit):
        run = red.answering(decide(Skip))
        assert run.code == 1
        assert run.blocked == ["002", "003", "004", "005"]
        assert run.landed == []

    def test_skip_goes_on_with_what_does_not_wait(self, red: Kit):
        tasks = five_tasks()
        tasks[0]["verify"] = ["false"]
        red.plan([*tasks, task("006", "other.txt")])
        run = red.answering(decide(Skip))
        assert run.landed == ["006"]
        assert run.code == 1

    def test_abort_ends_the_run_and_keeps_what_landed(self, red: Kit):
        tasks = five_tasks()
        tasks[1]["verify"] = ["false"]
        red.plan(tasks)
        red.model.says("001", block("shelf.txt", "green"))
        run = red.answering(decide(Abort))
        assert run.code == 1
        # 003 does not wait for 002, so it was built while the question was open.
        assert run.landed == ["001", "003"]
        assert run.of(TaskFailed)[0].task == "002"
        tasks[1]["verify"] = ["true"]
        red.plan(tasks)
        again = red.own()
        assert again.rest == ["001", "003"]
        assert again.landed == ["002", "004", "005"]

    def test_edit_of_the_staged_file_is_verified_and_lands(self, red: Kit):
        def edit(attachment: Attachment, question: QuestionAsked) -> None:
            assert (attachment.project.root / question.files[0]).read_bytes() == b"red\n"
            answer = Edit(
                question_id=question.id,
                by="test",
                path=question.files[0],
                base_digest=question.digests[0],
                content="green by hand\n",
            )
            attachment.decide(answer)

        run = red.answering(edit)
        assert run.code == 0
        assert red.tree()["shelf.txt"] == b"green by hand\n"
        verdicts = [event.verdict for event in run.of(VerifyFinished) if event.task == "001"]
        assert verdicts == ["failed", "ok"], "the fixer's reply was the same again, and was not verified"
        assert red.own().ran == {}

    def test_red_edit_is_asked_about_again(self, red: Kit):
        def edit(content: str) -> Callable[[Attachment, QuestionAsked], None]:
            def send(attachment: Attachment, question: QuestionAsked) -> None:
                attachment.decide(
                    Edit(
                        question_id=question.id,
                        by="test",
                        path=question.files[0],
                        base_digest=question.digests[0],
                        content=content,
                    )
                )

            return send

        red.config("[build]\nmax_fix_attempts = 0\n")
        run = red.answering(edit("blue\n"), edit("green\n"))
        assert run.code == 0
        assert red.tree()["shelf.txt"] == b"green\n"

    def test_refused_answers_leave_the_question_open(self, red: Kit):
        """Unknown, not offered and stale ones are refused; the first valid one wins; later ones are late."""

        def all_kinds(attachment: Attachment, question: QuestionAsked) -> None:
            def drop(decision: object) -> None:
                inbox.drop(attachment.folder / "inbox", Letter(message=decision))

            drop(Retry(question_id="nobody-asked", by="a", id="1"))
            drop(Take(question_id=question.id, by="b", side="mine", id="2"))
            stale = Edit(
                question_id=question.id,
                by="c",
                path=question.files[0],
                base_digest="0" * 64,
                content="x",
                id="3",
            )
            drop(stale)
            drop(
                stale.model_copy(
                    update={"path": "ossature.toml", "base_digest": question.digests[0], "id": "4"}
                )
            )
            drop(Skip(question_id=question.id, by="first", id="5"))
            drop(Abort(question_id=question.id, by="second", id="6"))
            drop(Skip(question_id=question.id, by="first", id="5"))

        red.plan([*five_tasks_red(), task("006", "other.txt")])
        run = red.answering(all_kinds)
        refused = [(event.decision.id, event.reason) for event in run.of(DecisionRefused)]
        assert refused == [
            ("1", "unknown_question"),
            ("2", "not_offered"),
            ("3", "stale_edit"),
            ("4", "stale_edit"),
            ("6", "already_closed"),
        ]
        (closed,) = run.of(QuestionClosed)
        assert closed.decision.by == "first"
        assert run.landed == ["006"]

    def test_letters_that_are_none_are_set_aside(self, red: Kit):
        def junk(attachment: Attachment, question: QuestionAsked) -> None:
            folder = attachment.folder / "inbox"
            folder.mkdir(exist_ok=True)
            (folder / "a.json").write_text("{")
            (folder / "b.json").write_text('{"message": {"verb": "explode", "question_id": "x", "by": "y"}}')
            (folder / "c.json").mkdir()
            (folder / "note.txt").write_text("hello")
            decide(Abort)(attachment, question)

        assert red.answering(junk).code == 1
        names = {
            path.name
            for path in next((red.root / ".ossature" / "runs").iterdir()).joinpath("inbox").iterdir()
        }
        assert names == {"a.bad", "b.bad", "c.bad", "note.txt"}

    def test_every_gate_is_asked_with_step(self, kit: Kit):
        kit.plan([five_tasks()[0] | {"verify": ["grep -q green shelf.txt"]}])
        kit.model.says("001", RED)
        kit.model.says("fix 001", block("shelf.txt", "green"))
        asked: list[str] = []

        def approve(attachment: Attachment, question: QuestionAsked) -> None:
            asked.append(question.gate)
            decide(Approve)(attachment, question)

        run = kit.answering(approve, approve, approve, preset="step")
        assert run.code == 0
        assert asked == ["prompt", "fix", "landing"]

    def test_feedback_at_the_gates_reaches_the_model(self, kit: Kit):
        kit.plan([five_tasks()[0] | {"verify": ["grep -q green shelf.txt"]}])
        kit.model.says("001", RED, RED)
        kit.model.says("fix 001", block("shelf.txt", "green"))
        run = kit.answering(
            decide(Approve, feedback="at the prompt"),
            decide(Approve, feedback="at the fix"),
            decide(Approve),
            preset="step",
        )
        assert run.code == 0
        first, second = (call.prompt for call in kit.model.calls)
        assert "at the prompt" in first
        assert "at the fix" in second

    @pytest.mark.parametrize("verb", [Skip, Abort])
    def test_prompt_that_is_not_sent_costs_nothing(self, kit: Kit, verb: type):
        run = kit.answering(decide(verb), preset="step")
        assert run.asked == []
        assert run.code == (0 if verb is Skip else 1)
        assert run.blocked == (["002", "003", "004", "005"] if verb is Skip else [])
        assert kit.tree() == {}

    def test_landing_that_is_skipped_leaves_the_disk_alone(self, kit: Kit):
        kit.plan([five_tasks()[0]])
        run = kit.answering(decide(Approve), decide(Skip), preset="step")
        assert kit.tree() == {}
        assert run.landed == []
        again = kit.own()
        assert again.landed == ["001"]

    def test_preset_changes_which_gates_ask(self, kit: Kit):
        kit.plan([five_tasks()[0] | {"verify": ["grep -q green shelf.txt"]}])
        kit.model.says("001", RED)
        kit.model.says("fix 001", block("shelf.txt", "green"))

        def loosen(attachment: Attachment, question: QuestionAsked) -> None:
            attachment.command(SetPreset(preset="auto", by="test"))
            decide(Approve)(attachment, question)

        assert kit.answering(loosen, preset="step").code == 0


def five_tasks_red() -> list[dict]:
    tasks = five_tasks()
    tasks[0]["verify"] = ["cat shelf.txt", "grep -q green shelf.txt"]
    return tasks


class TestConflict:
    """A file that a person changed on disk, and whose task then comes out anew."""

    @pytest.fixture
    def changed(self, kit: Kit) -> Kit:
        tasks = five_tasks()
        tasks[2]["verify"] = ["! grep -q bad label.txt"]
        kit.plan(tasks)
        assert kit.own().code == 0
        kit.write("output/label.txt", "mine\n")
        kit.edit("specs/lib.smd", "- Whole numbers only", "- Numbers only")
        kit.model.says("003", block("label.txt", "theirs"))
        return kit

    def test_headless_stops_with_drift_and_leaves_the_file(self, changed: Kit):
        run = changed.own()
        assert run.code == Exit.DRIFT
        assert changed.tree()["label.txt"] == b"mine\n"
        again = changed.own()
        assert again.code == Exit.DRIFT
        assert changed.tree()["label.txt"] == b"mine\n"

    def test_keep_going_leaves_the_file_and_builds_the_rest(self, changed: Kit):
        changed.edit("specs/app.smd", "Prints a help text.", "Prints help.")
        changed.plan([*five_tasks(), task("006", "other.txt", spec="APP", spec_refs=["Help"])])
        run = changed.own(keeps_going=True)
        assert run.code == Exit.DRIFT
        assert changed.tree()["label.txt"] == b"mine\n"
        assert run.landed == ["006"]

    def test_mine_is_verified_and_lands(self, changed: Kit):
        run = changed.answering(decide(Take, side="mine"))
        assert run.code == 0
        assert changed.tree()["label.txt"] == b"mine\n"
        assert [e.verdict for e in run.of(VerifyFinished) if e.task == "003"] == ["ok", "ok"]
        assert changed.own().ran == {}

    def test_mine_that_is_red_does_not_land_as_green(self, changed: Kit):
        changed.write("output/label.txt", "bad\n")
        changed.config("[build]\nmax_fix_attempts = 0\n")
        run = changed.answering(decide(Take, side="mine"), decide(Abort))
        assert run.code == 1
        assert "003" not in run.landed
        assert changed.tree()["label.txt"] == b"bad\n"

    def test_theirs_lands_and_the_old_bytes_are_kept(self, changed: Kit):
        run = changed.answering(decide(Take, side="theirs"))
        assert run.code == 0
        assert changed.tree()["label.txt"] == b"theirs\n"
        digest = digest_bytes(b"mine\n")
        assert (changed.root / ".ossature" / "blobs" / digest[:2] / digest[2:]).read_bytes() == b"mine\n"
        assert changed.own().ran == {}

    @pytest.mark.parametrize("verb", [Skip, Abort])
    def test_no_choice_leaves_the_file(self, changed: Kit, verb: type):
        run = changed.answering(decide(verb))
        assert run.code == Exit.DRIFT
        assert changed.tree()["label.txt"] == b"mine\n"

    def test_the_same_change_by_both_is_no_conflict(self, changed: Kit):
        changed.write("output/label.txt", "theirs\n")
        assert changed.answering().code == 0
        assert changed.own().ran == {}

    def test_deleted_by_hand_and_made_anew_is_no_conflict(self, changed: Kit):
        (changed.output / "label.txt").unlink()
        assert changed.own().code == 0
        assert changed.tree()["label.txt"] == b"theirs\n"

    def test_several_files_are_one_question(self, kit: Kit):
        kit.plan([task("001", "a.txt", outputs=["a.txt", "b.txt", "c.txt"])])
        assert kit.own().code == 0
        kit.write("output/a.txt", "A\n")
        kit.write("output/c.txt", "C\n")
        kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts.")
        kit.model.says("001", "\n".join(block(f"{n}.txt", f"new {n}") for n in "abc"))
        run = kit.answering(decide(Take, side="mine"))
        assert run.code == 0
        assert kit.tree() == {"a.txt": b"A\n", "b.txt": b"new b\n", "c.txt": b"C\n"}


class TestOwners:
    """Runs whose owner is a process of its own."""

    def test_answer_from_another_process_goes_by_the_id_of_the_question(self, scripted: ScriptedKit, live):
        scripted.says("implement-001", RED)
        scripted.says("fix-001", RED)
        scripted.plan(five_tasks_red())
        run = live(scripted)
        question = run.question("task_failed")
        late = cli(scripted.root, "answer", "nobody-asked", "skip")
        assert late.returncode == 2
        refused = cli(scripted.root, "answer", question.id, "take", "--side", "mine")
        assert refused.returncode != 0
        done = cli(scripted.root, "answer", question.id, "skip")
        assert done.returncode == 0, done.stderr
        assert run.end() == 1
        after = cli(scripted.root, "answer", question.id, "skip")
        assert after.returncode == 1
        assert "`ossature build`" in after.stderr

    def test_attachment_to_a_run_without_owner_names_the_next_command(self, scripted: ScriptedKit, live):
        run = live(scripted)
        assert run.end() == 0
        with pytest.raises(OssatureError) as error:
            run.attachment.decide(Skip(question_id="x", by="test"))
        assert "ossature build" in error.value.hint
        with pytest.raises(OssatureError):
            run.attachment.command(Stop(by="test"))

    def test_lease_is_busy_while_a_run_is_on(self, scripted: ScriptedKit, live):
        gate = scripted.hold("implement-001")
        run = live(scripted)
        run.event(ModelCalled)
        busy = build(scripted.root)
        assert busy.returncode == 8
        assert run.run in busy.stderr
        with pytest.raises(OssatureError) as error:
            live(scripted)
        assert error.value.exit_code == Exit.BUSY
        gate.unlink()
        assert run.end() == 0
        assert len(accounts(scripted.project)) == 1

    def test_pause_starts_nothing_new_until_resume(self, scripted: ScriptedKit, live):
        gate = scripted.hold("implement-001")
        run = live(scripted)
        run.event(ModelCalled)
        run.attachment.command(Pause(by="test"))
        run.event(CommandReceived)
        gate.unlink()
        run.event(TaskLanded, task="001")
        assert run.state.is_paused
        assert scripted.calls() == ["implement 001"]
        run.attachment.command(Resume(by="test"))
        assert run.end() == 0
        assert len(scripted.calls()) == 5

    def test_stop_drain_lands_what_is_in_flight(self, scripted: ScriptedKit, live):
        gate = scripted.hold("implement-001")
        run = live(scripted)
        run.event(ModelCalled)
        run.attachment.command(Stop(mode="drain", by="test"))
        run.event(CommandReceived)
        gate.unlink()
        assert run.end() == 130
        assert run.state.outcome == "stopped"
        assert scripted.calls() == ["implement 001"]
        assert scripted.tree() == {"shelf.txt": b"shelf\n"}
        assert build(scripted.root).returncode == 0
        assert len(scripted.calls()) == 5

    def test_stop_drain_of_a_paused_run_ends_it(self, scripted: ScriptedKit, live):
        gate = scripted.hold("implement-001")
        run = live(scripted)
        run.event(ModelCalled)
        run.attachment.command(Pause(by="test"))
        run.attachment.command(Stop(mode="drain", by="test"))
        gate.unlink()
        assert run.end() == 130

    def test_stop_now_interrupts_the_call(self, scripted: ScriptedKit, live):
        scripted.hold("implement-002")
        run = live(scripted)
        run.event(ModelCalled, task="002")
        run.attachment.command(Stop(mode="now", by="test"))
        assert run.end() == 130
        assert run.event(TaskInterrupted).task == "002"
        assert scripted.tree() == {"shelf.txt": b"shelf\n"}
        (scripted.folder / "implement-002.gate").unlink()
        assert build(scripted.root).returncode == 0

    def test_stop_while_a_question_waits_voids_it_and_the_next_run_asks_again(
        self, scripted: ScriptedKit, live
    ):
        scripted.says("implement-001", RED)
        scripted.says("fix-001", RED)
        scripted.plan(five_tasks_red())
        run = live(scripted)
        question = run.question("task_failed")
        run.attachment.command(Stop(mode="drain", by="test"))
        assert run.end() == 130
        assert run.event(QuestionClosed, question_id=question.id).decision is None
        again = live(scripted)
        again.question("task_failed")
        again.attachment.command(Stop(mode="now", by="test"))
        assert again.end() == 130

    def test_stop_during_a_verify_leaves_no_process(self, scripted: ScriptedKit, live, tmp_path):
        tasks = five_tasks()
        tasks[0]["verify"] = [f"echo $$ > {tmp_path}/pid; exec sleep 600"]
        scripted.plan(tasks)
        run = live(scripted)
        run.wait(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
        pid = int((tmp_path / "pid").read_text())
        run.attachment.command(Stop(mode="now", by="test"))
        assert run.end() == 130
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert scripted.tree() == {}

    def test_question_outlives_the_face_and_the_journal_tells_the_same(self, scripted: ScriptedKit, live):
        scripted.says("implement-001", RED)
        scripted.says("fix-001", RED)
        scripted.plan(five_tasks_red())
        run = live(scripted)
        question = run.question("task_failed")
        other = Attachment(scripted.project, run.run)
        while other.poll():
            pass
        assert list(other.state.questions) == [question.id]
        other.decide(Abort(question_id=question.id, by="other", id=uuid.uuid4().hex))
        assert run.end() == 1
        state = fold(run.attachment.folder)
        assert state.answered[question.id].by == "other"
        assert state.tasks["001"].status == "failed"
        assert not state.questions

    def test_step_run_is_answered_from_outside_to_its_end(self, scripted: ScriptedKit, live):
        run = live(scripted, preset="step")
        for _ in range(10):
            question = run.wait(lambda: next(iter(run.state.questions.values()), None))
            run.attachment.decide(Approve(question_id=question.id, by="test"))
            run.event(QuestionClosed, question_id=question.id)
        assert run.end() == 0
        assert len(scripted.tree()) == 5


def test_sandbox_that_is_not_there_is_exit_6_before_anything(kit: Kit, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Machine, "find", lambda *_args, **_keys: Found("none", None, ("nothing works",)))
    with pytest.raises(OssatureError) as error:
        kit.own(sandbox=None)
    assert error.value.exit_code == Exit.NO_SANDBOX
    assert accounts(kit.project) == []
    assert OPEN in error.value.hint


def test_live_is_a_run(scripted: ScriptedKit, live):
    run: Live = live(scripted)
    assert run.end() == 0
    assert list(scripted.tree()) == ["help.txt", "label.txt", "scale.txt", "shelf.txt", "show.txt"]
