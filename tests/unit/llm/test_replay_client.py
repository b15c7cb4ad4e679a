import asyncio
import json
import socket

import pytest

from ossature.llm.client import ReplayMiss, Usage
from ossature.llm.replay_client import ReplayClient
from tests.support.calls import a_request


def record(root, request, text, *, run="r1", again="", **meta):
    folder = root / request.lineage / f"{run}-{request.attempt}-{request.role}{again}"
    folder.mkdir(parents=True)
    (folder / "response.md").write_bytes(text.encode())
    content = {
        "role": request.role,
        "spec": request.spec,
        "task": request.task,
        "lineage": request.lineage,
        "attempt": request.attempt,
        "model": request.model,
        "request_digest": request.request_digest,
        "inputs_digest": request.inputs_digest,
        "inputs": dict(request.inputs),
        "usage": {"input_tokens": 7, "output_tokens": 3, "cached_tokens": 1},
        "finish": "stop",
        "landed": False,
        **meta,
    }
    (folder / "attempt.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def no_socket(monkeypatch):
    def refuse(*_args, **_more):
        raise AssertionError("a replay opened a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def ask(root, request=None, *, by_slot=False, chars_per_s=0.0):
    pieces = []
    client = ReplayClient(root, by_slot=by_slot, chars_per_s=chars_per_s)
    reply = asyncio.run(client.complete(request or a_request(), pieces.append))
    assert "".join(pieces) == reply.text
    return reply, pieces


def miss(root, request=None, *, by_slot=False):
    with pytest.raises(ReplayMiss) as caught:
        ask(root, request, by_slot=by_slot)
    return caught.value


@pytest.mark.parametrize("by_slot", [False, True])
def test_same_request_gets_the_recorded_reply(tmp_path, by_slot):
    record(tmp_path, a_request(), "grüße\r\n\n")
    reply, _ = ask(tmp_path, by_slot=by_slot)
    assert (reply.text, reply.source, reply.note) == ("grüße\r\n\n", "replayed", "")
    assert reply.usage == Usage(7, 3, 1)
    assert reply.finish == "stop"


def test_exact_match_does_not_mind_its_place(tmp_path):
    record(tmp_path, a_request(lineage="other-0000", attempt=4), "there")
    assert ask(tmp_path)[0].text == "there"


def test_finish_is_replayed_too(tmp_path):
    record(tmp_path, a_request(), "half", finish="length")
    assert ask(tmp_path)[0].finish == "length"


@pytest.mark.parametrize("landed_run", ["r1", "r2", "r3"])
def test_sample_that_landed_is_preferred(tmp_path, landed_run):
    for run in ("r1", "r2", "r3"):
        record(tmp_path, a_request(), run, run=run, landed=run == landed_run)
    assert ask(tmp_path)[0].text == landed_run


def test_newest_sample_is_taken_where_none_landed(tmp_path):
    for again in ("", "-2", "-10"):
        record(tmp_path, a_request(), f"sample{again}", again=again)
    assert ask(tmp_path)[0].text == "sample-10"


def test_reworded_template_is_served_by_slot_with_a_note(tmp_path):
    record(tmp_path, a_request(), "old words do")
    reply, _ = ask(tmp_path, a_request(prompt="new words", model="x:y"), by_slot=True)
    assert (reply.text, reply.source) == ("old words do", "slot")
    assert "template" in reply.note


def test_reworded_template_is_a_miss_without_slots(tmp_path):
    record(tmp_path, a_request(), "x")
    error = miss(tmp_path, a_request(prompt="new words"))
    assert "prompt differs" in str(error) and "template" in error.hint


@pytest.mark.parametrize("by_slot", [False, True])
@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"spec A": "2", "task": "1"}, "spec A differs from the recording"),
        ({"spec A": "1"}, "task is missing, unlike in the recording"),
        ({"spec A": "1", "task": "1", "file x.py": "1"}, "file x.py is new since the recording"),
    ],
)
def test_changed_input_is_refused_by_name(tmp_path, by_slot, inputs, words):
    record(tmp_path, a_request(inputs={"spec A": "1", "task": "1"}), "x")
    error = miss(tmp_path, a_request(prompt="other", inputs=inputs), by_slot=by_slot)
    assert words in str(error)
    assert "implement 001, attempt 1" in str(error)


def test_many_changed_inputs_are_counted(tmp_path):
    record(tmp_path, a_request(inputs={str(n): "1" for n in range(6)}), "x")
    asked = a_request(prompt="other", inputs={str(n): "2" for n in range(6)})
    assert "(and 3 more)" in str(miss(tmp_path, asked, by_slot=True))


def test_another_try_by_slot_gets_the_reply_of_the_recorded_one(tmp_path):
    record(tmp_path, a_request(), "again")
    reply, _ = ask(tmp_path, a_request(prompt="other", attempt=3), by_slot=True)
    assert (reply.text, reply.source) == ("again", "slot")
    assert "earlier attempt" in reply.note
    assert "no recording of" in str(miss(tmp_path, a_request(prompt="other", attempt=3)))


def test_feedback_by_slot_is_served_and_said_to_be_without_effect(tmp_path):
    inputs = dict(a_request().inputs)
    record(tmp_path, a_request(), "as recorded")
    asked = a_request(prompt="with a word", inputs={**inputs, "feedback": "1"})
    reply, _ = ask(tmp_path, asked, by_slot=True)
    assert reply.text == "as recorded"
    assert "feedback" in reply.note
    assert "feedback is new" in str(miss(tmp_path, asked))


def test_another_try_with_other_inputs_is_a_miss_by_slot(tmp_path):
    record(tmp_path, a_request(inputs={"spec A": "1"}), "x")
    error = miss(tmp_path, a_request(prompt="other", attempt=2, inputs={"spec A": "2"}), by_slot=True)
    assert "spec A differs" in str(error)


@pytest.mark.parametrize("changes", [{"role": "fix"}, {"lineage": "other-0000"}])
def test_other_slot_is_a_miss(tmp_path, changes):
    record(tmp_path, a_request(), "x")
    error = miss(tmp_path, a_request(prompt="other", **changes), by_slot=True)
    assert "no recording of" in str(error)
    assert "record it anew" in error.hint


def test_slot_of_a_run_whose_inputs_fit_is_found_among_others(tmp_path):
    record(tmp_path, a_request(), "fits", run="r1")
    record(tmp_path, a_request(inputs={}), "does not", run="r2", landed=True)
    assert ask(tmp_path, a_request(prompt="new"), by_slot=True)[0].text == "fits"


def test_missing_folder_and_empty_folder_are_told_apart(tmp_path):
    assert "does not exist" in miss(tmp_path / "nowhere").hint
    assert "holds no recordings" in miss(tmp_path).hint


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"role": 1}', b"[" * 100_000, b"\xff\xfe", b'{"inputs": 3}']
)
def test_damaged_record_is_as_good_as_absent(tmp_path, content):
    folder = record(tmp_path, a_request(), "damaged")
    (folder / "attempt.json").write_bytes(content)
    assert "no recording" in str(miss(tmp_path))


def test_interrupted_attempt_is_no_recording(tmp_path):
    folder = record(tmp_path, a_request(), "x")
    (folder / "response.md").rename(folder / "response.md.part")
    assert "no recording" in str(miss(tmp_path))


def test_paced_reply_comes_in_small_pieces(tmp_path):
    record(tmp_path, a_request(), "0123456789" * 10)
    _, pieces = ask(tmp_path, chars_per_s=1000)
    assert len(pieces) == 4
    assert ask(tmp_path)[1] == ["0123456789" * 10]
