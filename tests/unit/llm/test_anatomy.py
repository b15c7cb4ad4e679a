"""What a prompt consists of."""

from __future__ import annotations

from ossature.llm.anatomy import parts_of
from ossature.llm.prompt import USER_LINE, block, estimate_tokens, fence

_BODY = "</file> inside\n" * 40


def test_blocks_are_told_apart_and_nothing_is_lost() -> None:
    text = "\n".join(
        [
            "You write code.",
            "Project: parcels",
            block("brief", "Count parcels."),
            USER_LINE,
            block('section name="LIB > Count"', "x" * 400),
            fence("a.txt", _BODY),
            "The task: write it",
            block("task_description", "Do."),
            '<file path="open.txt">',
            block("feedback", "smaller"),
        ]
    )
    parts = {(part.kind, part.name): part.tokens for part in parts_of(text)}
    assert set(parts) == {
        ("instructions", ""),
        ("project", ""),
        ("brief", ""),
        ("sections", "LIB > Count"),
        ("files", "a.txt"),
        ("task", ""),
        ("feedback", ""),
    }
    assert parts["files", "a.txt"] >= estimate_tokens(_BODY)
    assert abs(sum(parts.values()) - estimate_tokens(text)) <= len(parts)
