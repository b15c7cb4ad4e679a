"""Guessing what was meant."""

import pytest

from ossature.spec.closest import Hints, closest


@pytest.mark.parametrize(
    ("word", "name"),
    [("golas", "Goals"), ("GOAL", "Goals"), ("goals", "Goals"), ("zebra", ""), ("", ""), ("goals" * 100, "")],
)
def test_closest_ignores_case_and_gives_up_on_what_is_far(word, name):
    assert closest(word, ["Notes", "Goals"]) == name


def test_hints_stop_at_their_limit():
    hints = Hints(["Goals"], limit=2)
    assert [hints.did_you_mean("Gols") for _ in range(3)] == ["did you mean Goals?"] * 2 + [""]
