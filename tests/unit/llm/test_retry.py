import asyncio

import pytest

from ossature.llm import retry
from ossature.llm.client import ModelError, Reply
from tests.support.calls import a_request


class FakeModel:
    """Raises the given errors one by one, then answers."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    async def complete(self, request, on_text):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        on_text("yes")
        return Reply("yes", source="live")


def passing(**more):
    return ModelError("overloaded", kind="overloaded", **more)


def run(model, **more):
    slept, told, pieces = [], [], []

    async def sleep(seconds):
        slept.append(seconds)

    async def main():
        return await retry.complete(
            model,
            a_request(),
            pieces.append,
            on_wait=lambda error, wait_s: told.append((error.kind, wait_s)),
            sleep=sleep,
            **more,
        )

    try:
        return asyncio.run(main()), slept, told
    except ModelError as error:
        return error, slept, told


def test_passing_failure_is_tried_again_and_told():
    reply, slept, told = run(FakeModel(passing(), ModelError("x", kind="connection")))
    assert reply.text == "yes"
    assert [kind for kind, _ in told] == ["overloaded", "connection"]
    assert [wait for _, wait in told] == slept
    assert all(1 <= wait <= 60 for wait in slept)


def test_lasting_failure_is_not_tried_again():
    model = FakeModel(ModelError("no key", kind="auth"))
    error, slept, told = run(model)
    assert error.kind == "auth"
    assert (model.calls, slept, told) == (1, [], [])


def test_tries_are_counted():
    model = FakeModel(*[passing() for _ in range(9)])
    error, slept, told = run(model)
    assert error.kind == "overloaded"
    assert (model.calls, len(slept), len(told)) == (5, 4, 4)


def test_one_attempt_means_no_second_try():
    model = FakeModel(passing())
    assert run(model, attempts=1)[0].kind == "overloaded"
    assert model.calls == 1


@pytest.mark.parametrize("asked", [0.0, 7.0, 120.0])
def test_asked_wait_is_kept_to(asked):
    reply, slept, _ = run(FakeModel(passing(retry_after_s=asked)))
    assert reply.text == "yes"
    assert slept == [asked]


@pytest.mark.parametrize(
    ("asked", "words"), [(121.0, "3 min"), (3600.0, "60 min"), (9999.0, "3 h"), (120.4, "3 min")]
)
def test_too_long_a_wait_ends_the_call_with_when_to_come_back(asked, words):
    model = FakeModel(passing(retry_after_s=asked))
    error, slept, told = run(model)
    assert (model.calls, slept, told) == (1, [], [])
    assert f"try again in {words}" in error.hint
    assert error.kind == "overloaded" and not error.is_retryable


def test_other_errors_pass_through_at_once():
    model = FakeModel(RuntimeError("a bug"))
    with pytest.raises(RuntimeError):
        run(model)
    assert model.calls == 1


def test_cancelled_wait_is_cancelled():
    async def main():
        waiting = asyncio.Event()

        async def sleep(_seconds):
            waiting.set()
            await asyncio.Event().wait()

        model = FakeModel(passing())
        async with asyncio.TaskGroup() as group:
            call = group.create_task(
                retry.complete(model, a_request(), str, on_wait=lambda error, wait: None, sleep=sleep)
            )
            await waiting.wait()
            call.cancel()
        return call.cancelled(), model.calls

    assert asyncio.run(main()) == (True, 1)
