"""Prints what a build would run, why, and what it may cost, without a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ossature.cli.changes import changes_as_json, print_change
from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import count
from ossature.engine.estimate import NOTHING, Estimate, Guess, Usage, estimate
from ossature.engine.forecast import Forecast, Foreseen
from ossature.engine.preview import ProjectView
from ossature.llm.exec_client import PREFIX

_DIFF_LINES = 8
_MODES = {"generate": "", "verify": "verify only: ", "restore": "", "copy": "copy: "}


def print_forecast(view: ProjectView, forecast: Forecast, terminal: Terminal, *, model: str = "") -> None:
    """A line for each task, the leaves that changed below it, and the estimate."""
    guesses = estimate(view, forecast, model=model)
    told: set[tuple[str, str, str]] = set()
    for foreseen in forecast.will_run.values():
        _print_task("will run", "good", foreseen, view, guesses, terminal)
        _print_changes(foreseen, view, terminal, told)
    for foreseen in forecast.may_run.values():
        _print_task("may run ", "warn", foreseen, view, guesses, terminal)
    if not view.is_verified:
        terminal.line("the project's own verify runs at the end")
    if forecast.will_run or forecast.may_run:
        _print_estimate(guesses, terminal)


def forecast_as_json(view: ProjectView, forecast: Forecast, *, model: str = "") -> dict[str, Any]:
    """One document: both sets by task, and the estimate in total."""
    guesses = estimate(view, forecast, model=model)
    return {
        "will_run": _tasks_as_json(forecast.will_run, view, guesses.tasks),
        "may_run": _tasks_as_json(forecast.may_run, view, guesses.tasks),
        "runs_final_verify": not view.is_verified,
        "estimate": {
            "is_our_own": True,
            "input_tokens": [guesses.low.input_tokens, guesses.high.input_tokens],
            "output_tokens": [guesses.low.output_tokens, guesses.high.output_tokens],
            "cost_usd": [round(guesses.low_usd, 6), round(guesses.high_usd, 6)],
            "unknown_prices": list(guesses.unpriced),
        },
    }


def _print_task(
    word: str, tone: str, foreseen: Foreseen, view: ProjectView, guesses: Estimate, terminal: Terminal
) -> None:
    title = view.by_id[foreseen.task].task.title
    guess = guesses.tasks[foreseen.task]
    reason = f"  {_MODES[foreseen.mode]}{foreseen.reason}"
    size = f"  ~{_tokens(guess.low)}" if guess.low != NOTHING else ""
    terminal.spans([(tone, f"{word}  {foreseen.task}  "), ("plain", title), ("quiet", reason + size)])


def _print_changes(
    foreseen: Foreseen, view: ProjectView, terminal: Terminal, told: set[tuple[str, str, str]]
) -> None:
    for change in view.by_id[foreseen.task].changes:
        key = (change.leaf, change.old, change.new)
        # A section that twenty tasks show differs in the same way for all of them.
        print_change(change, terminal, limit=0 if key in told else _DIFF_LINES, indent="    ")
        told.add(key)


def _print_estimate(guesses: Estimate, terminal: Terminal) -> None:
    low, high = guesses.low, guesses.high
    tokens = (
        f"{low.input_tokens:,}-{high.input_tokens:,} in, {low.output_tokens:,}-{high.output_tokens:,} out"
    )
    cost = f"${guesses.low_usd:.2f}-${guesses.high_usd:.2f} at list price"
    if guesses.unpriced:
        names = ("your program" if model.startswith(PREFIX) else model for model in guesses.unpriced)
        unknown = ", ".join(dict.fromkeys(names))
        is_nothing_known = not guesses.high_usd
        cost = f"price of {unknown} unknown" if is_nothing_known else f"{cost}, and what {unknown} costs"
    terminal.line(f"our own estimate: {tokens} tokens; {cost}", tone="quiet")
    terminal.line(
        "  from what is certain and green at once, to all that may run with a fix each", tone="quiet"
    )


def _tokens(usage: Usage) -> str:
    return count(usage.input_tokens + usage.output_tokens, "token")


def _tasks_as_json(
    tasks: Mapping[str, Foreseen], view: ProjectView, guesses: Mapping[str, Guess]
) -> dict[str, Any]:
    return {
        name: {
            "title": view.by_id[name].task.title,
            "mode": foreseen.mode,
            "reason": foreseen.reason,
            "if_changed": list(foreseen.causes),
            "changes": changes_as_json(view.by_id[name].changes),
            "estimate": _guess_as_json(guesses[name]),
        }
        for name, foreseen in tasks.items()
    }


def _guess_as_json(guess: Guess) -> dict[str, Any]:
    is_known = guess.low_usd is not None and guess.high_usd is not None
    return {
        "model": guess.model,
        "input_tokens": [guess.low.input_tokens, guess.high.input_tokens],
        "output_tokens": [guess.low.output_tokens, guess.high.output_tokens],
        "cost_usd": [round(guess.low_usd or 0.0, 6), round(guess.high_usd or 0.0, 6)] if is_known else None,
    }
