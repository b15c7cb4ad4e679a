"""Limits on what a whole run may spend, and providers that are down."""

import pytest

from ossature.domain.decision import Approve, Retry
from ossature.domain.event import CallCharged, Noticed, QuestionAsked, TaskFailed
from ossature.errors import Exit
from ossature.llm import retry
from ossature.llm.client import ModelError
from ossature.llm.prices import Price
from tests.runs.kit import Kit, task


@pytest.fixture(autouse=True)
def price_list(monkeypatch):
    """The model of these tests costs a dollar per thousand tokens, in and out."""
    known = {"fake": Price(0.001, 0.001)}
    monkeypatch.setattr("ossature.engine.spending.price", known.get)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(retry, "MIN_WAIT_S", 0.0)
    monkeypatch.setattr(retry, "MAX_WAIT_S", 0.0)


def limited(kit: Kit, limits: str, *, output_tokens: int = 100) -> None:
    kit.config(f"[build]\nmax_output_tokens = {output_tokens}\n[budget]\n{limits}\n")


class TestBudget:
    def test_without_a_person_the_run_stops_before_the_call_with_exit_4(self, kit: Kit):
        limited(kit, "run_usd = 0.01")
        run = kit.own()
        assert run.code == Exit.BUDGET
        assert run.asked == []
        assert "$0.01 for this run" in run.of(TaskFailed)[0].reason
        assert "$0.01 for this run" in run.end.reason
        assert not list(kit.output.glob("*"))

    def test_what_landed_before_stays_and_a_larger_budget_goes_on(self, kit: Kit):
        limited(kit, "run_tokens = 1500")
        first = kit.own()
        assert first.code == Exit.BUDGET
        assert 1 <= len(first.landed) < 5
        limited(kit, "run_tokens = 100000")
        second = kit.own()
        assert second.code == 0
        assert sorted(first.asked + second.asked) == [f"implement 00{number}" for number in range(1, 6)]

    def test_keep_going_does_not_spend_more(self, kit: Kit):
        limited(kit, "run_usd = 0.01")
        assert kit.own(keeps_going=True).code == Exit.BUDGET
        assert kit.model.calls == []

    def test_tasks_side_by_side_share_one_budget(self, kit: Kit):
        kit.plan([task(f"{number:03d}", f"{number}.txt") for number in range(1, 9)])
        limited(kit, "run_tokens = 2500")
        run = kit.own(jobs=8)
        assert run.code == Exit.BUDGET
        spent = sum((len(call.prompt) + 40) // 4 for call in kit.model.calls)
        assert 0 < spent <= 2500
        assert len(run.landed) == len(run.asked), "what was paid for landed"

    def test_a_person_is_asked_and_may_allow_more(self, kit: Kit):
        kit.plan([task("001", "shelf.txt")])
        limited(kit, "run_usd = 0.01")

        def allow(attachment, question):
            assert question.gate == "budget"
            attachment.decide(Approve(question_id=question.id, by="cli"))

        run = kit.answering(allow)
        assert run.code == 0
        assert run.asked == ["implement 001"]

    def test_the_day_counts_what_earlier_runs_spent(self, kit: Kit):
        limited(kit, "day_tokens = 100000")
        kit.plan([task("001", "shelf.txt")])
        kit.model.says("001", ModelError("late", kind="timeout", is_retryable=False))
        first = kit.own()
        (charged,) = first.of(CallCharged)
        assert charged.tokens > 100
        limited(kit, f"day_tokens = {charged.tokens + 50}")
        run = kit.own()
        assert run.code == Exit.BUDGET
        assert "for today" in run.end.reason

    def test_an_unknown_price_is_refused_unless_allowed(self, kit: Kit):
        limited(kit, "run_usd = 5.0")
        kit.edit("ossature.toml", 'model = "fake"', 'model = "unheard-of"')
        run = kit.own()
        assert run.code == Exit.BUDGET
        assert "unheard-of" in run.end.reason
        assert kit.own(allows_unpriced=True).code == 0

    def test_an_unknown_price_does_not_matter_without_a_limit_in_money(self, kit: Kit):
        limited(kit, "run_tokens = 1000000")
        kit.edit("ossature.toml", 'model = "fake"', 'model = "unheard-of"')
        assert kit.own().code == 0

    def test_an_audit_is_within_the_budget_too(self, kit: Kit):
        limited(kit, "run_usd = 0.01")
        run = kit.own("audit")
        assert run.code == Exit.BUDGET
        assert kit.model.calls == []

    def test_most_of_it_being_spent_is_said(self, kit: Kit):
        limited(kit, "run_tokens = 2500")
        texts = [event.text for event in kit.own().of(Noticed)]
        assert sum("for this run are spent" in text for text in texts) <= 1


class TestProvidersDown:
    def test_without_a_person_five_failures_in_a_row_stop_the_run_whatever_else_is_ready(self, kit: Kit):
        kit.model.script["001"] = [ModelError("overloaded", kind="overloaded")]
        run = kit.own(keeps_going=True)
        assert run.code == 1
        assert run.asked == ["implement 001"] * 5
        assert "5 model calls in a row failed" in run.end.reason
        assert "overloaded" in run.end.reason

    def test_a_person_is_asked_and_the_same_call_is_made_again(self, kit: Kit):
        kit.plan([task("001", "shelf.txt")])
        errors = [ModelError("overloaded", kind="overloaded") for _ in range(5)]
        kit.model.says("001", *errors, '<file path="shelf.txt">\nx\n</file>')

        def again(attachment, question):
            assert question.verbs == ("retry", "abort")
            attachment.decide(Retry(question_id=question.id, by="cli"))

        run = kit.answering(again)
        assert run.code == 0
        assert run.asked == ["implement 001"] * 6
        assert len(run.of(QuestionAsked)) == 1
