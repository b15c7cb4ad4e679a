"""A person at a terminal follows a run, answers it, stops it and leaves it."""

import os
import signal

import pytest

from ossature.cli.keyboard import Interrupts, Keyboard
from ossature.cli.story import Listener
from ossature.cli.watching import Watch
from ossature.domain.decision import Question, Retry, Skip, Stop
from ossature.domain.event import (
    CommandReceived,
    DecisionRefused,
    Noticed,
    PlanAdopted,
    RunFinished,
    SpecAudited,
    TaskFailed,
    TaskRow,
)
from ossature.domain.finding import Finding
from ossature.engine.session import Attachment
from ossature.errors import DiskError, OssatureError
from tests.cli.conftest import RUN, failure

QUESTION = Question(
    id="q1",
    gate="task_failed",
    subject="001 failed",
    detail="\n".join(f"detail {number}" for number in range(60)),
    verbs=("retry", "skip", "edit", "abort"),
    files=("specs/greeting.smd",),
)
DONE = RunFinished(outcome="failed", exit_code=1, reason="001 failed")


class Script(Keyboard):
    """Types what the test says, one step per look at the keyboard."""

    def __init__(self, *steps):
        super().__init__(None)
        self.steps = list(steps)

    def line(self, wait_s):
        step = self.steps.pop(0)
        return step() if callable(step) else step


def watch(project, screen, keyboard, *, on_interrupt="stop"):
    attachment = Attachment(project, RUN)
    return Watch(
        attachment, screen, keyboard=keyboard, on_interrupt=on_interrupt, listener=Listener(screen)
    ).run()


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_story_is_told_and_the_exit_code_is_the_runs(owner, project, screen):
    owner.tell(
        PlanAdopted(tasks=tuple(TaskRow(id=name, spec="A", title="t") for name in ("001", "002"))),
        SpecAudited(
            spec="A",
            findings=(Finding(severity="error", issue="no [/x]", suggestion="say", path="a.smd", line=3),),
        ),
        TaskFailed(task="001", reason="exit 1"),
        DONE,
    )
    assert watch(project, screen, Script()) == 1
    assert "  a.smd:3: error: no [/x] (say)\n" in screen.text
    assert "001 failed: exit 1\n" in screen.text
    assert "\n1 failed, 1 pending\n" in screen.text
    assert "ossature logs 001" in screen.text


def test_typed_answer_is_sent_and_the_question_is_not_asked_again(owner, project, screen):
    owner.ask(QUESTION)
    sent = []

    def close():
        sent.extend(owner.letters())
        owner.accept(sent[-1])
        owner.tell(DONE)

    assert watch(project, screen, Script("what?", "?", "r use a heap", close)) == 1
    assert isinstance(sent[0], Retry)
    assert (len(sent), sent[0].feedback) == (1, "use a heap")
    assert "  detail 39\n" in screen.text
    assert "  detail 40\n" not in screen.text
    assert "20 more lines" in screen.text
    assert "say one of: retry, skip, edit, abort" in screen.text
    assert "open the file in $EDITOR" in screen.text
    assert screen.text.count("detail 1\n") == 1


def test_refused_answer_is_asked_for_again(owner, project, screen):
    owner.ask(QUESTION)

    def refuse():
        (message,) = owner.letters()
        owner.tell(DecisionRefused(decision=message, reason="stale_edit"))

    sent = []

    def accept():
        sent.extend(owner.letters())
        owner.accept(sent[0])
        owner.tell(DONE)

    watch(project, screen, Script("skip", refuse, "skip", accept))
    assert [type(message) for message in sent] == [Skip]
    assert "refused: stale edit" in screen.text


def test_another_faces_answer_takes_the_prompt_away(owner, project, screen):
    owner.ask(QUESTION)

    def answered_elsewhere():
        owner.accept(Skip(question_id="q1", by="tui"))

    def over():
        owner.tell(DONE)

    watch(project, screen, Script(answered_elsewhere, over))
    assert "explains) > \n[q1] skip by tui\n" in screen.text
    assert screen.text.count("explains) > ") == 1


