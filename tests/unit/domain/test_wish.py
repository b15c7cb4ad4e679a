"""What a person types to have a task tried once more."""

from __future__ import annotations

import pytest

from ossature.domain.wish import Wish, parse_wish
from ossature.errors import UsageError


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("", Wish()),
        ("  use a heap ", Wish("use a heap")),
        ("mail me@home: now", Wish("mail me@home: now")),
        ("@anthropic:claude-opus-4-6", Wish("", "anthropic:claude-opus-4-6")),
        ("@ollama/qwen2.5:32b  use a heap", Wish("use a heap", "ollama/qwen2.5:32b")),
        ('@"exec:ask --slow" say @a:b', Wish("say @a:b", "exec:ask --slow")),
    ],
)
def test_a_first_word_with_an_at_sign_is_the_model(text: str, wish: Wish) -> None:
    assert parse_wish(text) == wish


@pytest.mark.parametrize("text", ["@", "@opus try", "@:x", "@exec: now", '@"" x', "@a: b", '@"anthropic:x'])
def test_what_names_no_model_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="names no model"):
        parse_wish(text)
