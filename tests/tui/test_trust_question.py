"""The question about trust hides nothing of what it is about."""

from __future__ import annotations

import pytest

from ossature.domain.decision import Question
from ossature.tui.keys.answers import question_lines
from ossature.tui.look.spans import text_of


def shown(details: list[str], *, room: int, width: int = 60) -> str:
    question = Question(
        id="trust-1",
        gate="trust",
        subject="do you trust it?",
        detail="\n".join(details),
        verbs=("approve", "abort"),
    )
    lines = question_lines(question, index=0, count=1, width=width, details=room)
    return "\n".join(text_of(line) for line in lines)


def test_a_line_without_words_is_shown_as_well():
    assert ":(){ :|:& };:" in shown([":(){ :|:& };:", "runs to verify  true"], room=4)


def test_a_long_line_is_wrapped_and_not_cut():
    text = shown([f"runs to verify  true {'x' * 70}; rm -rf important"], room=4)
    assert "important" in text


@pytest.mark.parametrize("room", [0, 1, 4])
def test_what_does_not_fit_is_said_to_be_missing(room: int):
    text = shown([f"runs to verify  number {number}" for number in range(9)], room=room)
    assert "see `ossature trust --show` first (9 things)" in text
    assert "trust and go on" in text and "abort run" in text
