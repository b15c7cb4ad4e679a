"""What people do to generated files on disk: it is seen, asked about, merged, adopted, and never lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ossature.build.merging import merge
from ossature.digest import digest_bytes
from ossature.domain.decision import Abort, Approve, Edit, Question, Skip, Stop, Take
from ossature.domain.event import (
    Noticed,
    QuestionAsked,
    QuestionClosed,
    TaskFailed,
    TaskSkipped,
    VerifyFinished,
)
from ossature.engine.pruning import Policy, collect_garbage
from ossature.engine.session import Attachment, fold
from ossature.errors import Exit
from ossature.store.blobs import Blobs
from ossature.store.ledger import Ledger
from ossature.tui.look.glyphs import UNICODE
from ossature.tui.panes.overview import why_lines
from ossature.tui.panes.task_lines import TaskLine
from tests.runs.kit import OPEN, Kit, Run, ScriptedKit, block, cli, five_tasks, task
from tests.runs.test_seam import decide

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
LINES = "one\ntwo\nthree\nfour\nfive\n"
MINE = LINES.replace("one", "ONE by hand")
THEIRS = LINES.replace("five", "FIVE anew")
BOTH = MINE.replace("five", "FIVE anew")


def landing(kit: Kit, name: str = "003"):
    return next(one for one in Ledger(kit.project.ledger_path).landings.values() if one.task == name)


def digest(text: str) -> str:
    return digest_bytes(text.encode())


def texts(run: Run) -> str:
    return "\n".join(event.text for event in run.of(Noticed))


def answers(*said: Callable[[Attachment, Question], None]) -> tuple[list[Question], list]:
    """Answers that also note what they were asked."""
    asked: list[Question] = []

    def noting(answer):
        def hear(attachment: Attachment, question: Question) -> None:
            asked.append(question)
            answer(attachment, question)

        return hear

    return asked, [noting(answer) for answer in said]


@pytest.fixture
def built(kit: Kit) -> Kit:
    """All five have landed; `label.txt` of 003 is red with `bad` in it."""
    tasks = five_tasks()
    tasks[2]["verify"] = ["! grep -q bad label.txt"]
    kit.plan(tasks)
    kit.model.says("003", block("label.txt", LINES.rstrip()))
    assert kit.own().code == 0
    return kit


@pytest.fixture
def edited(built: Kit) -> Kit:
    """Then `label.txt` was edited."""
    built.write("output/label.txt", MINE)
    return built


def make_stale(kit: Kit, text: str) -> None:
    """003 is to be generated anew, and will come out as *text*."""
    kit.edit("specs/lib.smd", "umbers only", f"umbers only, {digest(text)[:4]}")
    kit.model.says("003", block("label.txt", text.rstrip()))


class TestUpToDate:
    """Nothing else is to do: the build asks at its start."""

    def test_headless_stops_with_drift_before_anything_runs(self, edited: Kit):
        edited.plan([*five_tasks(), task("006", "more.txt")])
        run = edited.own()
        assert (run.code, run.asked, run.ran) == (Exit.DRIFT, [], {})
        assert "label.txt of 003 was edited by hand" in run.end.reason
        assert "--edits" in run.end.hint
        assert edited.tree()["label.txt"] == MINE.encode()

    def test_keep_going_builds_what_does_not_depend_on_it(self, edited: Kit):
        tasks = [*five_tasks(), task("006", "more.txt"), task("007", "on.txt", depends_on=["003"])]
        tasks[2]["verify"] = ["! grep -q bad label.txt"]
        edited.plan(tasks)
        run = edited.own(keeps_going=True)
        assert (run.code, run.landed) == (Exit.DRIFT, ["006"])
        assert "007" in run.blocked
        assert [event.task for event in run.of(TaskFailed)] == ["003"]

    def test_mine_is_verified_and_counts_from_then_on(self, edited: Kit):
        asked, said = answers(decide(Take, side="mine"))
        run = edited.answering(*said)
        assert (run.code, run.asked) == (0, [])
        assert run.ran["003"] == "accept: your version of label.txt"
        assert [event.verdict for event in run.of(VerifyFinished) if event.task == "003"] == ["ok"]
        assert asked[0].sides == ("mine", "theirs", "aside")
        assert "+ONE by hand" in asked[0].detail
        assert landing(edited).files == {"label.txt": digest(MINE)}
        assert landing(edited).base("label.txt") == digest(LINES)
        assert edited.own().ran == {}
        assert edited.tree()["label.txt"] == MINE.encode()

    def test_dependents_of_what_was_accepted_are_judged_by_what_they_see(self, built: Kit):
        built.write("output/shelf.txt", "mine\n")
        run = built.own(edits="accept")
        assert run.code == 0
        assert run.ran["001"].startswith("accept")
        assert run.ran["002"] == "generate: file shelf.txt changed"
        assert run.ran["003"] == "verify: input tree changed"
        assert "mine" in next(call.prompt for call in reversed(built.model.calls) if call.task == "002")

    @pytest.mark.parametrize(("side", "how"), [("theirs", "given up"), ("aside", "set aside")])
    def test_version_that_is_given_up_is_kept_and_told(self, edited: Kit, side: str, how: str):
        run = edited.answering(decide(Take, side=side))
        assert (run.code, run.asked) == (0, [])
        assert edited.tree()["label.txt"] == LINES.encode()
        (aside,) = Ledger(edited.project.ledger_path).asides
        assert (aside.path, aside.task, aside.how, aside.digest) == ("label.txt", "003", how, digest(MINE))
        blob = f".ossature/blobs/{aside.digest[:2]}/{aside.digest[2:]}"
        assert (edited.root / blob).read_bytes() == MINE.encode()
        assert blob in texts(run)
        assert edited.own().ran == {}

    def test_left_as_it_is_by_a_person_nothing_happens_to_it(self, edited: Kit):
        run = edited.answering(decide(Skip))
        assert (run.code, run.ran) == (0, {})
        assert "left as on disk" in texts(run)
        assert edited.tree()["label.txt"] == MINE.encode()

    def test_draining_run_does_not_wait_for_an_answer(self, edited: Kit):
        def stop(attachment: Attachment, _question: Question) -> None:
            attachment.command(Stop(mode="drain", by="test"))

        run = edited.answering(stop)
        assert (run.code, run.end.outcome, run.ran) == (Exit.INT, "stopped", {})
        assert [event.decision for event in run.of(QuestionClosed)] == [None]

    def test_question_before_its_task_has_started_leaves_it_pending(self, edited: Kit):
        edited.plan([task("000", "first.txt"), *five_tasks()])
        seen: list[str] = []

        def look(attachment: Attachment, question: Question) -> None:
            seen.append(fold(attachment.folder).tasks["003"].status)
            decide(Skip)(attachment, question)

        run = edited.answering(look)
        state = fold(edited.project.runs_dir / run.events[0].run)
        assert seen == ["waiting"]
        assert state.tasks["003"].status in ("up-to-date", "landed", "skipped")

    def test_abort_ends_the_run(self, edited: Kit):
        assert edited.answering(decide(Abort)).code == Exit.DRIFT
        assert edited.tree()["label.txt"] == MINE.encode()

    def test_red_edit_pays_no_fixer_and_stays_on_disk(self, edited: Kit):
        edited.write("output/label.txt", MINE + "bad\n")
        run = edited.own(edits="accept")
        assert (run.code, run.asked) == (Exit.FAILED, [])
        assert "is red" in run.of(TaskFailed)[0].reason
        assert landing(edited).files == {"label.txt": digest(LINES)}
        assert edited.tree()["label.txt"] == (MINE + "bad\n").encode()

    def test_red_edit_can_land_unverified_and_status_says_so(self, edited: Kit):
        edited.write("output/label.txt", MINE + "bad\n")
        run = edited.answering(decide(Take, side="mine"), decide(Approve))
        assert run.code == 0
        assert not landing(edited).is_verified
        view = edited.look().find("003")
        assert (view.status, view.is_verified, view.notes) == ("done", False, ("landed unverified",))

    def test_file_that_changes_while_the_question_is_open_is_asked_about_again(self, edited: Kit):
        def change(attachment: Attachment, question: Question) -> None:
            edited.write("output/label.txt", MINE + "later\n")
            decide(Take, side="theirs")(attachment, question)

        run = edited.answering(change, decide(Take, side="mine"))
        assert run.code == 0
        assert edited.tree()["label.txt"] == (MINE + "later\n").encode()
        assert "changed again" in texts(run)

    def test_verify_that_is_due_runs_on_the_edited_file(self, edited: Kit):
        tasks = five_tasks()
        tasks[2]["verify"] = ["grep -q 'by hand' label.txt"]
        edited.plan(tasks)
        run = edited.own(edits="accept")
        assert (run.code, run.asked) == (0, [])
        assert run.ran["003"].startswith("accept")

    def test_only_the_tasks_that_are_wanted_are_asked_about(self, edited: Kit):
        assert edited.own(tasks=("001",)).code == 0

    @pytest.mark.parametrize("edits", ["accept", "set-aside", "revert", "stop"])
    def test_what_was_said_beforehand_is_not_asked(self, edited: Kit, edits: str):
        run = edited.own(is_headless=False, preset="default", edits=edits)
        assert run.code == (Exit.DRIFT if edits == "stop" else 0)
        (closed,) = run.of(QuestionClosed)
        assert closed.decision.by == f"policy:--edits {edits}"
        kept = MINE if edits in ("accept", "stop") else LINES
        assert edited.tree()["label.txt"] == kept.encode()

    def test_config_says_it_for_every_build_and_the_flag_wins(self, edited: Kit):
        edited.config('[build]\nedits = "revert"\n')
        assert edited.own(edits="stop").code == Exit.DRIFT
        assert edited.own().code == 0
        assert edited.tree()["label.txt"] == LINES.encode()


class TestNewVersion:
    """The task is generated anew: both versions are there when it is asked."""

    @needs_git
    def test_clean_merge_is_offered_verified_and_never_taken_by_itself(self, edited: Kit):
        make_stale(edited, THEIRS)
        asked, said = answers(decide(Take, side="merged"))
        run = edited.answering(*said)
        assert run.code == 0
        assert asked[0].sides == ("mine", "merged", "theirs", "aside")
        assert edited.tree()["label.txt"] == BOTH.encode()
        assert [event.verdict for event in run.of(VerifyFinished) if event.task == "003"] == ["ok", "ok"]
        assert landing(edited).base("label.txt") == digest(THEIRS)
        assert edited.own().ran == {}

    @needs_git
    def test_headless_takes_a_clean_merge_only_where_edits_are_to_be_accepted(self, edited: Kit):
        make_stale(edited, THEIRS)
        assert (edited.own().code, edited.own().asked) == (Exit.DRIFT, [])
        assert edited.own(edits="accept").code == 0
        assert edited.tree()["label.txt"] == BOTH.encode()

    @needs_git
    def test_red_merge_is_no_landing(self, edited: Kit):
        edited.config("[build]\nmax_fix_attempts = 0\n")
        edited.write("output/label.txt", MINE.replace("ONE", "bad"))
        make_stale(edited, THEIRS)
        run = edited.own(edits="accept")
        assert run.code == Exit.FAILED
        assert edited.tree()["label.txt"] == MINE.replace("ONE", "bad").encode()

    @needs_git
    def test_fixer_over_a_merge_may_not_drop_a_line_of_mine(self, edited: Kit):
        edited.write("output/label.txt", MINE.replace("ONE", "bad ONE"))
        make_stale(edited, THEIRS)
        edited.model.says("fix 003", block("label.txt", THEIRS.rstrip()))
        asked, said = answers(decide(Take, side="merged"), decide(Abort))
        run = edited.answering(*said)
        assert run.code == Exit.DRIFT
        assert len(asked) == 2
        assert edited.tree()["label.txt"] == MINE.replace("ONE", "bad ONE").encode()

    def test_changes_of_the_same_lines_can_be_edited_and_are_verified(self, edited: Kit):
        make_stale(edited, LINES.replace("one", "one anew"))

        def mend(attachment: Attachment, question: Question) -> None:
            assert "merged" not in question.sides
            name = question.files[0]
            before = (edited.root / name).read_text()
            assert "<<<<<<<" in before or merge(b"a", b"b", b"c") is None
            base = dict(zip(question.files, question.digests, strict=True))[name]
            said = {"question_id": question.id, "by": "test", "path": name, "base_digest": base}
            attachment.decide(Edit(content=LINES.replace("one", "ONE by hand, anew"), **said))

        run = edited.answering(mend)
        assert run.code == 0
        assert edited.tree()["label.txt"].startswith(b"ONE by hand, anew\n")
        assert [event.verdict for event in run.of(VerifyFinished) if event.task == "003"] == ["ok", "ok"]
        assert landing(edited).base("label.txt") == digest(LINES.replace("one", "one anew"))

    @needs_git
    def test_markers_that_were_left_in_are_not_taken(self, edited: Kit):
        make_stale(edited, LINES.replace("one", "one anew"))

        def leave(attachment: Attachment, question: Question) -> None:
            name, base = question.files[0], question.digests[0]
            said = {"question_id": question.id, "by": "test", "path": name, "base_digest": base}
            attachment.decide(Edit(content=(edited.root / name).read_text() + "more\n", **said))

        run = edited.answering(leave, decide(Take, side="mine"))
        assert run.code == 0
        assert "conflict markers" in texts(run)
        assert edited.tree()["label.txt"] == MINE.encode()

    @needs_git
    def test_headless_with_changes_of_the_same_lines_stops_and_pays_once(self, edited: Kit):
        make_stale(edited, LINES.replace("one", "one anew"))
        run = edited.own(edits="accept")
        assert (run.code, run.asked) == (Exit.DRIFT, ["implement 003"])
        again = edited.answering(decide(Take, side="mine"))
        assert (again.code, again.asked) == (0, [])
        assert edited.tree()["label.txt"] == MINE.encode()

    @needs_git
    def test_new_version_that_has_my_edits_in_it_lands_without_a_question(self, edited: Kit):
        make_stale(edited, BOTH)
        run = edited.answering()
        assert run.code == 0
        assert edited.tree()["label.txt"] == BOTH.encode()
        assert "in the new version already" in texts(run)

    def test_without_git_no_merge_is_offered(self, edited: Kit, monkeypatch):
        monkeypatch.setattr("ossature.build.merging.shutil.which", lambda _name: None)
        make_stale(edited, THEIRS)
        asked, said = answers(decide(Take, side="aside"))
        assert edited.answering(*said).code == 0
        assert asked[0].sides == ("mine", "theirs", "aside")
        assert "no merge can be offered" in asked[0].detail
        assert edited.tree()["label.txt"] == THEIRS.encode()

    def test_edit_during_the_run_is_a_conflict_when_it_lands(self, built: Kit):
        def meddle(_request: object) -> str:
            built.write("output/label.txt", MINE)
            return block("label.txt", LINES.replace("one", "one anew").rstrip())

        make_stale(built, "x")
        built.model.says("003", meddle)
        run = built.own()
        assert run.code == Exit.DRIFT
        assert built.tree()["label.txt"] == MINE.encode()


class TestAccepted:
    """The task's output was adopted earlier, and it is generated anew."""

    @pytest.fixture
    def accepted(self, edited: Kit) -> Kit:
        assert edited.own("accept", tasks=("003",)).code == 0
        assert landing(edited).is_by_hand("label.txt")
        return edited

    def test_accept_leaves_a_stale_task_stale(self, edited: Kit):
        make_stale(edited, THEIRS)
        assert edited.own("accept", tasks=("003",)).code == 0
        assert edited.look().find("003").status == "stale"

    def test_prompt_shows_the_accepted_version(self, accepted: Kit):
        make_stale(accepted, BOTH)
        assert accepted.own().code == 0
        assert "ONE by hand" in accepted.model.calls[-1].prompt

    @needs_git
    def test_reply_without_my_lines_is_a_conflict_with_a_merge_from_what_was_generated(self, accepted: Kit):
        make_stale(accepted, THEIRS)
        assert accepted.own().code == Exit.DRIFT
        assert accepted.tree()["label.txt"] == MINE.encode()
        run = accepted.answering(decide(Take, side="merged"))
        assert (run.code, run.asked) == (0, [])
        assert accepted.tree()["label.txt"] == BOTH.encode()
        assert landing(accepted).base("label.txt") == digest(THEIRS)

    @needs_git
    def test_lines_that_a_reply_carried_over_stay_a_persons(self, accepted: Kit):
        make_stale(accepted, BOTH)
        assert accepted.own().code == 0
        assert landing(accepted).base("label.txt") == digest(THEIRS)
        make_stale(accepted, THEIRS.replace("three", "3"))
        assert accepted.own().code == Exit.DRIFT
        run = accepted.answering(decide(Take, side="merged"))
        assert run.code == 0
        assert accepted.tree()["label.txt"] == BOTH.replace("three", "3").encode()

    def test_lines_that_are_given_up_are_kept(self, accepted: Kit):
        make_stale(accepted, THEIRS)
        assert accepted.own(edits="set-aside").code == 0
        assert accepted.tree()["label.txt"] == THEIRS.encode()
        (aside,) = Ledger(accepted.project.ledger_path).asides
        assert aside.digest == digest(MINE)
        assert not landing(accepted).is_by_hand("label.txt")

    @needs_git
    def test_reply_as_it_was_keeps_my_version_and_verifies_it(self, accepted: Kit):
        make_stale(accepted, LINES)
        run = accepted.own()
        assert run.code == 0
        assert accepted.tree()["label.txt"] == MINE.encode()
        assert "your version of it stays" in texts(run)
        assert landing(accepted).base("label.txt") == digest(LINES)
        assert accepted.own().ran == {}

    def test_fixer_of_a_changed_verify_may_not_drop_my_lines(self, accepted: Kit):
        tasks = five_tasks()
        tasks[2]["verify"] = ["grep -q more label.txt"]
        accepted.plan(tasks)
        accepted.model.says("fix 003", block("label.txt", LINES + "more"))
        run = accepted.own()
        assert run.code == Exit.DRIFT
        assert accepted.tree()["label.txt"] == MINE.encode()

    @needs_git
    def test_fixer_that_keeps_my_lines_lands(self, accepted: Kit):
        tasks = five_tasks()
        tasks[2]["verify"] = ["grep -q more label.txt"]
        accepted.plan(tasks)
        accepted.model.says("fix 003", block("label.txt", MINE + "more"))
        assert accepted.own().code == 0
        assert accepted.tree()["label.txt"] == (MINE + "more\n").encode()

    def test_output_dropped_from_the_plan_stays_where_a_person_had_a_hand_in_it(self, accepted: Kit):
        tasks = five_tasks()
        tasks[2] |= {"outputs": ["other.txt"], "verify": ["test -s other.txt"]}
        accepted.plan(tasks)
        accepted.model.says("003", block("other.txt", "other"))
        run = accepted.own()
        assert run.code == 0
        assert accepted.tree()["label.txt"] == MINE.encode()
        assert "you had a hand in it" in texts(run)

    def test_deleting_it_is_no_reason_to_ask(self, accepted: Kit):
        (accepted.output / "label.txt").unlink()
        make_stale(accepted, THEIRS)
        assert accepted.own().code == 0
        assert accepted.tree()["label.txt"] == THEIRS.encode()


