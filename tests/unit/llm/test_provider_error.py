from datetime import UTC, datetime

import pytest

from ossature.llm.provider_error import explain, key_name, provider_of, retry_after

NOW = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"Retry-After": "1m30s"}, 90.0),
        ({"Retry-After": "250ms"}, 0.25),
        ({"Retry-After": "Mon, 02 Mar 2026 12:01:00 GMT"}, 60.0),
        ({"Retry-After": "Mon, 02 Mar 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "2026-03-02T12:00:30Z"}, 30.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "6m0s"}, None),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-03-02T12:00:20Z",
            },
            20.0,
        ),
    ],
)
def test_wait_is_read_in_every_form(headers, seconds):
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    "error", [IndexError("list index"), KeyError("choices"), ValueError("x"), TypeError("x")]
)
def test_what_an_sdk_stumbles_over_is_a_bad_reply_worth_another_try(error):
    found = explain(error, "openai:m")
    assert found.kind == "bad_reply" and found.is_retryable


def test_unknown_error_is_quoted_without_its_keys():
    found = explain(RuntimeError("boom sk-abcdefghijklmnop"), "openai:m")
    assert found.kind == "unknown" and not found.is_retryable
    assert "boom" in str(found) and "sk-abc" not in str(found)


def test_error_in_the_middle_of_a_stream_counts_by_its_cause():
    class Wrapper(Exception):
        original_exception = ConnectionResetError("reset")

    assert explain(Wrapper("x"), "openai:m").kind == "connection"


def test_message_with_braces_is_no_format():
    assert "{x}" in str(explain(RuntimeError("{x} {0}"), "openai:{m}"))
    assert explain(ValueError("{x}"), "open{ai}:{m}").kind == "bad_reply"


@pytest.mark.parametrize(
    ("model", "provider", "key"),
    [
        ("openai:gpt", "openai", "OPENAI_API_KEY"),
        ("anthropic/claude", "anthropic", "ANTHROPIC_API_KEY"),
        ("google-gla:gemini", "google-gla", "GEMINI_API_KEY"),
        ("my-own:x", "my-own", "MY_OWN_API_KEY"),
    ],
)
def test_hint_names_the_variable_of_the_provider(model, provider, key):
    assert provider_of(model) == provider
    assert key_name(model) == key
