import pytest

from ossature.errors import Exit, OssatureError
from ossature.llm.client import ModelError, ReplayMiss
from tests.support.calls import a_request


@pytest.mark.parametrize(
    "changes",
    [{"attempt": 2}, {"task": "009"}, {"lineage": "x"}, {"role": "fix"}, {"inputs": {}}, {"timeout_s": 1.0}],
)
def test_request_digest_ignores_what_the_model_is_not_sent(changes):
    assert a_request(**changes).request_digest == a_request().request_digest


@pytest.mark.parametrize(
    "changes", [{"model": "x:y"}, {"system": "s"}, {"prompt": "p"}, {"max_output_tokens": 1}]
)
def test_request_digest_covers_what_the_model_is_sent(changes):
    assert a_request(**changes).request_digest != a_request().request_digest


def test_request_digest_parts_cannot_run_into_each_other():
    one = a_request(system="ab", prompt="c")
    other = a_request(system="a", prompt="bc")
    assert one.request_digest != other.request_digest


def test_inputs_digest_depends_on_names_and_digests_only():
    base = a_request(inputs={"a": "1", "b": "2"})
    assert a_request(inputs={"b": "2", "a": "1"}, prompt="other").inputs_digest == base.inputs_digest
    assert a_request(inputs={"a": "1", "b": "3"}).inputs_digest != base.inputs_digest


def test_slot_names_role_lineage_and_attempt():
    assert a_request(role="fix", lineage="l", attempt=3).slot == "fix/l/3"


def test_only_passing_failures_are_retryable():
    assert ModelError("x", kind="overloaded").is_retryable
    assert not ModelError("x", kind="auth").is_retryable
    assert not ModelError("x", kind="timeout", is_retryable=False).is_retryable


def test_message_carries_no_key_and_no_control_characters_and_is_cut():
    error = ModelError("bad key sk-abcdefghijkl1234\x1b[31m\n" + "x" * 9000, kind="auth")
    assert "sk-abc" not in str(error)
    assert "\x1b" not in str(error) and "\n" not in str(error)
    assert len(str(error)) <= 300


def test_replay_miss_has_its_own_exit_code():
    error = ReplayMiss("no recording", hint="record it")
    assert isinstance(error, OssatureError)
    assert error.exit_code is Exit.REPLAY_MISS
    assert not error.is_retryable