class TestStageEdits:
    def test_edit_at_a_gate_is_kept_as_an_edit_of_what_was_generated(self, built: Kit):
        make_stale(built, THEIRS)

        def mend(attachment: Attachment, question: Question) -> None:
            name, base = question.files[0], question.digests[0]
            said = {"question_id": question.id, "by": "test", "path": name, "base_digest": base}
            attachment.decide(Edit(content=BOTH, **said))

        run = built.answering(decide(Approve), mend, decide(Approve), preset="step", tasks=("003",))
        assert run.code == 0
        assert built.tree()["label.txt"] == BOTH.encode()
        assert landing(built).base("label.txt") == digest(THEIRS)


class TestCleaningUp:
    def test_what_was_generated_accepted_or_set_aside_outlives_it(self, edited: Kit):
        make_stale(edited, THEIRS)
        assert edited.answering(decide(Take, side="aside")).code == 0
        edited.write("output/label.txt", THEIRS + "mine again\n")
        assert edited.own("accept", tasks=("*",)).code == 0

        collect_garbage(edited.project, Policy(keep_landings=1, keep_runs=1), now=datetime.now(UTC))
        blobs = Blobs(edited.project.blobs_dir)
        for text in (MINE, THEIRS, THEIRS + "mine again\n"):
            assert blobs.get(digest(text)) == text.encode()
        assert [aside.digest for aside in Ledger(edited.project.ledger_path).asides] == [digest(MINE)]


