"""Answers by hunk through a whole run: what is refused neither lands nor is forgotten by the next prompt."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from ossature.domain.decision import Approve, Mark, Proposal, Question, Retry, Take
from ossature.domain.event import DecisionRefused, Noticed, QuestionClosed, VerifyFinished, VerifyStarted
from ossature.domain.review import numbered
from ossature.engine.session import Attachment
from ossature.store.ledger import Ledger
from tests.runs.kit import Kit, Live, ScriptedKit, block, build, task
from tests.runs.test_seam import decide

OLD = "one\ntwo\nthree\nfour\nfive\n"
NEW = "ONE\ntwo\nthree\nfour\nFIVE\n"
Answer = Callable[[Attachment, Question], None]


def without(*numbers: int, verb: type = Approve, words: str = "", **fields: object) -> Answer:
    """Refuses the hunks of these numbers."""

    def answer(attachment: Attachment, question: Question) -> None:
        marks = tuple(
            Mark(path=hunk.path, hunk=hunk.digest, words=words)
            for hunk in numbered(question.proposals)
            if hunk.number in numbers
        )
        assert len(marks) == len(numbers)
        attachment.decide(verb(question_id=question.id, by="test", marks=marks, **fields))

    return answer


def gates(run) -> list[str]:
    return [event.question_id.split("-")[1] for event in run.of(QuestionClosed)]


@pytest.fixture
def built(kit: Kit) -> Kit:
    """001 has landed OLD; its section has changed, and it will come out as NEW."""
    kit.plan([task("001", "shelf.txt", verify=["! grep -q bad shelf.txt", "! grep -q ONE.$ shelf.txt"])])
    kit.model.says("001", block("shelf.txt", OLD.rstrip()))
    assert kit.own().code == 0
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts parcels on two shelves.")
    kit.model.says("001", block("shelf.txt", NEW.rstrip()))
    return kit


def landed(kit: Kit) -> str:
    return (kit.output / "shelf.txt").read_text()


def test_kept_part_is_verified_again_and_lands_without_another_question(built: Kit):
    run = built.answering(decide(Approve), without(2, words="five is fine"), preset="step")
    assert (run.code, run.asked, gates(run)) == (0, ["implement 001"], ["prompt", "landing"])
    assert landed(built) == NEW.replace("FIVE", "five")
    assert [event.verdict for event in run.of(VerifyFinished)] == ["ok", "ok"]
    assert "001: 1 of 2 hunks kept; verifying again" in [event.text for event in run.of(Noticed)]
    landing = next(iter(Ledger(built.project.ledger_path).landings.values()))
    assert landing.is_by_hand("shelf.txt")
    assert built.own().ran == {}


def test_marks_with_nothing_refused_land_the_whole(built: Kit):
    def praise(attachment: Attachment, question: Question) -> None:
        (first, _) = numbered(question.proposals)
        said = Mark(path=first.path, hunk=first.digest, words="good", is_refused=False)
        attachment.decide(Approve(question_id=question.id, by="test", marks=(said,)))

    run = built.answering(decide(Approve), praise, preset="step")
    assert (run.code, landed(built), len(run.of(VerifyFinished))) == (0, NEW, 1)


def test_part_that_is_red_goes_to_the_fixer_with_what_was_refused(built: Kit):
    built.edit(
        ".ossature/plan.toml",
        "! grep -q ONE.$ shelf.txt",
        "! grep -q ONE shelf.txt || grep -q FIVE shelf.txt",
    )
    built.model.says("fix 001", block("shelf.txt", OLD.replace("three", "THREE").rstrip()))
    run = built.answering(
        decide(Approve), without(2, words="keep five small"), decide(Approve), decide(Approve), preset="step"
    )
    assert (run.code, gates(run)) == (0, ["prompt", "landing", "fix", "landing"])
    assert landed(built) == OLD.replace("three", "THREE")
    prompt = built.model.calls[-1].prompt
    assert "shelf.txt, line 5, refused: keep five small\n-five\n+FIVE" in prompt
    assert "ONE\ntwo\nthree\nfour\nfive" in prompt


def test_refused_hunk_of_a_red_attempt_is_undone_before_the_fixer_is_called(built: Kit):
    built.model.says("001", block("shelf.txt", NEW.replace("FIVE", "bad").rstrip()))
    built.model.says("fix 001", block("shelf.txt", OLD.replace("five", "Five").rstrip()))
    run = built.answering(without(1, words="one is a word"), preset="tui")
    assert (run.code, run.asked) == (0, ["implement 001", "fix 001"])
    prompt = built.model.calls[-1].prompt
    assert "shelf.txt, line 1, refused: one is a word\n-one\n+ONE" in prompt
    assert "one\ntwo\nthree\nfour\nbad\n</file>" in prompt
    assert not next(iter(Ledger(built.project.ledger_path).landings.values())).is_by_hand("shelf.txt")


def test_retry_tells_the_next_reply_what_was_refused(built: Kit):
    said = without(1, 2, verb=Retry, words="no capitals", feedback="in words")
    run = built.answering(decide(Approve), said, decide(Approve), preset="step")
    assert (run.code, run.asked) == (0, ["implement 001", "implement 001"])
    prompt = built.model.calls[-1].prompt
    assert prompt.count("refused: no capitals") == 2
    assert "in words" in prompt


def test_new_output_that_is_refused_whole_is_written_anew(kit: Kit):
    kit.plan([task("001", "shelf.txt", outputs=["shelf.txt", "box.txt"])])
    kit.model.says("001", f"{block('shelf.txt', 'a')}\n{block('box.txt', 'b')}")
    kit.model.says("fix 001", block("box.txt", "c"))
    run = kit.answering(decide(Approve), without(2, words="no b"), decide(Approve), preset="step")
    assert (run.code, run.asked) == (0, ["implement 001", "fix 001"])
    assert kit.tree() == {"shelf.txt": b"a\n", "box.txt": b"c\n"}
    assert "box.txt, line 1, refused: no b\n+b" in kit.model.calls[-1].prompt
    kit.plan([task("001", "other.txt")])
    kit.model.says("001", block("other.txt", "x"), block("other.txt", "y"))
    run = kit.answering(decide(Approve), without(1), decide(Approve), preset="step")
    assert (run.code, run.asked) == (0, ["implement 001", "implement 001"])
    assert kit.tree()["other.txt"] == b"y\n"


def test_killed_after_the_answer_nothing_has_landed_and_it_is_asked_again_for_free(
    scripted: ScriptedKit, live: Callable[..., Live]
):
    hold = scripted.root / "hold"
    verify = f"! grep -q small shelf.txt || while test -e {hold}; do sleep 0.01; done"
    scripted.plan([task("001", "shelf.txt", verify=[verify])])
    scripted.says("implement-001", block("shelf.txt", "big\n" + "rest\n" * 8 + "end"))
    assert build(scripted.root).returncode == 0
    scripted.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts parcels on two shelves.")
    scripted.says("implement-001", block("shelf.txt", "small\n" + "rest\n" * 8 + "last"))
    first = live(scripted, preset="step")
    decide(Approve)(first.attachment, first.question("prompt"))
    asked = first.question("landing")
    hold.touch()
    without(2)(first.attachment, asked)
    first.event(VerifyStarted, attempt=2)
    first.kill()
    assert (scripted.output / "shelf.txt").read_text().startswith("big")
    hold.unlink()
    second = live(scripted, preset="step")
    decide(Approve)(second.attachment, second.question("prompt"))
    again = second.question("landing")
    assert again.proposals == asked.proposals
    without(2)(second.attachment, again)
    assert second.end() == 0
    assert (scripted.output / "shelf.txt").read_text() == "small\n" + "rest\n" * 8 + "end\n"
    assert scripted.calls() == ["implement 001"] * 2


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_clean_merge_is_taken_by_hunk(built: Kit):
    built.write("output/shelf.txt", OLD.replace("three", "THREE by hand"))
    run = built.answering(without(2, verb=Take, side="merged"))
    assert run.code == 0
    assert landed(built) == OLD.replace("three", "THREE by hand").replace("one", "ONE")
    assert built.own().ran == {}


def test_conflict_that_does_not_merge_is_taken_by_hunk_and_mine_is_kept(built: Kit):
    built.write("output/shelf.txt", OLD.replace("one", "uno"))
    run = built.answering(without(1, verb=Take, side="theirs"))
    assert (run.code, landed(built)) == (0, OLD.replace("one", "uno").replace("five", "FIVE"))
    assert [aside.path for aside in Ledger(built.project.ledger_path).asides] == ["shelf.txt"]


def test_review_of_other_content_is_refused_and_the_question_stays(built: Kit):
    def stale(attachment: Attachment, question: Question) -> None:
        proposal: Proposal = question.proposals[0]
        older = proposal.model_copy(update={"after": "0" * 64})
        marks = [Mark(path=hunk.path, hunk=hunk.digest) for hunk in numbered([older])]
        attachment.decide(Approve(question_id=question.id, by="test", id="1", marks=tuple(marks)))
        attachment.decide(Take(question_id=question.id, by="test", id="2", side="mine", marks=tuple(marks)))
        attachment.decide(Approve(question_id=question.id, by="test", id="3"))

    run = built.answering(decide(Approve), stale, preset="step")
    assert (run.code, landed(built)) == (0, NEW)
    assert [event.reason for event in run.of(DecisionRefused)] == ["stale_review", "not_offered"]
