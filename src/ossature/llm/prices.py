"""What a model's tokens cost by the price table of the litellm package, read as a file, not imported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ossature.llm.litellm_client import litellm_name

TABLE_NAME = "model_prices_and_context_window_backup.json"
_FREE = ("ollama/", "ollama_chat/")
"""Run on a machine of one's own: the table has no row for most of them."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per token."""

    input_per_token: float
    output_per_token: float
    worst_input_per_token: float = 0.0
    """The dearest that an input token may come to: written to a cache, or beyond the size where prices rise.
    0 where that is not known to be more than `input_per_token`."""
    worst_output_per_token: float = 0.0
    max_output_tokens: int = 0
    """How long a reply can be; 0 where that is not known."""

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """At list price, nothing cached."""
        return input_tokens * self.input_per_token + output_tokens * self.output_per_token

    def worst_cost(self, input_tokens: int, output_tokens: int) -> float:
        """What these tokens cannot cost more than."""
        return input_tokens * max(self.input_per_token, self.worst_input_per_token) + output_tokens * max(
            self.output_per_token, self.worst_output_per_token
        )


def price(model: str) -> Price | None:
    """The price of *model* as a project's settings name it; None where it is not known."""
    name = litellm_name(model)
    if name.startswith(_FREE):
        return Price(0.0, 0.0)
    rows = _table()
    return price_of(rows.get(name) or rows.get(name.partition("/")[2]) or {})


def price_of(row: Mapping[str, Any]) -> Price | None:
    """The price in one row of the table; None where it lacks one."""
    given, taken = _number(row, "input_cost_per_token"), _number(row, "output_cost_per_token")
    if given is None or taken is None:
        return None
    writing = _number(row, "cache_creation_input_token_cost") or 0.0
    return Price(
        input_per_token=given,
        output_per_token=taken,
        worst_input_per_token=max(given, writing, *_above(row, "input_cost_per_token_above_")),
        worst_output_per_token=max(taken, *_above(row, "output_cost_per_token_above_")),
        max_output_tokens=int(_number(row, "max_output_tokens") or 0),
    )


def _above(row: Mapping[str, Any], prefix: str) -> list[float]:
    """Prices for long prompts; never empty. Those of other ways to be served are no concern of ours."""
    names = [name for name in row if name.startswith(prefix) and name.endswith("_tokens")]
    return [0.0, *(number for name in names if (number := _number(row, name)) is not None)]


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if value >= 0 else None


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    """3 MB of JSON, so read once; empty where the package is not there or its table is not one."""
    found = find_spec("litellm")
    if found is None or not found.origin:
        return {}
    try:
        table = json.loads((Path(found.origin).parent / TABLE_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return (
        {name: row for name, row in table.items() if isinstance(row, dict)} if isinstance(table, dict) else {}
    )