class TestAcceptCommand:
    def test_red_is_refused_unless_it_may_land_unverified(self, edited: Kit):
        edited.write("output/label.txt", "bad\n")
        run = edited.own("accept", tasks=("003",))
        assert run.code == Exit.FAILED
        assert landing(edited).files == {"label.txt": digest(LINES)}
        assert edited.own("accept", tasks=("003",), lands_red=True).code == 0
        assert not landing(edited).is_verified
        assert landing(edited).files == {"label.txt": digest("bad\n")}
        assert edited.own("accept", tasks=("003",)).code == Exit.FAILED
        edited.write("output/label.txt", "good\n")
        assert edited.own("accept", tasks=("*",)).code == 0
        assert landing(edited).is_verified

    def test_one_red_edit_does_not_keep_others_from_being_adopted(self, edited: Kit):
        edited.write("output/label.txt", "bad\n")
        edited.write("output/help.txt", "mine\n")
        run = edited.own("accept", tasks=("*",), keeps_going=True)
        assert run.code == Exit.FAILED
        assert run.landed == ["005"]

    def test_one_path_of_several(self, kit: Kit):
        kit.plan([task("001", "a.txt", outputs=["a.txt", "b.txt"])])
        assert kit.own().code == 0
        kit.write("output/a.txt", "A\n")
        kit.write("output/b.txt", "B\n")
        assert kit.own("accept", paths=("b.txt",)).code == 0
        assert landing(kit, "001").files == {"a.txt": digest("plain\n"), "b.txt": digest("B\n")}
        assert [edit.path for edit in kit.look().by_hand] == ["a.txt"]
        assert kit.tree() == {"a.txt": b"A\n", "b.txt": b"B\n"}

    def test_edit_while_it_is_verified_stays_an_edit(self, edited: Kit):
        tasks = five_tasks()
        tasks[2]["verify"] = [f"echo later >> {edited.output}/label.txt"]
        edited.plan(tasks)
        assert edited.own("accept", tasks=("003",)).code == 0
        assert landing(edited).files == {"label.txt": digest(MINE)}
        assert edited.tree()["label.txt"] == (MINE + "later\n").encode()
        assert edited.look().find("003").edited == ("label.txt",)


