"""A word from outside reaches the run, and what became of it is said."""

import pytest

from ossature.cli.commands import answer as module
from ossature.cli.commands.answer import COMMANDS
from ossature.cli.commands.build import COMMANDS as BUILDS
from ossature.domain.decision import Abort, Approve, Pause, Question, Requeue, Resume, Retry, Stop
from ossature.domain.event import CommandReceived, DecisionRefused, PhaseStarted, QuestionClosed, RunFinished
from ossature.errors import OssatureError, UsageError
from ossature.project import load_project
from ossature.store.blobs import Blobs
from ossature.store.proposals import propose
from tests.cli.conftest import failure, run_command

QUESTION = Question(
    id="q1",
    gate="task_failed",
    subject="001 [/x] failed\x1b[2J",
    detail="AssertionError\nline two",
    verbs=("retry", "skip", "abort"),
    task="001",
)


@pytest.fixture
def during_pause(monkeypatch):
    """Lets the test play the owner whenever the command waits for it."""

    def play(act):
        monkeypatch.setattr(module, "_pause", act)

    return play


def test_without_words_what_is_open_is_listed(owner, screen):
    owner.ask(QUESTION)
    assert run_command(COMMANDS, "answer", [], screen) == 0
    assert "[q1] 001 [/x] failed^[[2J" in screen.text
    assert "  line two\n" in screen.text
    assert "ossature answer q1 retry|skip|abort" in screen.text


def test_hunks_of_a_question_are_listed_with_their_numbers(owner, screen):
    blobs = Blobs(load_project(screen.cwd, {}).blobs_dir)
    before, after = b"a\nb\nc\nd\n", b"A\nb\nc\nD\n"
    owner.ask(
        QUESTION.model_copy(update={"proposals": propose({"x": before}, {"x": after, "y": b"z"}, blobs)})
    )
    assert run_command(COMMANDS, "answer", ["q1"], screen) == 0
    assert "3 hunks: `ossature answer q1 --show` lists them" in screen.text
    assert run_command(COMMANDS, "answer", ["q1", "--show"], screen) == 0
    assert "  2  x, line 4\n      b\n      c\n     -d\n     +D\n" in screen.text
    assert "  3  y, line 1\n     +z\n" in screen.text


def test_nothing_open_is_no_failure(owner, screen):
    assert run_command(COMMANDS, "answer", [], screen) == 0
    assert screen.text == "nothing is open\n"


def test_answer_waits_until_it_is_accepted(owner, screen, during_pause):
    owner.ask(QUESTION)
    seen = []

    def accept():
        for message in owner.letters():
            seen.append(message)
            owner.accept(message)

    during_pause(accept)
    assert run_command(COMMANDS, "answer", ["retry", "--feedback", "use a heap"], screen) == 0
    assert isinstance(seen[0], Retry)
    assert (seen[0].question_id, seen[0].feedback, seen[0].by) == ("q1", "use a heap", "cli")
    assert screen.text == "[q1] retry: accepted\n"


def test_refused_answer_fails_with_the_reason(owner, screen, during_pause):
    owner.ask(QUESTION)

    def refuse():
        for message in owner.letters():
            owner.tell(DecisionRefused(decision=message, reason="already_closed"))

    during_pause(refuse)
    with pytest.raises(OssatureError, match=r"\[q1\] refused: already closed"):
        run_command(COMMANDS, "answer", ["q1", "skip"], screen)


def test_another_face_that_was_faster_is_named(owner, screen, during_pause):
    owner.ask(QUESTION)
    during_pause(lambda: owner.accept(Approve(question_id="q1", by="tui", id="other")))
    with pytest.raises(OssatureError, match="closed by tui before"):
        run_command(COMMANDS, "answer", ["q1", "skip"], screen)


def test_owner_that_dies_meanwhile_is_said(owner, screen, during_pause):
    owner.ask(QUESTION)
    during_pause(owner.leave)
    with pytest.raises(OssatureError) as error:
        run_command(COMMANDS, "answer", ["q1", "abort"], screen)
    assert "ended before it heard this" in failure(error)
    assert "ossature build" in failure(error)


