"""Words become the decision that was meant, or a sentence that says what is missing."""

import argparse

import pytest

from ossature.cli.answers import Answer, decision_for, parse_answer
from ossature.cli.commands.answer import COMMANDS
from ossature.cli.reviewing import parse_numbers
from ossature.digest import digest_bytes
from ossature.domain.decision import Approve, Depend, Edit, Question, Retry, Skip, Take
from ossature.domain.review import fits, proposal_of
from ossature.errors import UsageError

QUESTION = Question(
    id="q1",
    gate="task_failed",
    subject="001 failed",
    verbs=("approve", "retry", "skip", "edit", "abort", "take", "depend"),
    files=("specs/greeting.smd",),
)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("approve", Answer("approve")),
        ("ap", Answer("approve")),
        (" R  use a heap ", Answer("retry", feedback="use a heap")),
        ("s", Answer("skip")),
        ("dep", Answer("depend")),
        ("mine", Answer("take", side="mine")),
        ("take theirs", Answer("take", side="theirs")),
        ("edit src/a.py", Answer("edit", path="src/a.py")),
        ("approve without 2,5-7: use a heap", Answer("approve", without=(2, 5, 6, 7), feedback="use a heap")),
        ("approve without 1", Answer("approve", without=(1,))),
        ("retry without tears", Answer("retry", feedback="without tears")),
        ("take merged without 1 3", Answer("take", side="merged", without=(1, 3))),
    ],
)
def test_first_letters_and_rest_of_the_line(line, answer):
    assert parse_answer(line, QUESTION) == answer


@pytest.mark.parametrize("line", ["", "a", "yes", "skip it", "approved"])
def test_what_is_not_clear_is_refused(line):
    with pytest.raises(UsageError):
        parse_answer(line, QUESTION)


def test_decisions_name_the_question_and_who_answered(project):
    kinds = {"approve": Approve, "retry": Retry, "skip": Skip, "depend": Depend}
    for verb, kind in kinds.items():
        decision = decision_for(Answer(verb), QUESTION, project)
        assert isinstance(decision, kind)
        assert (decision.question_id, decision.by) == ("q1", "cli")
        assert decision.id != decision_for(Answer(verb), QUESTION, project).id


def test_edit_carries_the_digest_of_what_was_edited(project):
    content = (project.root / "specs" / "greeting.smd").read_bytes()
    decision = decision_for(Answer("edit", content="new"), QUESTION, project)
    assert isinstance(decision, Edit)
    assert (decision.path, decision.base_digest) == ("specs/greeting.smd", digest_bytes(content))
    asked = QUESTION.model_copy(update={"digests": ("abc",)})
    assert decision_for(Answer("edit", content="new"), asked, project).base_digest == "abc"


def test_hunks_are_refused_by_number(project):
    proposals = (proposal_of("a", b"1\n2\n3\n", b"x\n2\ny\n"), proposal_of("b", None, b"new\n"))
    asked = QUESTION.model_copy(update={"proposals": proposals, "sides": ("mine", "merged", "theirs")})
    decision = decision_for(Answer("approve", feedback="no", without=(2, 3, 3)), asked, project)
    assert [(mark.path, mark.words) for mark in decision.marks] == [("a", ""), ("b", "")]
    assert fits(decision, asked)
    taken = decision_for(Answer("take", side="merged", without=(1,), feedback="no"), asked, project)
    assert [mark.words for mark in taken.marks] == ["no"]
    for wrong in (
        Answer("approve", without=(4,)),
        Answer("skip", without=(1,)),
        Answer("take", side="mine", without=(1,)),
    ):
        with pytest.raises(UsageError):
            decision_for(wrong, asked, project)
    with pytest.raises(UsageError, match="'x' is no number"):
        parse_numbers("1,x")
    for wrong_numbers in ("", ",", "3-2", "1,7-5", "-2", "2-", "1-9999999", "#2"):
        with pytest.raises(UsageError):
            parse_numbers(wrong_numbers)