class TestChains:
    """Two tasks write one path."""

    @pytest.fixture
    def chain(self, kit: Kit) -> Kit:
        later = task("002", "both.txt", title="Add", spec_refs=["Weigh"], depends_on=["001"])
        kit.plan([task("001", "both.txt"), later])
        kit.model.says("001", block("both.txt", "a\nb\nc"))
        kit.model.says("002", block("both.txt", "a\nb\nc\nd\ne"))
        assert kit.own().code == 0
        return kit

    def test_edit_belongs_to_the_head(self, chain: Kit):
        chain.write("output/both.txt", "mine\nb\nc\nd\ne\n")
        assert [(edit.task, edit.path) for edit in chain.look().by_hand] == [("002", "both.txt")]
        assert chain.own("accept", tasks=("*",)).code == 0
        assert landing(chain, "002").base("both.txt") == digest("a\nb\nc\nd\ne\n")
        assert not landing(chain, "001").is_by_hand("both.txt")
        assert chain.own().ran == {}

    @needs_git
    def test_earlier_writer_lands_without_asking_and_the_head_merges(self, chain: Kit):
        chain.write("output/both.txt", "mine\nb\nc\nd\ne\n")
        chain.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts.")
        chain.model.says("001", block("both.txt", "a\nb\nC"))
        chain.model.says("002", block("both.txt", "a\nb\nc\nd\nE"))
        run = chain.answering(decide(Take, side="mine"), decide(Take, side="merged"))
        assert run.code == 0
        assert chain.tree()["both.txt"] == b"mine\nb\nc\nd\nE\n"
        assert landing(chain, "002").base("both.txt") == digest("a\nb\nc\nd\nE\n")

    def test_new_writer_over_accepted_lines_is_asked_about(self, kit: Kit):
        kit.plan([task("001", "both.txt")])
        kit.model.says("001", block("both.txt", LINES.rstrip()))
        assert kit.own().code == 0
        kit.write("output/both.txt", MINE)
        assert kit.own("accept", tasks=("001",)).code == 0
        kit.plan([task("001", "both.txt"), task("002", "both.txt", title="Add", depends_on=["001"])])
        kit.model.says("002", block("both.txt", "all anew"))
        assert kit.own().code == Exit.DRIFT
        assert kit.tree()["both.txt"] == MINE.encode()
        assert kit.own(edits="set-aside").code == 0
        assert kit.tree()["both.txt"] == b"all anew\n"
        assert [aside.digest for aside in Ledger(kit.project.ledger_path).asides] == [digest(MINE)]


