"""The estimate of `build -n`: ours, a range, and honest about what it does not know."""

from __future__ import annotations

from ossature.engine.estimate import NOTHING, estimate
from ossature.engine.forecast import foretell
from tests.runs.invalidation import planned
from tests.runs.kit import Kit, block


def test_first_build_is_a_range_from_no_fix_to_one_each(kit: Kit):
    kit.config(model="openai:gpt-4o")
    view = kit.look()
    guessed = estimate(view, view.forecast)
    assert list(guessed.tasks) == ["001", "002", "003", "004", "005"]
    assert guessed.low.input_tokens == sum(guess.low.input_tokens for guess in guessed.tasks.values())
    assert guessed.low.output_tokens == 5 * 800
    assert guessed.high.output_tokens == 2 * guessed.low.output_tokens
    assert guessed.high.input_tokens > 2 * guessed.low.input_tokens
    assert 0 < guessed.low_usd < guessed.high_usd
    assert guessed.unpriced == ()


def test_prompt_is_about_as_long_as_the_one_that_is_sent(kit: Kit):
    view = kit.look()
    guess = estimate(view, view.forecast).tasks["001"]
    kit.own(tasks=("001",))
    sent = len(kit.model.calls[0].prompt) / 4
    assert abs(guess.low.input_tokens - sent) < 0.05 * sent + 5


def test_what_may_run_counts_in_the_upper_end_alone(kit: Kit):
    kit.model.says("002", block("scale.txt", "x" * 4000))
    kit.own()
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all.")
    view = kit.look()
    guessed = estimate(view, view.forecast)
    assert guessed.low == guessed.tasks["001"].low
    assert guessed.tasks["002"].low.output_tokens == 1001
    assert guessed.high.output_tokens >= guessed.tasks["001"].high.output_tokens + 2 * 1001
    assert guessed.tasks["003"].low == NOTHING, "a verify costs nothing unless it is red"
    assert guessed.tasks["003"].high != NOTHING


def test_model_without_a_price_is_named_and_the_rest_is_summed(kit: Kit):
    kit.config(model="openai:gpt-4o")
    planned(t002={"model": "exec:cat"}, t003={"model": "some:thing"})(kit)
    view = kit.look()
    guessed = estimate(view, view.forecast)
    assert guessed.unpriced == ("exec:cat", "some:thing")
    assert guessed.tasks["002"].low_usd is None
    assert guessed.low_usd > 0
    everywhere = estimate(view, view.forecast, model="some:thing")
    assert everywhere.tasks["001"].model == "some:thing"
    assert everywhere.tasks["002"].model == "exec:cat"


def test_restored_files_cost_nothing(kit: Kit):
    kit.own()
    (kit.output / "scale.txt").unlink()
    view = kit.look()
    guessed = estimate(view, foretell(view))
    assert (guessed.low, guessed.high, guessed.high_usd, guessed.unpriced) == (NOTHING, NOTHING, 0.0, ())
