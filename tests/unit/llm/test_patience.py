import asyncio

import pytest

from ossature.domain.decision import Abort, Retry
from ossature.llm import retry
from ossature.llm.client import ModelError, Reply
from ossature.llm.patience import Patience, ProvidersDown
from tests.support.calls import FakeChannel, a_request


class Person(FakeChannel):
    def __init__(self, *verbs):
        super().__init__()
        self.verbs = list(verbs)
        self.questions = []

    async def ask(self, question):
        self.questions.append(question)
        await asyncio.sleep(0)
        kind = {"retry": Retry, "abort": Abort}[self.verbs.pop(0)]
        return kind(question_id=question.id, by="test")


class FakeModel:
    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    async def complete(self, request, on_text):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return Reply("yes", source="live")


def down(**more):
    return ModelError("overloaded", kind="overloaded", **more)


def test_five_failures_in_a_row_ask_whoever_is_there():
    person = Person("retry")
    patience = Patience(person)
    for _ in range(4):
        patience.note_failure(down())
    assert asyncio.run(patience.go_on(down())) is False
    patience.note_failure(down())
    assert asyncio.run(patience.go_on(down())) is True
    (question,) = person.questions
    assert question.subject.startswith("5 model calls in a row failed")
    assert asyncio.run(patience.go_on()) is False


def test_without_a_person_the_run_ends_with_the_reason():
    patience = Patience(Person("abort"))
    for _ in range(5):
        patience.note_failure(down())
    with pytest.raises(ProvidersDown, match="the last one: overloaded"):
        asyncio.run(patience.go_on(down()))


def test_a_reply_in_between_begins_the_count_anew():
    patience = Patience(Person())
    for _ in range(4):
        patience.note_failure(down())
    patience.note_reply()
    patience.note_failure(down())
    assert asyncio.run(patience.go_on(down())) is False


def test_what_is_wrong_with_a_request_is_no_failure_of_the_provider():
    patience = Patience(Person())
    for _ in range(9):
        patience.note_failure(ModelError("too long", kind="context_too_long"))
    assert asyncio.run(patience.go_on()) is False


def test_many_that_fail_at_once_ask_one_question():
    person = Person("retry")
    patience = Patience(person)

    async def main():
        for _ in range(5):
            patience.note_failure(down())
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(patience.go_on(down())) for _ in range(8)]
        return [one.result() for one in waiting]

    assert asyncio.run(main()) == [True] * 8
    assert len(person.questions) == 1


def test_a_run_waits_so_long_in_all_and_no_longer():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    patience = Patience(Person(), max_wait_s=250.0)
    model = FakeModel(*[down(retry_after_s=100.0) for _ in range(9)])

    async def main():
        await retry.complete(
            model, a_request(), str, on_wait=lambda error, wait: None, patience=patience, sleep=sleep
        )

    with pytest.raises(ModelError) as caught:
        asyncio.run(main())
    assert slept == [100.0, 100.0]
    assert model.calls == 3
    assert patience.waited_s == 200.0
    assert not patience.may_wait(51.0)
    assert caught.value.is_retryable


def test_when_the_waiting_is_used_up_the_error_says_so():
    patience = Patience(Person(), max_wait_s=0.5)
    model = FakeModel(down())

    async def main():
        await retry.complete(model, a_request(), str, on_wait=lambda error, wait: None, patience=patience)

    with pytest.raises(ModelError, match="a run waits 20 min") as caught:
        asyncio.run(main())
    assert not caught.value.is_retryable