class TestGoneOrMoved:
    def test_deleted_file_is_named_and_put_back(self, built: Kit):
        (built.output / "label.txt").unlink()
        view = built.look().find("003")
        assert (view.status, view.notes) == ("restore", ("deleted by hand: label.txt",))
        run = built.own()
        assert (run.code, run.ran["003"]) == (0, "restore: label.txt is gone")
        assert "deleted by hand" in texts(run)
        assert built.tree()["label.txt"] == LINES.encode()

    def test_renamed_file_is_named_and_both_are_there_afterwards(self, built: Kit):
        (built.output / "label.txt").rename(built.output / "sign.txt")
        assert built.look().find("003").notes == ("renamed by hand: label.txt -> sign.txt",)
        run = built.own()
        assert run.code == 0
        assert "renamed by hand: label.txt -> sign.txt" in texts(run)
        assert built.tree()["label.txt"] == built.tree()["sign.txt"] == LINES.encode()

    def test_link_in_the_place_of_an_output_is_left_alone(self, built: Kit):
        (built.output / "label.txt").unlink()
        other = built.write("other.txt", "mine\n")
        (built.output / "label.txt").symlink_to(other)
        assert built.look().find("003").notes == ("not a file any more: label.txt",)
        run = built.own()
        assert run.code == Exit.FAILED
        assert "a link" in run.end.reason
        assert other.read_text() == "mine\n"

    def test_mode_bits_are_no_edit_and_stay(self, built: Kit):
        (built.output / "label.txt").chmod(0o640)
        assert built.own().ran == {}
        make_stale(built, THEIRS)
        assert built.own().code == 0
        assert (built.output / "label.txt").stat().st_mode & 0o777 == 0o640


