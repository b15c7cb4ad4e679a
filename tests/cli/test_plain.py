"""The same flow as lines that are typed: what is offered, what is refused, and how a question reads."""

import io

import pytest

from ossature import __version__
from ossature.cli.keyboard import Keyboard
from ossature.cli.plain import converse
from ossature.cli.story import Listener
from ossature.cli.watching import Watch
from ossature.domain.decision import Approve, Question
from ossature.domain.event import RunFinished
from ossature.engine import accounts
from ossature.engine.session import Attachment
from tests.cli.conftest import RUN

QUESTION = Question(id="006-fix-1", gate="fix", subject="006 failed", verbs=("approve", "retry", "skip"))


def typed(screen, *lines):
    screen.stdin = io.StringIO("".join(f"{line}\n" for line in lines))
    return screen


def test_what_is_typed_is_carried_out_until_the_person_leaves(screen):
    assert converse(typed(screen, "", "validate", "quit", "status"), is_read_only=False) == 0
    assert screen.text.count("ossature> ") == 3
    assert "parcels" in screen.text
    assert "1 spec: 0 errors" in screen.text


def test_a_closed_input_leaves(screen):
    assert converse(typed(screen, "help"), is_read_only=False) == 0
    assert "build: build what changed\n" in screen.text
    assert "quit: leave; a run goes on\n" in screen.text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bulid", "did you mean build?"),
        ('why "3', "that cannot be read: No closing quotation"),
        ("demo", "demo: that is for the shell; help shows what can be typed here"),
        ("tui", "tui: that is for the shell"),
        ("build --nonsense", "build does not take '--nonsense'"),
        ("why --help", ""),
    ],
)
def test_a_line_that_cannot_be_carried_out_is_refused_and_the_next_one_is_heard(screen, line, said):
    assert converse(typed(screen, line, "help"), is_read_only=False) == 0
    assert said in screen.text
    assert "quit: leave" in screen.text


@pytest.mark.parametrize(
    "line", ["build", "audit", "retry 001", "answer 006-fix-1 approve", "gc", "accept 001"]
)
def test_a_viewer_that_only_looks_carries_out_nothing_else(screen, line):
    assert converse(typed(screen, line), is_read_only=True) == 0
    assert f"{line.split()[0]}: this only looks" in screen.text


@pytest.mark.parametrize("is_read_only", [True, False])
def test_no_option_leads_past_what_is_offered_or_to_another_project(screen, tmp_path, is_read_only):
    project = screen.cwd
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    lines = ["-C . build", f"-C {elsewhere}", f"-C {elsewhere} status", "--version"]
    assert converse(typed(screen, *lines), is_read_only=is_read_only) == 0
    assert screen.text.count("-C: that is for the shell") == 3
    assert f"ossature {__version__}\n" in screen.text
    assert screen.cwd == project
    assert not list(project.glob(".ossature/runs/*"))


def test_a_viewer_that_only_looks_leaves_no_file(project, screen, monkeypatch):
    monkeypatch.setattr(accounts, "WORTH_KEEPING", 1)
    journal = project.runs_dir / RUN / "events.jsonl"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(b"")
    before = set(project.root.rglob("*"))
    assert converse(typed(screen, "runs", "runs --by day"), is_read_only=True) == 0
    assert RUN in screen.text
    assert set(project.root.rglob("*")) == before


def test_a_live_run_is_followed_first(owner, screen):
    owner.tell(RunFinished(outcome="failed", exit_code=1, reason="001 failed"))
    assert converse(typed(screen, "quit"), is_read_only=True) == 0
    assert "run failed: 001 failed" in screen.text
    assert screen.text.endswith("ossature> ")


def test_a_question_says_at_once_what_its_answers_do(owner, project, screen):
    owner.ask(QUESTION)

    class Person(Keyboard):
        def __init__(self):
            super().__init__(None)
            self.has_answered = False

        def line(self, wait_s):
            if not self.has_answered:
                self.has_answered = True
                return "approve"
            for letter in owner.letters():
                owner.accept(letter)
                owner.tell(RunFinished(outcome="succeeded", exit_code=0))
            return None

    screen.is_plain = True
    watch = Watch(
        Attachment(project, RUN), screen, keyboard=Person(), on_interrupt="leave", listener=Listener(screen)
    )
    assert watch.run() == 0
    assert "approve go on\n" in screen.text.replace("  ", " ").replace("  ", " ")
    assert "\x1b" not in screen.text
    assert Approve(question_id="006-fix-1", by="cli").verb in screen.text
