"""How many tokens a build would take and what they cost at list price: our own guess, never a promise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ossature.build.evidence import texts_of
from ossature.build.material import material_of
from ossature.build.prompting import implement_prompt, previous_files, previous_text
from ossature.domain.plan import Task
from ossature.engine.forecast import Forecast, Foreseen
from ossature.llm.exec_client import PREFIX
from ossature.llm.prices import Price, price
from ossature.llm.prompt import estimate_tokens
from ossature.store.blobs import Blobs

if TYPE_CHECKING:
    from ossature.engine.preview import ProjectView

_TOKENS_OF_A_FILE = 800
"""Of an output, where the project has landed nothing to go by."""
_TOKENS_OF_A_FAILURE = 500
"""Command and output that a fixer is shown."""
_SAMPLE = 200
"""Landed files that are looked at to guess the size of a new one."""


class Usage(NamedTuple):
    """Tokens of one call, or of several."""

    input_tokens: int = 0
    output_tokens: int = 0

    def plus(self, other: Usage) -> Usage:
        return Usage(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)


NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Guess:
    """What one task may take: `low` if its verify is green at once, `high` if one fix is needed."""

    model: str
    """Who is asked; empty where nobody is."""
    low: Usage = NOTHING
    high: Usage = NOTHING
    low_usd: float | None = 0.0
    """None where the model's price is not known."""
    high_usd: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """By task and in total: `low` is what runs for certain, no fix; `high` all that may run, a fix each."""

    tasks: Mapping[str, Guess]
    low: Usage
    high: Usage
    low_usd: float
    """Of the calls whose price is known."""
    high_usd: float
    unpriced: tuple[str, ...]
    """Models whose price is not known."""


def estimate(view: ProjectView, forecast: Forecast, *, model: str = "") -> Estimate:
    """Guess for every task of *forecast*; *model* stands for all roles, as a flag may say."""
    guesser = _Guesser(view, model)
    certain = {name: guesser.guess(foreseen) for name, foreseen in forecast.will_run.items()}
    possible = {name: guesser.guess(foreseen) for name, foreseen in forecast.may_run.items()}
    every = {**certain, **possible}
    return Estimate(
        tasks=every,
        low=_sum(guess.low for guess in certain.values()),
        high=_sum(guess.high for guess in every.values()),
        low_usd=sum(guess.low_usd or 0.0 for guess in certain.values()),
        high_usd=sum(guess.high_usd or 0.0 for guess in every.values()),
        unpriced=tuple(dict.fromkeys(guess.model for guess in every.values() if guess.high_usd is None)),
    )


class _Guesser:
    def __init__(self, view: ProjectView, model: str) -> None:
        assert view.loaded is not None
        self._view = view
        self._sources = view.loaded.sources
        self._blobs = Blobs(view.project.blobs_dir)
        self._model = model
        self._prices: dict[str, Price | None] = {}

    def guess(self, foreseen: Foreseen) -> Guess:
        if foreseen.mode in ("copy", "restore"):
            return Guess("")
        task = self._sources.tasks[foreseen.task]
        model = task.model or self._model or self._view.project.settings.model_for("implement")
        reply = self._reply_tokens(task)
        first = Usage(self._prompt_tokens(task), reply)
        fix = Usage(first.input_tokens + reply + _TOKENS_OF_A_FAILURE, reply)
        low = NOTHING if foreseen.mode == "verify" else first
        known = self._price(model)
        return Guess(model, low, low.plus(fix), _cost(low, known), _cost(low.plus(fix), known))

    def _prompt_tokens(self, task: Task) -> int:
        material = material_of(task, self._sources)
        landing = self._sources.landings.get(task.id)
        previous = ""
        if landing is not None and self._view.page.shows_previous:
            old_texts = texts_of(landing, self._blobs)
            previous = previous_text(previous_files(landing, task, self._blobs), old_texts, material)
        prompt = implement_prompt(task, material, self._view.page, previous=previous)
        return estimate_tokens(prompt.system) + estimate_tokens(prompt.prompt)

    def _reply_tokens(self, task: Task) -> int:
        """As many as its files had the last time, else as landed files have on average."""
        landing = self._sources.landings.get(task.id)
        files = landing.files if landing else {}
        sizes = [
            size
            for path in task.outputs
            if path in files and (size := self._blobs.size(files[path])) is not None
        ]
        tokens = sum(-(-size // 4) for size in sizes) + (len(task.outputs) - len(sizes)) * self._usual
        return min(tokens, self._view.project.settings.max_output_tokens)

    @cached_property
    def _usual(self) -> int:
        """Tokens of a landed file, on average."""
        digests = [digest for landing in self._sources.landings.values() for digest in landing.files.values()]
        sizes = [size for digest in digests[:_SAMPLE] if (size := self._blobs.size(digest)) is not None]
        return -(-sum(sizes) // (4 * len(sizes))) if sizes else _TOKENS_OF_A_FILE

    def _price(self, model: str) -> Price | None:
        if model not in self._prices:
            self._prices[model] = None if model.startswith(PREFIX) else price(model)
        return self._prices[model]


def _sum(usages: Iterable[Usage]) -> Usage:
    total = NOTHING
    for usage in usages:
        total = total.plus(usage)
    return total


def _cost(usage: Usage, known: Price | None) -> float | None:
    if usage == NOTHING:
        return 0.0
    return known.cost(usage.input_tokens, usage.output_tokens) if known else None