REVIEWED = QUESTION.model_copy(
    update={
        "sides": ("mine", "merged", "theirs"),
        "proposals": (proposal_of("a", b"1\nx\n2\nx\n3\n", b"I\nx\nII\nx\nIII\n"),),
    }
)


@pytest.mark.parametrize(
    "line",
    [
        *("approve without 3-2", "approve without ,", "approve without", "approve without 2,3."),
        *("approve without #2", "approve without hunk 2", "approve without 2; 3", "approve without 2 and 3"),
        *("approve Without: 2", "approve without the second", "approve without 2 it is slow"),
        *("approve all without 2", "approve all but 2", "approve not hunks 1, 2", "approve 1 and 3"),
        *("approve w/o 2", "approve witout 2", "approve -2", "retry without hunk 2", "retry without 2 and 3"),
        *("merged but not 2", "take merged without ,", "take merged not 2", "merged without 3-2"),
        *("approve without 4", "take mine without 2"),
    ],
)
def test_a_refusal_that_is_not_understood_never_lets_everything_through(project, line: str):
    with pytest.raises(UsageError):
        decision_for(parse_answer(line, REVIEWED), REVIEWED, project)


@pytest.mark.parametrize(
    ("line", "refused", "words"),
    [
        ("approve WITHOUT 2-3: use 3 heaps, not 2", 2, "use 3 heaps, not 2"),
        ("approve without 1,3 :", 2, ""),
        ("merged without 1-3: it is slow", 3, ""),
        ("approve use a heap, in 2 passes", 0, "use a heap, in 2 passes"),
        ("retry without 3rd-party code", 0, "without 3rd-party code"),
    ],
)
def test_refusals_and_words_are_told_apart(project, line: str, refused: int, words: str):
    decision = decision_for(parse_answer(line, REVIEWED), REVIEWED, project)
    assert isinstance(decision, Approve | Retry | Take)
    assert len(decision.marks) == refused
    assert getattr(decision, "feedback", "") == words


def test_every_list_of_refused_hunks_counts():
    parser = argparse.ArgumentParser()
    COMMANDS["answer"].add_arguments(parser)
    assert parser.parse_args(["approve", "--without", "2", "--without", "5-6"]).without == ["2", "5-6"]
    assert parser.parse_args(["approve"]).without is None


def test_take_needs_a_side_and_edit_a_content(project):
    decision = decision_for(Answer("take", side="mine"), QUESTION, project)
    assert isinstance(decision, Take)
    assert decision.side == "mine"
    with pytest.raises(UsageError, match="needs a side") as caught:
        decision_for(Answer("take"), QUESTION, project)
    assert "mine: " in caught.value.hint
    with pytest.raises(UsageError, match="does not offer merged"):
        decision_for(Answer("take", side="merged"), QUESTION, project)
    with pytest.raises(UsageError, match="new content"):
        decision_for(Answer("edit"), QUESTION, project)
    with pytest.raises(UsageError, match="which file"):
        decision_for(Answer("edit", path="else", content=""), QUESTION, project)


def test_a_verb_that_is_not_offered_is_refused(project):
    asked = QUESTION.model_copy(update={"verbs": ("approve", "abort")})
    with pytest.raises(UsageError, match="does not offer retry"):
        decision_for(Answer("retry"), asked, project)


def test_a_copy_is_called_by_the_name_of_the_output(project):
    name = ".ossature/tasks/a-1234/run-1-fix/staged/a.py"
    asked = QUESTION.model_copy(
        update={"files": (name, "b"), "digests": ("abc", "def"), "titles": ("a.py", "b")}
    )
    for path in ("a.py", name):
        decision = decision_for(Answer("edit", path=path, content="new"), asked, project)
        assert isinstance(decision, Edit)
        assert (decision.path, decision.base_digest) == (name, "abc")
    with pytest.raises(UsageError) as error:
        decision_for(Answer("edit", content="new"), asked, project)
    assert "one of: a.py, b" in error.value.hint
