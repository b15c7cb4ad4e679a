import asyncio
import json
from datetime import UTC, datetime

import pytest

from ossature.digest import digest_bytes
from ossature.llm import retry
from ossature.llm.caller import Caller, readable
from ossature.llm.client import ModelError, Reply, Usage
from ossature.llm.replay_client import ReplayClient
from ossature.store.exchange import Exchanges
from ossature.store.tasklog import AttemptLog
from tests.support.calls import FakeChannel, a_request

USAGE = Usage(100, 20, 64)


class FakeModels:
    """Answers with the given steps: an error to raise, or pieces of text; the last one stays."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.calls = 0
        self.hangs = False
        self.has_begun = asyncio.Event()

    async def complete(self, request, on_text):
        step = self.steps[min(self.calls, len(self.steps) - 1)]
        self.calls += 1
        pieces = step if isinstance(step, list) else ["half a "]
        for piece in pieces:
            on_text(piece)
        self.has_begun.set()
        if isinstance(step, ModelError):
            raise step
        if self.hangs:
            await asyncio.Event().wait()
        return Reply("".join(pieces), source="live", usage=USAGE, cost_usd=0.25, finish="stop", note="n")


class Desk:
    """A project folder in which runs ask."""

    def __init__(self, root):
        self.root = root
        self.tasks_dir = root / ".ossature" / "tasks"
        self.exchanges = Exchanges(root / ".ossature" / "exchanges", self.tasks_dir)
        self.channel = FakeChannel()
        self.now_s = 0.0

    def clock(self):
        self.now_s += 0.01
        return self.now_s

    def caller(self, models, run="r1"):
        return Caller(
            models,
            tasks_dir=self.tasks_dir,
            root=self.root,
            run=run,
            exchanges=self.exchanges,
            channel=self.channel,
            clock=self.clock,
            now=lambda: datetime(2026, 3, 2, 12, 0, tzinfo=UTC),
        )

    def ask(self, models, run="r1", **changes):
        return asyncio.run(self.caller(models, run).ask(a_request(**changes)))

    def meta(self, folder):
        return json.loads((folder / "attempt.json").read_text("utf-8"))


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture
def no_wait(monkeypatch):
    """Retries come at once."""
    real = retry.complete

    async def complete(*args, **more):
        return await real(*args, sleep=lambda _seconds: asyncio.sleep(0), **more)

    monkeypatch.setattr(retry, "complete", complete)


def test_exchange_is_kept_whole(desk):
    models = FakeModels(["print(1)", "\n"])
    exchange = desk.ask(models)
    folder = desk.tasks_dir / "store-1a2b" / "r1-1-implement"
    assert (exchange.text, exchange.folder, exchange.source) == ("print(1)\n", folder, "live")
    assert exchange.usage == USAGE and exchange.cost_usd == 0.25 and not exchange.is_cut
    assert (folder / "prompt.md").read_text("utf-8") == readable(a_request())
    assert (folder / "response.md").read_bytes() == b"print(1)\n"
    assert not (folder / "response.md.part").exists()
    request = a_request()
    meta = desk.meta(folder)
    assert meta.pop("seconds") > 0
    assert meta == {
        "run": "r1",
        "role": "implement",
        "spec": "EXPENSES",
        "task": "001",
        "lineage": "store-1a2b",
        "attempt": 1,
        "model": "openai:m",
        "request_digest": request.request_digest,
        "inputs_digest": request.inputs_digest,
        "inputs": dict(request.inputs),
        "at": "2026-03-02T12:00:00+00:00",
        "verdict": None,
        "landed": False,
        "source": "live",
        "usage": {"input_tokens": 100, "output_tokens": 20, "cached_tokens": 64},
        "cost_usd": 0.25,
        "finish": "stop",
        "note": "n",
        "response_digest": digest_bytes(b"print(1)\n"),
        "sample": 0,
    }
    assert desk.exchanges.find(request.request_digest) == [folder]


def test_call_and_reply_are_reported(desk):
    desk.ask(FakeModels(["x"]))
    called, replied = desk.channel.events
    assert called.kind == "model_called" and called.prompt_tokens > 0
    assert called.folder == replied.folder == ".ossature/tasks/store-1a2b/r1-1-implement"
    assert replied.kind == "model_replied" and replied.source == "live"
    assert (replied.input_tokens, replied.output_tokens, replied.cached_tokens) == (100, 20, 64)
    assert replied.cost_usd == 0.25 and replied.seconds > 0 and replied.note == "n"


def test_recording_of_a_caller_can_be_replayed(desk):
    desk.ask(FakeModels(["the answer"]))
    replay = ReplayClient(desk.tasks_dir, by_slot=False)
    exchange = Desk(desk.root / "clone").ask(replay, run="r9")
    assert (exchange.text, exchange.source, exchange.usage) == ("the answer", "replayed", USAGE)


def test_failure_is_reported_each_time_and_only_the_last_try_is_kept(desk, no_wait):
    models = FakeModels(ModelError("busy", kind="overloaded"), ["whole"])
    exchange = desk.ask(models)
    assert desk.channel.kinds() == ["model_called", "model_failed", "model_replied"]
    assert desk.channel.events[1].retry_in_s >= 1
    assert exchange.text == "whole"
    assert (exchange.folder / "response.md").read_text("utf-8") == "whole"


def test_text_of_a_failed_try_is_gone_before_the_next(desk, monkeypatch):
    models = FakeModels(ModelError("busy", kind="overloaded"), ["whole"])
    parts = []

    async def sleep(_seconds):
        parts.extend(desk.tasks_dir.glob("*/*/response.md.part"))

    real = retry.complete

    async def complete(*args, **more):
        return await real(*args, sleep=sleep, **more)

    monkeypatch.setattr(retry, "complete", complete)
    desk.ask(models)
    assert parts == []


def test_final_failure_is_reported_recorded_and_raised(desk, no_wait):
    models = FakeModels(ModelError("no key", kind="auth", hint="set it"))
    with pytest.raises(ModelError, match="no key"):
        desk.ask(models)
    assert desk.channel.kinds() == ["model_called", "model_failed"]
    assert desk.channel.events[1].retry_in_s is None and desk.channel.events[1].reason == "no key"
    (folder,) = desk.tasks_dir.glob("*/*")
    assert desk.meta(folder)["error"] == "auth"
    assert (folder / "response.md.part").read_text("utf-8") == "half a "
    assert not (folder / "response.md").exists()


def cancel(desk, models, run="r1"):
    async def main():
        async with asyncio.TaskGroup() as group:
            call = group.create_task(desk.caller(models, run).ask(a_request()))
            await models.has_begun.wait()
            call.cancel()
        return call.cancelled()

    return asyncio.run(main())


def test_cancelled_call_leaves_what_came_in_and_is_asked_anew(desk):
    models = FakeModels(["some ", "text"])
    models.hangs = True
    assert cancel(desk, models)
    (folder,) = desk.tasks_dir.glob("*/*")
    assert (folder / "response.md.part").read_text("utf-8") == "some text"
    assert desk.meta(folder)["error"] == "cancelled"
    assert desk.ask(FakeModels(["anew"]), run="r2").source == "live"


def test_interrupted_reply_is_taken_up_by_the_next_run_without_a_call(desk):
    first = desk.ask(FakeModels(["paid for"]))
    desk.channel.events.clear()
    models = FakeModels(["never"])
    second = desk.ask(models, run="r2")
    assert models.calls == 0
    assert (second.text, second.source, second.usage) == ("paid for", "recorded", USAGE)
    assert second.folder != first.folder
    assert desk.channel.kinds() == ["model_called", "model_replied"]
    assert desk.channel.events[1].source == "recorded" and "r1-1-implement" in desk.channel.events[1].note
    assert desk.meta(first.folder)["verdict"] == "interrupted"


def test_reply_that_was_received_whole_but_not_kept_yet_is_taken_up(desk):
    """A kill between the record of a reply and the reply itself: what was streamed is all there is."""
    folder = desk.ask(FakeModels(["the ", "answer"])).folder
    (folder / "response.md").rename(folder / "response.md.part")
    second = desk.ask(FakeModels(["not asked"]), run="r2")
    assert (second.text, second.source, second.usage) == ("the answer", "recorded", USAGE)
    assert (folder / "response.md").read_bytes() == b"the answer"
    assert not (folder / "response.md.part").exists()
    assert desk.exchanges.find(a_request().request_digest) == [folder, second.folder]


def test_half_a_reply_is_not_taken_up(desk):
    folder = desk.ask(FakeModels(["the answer"])).folder
    (folder / "response.md").unlink()
    (folder / "response.md.part").write_bytes(b"the ans")
    assert desk.ask(FakeModels(["asked anew"]), run="r2").text == "asked anew"


@pytest.mark.parametrize("content", [b"", b"the answes", b"the answer\n", b"the answer"[:-1], b"\xff"])
def test_damaged_reply_is_asked_for_anew(desk, content):
    folder = desk.ask(FakeModels(["the answer"])).folder
    (folder / "response.md").write_bytes(content)
    assert desk.ask(FakeModels(["asked anew"]), run="r2").text == "asked anew"


def test_reply_of_a_version_without_digests_is_taken_up(desk):
    folder = desk.ask(FakeModels(["the answer"])).folder
    meta = desk.meta(folder)
    del meta["response_digest"]
    (folder / "attempt.json").write_text(json.dumps(meta), "utf-8")
    assert desk.ask(FakeModels(["not asked"]), run="r2").text == "the answer"


def test_reply_is_taken_up_through_several_interruptions_but_once_each(desk):
    desk.ask(FakeModels(["paid for"]))
    desk.ask(FakeModels(["never"]), run="r2")
    third = desk.ask(FakeModels(["never"]), run="r3")
    assert third.text == "paid for"
    unsettled = [path for path in desk.tasks_dir.glob("*/*") if desk.meta(path)["verdict"] is None]
    assert unsettled == [third.folder]


@pytest.mark.parametrize("verdict", ["ok", "failed", "refused"])
def test_reply_with_a_verdict_is_never_taken_up(desk, verdict):
    models = FakeModels(["one"], ["two"])
    caller = desk.caller(models)
    caller.mark(asyncio.run(caller.ask(a_request())), verdict)
    again = desk.ask(models, run="r2")
    assert (again.text, models.calls) == ("two", 2)
    assert desk.meta(again.folder)["sample"] == 1


@pytest.mark.parametrize(
    "changes", [{"prompt": "other"}, {"model": "x:y"}, {"lineage": "other-0000"}, {"role": "fix"}]
)
def test_other_request_is_asked_for_itself(desk, changes):
    desk.ask(FakeModels(["one"]))
    assert desk.ask(FakeModels(["two"]), run="r2", **changes).text == "two"


def test_same_run_asks_again(desk):
    models = FakeModels(["one"], ["two"])
    assert desk.ask(models).text == "one"
    again = desk.ask(models)
    assert again.text == "two" and again.folder.name == "r1-1-implement-2"


def test_verdict_and_landing_are_written_down_and_the_rest_stays(desk):
    caller = desk.caller(FakeModels(["x"]))
    exchange = asyncio.run(caller.ask(a_request()))
    before = desk.meta(exchange.folder)
    caller.mark(exchange, "ok", landed=True)
    assert desk.meta(exchange.folder) == {**before, "verdict": "ok", "landed": True}


def test_pieces_are_written_together(desk, monkeypatch):
    writes = []
    real = AttemptLog.append_response

    def append(self, text):
        writes.append(text)
        real(self, text)

    monkeypatch.setattr(AttemptLog, "append_response", append)
    exchange = desk.ask(FakeModels(["x "] * 1000))
    assert exchange.text == "x " * 1000
    assert 1 < len(writes) < 400


def test_cut_reply_says_so(desk):
    class Cut(FakeModels):
        async def complete(self, request, on_text):
            return Reply("half", source="live", finish="length")

    exchange = desk.ask(Cut())
    assert exchange.is_cut and desk.meta(exchange.folder)["finish"] == "length"
    assert desk.ask(FakeModels(["never"]), run="r2").is_cut
