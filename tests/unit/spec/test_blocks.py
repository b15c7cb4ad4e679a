"""Labels, list items and code inside a section."""

import pytest

from ossature.spec.blocks import cut_labels, first_code, list_items


def test_a_block_reaches_from_its_label_to_the_next_one():
    inner = cut_labels("lead\n\nmore\n\n**Accepts:** one\n\ntwo\n**Steps:**\n\n- a\n\n**Returns**: r", 10)
    assert inner.lead == "lead\n\nmore"
    assert [(b.label, b.text, b.line, b.text_line) for b in inner.blocks] == [
        ("accepts", "one\n\ntwo", 14, 14),
        ("steps", "- a", 17, 19),
        ("returns", "r", 21, 21),
    ]


def test_a_label_in_a_fence_or_inside_a_line_cuts_nothing():
    text = "**Accepts:** x\n```\n**Returns:** no\n```\n- **Run check:** no\n  **Inner:** no\n**Returns:** y"
    inner = cut_labels(text, 1)
    assert [block.label for block in inner.blocks] == ["accepts", "returns"]
    assert inner.text("accepts").count("\n") == 5


def test_a_repeated_label_is_joined():
    inner = cut_labels("**A:** 1\n**B:** 2\n**A:** 3", 1)
    assert inner.text("a") == "1\n\n3"
    assert inner.text("missing") == ""


def test_text_without_labels_is_all_lead():
    assert cut_labels("\n  x\n\n", 1) == ("  x", ())
    assert cut_labels("", 1) == ("", ())


def test_the_code_of_a_block_is_its_own_first_fence():
    inner = cut_labels("**A:** x\n**B:**\n~~~py title\n1\n\n2\n~~~\n```\nno\n```\n**C:**\n```\nun\n", 1)
    assert [block.code for block in inner.blocks] == [None, ("1\n\n2", "py"), ("un", "")]


def test_first_code_may_be_empty_or_missing():
    assert first_code("```x\n```") == ("", "x")
    assert first_code("none") is None


@pytest.mark.parametrize("mark", ["-", "*", "+", "1.", "12)"])
def test_list_items_keep_their_wrapped_lines(mark):
    items = list_items(f"Intro\n{mark} one\n  two\nthree\n\nprose\n   {mark} in\n", 5)
    assert [(item.text, item.indent, item.line) for item in items] == [("one two three", 0, 6), ("in", 3, 11)]


def test_items_inside_a_fence_are_none():
    assert list_items("```\n- no\n```\n- ```\n  - no\n  ```\n- ```a``` yes", 1) == (("```a``` yes", 0, 7),)
