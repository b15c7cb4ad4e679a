"""Which runs a typed filter means: words, `goal:audit`, `>2026-11-01`, `cost>0.5`; pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from typing import Any

from ossature.engine.accounts import RunAccount

FIELDS = ("goal", "state", "id", "no", "task", "spec", "model", "why")
"""Before a colon: whose text holds what follows it."""
FIGURES = ("cost", "landed", "failed", "time", "tokens", "no")
"""Before `<` or `>`: figures of a run; `time` in seconds, `cost` in dollars."""
_SHORTEST_DATE = 4
"""Characters; a shorter number is that of a run."""
_DATE = re.compile(r"([<>]=?)(\d{4}(?:-\d{2}(?:-\d{2}(?:[tT]\d{2}(?::\d{2})?)?)?)?)")
_FIGURE = re.compile(rf"({'|'.join(FIGURES)})([<>]=?)\$?(\d+(?:\.\d*)?|\.\d+)")

_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}

Test = Callable[[RunAccount], bool]


def matching(found: Iterable[RunAccount], text: str) -> list[RunAccount]:
    """The runs for which every word of *text* is true, in their order."""
    tests = [_test_of(word) for word in text.lower().split()]
    return [run for run in found if all(test(run) for test in tests)]


def _test_of(word: str) -> Test:
    date, figure = _DATE.fullmatch(word), _FIGURE.fullmatch(word)
    if date:
        is_so, day = _SIGNS[date[1]], date[2].upper()
        return lambda run: run.started_at is not None and is_so(_start(run)[: len(day)], day)
    if figure:
        name, is_so, number = figure[1], _SIGNS[figure[2]], float(figure[3])
        return lambda run: is_so(_figures(run)[name], number)
    field, colon, wanted = word.partition(":")
    if colon and field in FIELDS:
        return lambda run: any(wanted in text.lower() for text in _texts(run, field))
    return lambda run: _says(run, word)


def _says(run: RunAccount, word: str) -> bool:
    """A bare word: of the state, the goal, the start, the id, or the number itself."""
    if word.removeprefix("#").isdigit() and len(word) < _SHORTEST_DATE:
        return word.removeprefix("#") == str(run.number)
    return (
        word == str(run.number)
        or word in run.outcome
        or word in run.goal
        or word in run.run.lower()
        or word in _start(run).lower()
    )


def _start(run: RunAccount) -> str:
    """The start in local time, as lists show it: `2026-11-01T10:15`."""
    if run.started_at is None:
        return ""
    at = run.started_at if run.started_at.tzinfo else run.started_at.replace(tzinfo=UTC)
    return at.astimezone().strftime("%Y-%m-%dT%H:%M")


def _figures(run: RunAccount) -> Mapping[str, float]:
    totals = run.totals
    return {
        "cost": totals.cost_usd,
        "landed": totals.landed,
        "failed": totals.failed,
        "time": totals.seconds,
        "tokens": totals.input_tokens + totals.output_tokens,
        "no": run.number,
    }


def _texts(run: RunAccount, field: str) -> list[str]:
    match field:
        case "goal":
            return [run.goal]
        case "state":
            return [run.outcome]
        case "id":
            return [run.run]
        case "no":
            return [str(run.number)]
        case "why":
            return [run.reason]
        case "task":
            return [text for share in run.shares for text in (share.title, share.task)]
        case "spec":
            return [share.spec for share in run.shares]
        case _:
            return [share.model for share in run.shares]
