"""Edits of specs that settle findings: a model proposes, a person decides, nothing else is overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ossature.domain.decision import Abort, Approve, Edit, Mark, Question, Retry, Skip
from ossature.domain.event import QuestionAsked, SpecAudited, SpecEdited
from ossature.domain.review import numbered
from ossature.engine.session import Attachment
from tests.runs.kit import Kit

ISSUE = "It is not said what is counted when a shelf is empty."
SPEC = "specs/lib.smd"
OLD, NEW = "Counts parcels on a shelf.", "Counts parcels on a shelf; an empty shelf has 0."


def edit(*pairs: tuple[str, str], path: str = SPEC) -> str:
    parts = [f"<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE" for old, new in pairs]
    return f'An empty shelf counts 0.\n\n<edit path="{path}">\n' + "\n".join(parts) + "\n</edit>"


class Fixing:
    """A project with one open finding, and a person who answers."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        found = [{"severity": "error", "place": "Requirements > Count", "issue": ISSUE}]
        kit.model.says("audit LIB", json.dumps({"findings": found}), '{"findings": []}')
        assert kit.own("audit").code == 1
        (self.judged,) = kit.look().findings

    @property
    def path(self) -> Path:
        return self.kit.root / SPEC

    def proposes(self, *replies: str) -> None:
        self.kit.model.says("spec_fix LIB", *replies)

    def run(self, *answers: object) -> object:
        """Each answer is a decision's class with its fields, or what to do before one."""

        def sender(answer: object) -> object:
            def send(attachment: Attachment, question: Question) -> None:
                made = answer(question) if callable(answer) else answer
                attachment.decide(made)

            return send

        wanted = {"goal": "spec_fix", "findings": (self.judged.id,)}
        return self.kit.answering(*(sender(answer) for answer in answers), **wanted)


@pytest.fixture
def fixing(kit: Kit) -> Fixing:
    return Fixing(kit)


def approve(question: Question) -> Approve:
    return Approve(question_id=question.id, by="test")


def test_an_approved_edit_is_written_and_the_spec_is_reviewed_again(fixing: Fixing) -> None:
    # Line ends, a missing last one, permissions: what is not edited stays to the byte.
    fixing.path.write_bytes(fixing.path.read_bytes().rstrip(b"\n").replace(b"\n", b"\r\n"))
    fixing.path.chmod(0o640)
    before = fixing.path.read_bytes()
    fixing.proposes(edit((OLD, NEW)))
    run = fixing.run(approve)
    assert (run.code, run.end.reason) == (0, "1 edit applied")
    assert fixing.path.read_bytes() == before.replace(OLD.encode(), NEW.encode())
    assert fixing.path.stat().st_mode & 0o777 == 0o640
    asked = run.of(QuestionAsked)[0].question
    assert f"+{NEW}" in asked.detail
    assert "An empty shelf counts 0." in asked.detail
    assert [proposal.path for proposal in asked.proposals] == [SPEC]
    assert run.of(SpecEdited)[0].path == SPEC
    assert run.asked == ["spec_fix LIB", "audit LIB"]
    assert run.of(SpecAudited)[0].findings == ()
    assert fixing.kit.look().findings == ()
    prompt = next(call for call in fixing.kit.model.calls if call.role == "spec_fix").prompt
    assert ISSUE in prompt
    assert OLD in prompt


def test_one_hunk_of_two_is_kept_and_the_other_is_told_of(fixing: Fixing) -> None:
    other = ("- Whole numbers only", "- Whole numbers only, and never negative ones")
    fixing.proposes(edit((OLD, NEW), other), edit((OLD, NEW), other))

    def marks(question: Question, words: str = "") -> tuple[Mark, ...]:
        hunk = numbered(question.proposals)[1]
        return (Mark(path=hunk.path, hunk=hunk.digest, words=words),)

    run = fixing.run(
        lambda q: Retry(question_id=q.id, by="test", feedback="shorter", marks=marks(q, "not asked for")),
        lambda q: Approve(question_id=q.id, by="test", marks=marks(q)),
    )
    assert run.code == 0
    text = fixing.path.read_text("utf-8")
    assert NEW in text
    assert "never negative" not in text
    again = [call for call in fixing.kit.model.calls if call.role == "spec_fix"][1].prompt
    assert "not asked for" in again
    assert "A word from the author: shorter" in again


def test_what_cannot_be_read_is_not_asked_about_and_a_persons_own_is_refused(fixing: Fixing) -> None:
    broken = edit(("status: draft", "status: sketched"))
    fixing.proposes(broken, edit((OLD, NEW)))

    def by_hand(text: str, old: str, new: str) -> object:
        def answer(question: Question) -> Edit:
            (name,), (digest,) = question.files, question.digests
            shown = (fixing.kit.root / name).read_text("utf-8")
            assert old in shown, text
            return Edit(
                question_id=question.id,
                by="test",
                path=name,
                base_digest=digest,
                content=shown.replace(old, new),
            )

        return answer

    run = fixing.run(
        by_hand("broken", "status: draft", "status: none"),
        by_hand("good", "an empty shelf has 0", "an empty one has 0"),
        approve,
    )
    assert (run.code, run.asked.count("spec_fix LIB")) == (0, 2)
    assert "an empty one has 0" in fixing.path.read_text("utf-8")
    assert "status: draft" in fixing.path.read_text("utf-8")


def test_a_save_meanwhile_is_merged_or_kept(fixing: Fixing) -> None:
    fixing.proposes(edit((OLD, NEW)))

    def saved(old: str, new: str) -> object:
        def answer(question: Question) -> Approve:
            fixing.kit.edit(SPEC, old, new)
            return approve(question)

        return answer

    run = fixing.run(saved(OLD, "Counts all parcels on a shelf."))
    assert run.code == 1
    assert "changed meanwhile" in run.end.reason
    assert "all parcels" in fixing.path.read_text("utf-8")
    fixing.kit.edit(SPEC, "Counts all parcels on a shelf.", OLD)
    run = fixing.run(saved("Weighs one parcel.", "Weighs a parcel."), approve)
    assert (run.code, run.asked) == (0, ["audit LIB"]), "the proposal that was paid for is taken up"
    assert NEW in fixing.path.read_text("utf-8")
    assert "Weighs a parcel." in fixing.path.read_text("utf-8")


def test_without_a_yes_the_specs_stay_and_without_a_person_nothing_is_paid(fixing: Fixing) -> None:
    before = fixing.path.read_bytes()
    fixing.proposes(edit((OLD, NEW)))
    run = fixing.run(lambda q: Abort(question_id=q.id, by="test"))
    assert run.code == 1
    run = fixing.run(lambda q: Skip(question_id=q.id, by="test"))
    assert (run.code, run.end.reason) == (0, "1 finding left as it is")
    run = fixing.kit.own("spec_fix", findings=(fixing.judged.id,))
    assert (run.code, run.asked) == (2, [])
    assert fixing.path.read_bytes() == before
