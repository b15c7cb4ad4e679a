"""Budgets: what is spent never passes a limit by more than one call."""

import asyncio
import random

import pytest

from ossature.domain.decision import Abort, Approve
from ossature.errors import Exit
from ossature.llm.budget import Budget, Budgeted, BudgetError, Spending
from ossature.llm.client import ModelError, Reply, Usage
from ossature.llm.prices import Price
from ossature.settings import Limits
from tests.support.calls import FakeChannel, a_request

PRICES = {"cheap": Price(1e-6, 4e-6), "dear": Price(15e-6, 75e-6, worst_input_per_token=19e-6)}


class Person(FakeChannel):
    """Answers questions about the budget with the given verbs, then ends the run."""

    def __init__(self, *verbs):
        super().__init__()
        self.verbs = list(verbs)
        self.questions = []

    async def ask(self, question):
        self.questions.append(question)
        verb = self.verbs.pop(0) if self.verbs else "abort"
        kind = {"approve": Approve, "abort": Abort}[verb]
        return kind(question_id=question.id, by="test")


class Provider:
    """Bills what each call really came to, also for calls that fail on the way."""

    def __init__(self, rng, *, fails=0.0):
        self.rng = rng
        self.fails = fails
        self.billed = Spending()
        self.largest = Spending()
        self.calls = 0

    async def complete(self, request, on_text):
        self.calls += 1
        await asyncio.sleep(0)
        price = PRICES[request.model]
        given = len(request.prompt) // 4
        taken = self.rng.randint(1, request.max_output_tokens)
        cost = price.cost(given, taken)
        self.billed = self.billed.plus(Spending(cost, given + taken))
        self.largest = Spending(max(self.largest.usd, cost), max(self.largest.tokens, given + taken))
        if self.rng.random() < self.fails:
            raise ModelError("late", kind="timeout")
        return Reply("x", source="live", usage=Usage(given, taken), cost_usd=cost)


def a_budget(limits, channel=None, **more):
    return Budget(limits, channel or Person(), price=PRICES.get, today=lambda: "2026-11-26", **more)


def call(budget, provider, **changes):
    return asyncio.run(Budgeted(provider, budget).complete(a_request(**{"model": "cheap", **changes}), str))


def test_two_hundred_random_plans_stay_within_the_budget_and_one_call():
    refused = 0
    for seed in range(200):
        rng = random.Random(seed)
        unit = rng.choice(("usd", "tokens"))
        limit = rng.uniform(0.001, 1.0) if unit == "usd" else rng.randint(500, 60_000)
        budget = a_budget(Limits(**{f"run_{unit}": limit}))
        provider = Provider(rng, fails=rng.choice((0.0, 0.2)))
        client = Budgeted(provider, budget)

        async def task(number, rng=rng, client=client):
            for attempt in range(rng.randint(1, 4)):
                request = a_request(
                    model=rng.choice(("cheap", "dear")),
                    task=f"{number:03d}",
                    lineage=f"task-{number}",
                    attempt=attempt + 1,
                    prompt="x" * rng.randint(10, 40_000),
                    max_output_tokens=rng.randint(50, 4_000),
                )
                try:
                    await client.complete(request, str)
                except BudgetError:
                    return 1
                except ModelError:
                    continue
            return 0

        async def plan(rng=rng, task=task):
            width = rng.choice((1, 8))
            ended = 0
            for first in range(0, 16, width):
                async with asyncio.TaskGroup() as group:
                    running = [group.create_task(task(first + offset)) for offset in range(width)]
                ended += sum(one.result() for one in running)
            return ended

        refused += asyncio.run(plan())
        spent = getattr(provider.billed, unit)
        assert spent <= limit + getattr(provider.largest, unit), f"seed {seed}"
        assert getattr(budget.spent, unit) >= spent - 1e-9, f"seed {seed}: more was billed than counted"
    assert refused > 500, "hardly any plan came to its limit"


def test_nothing_is_sent_once_the_worst_case_is_more_than_what_is_left():
    provider = Provider(random.Random(1))
    budget = a_budget(Limits(run_usd=0.001))
    with pytest.raises(BudgetError) as caught:
        call(budget, provider, model="dear", max_output_tokens=1000)
    assert provider.calls == 0
    assert caught.value.exit_code == Exit.BUDGET
    assert "run_usd" in caught.value.hint


def test_what_was_set_aside_and_not_spent_is_free_again():
    provider = Provider(random.Random(1))
    budget = a_budget(Limits(run_tokens=1200))
    for _ in range(3):
        call(budget, provider, max_output_tokens=100)
    assert provider.calls == 3
    assert budget.spent == provider.billed


@pytest.mark.parametrize(
    ("kind", "is_billed"), [("timeout", True), ("connection", True), ("rate_limit", False)]
)
def test_a_failed_call_counts_where_it_may_be_on_the_bill(kind, is_billed):
    class Failing:
        async def complete(self, request, on_text):
            raise ModelError("no", kind=kind)

    channel = Person()
    budget = a_budget(Limits(run_usd=1.0), channel)
    with pytest.raises(ModelError):
        call(budget, Failing())
    assert (budget.spent.usd > 0) == is_billed
    assert channel.kinds() == (["call_charged"] if is_billed else [])


def test_a_person_may_allow_as_much_again():
    provider = Provider(random.Random(1))
    channel = Person("approve")
    budget = a_budget(Limits(run_usd=0.002), channel)
    call(budget, provider, model="dear", max_output_tokens=20)
    call(budget, provider, model="dear", max_output_tokens=20)
    (question,) = channel.questions
    assert question.gate == "budget"
    assert question.verbs == ("approve", "abort")
    assert "$0.00" in question.subject and "this run" in question.subject


def test_a_model_without_a_price_is_refused_only_within_a_budget_of_money():
    provider = Provider(random.Random(1))
    PRICES_OF = {"model": "unheard-of"}
    with pytest.raises(BudgetError, match="nobody knows what unheard-of costs"):
        call(a_budget(Limits(run_usd=1.0)), provider, **PRICES_OF)

    class Free:
        async def complete(self, request, on_text):
            return Reply("x", source="exec")

    call(a_budget(Limits(run_tokens=100_000)), Free(), **PRICES_OF)
    call(a_budget(Limits(run_usd=1.0), allows_unpriced=True), Free(), **PRICES_OF)


def test_a_task_has_a_limit_of_its_own():
    provider = Provider(random.Random(1))
    budget = a_budget(Limits(task_tokens=1500))
    call(budget, provider, max_output_tokens=1000)
    with pytest.raises(BudgetError, match="for this task"):
        call(budget, provider, max_output_tokens=1450)
    call(budget, provider, max_output_tokens=1000, task="002", lineage="other-1a2b")


def test_a_day_begins_with_what_earlier_runs_spent():
    provider = Provider(random.Random(1))
    budget = a_budget(Limits(day_usd=1.0), spent_today=Spending(0.9999, 10))
    with pytest.raises(BudgetError, match="for today"):
        call(budget, provider, model="dear")


def test_four_fifths_of_a_limit_are_said_once():
    channel = Person()
    provider = Provider(random.Random(1))
    budget = a_budget(Limits(run_tokens=900), channel)
    for _ in range(2):
        held = asyncio.run(budget.reserve(a_request(model="cheap", prompt="x", max_output_tokens=10)))
        budget.settle(held, Reply("x", source="live", usage=Usage(400, 0), cost_usd=0.0))
    assert [event.text for event in channel.events] == ["802 tokens of the 900 tokens for this run are spent"]
    assert provider.calls == 0