class TestManual:
    def test_file_by_hand_is_never_overwritten_by_a_model_without_a_question(self, kit: Kit):
        kit.plan([task("001", "a.txt") | {"status": "manual"}])
        kit.write("output/a.txt", "by hand\n")
        assert kit.own().code == 0
        assert landing(kit, "001").base("a.txt") == ""
        kit.plan([task("001", "a.txt", notes="now for the model")])
        assert kit.own().code == Exit.DRIFT
        asked, said = answers(decide(Take, side="mine"))
        run = kit.answering(*said)
        assert (run.code, run.asked) == (0, [])
        assert asked[0].sides == ("mine", "theirs", "aside")
        assert kit.tree()["a.txt"] == b"by hand\n"

    def test_manual_after_a_model_keeps_the_base(self, built: Kit):
        tasks = five_tasks()
        tasks[2]["status"] = "manual"
        built.plan(tasks)
        built.write("output/label.txt", MINE)
        assert built.own().code == 0
        assert landing(built).base("label.txt") == digest(LINES)
        assert landing(built).files == {"label.txt": digest(MINE)}


class TestCopies:
    @pytest.fixture
    def copied(self, kit: Kit) -> Kit:
        kit.write("context/list.txt", LINES)
        kit.plan([task("001", "list.txt", source=["context://list.txt"], verify=None, spec_refs=None)])
        assert kit.own().code == 0
        kit.write("output/list.txt", MINE)
        kit.write("context/list.txt", THEIRS)
        return kit

    @needs_git
    def test_edited_copy_is_merged_with_the_new_one(self, copied: Kit):
        run = copied.answering(decide(Take, side="merged"))
        assert run.code == 0
        assert copied.tree()["list.txt"] == BOTH.encode()
        assert landing(copied, "001").base("list.txt") == digest(THEIRS)

    def test_edited_copy_is_accepted(self, copied: Kit):
        copied.write("context/list.txt", LINES)
        assert copied.own("accept", tasks=("*",)).code == 0
        assert landing(copied, "001").base("list.txt") == digest(LINES)
        assert copied.own().ran == {}
        assert copied.tree()["list.txt"] == MINE.encode()

    def test_headless_stops(self, copied: Kit):
        assert copied.own().code == Exit.DRIFT
        assert copied.tree()["list.txt"] == MINE.encode()


