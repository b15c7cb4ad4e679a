"""Open questions: policies answer first, then the first valid decision wins."""

import asyncio
from pathlib import Path

import pytest

from ossature.domain.decision import Abort, Approve, Edit, Pause, Question, Retry, SetPreset, Skip, Stop, Take
from ossature.domain.event import CommandReceived, DecisionRefused, QuestionAsked, QuestionClosed
from ossature.domain.state import RunState
from ossature.engine.gate import Gate
from ossature.engine.policy import ASKED, answer
from ossature.store.journal import Journal, read_records

FAILED = Question(id="q1", gate="task_failed", subject="001 failed", verbs=("retry", "skip", "edit", "abort"))
CONFLICT = Question(id="q2", gate="conflict", subject="a changed", verbs=("take", "skip", "abort"))


class Desk:
    """A gate with its journal."""

    def __init__(self, folder: Path, **options) -> None:
        self.journal = Journal(folder / "events.jsonl")
        self.commands: list = []
        self.state = RunState()
        wanted = {"preset": "default", "is_headless": False, "keeps_going": False, **options}
        self.gate = Gate(self.journal, self.state, on_command=self.commands.append, **wanted)

    def events(self, kind: type) -> list:
        found = [record.event for record in read_records(self.journal.path)]
        return [event for event in found if isinstance(event, kind)]


@pytest.fixture
def desk(tmp_path: Path):
    made = Desk(tmp_path)
    yield made
    made.journal.close()


def asked(desk: Desk, question: Question, *messages):
    """Ask, then let each message come in; the answer."""

    async def talk():
        waiting = asyncio.ensure_future(desk.gate.ask(question))
        await asyncio.sleep(0)
        for message in messages:
            desk.gate.take(message)
        return await waiting

    return asyncio.run(talk())


def test_first_valid_answer_wins_and_the_second_is_late(desk: Desk):
    first = Skip(question_id="q1", by="a", id="1")
    assert asked(desk, FAILED, first, Abort(question_id="q1", by="b", id="2")) == first
    (late,) = desk.events(DecisionRefused)
    assert (late.decision.by, late.reason) == ("b", "already_closed")


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (Skip(question_id="q9", by="a", id="1"), "unknown_question"),
        (Take(question_id="q1", by="a", side="mine", id="1"), "not_offered"),
        (Edit(question_id="q1", by="a", path="f", base_digest="0", content="", id="1"), "stale_edit"),
        (Edit(question_id="q1", by="a", path="g", base_digest="d", content="", id="1"), "stale_edit"),
        (Retry(question_id="q1", by="a", marks=[{"path": "f", "hunk": "0"}], id="1"), "stale_review"),
    ],
)
def test_refused_answer_leaves_the_question_open(desk: Desk, decision, reason: str):
    question = FAILED.model_copy(update={"files": ("f",), "digests": ("d",)})
    good = Retry(question_id="q1", by="b", id="2")
    assert asked(desk, question, decision, good) == good
    assert [event.reason for event in desk.events(DecisionRefused)] == [reason]


def test_edit_of_what_was_shown_is_taken(desk: Desk):
    question = FAILED.model_copy(update={"files": ("e", "f"), "digests": ("c", "d")})
    edit = Edit(question_id="q1", by="a", path="f", base_digest="d", content="x", id="1")
    assert asked(desk, question, edit) == edit


def test_same_decision_twice_is_harmless(desk: Desk):
    wrong = Take(question_id="q1", by="a", side="mine", id="1")
    asked(
        desk,
        FAILED,
        wrong,
        wrong,
        Skip(question_id="q1", by="a", id="2"),
        Skip(question_id="q1", by="a", id="2"),
    )
    assert len(desk.events(DecisionRefused)) == 1
    assert len(desk.events(QuestionClosed)) == 1


def test_commands_are_told_and_obeyed(desk: Desk):
    desk.gate.take(Pause(by="a"))
    desk.gate.take(Stop(mode="now", by="b"))
    assert [type(command) for command in desk.commands] == [Pause, Stop]
    assert len(desk.events(CommandReceived)) == 2
    assert desk.state.is_paused and desk.state.is_stopping


def test_void_closes_what_is_open(desk: Desk):
    async def talk():
        waiting = asyncio.ensure_future(desk.gate.ask(FAILED))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        desk.gate.void()

    asyncio.run(talk())
    (closed,) = desk.events(QuestionClosed)
    assert (closed.question_id, closed.decision) == ("q1", None)
    assert not desk.state.questions


def test_changed_preset_holds_for_the_next_question(desk: Desk):
    desk.gate.take(SetPreset(preset="auto", by="a"))
    assert isinstance(asked(desk, FAILED), Abort)


