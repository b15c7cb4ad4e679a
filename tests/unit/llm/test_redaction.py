import pytest

from ossature.llm.redaction import excerpt, redact

KEYS = [
    "sk-abcdefghijklmnop",
    "sk-ant-api03-AAAA_bbbb-cccc",
    "sk-proj-abc***xyz",
    "ghp_abcdefghijklmnop1234",
    "github_pat_11AAAAAAAAAAAAAA",
    "AKIAABCDEFGHIJKLMNOP",
    "AIzaSyA-abcdefghijklmnopqrstuvw",
    "gsk_abcdefghijklmnop",
    "hf_abcdefghijklmnop",
    "xai-abcdefghijklmnop",
    "xoxb-1234567890-abc",
    "glpat-abcdefghij12",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("frame", ["{}", "key: {}.", '{{"k":"{}"}}', "provided: '{}' is bad"])
def test_key_is_taken_out(key, frame):
    text = redact(frame.format(key))
    assert key not in text
    assert "[redacted]" in text


def test_bearer_and_userinfo_are_taken_out():
    assert "hunter22" not in redact("Authorization: Bearer hunter22hunter22")
    assert redact("http://me:secret@host/x") == "http://[redacted]@host/x"


@pytest.mark.parametrize(
    "text", ["a task-list of sketches", "risk-averse", "https://host/a:b@c", "0xdeadbeef"]
)
def test_ordinary_text_stays(text):
    assert redact(text) == text


def test_key_across_the_cut_is_not_shown_in_part():
    assert "sk-" not in excerpt("x" * 290 + " sk-" + "a" * 200)


def test_excerpt_of_a_long_body_of_keys_ends():
    assert len(excerpt("sk-" * 3_000_000)) <= 300
