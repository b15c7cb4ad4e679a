import pytest

from ossature.build.fixing import FixLoop


def a_loop(*, limit=3, can_escalate=False):
    return FixLoop(limit=limit, can_escalate=can_escalate)


def test_different_failures_are_fixed_up_to_the_limit():
    loop = a_loop(limit=2)
    for number in range(2):
        assert loop.after_red(f"failure {number}", {"a": str(number)}).act == "fix"
        loop.started("fix")
    assert loop.after_red("failure 2", {"a": "2"}) == ("stop", "2 fixes did not help", "")


@pytest.mark.parametrize("can_escalate", [False, True])
def test_the_same_failure_twice_in_a_row_ends_the_fixes_or_asks_a_stronger_model(can_escalate):
    loop = a_loop(can_escalate=can_escalate)
    loop.after_red("same", {"a": "1"})
    loop.started("fix")
    step = loop.after_red("same", {"a": "2"})
    assert (step.act, step.what) == ("escalate" if can_escalate else "stop", "failure")


def test_the_stronger_model_is_asked_once():
    loop = a_loop(can_escalate=True)
    loop.after_red("same", {"a": "1"})
    loop.started("fix")
    assert loop.after_red("same", {"a": "2"}).act == "escalate"
    loop.started("escalate")
    assert loop.after_red("another", {"a": "3"}).act == "stop"


def test_a_failure_that_comes_back_after_another_is_no_repetition():
    loop = a_loop()
    for number, fingerprint in enumerate(("one", "two", "one")):
        assert loop.after_red(fingerprint, {"a": str(number)}).act == "fix"


def test_a_reply_that_makes_a_stage_known_to_be_red_is_not_verified_again():
    loop = a_loop()
    loop.after_red("one", {"a": "1"})
    assert loop.after_reply({"a": "2"}) is None
    loop.after_red("two", {"a": "2"})
    step = loop.after_reply({"a": "1"})
    assert step is not None
    assert (step.act, step.what) == ("stop", "reply")


def test_after_an_edit_nothing_counts_as_repeated():
    loop = a_loop()
    loop.after_red("same", {"a": "1"})
    loop.restart()
    assert loop.after_reply({"a": "1"}) is None
    assert loop.after_red("same", {"a": "1"}).act == "fix"