def test_routine_gates_leave_no_line_where_nobody_wants_them(desk: Desk):
    question = Question(id="p", gate="prompt", subject="send?", verbs=("approve", "skip", "abort"))
    assert isinstance(asked(desk, question), Approve)
    assert desk.events(QuestionAsked) == []
    desk.gate.take(SetPreset(preset="step", by="a"))
    good = Approve(question_id="p", by="b", feedback="x", id="1")
    assert asked(desk, question, good) == good
    assert len(desk.events(QuestionAsked)) == 1


def test_policy_says_who_answered(tmp_path: Path):
    headless = Desk(tmp_path, is_headless=True)
    assert asked(headless, FAILED).by == "policy:headless"
    assert [type(event) for event in headless.events(QuestionAsked) + headless.events(QuestionClosed)] == [
        QuestionAsked,
        QuestionClosed,
    ]
    headless.journal.close()


GATES = ("trust", "spec_edit", "plan", "prompt", "fix", "landing", "task_failed", "conflict", "budget")


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("preset", list(ASKED))
@pytest.mark.parametrize("keeps_going", [True, False])
def test_headless_never_passes_a_question_on_and_fails_closed(gate: str, preset: str, keeps_going: bool):
    verbs = ("approve", "retry", "skip", "edit", "abort", "take")
    question = Question(id="q", gate=gate, subject="?", verbs=verbs)
    said = answer(question, preset=preset, is_headless=True, keeps_going=keeps_going)
    assert said is not None
    if gate in ("prompt", "fix", "landing"):
        assert isinstance(said, Approve)
    elif gate == "plan" or (keeps_going and gate in ("task_failed", "conflict")):
        assert isinstance(said, Skip)
    else:
        assert isinstance(said, Abort)


@pytest.mark.parametrize(
    ("preset", "gates"),
    [
        ("auto", set()),
        ("default", {"trust", "task_failed", "conflict", "budget", "plan", "spec_edit"}),
        ("tui", {"trust", "task_failed", "conflict", "budget", "plan", "spec_edit", "fix"}),
        ("step", set(GATES)),
    ],
)
def test_preset_says_which_gates_are_put_to_a_person(preset: str, gates: set):
    found = {
        gate
        for gate in GATES
        if answer(
            Question(id="q", gate=gate, subject="?", verbs=("skip", "abort")),
            preset=preset,
            is_headless=False,
            keeps_going=False,
        )
        is None
    }
    assert found == gates


BOTH: tuple = ("mine", "merged", "theirs", "aside")


@pytest.mark.parametrize(
    ("edits", "verbs", "sides", "said"),
    [
        ("accept", ("take", "abort"), ("mine", "theirs", "aside"), "mine"),
        ("accept", ("take", "edit", "abort"), BOTH, "merged"),
        ("accept", ("take", "edit", "abort"), ("mine", "theirs", "aside"), None),
        ("accept", ("take", "abort"), ("theirs", "aside"), None),
        ("set-aside", ("take", "abort"), BOTH, "aside"),
        ("revert", ("take", "abort"), BOTH, "theirs"),
        ("ask", ("take", "abort"), BOTH, None),
    ],
)
@pytest.mark.parametrize("is_headless", [True, False])
def test_what_was_said_of_edits_answers_as_far_as_it_can(edits, verbs, sides, said, is_headless: bool):
    question = Question(id="q", gate="conflict", subject="?", verbs=verbs, sides=sides)
    found = answer(question, preset="default", is_headless=is_headless, keeps_going=False, edits=edits)
    if said:
        assert isinstance(found, Take)
        assert (found.side, found.by) == (said, f"policy:--edits {edits}")
    else:
        assert found is None if not is_headless else isinstance(found, Abort)


def test_stop_over_edits_is_not_asked_about():
    question = Question(id="q", gate="conflict", subject="?", verbs=("take", "skip", "abort"))
    for is_headless in (True, False):
        found = answer(question, preset="tui", is_headless=is_headless, keeps_going=True, edits="stop")
        assert isinstance(found, Abort)


def test_what_was_said_of_edits_is_about_edits_alone():
    question = Question(id="q", gate="landing", subject="?", verbs=("approve", "abort"))
    assert answer(question, preset="step", is_headless=False, keeps_going=False, edits="accept") is None


def test_version_that_the_question_does_not_offer_is_refused(desk: Desk):
    good = Take(question_id="q2", by="b", side="mine", id="2")
    assert asked(desk, CONFLICT, Take(question_id="q2", by="b", side="merged", id="1"), good) == good
    assert [event.reason for event in desk.events(DecisionRefused)] == ["not_offered"]
