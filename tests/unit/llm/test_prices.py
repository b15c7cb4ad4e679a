import subprocess
import sys

import pytest

from ossature.llm.prices import Price, price, price_of


@pytest.mark.parametrize("model", ["openai:gpt-4.1", "openai/gpt-4.1", "gpt-4.1"])
def test_a_model_is_found_however_it_is_written(model):
    found = price(model)
    assert found is not None
    assert 0 < found.input_per_token < found.output_per_token < 0.001


def test_a_local_model_is_free_and_an_unknown_one_has_no_price():
    assert price("ollama:no-such-model") == Price(0.0, 0.0)
    assert price("openai:no-such-model") is None
    assert price("exec:my-tool --fast") is None


def test_the_worst_case_counts_cache_writes_and_long_prompts():
    found = price_of(
        {
            "input_cost_per_token": 1.0,
            "output_cost_per_token": 5.0,
            "cache_creation_input_token_cost": 1.25,
            "input_cost_per_token_above_200k_tokens": 2.0,
            "input_cost_per_token_above_200k_tokens_priority": 9.0,
            "output_cost_per_token_above_200k_tokens": 7.0,
        }
    )
    assert found is not None
    assert found.cost(10, 1) == 15.0
    assert found.worst_cost(10, 1) == 27.0


@pytest.mark.parametrize(
    "row", [{}, {"input_cost_per_token": 1.0}, {"input_cost_per_token": "1", "output_cost_per_token": True}]
)
def test_a_row_without_both_prices_is_none(row):
    assert price_of(row) is None


def test_no_price_is_worth_importing_litellm():
    code = "import sys; from ossature.llm.prices import price; price('gpt-4.1'); "
    code += "sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