class TestFaces:
    """The command line, on a project whose model is a command."""

    @pytest.fixture
    def shelf(self, scripted: ScriptedKit) -> ScriptedKit:
        scripted.plan([task("001", "shelf.txt", verify=["! grep -q bad shelf.txt"]), task("002", "b.txt")])
        scripted.says("implement-002", block("b.txt", "b"))
        assert cli(scripted.root, "build", "--sandbox", OPEN).returncode == 0
        scripted.write("output/shelf.txt", "mine\n")
        return scripted

    def test_edits_are_shown_everywhere_and_accepted(self, shelf: ScriptedKit):
        said = cli(shelf.root, "status").stdout
        assert "edited by hand: shelf.txt" in said
        assert "1 output edited by hand" in said
        document = json.loads(cli(shelf.root, "status", "--json").stdout)
        (edit,) = document["tasks"][0]["by_hand"]
        assert (edit["path"], edit["kind"], edit["disk"]) == ("shelf.txt", "edited", digest("mine\n"))
        ahead = json.loads(cli(shelf.root, "build", "-n", "--json").stdout)
        assert (list(ahead["will_run"]), list(ahead["may_run"])) == ([], ["001"])
        assert "if your edit of shelf.txt is accepted" in cli(shelf.root, "build", "-n").stdout
        stopped = cli(shelf.root, "build", "--sandbox", OPEN)
        assert stopped.returncode == Exit.DRIFT
        assert "edited by hand: shelf.txt" in cli(shelf.root, "accept").stdout
        done = cli(shelf.root, "accept", "output/shelf.txt", "--sandbox", OPEN)
        assert done.returncode == 0, done.stderr
        assert "nothing to do" in cli(shelf.root, "build", "--sandbox", OPEN).stdout
        assert shelf.tree()["shelf.txt"] == b"mine\n"

    def test_why_and_the_full_screen_view_name_them(self, shelf: ScriptedKit):
        assert "edited by hand: shelf.txt" in cli(shelf.root, "why", "001").stdout
        view = shelf.look().find("001")
        line = TaskLine("001", "LIB", view.task.title, view.lineage, view.status, "", view.reason, view=view)
        shown = ["".join(span.text for span in spans) for spans in why_lines(line, UNICODE)]
        assert any("By hand" in text and "edited by hand: shelf.txt" in text for text in shown)

    def test_red_and_unverified(self, shelf: ScriptedKit):
        shelf.write("output/shelf.txt", "bad\n")
        refused = cli(shelf.root, "accept", "1", "--sandbox", OPEN)
        assert refused.returncode == Exit.FAILED
        assert "--unverified" in refused.stdout + refused.stderr
        assert cli(shelf.root, "accept", "1", "--unverified", "--sandbox", OPEN).returncode == 0
        assert "landed unverified" in cli(shelf.root, "status").stdout
        assert "landed unverified" in cli(shelf.root, "accept").stdout

    def test_versions_that_were_set_aside_are_listed(self, shelf: ScriptedKit):
        assert cli(shelf.root, "build", "--edits", "set-aside", "--sandbox", OPEN).returncode == 0
        said = cli(shelf.root, "accept", "--list").stdout
        (kept,) = json.loads(cli(shelf.root, "accept", "--list", "--json").stdout)["kept"]
        assert kept["blob"] in said
        assert (shelf.root / kept["blob"]).read_bytes() == b"mine\n"
        assert "1 version of yours set aside" in cli(shelf.root, "status").stdout

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["002"], "nothing of 002 was edited"),
            (["b.txt"], "is on disk as it landed"),
            (["nothing.txt"], "neither a task nor an output"),
            (["001", "--all"], "leave the names out"),
        ],
    )
    def test_what_cannot_be_accepted_is_refused(self, shelf: ScriptedKit, arguments: list[str], said: str):
        done = cli(shelf.root, "accept", *arguments)
        assert done.returncode == Exit.USAGE
        assert said in done.stderr

    def test_deleted_file_is_not_accepted(self, shelf: ScriptedKit):
        (shelf.output / "shelf.txt").unlink()
        done = cli(shelf.root, "accept", "shelf.txt")
        assert done.returncode == Exit.USAGE
        assert "deleted by hand" in done.stderr
        assert "take it out of the outputs of 001" in done.stderr

    def test_owned_project_is_busy(self, shelf: ScriptedKit, live):
        shelf.hold("implement-002")
        shelf.plan([task("001", "shelf.txt"), task("002", "b.txt", notes="anew")])
        run = live(shelf, tasks=("002",))
        run.wait(lambda: len(shelf.calls()) == 3, what="the call that is held")
        done = cli(shelf.root, "accept", "001", "--sandbox", OPEN)
        assert done.returncode == Exit.BUSY
        assert run.run in done.stderr


def test_question_of_an_edited_output_is_about_its_file(edited: Kit):
    asked, said = answers(decide(Skip))
    run = edited.answering(*said)
    assert run.of(QuestionAsked)[0].question.files == ("output/label.txt",)
    assert asked[0].digests == (digest(MINE),)
    assert run.of(TaskSkipped) == []