def test_edit_opens_the_editor_on_a_copy(owner, project, screen, monkeypatch):
    owner.ask(QUESTION)
    before = (project.root / "specs" / "greeting.smd").read_text("utf-8")
    monkeypatch.setenv("VISUAL", "sh -c 'echo more >> \"$0\"'")
    sent = []

    def over():
        sent.extend(owner.letters())
        owner.tell(DONE)

    watch(project, screen, Script("edit", over))
    assert sent[0].content == f"{before}more\n"
    assert (project.root / "specs" / "greeting.smd").read_text("utf-8") == before


@pytest.mark.parametrize("editor", ["true", "false", "no-such-editor", "'"])
def test_edit_that_changes_nothing_sends_nothing(owner, project, screen, monkeypatch, editor):
    owner.ask(QUESTION)
    monkeypatch.setenv("VISUAL", editor)
    watch(project, screen, Script("edit", lambda: owner.tell(DONE)))
    assert owner.letters() == []
    assert "nothing was changed" in screen.text or "cannot start the editor" in screen.text


def test_ctrl_c_drains_then_stops_then_leaves(owner, project, screen):
    stops = []

    def collect():
        stops.extend(owner.letters())

    assert watch(project, screen, Script(interrupt, collect, interrupt, collect, interrupt)) == 130
    assert stops == [Stop(mode="drain", by="cli"), Stop(mode="now", by="cli")]
    assert "stopping after the work in flight; Ctrl-C again stops it now\n" in screen.text
    assert "the run goes on: `ossature attach` comes back" in screen.text


def test_stopped_run_ends_with_its_own_exit_code(owner, project, screen):
    def obey():
        (message,) = owner.letters()
        owner.tell(CommandReceived(command=message))
        owner.tell(RunFinished(outcome="stopped", exit_code=130))

    assert watch(project, screen, Script(interrupt, obey)) == 130


def test_ctrl_c_in_attach_only_leaves(owner, project, screen):
    assert watch(project, screen, Script(interrupt), on_interrupt="leave") == 130
    assert owner.letters() == []


def test_end_of_input_leaves_the_run_to_itself(owner, project, screen):
    reader, writer = os.pipe()
    os.close(writer)
    assert watch(project, screen, Keyboard(reader)) == 0
    os.close(reader)
    assert owner.letters() == []
    assert "the run goes on" in screen.text


def test_owner_that_died_is_said_with_the_next_step(owner, project, screen):
    owner.tell(Noticed(level="info", text="the last word"))
    owner.leave()
    with pytest.raises(OssatureError) as error:
        watch(project, screen, Script(None, None))
    assert "its owner is gone" in failure(error)
    assert "ossature build" in failure(error)
    assert "the last word\n" in screen.text


def test_answer_to_a_run_that_just_ended_is_shown_and_no_crash(owner, project, screen):
    owner.ask(QUESTION)

    def too_late():
        owner.tell(DONE)
        owner.leave()
        return "skip"

    assert watch(project, screen, Script(too_late)) == 1
    assert "has no owner any more" in screen.text


def test_keyboard_gives_whole_lines_only():
    reader, writer = os.pipe()
    keyboard = Keyboard(reader)
    os.write(writer, b"one\ntwo\nthr")
    assert [keyboard.line(0), keyboard.line(0), keyboard.line(0)] == ["one", "two", None]
    os.write(writer, b"ee\xff\n")
    assert keyboard.line(0) == "three\ufffd"
    os.close(writer)
    assert keyboard.line(0) is None
    assert keyboard.is_closed
    os.close(reader)


def test_interrupts_are_counted_and_the_handler_is_given_back():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        interrupt()
        interrupt()
        assert interrupts.count == 2
    assert signal.getsignal(signal.SIGINT) is before


def test_reader_that_is_gone_does_not_end_an_owned_run(owner, project, screen):
    class Full:
        def isatty(self):
            return False

        def write(self, _text):
            raise OSError(28, "No space left on device")

    owner.tell(Noticed(level="info", text="one"), DONE)
    screen.stdout = Full()
    listener = Listener(screen)
    for record in Attachment(project, RUN).poll():
        listener.hear(record)
    assert listener.state.exit_code == 1
    with pytest.raises(DiskError, match="No space left"):
        listener.end()