def test_run_without_an_owner_names_the_next_command(owner, screen):
    owner.ask(QUESTION)
    owner.leave()
    for name, arguments in (("answer", ["q1", "skip"]), ("stop", [])):
        with pytest.raises(OssatureError) as error:
            run_command(COMMANDS, name, arguments, screen)
        assert "has no owner" in failure(error)
        assert "ossature build" in failure(error)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["q1", "approve"], "does not offer approve"),
        (["q1", "skp"], "did you mean skip?"),
        (["skp"], "did you mean skip?"),
        (["q2", "skip"], "'q2' is not open"),
        (["q1", "skip", "please"], "--feedback"),
    ],
)
def test_what_cannot_be_sent_is_refused_before(owner, screen, arguments, said):
    owner.ask(QUESTION)
    with pytest.raises(UsageError) as error:
        run_command(COMMANDS, "answer", arguments, screen)
    assert said in failure(error)
    assert owner.letters() == []


def test_a_verb_alone_needs_exactly_one_open_question(owner, screen):
    with pytest.raises(OssatureError, match="nothing is open"):
        run_command(COMMANDS, "answer", ["skip"], screen)
    owner.ask(QUESTION)
    owner.ask(QUESTION.model_copy(update={"id": "q2"}))
    with pytest.raises(UsageError, match="more than one question is open"):
        run_command(COMMANDS, "answer", ["skip"], screen)


def test_a_question_alone_is_shown(owner, screen):
    owner.ask(QUESTION)
    owner.ask(QUESTION.model_copy(update={"id": "q2"}))
    assert run_command(COMMANDS, "answer", ["q2"], screen) == 0
    assert "[q2]" in screen.text
    assert "[q1]" not in screen.text


def test_closed_question_is_not_open_any_more(owner, screen):
    owner.ask(QUESTION)
    owner.tell(QuestionClosed(question_id="q1", decision=Abort(question_id="q1", by="tui")))
    with pytest.raises(OssatureError, match="nothing is open"):
        run_command(COMMANDS, "answer", ["skip"], screen)


@pytest.mark.parametrize(("arguments", "mode"), [([], "drain"), (["--now"], "now")])
def test_stop_waits_until_the_run_has_heard(owner, screen, during_pause, arguments, mode):
    def obey():
        for message in owner.letters():
            assert message == Stop(mode=mode, by="cli")
            owner.tell(CommandReceived(command=message))

    during_pause(obey)
    assert run_command(COMMANDS, "stop", arguments, screen) == 0
    assert "stops now" in screen.text or "stops after the work in flight" in screen.text


def test_stop_of_a_run_that_just_ended_is_said(owner, screen, during_pause):
    during_pause(lambda: owner.tell(RunFinished(outcome="succeeded", exit_code=0)))
    with pytest.raises(OssatureError, match="ended before it heard"):
        run_command(COMMANDS, "stop", [], screen)


@pytest.mark.parametrize(
    ("flag", "kind", "said"), [("--pause", Pause, "starts nothing new"), ("--resume", Resume, "goes on")]
)
def test_a_run_can_be_paused_and_resumed(owner, screen, during_pause, flag, kind, said):
    owner.ask(QUESTION)
    heard = []

    def accept():
        for message in owner.letters():
            heard.append(message)
            owner.tell(CommandReceived(command=message))

    during_pause(accept)
    assert run_command(COMMANDS, "stop", [flag], screen) == 0
    assert [type(message) for message in heard] == [kind]
    assert said in screen.text


def test_retry_speaks_to_a_build_that_is_at_work(planned, owner, screen, during_pause):
    owner.tell(PhaseStarted(phase="build"))
    heard = []

    def accept():
        for message in owner.letters():
            heard.append(message)
            owner.tell(CommandReceived(command=message))

    during_pause(accept)
    assert run_command(BUILDS, "retry", ["1", "--feedback", "use a heap"], screen) == 0
    assert heard == [Requeue(task="001", feedback="use a heap", by="cli")]
    assert "takes 001 up once more" in screen.text


def test_retry_does_not_get_between_an_audit(planned, owner, screen):
    owner.tell(PhaseStarted(phase="audit"))
    with pytest.raises(OssatureError, match="is not building") as error:
        run_command(BUILDS, "retry", ["001"], screen)
    assert error.value.exit_code == 8
