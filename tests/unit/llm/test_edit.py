import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossature.llm.edit import MAX_SECTIONS, Mismatch, apply_edits

FILE = "def a():\n    return 1\n\n\ndef b():\n    return 1\n"


def section(search, replace):
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}{chr(10) if replace else ''}>>>>>>> REPLACE"


def edited(*contents, current=FILE):
    return apply_edits("m.py", contents, current)


def reason(*contents, current=FILE):
    outcome = edited(*contents, current=current)
    assert isinstance(outcome, Mismatch)
    return "\n".join(outcome.reasons)


def test_lines_that_match_once_are_replaced():
    assert edited(section("def b():\n    return 1", "def b():\n    return 2")) == FILE[:-2] + "2\n"


def test_sections_are_applied_one_after_the_other():
    both = section("def a():", "def c():") + "\n\n" + section("def c():", "def d():")
    assert edited(both) == FILE.replace("def a", "def d")
    assert edited(section("def a():", "def c():"), section("def b():", "def e():")) == FILE.replace(
        "def a", "def c"
    ).replace("def b", "def e")


def test_empty_replace_takes_the_lines_out():
    assert edited(section("def a():\n    return 1\n", "")) == "\ndef b():\n    return 1\n"


@pytest.mark.parametrize("current", ["only", "only\n"])
def test_file_of_one_line_can_be_edited(current):
    assert edited(section("only", "other"), current=current).rstrip("\n") == "other"


def test_first_and_last_lines_match():
    assert edited(section("a", "x"), current="a\nb\nc\n") == "x\nb\nc\n"
    assert edited(section("c", "x"), current="a\nb\nc") == "a\nb\nx\n"


def test_windows_line_ends_are_kept():
    assert edited(section("b", "x\ny"), current="a\r\nb\r\nc\r\n") == "a\r\nx\r\ny\r\nc\r\n"


def test_part_of_a_line_is_no_match():
    assert "does not match" in reason(section("x = 1", "y"), current="max = 10\nx = 1  # one\n")


def test_more_than_one_match_is_refused():
    assert "more than once" in reason(section("    return 1", "    return 2"))
    assert "more than once" in reason(section("a\na", "b"), current="a\na\na\n")


def test_near_miss_shows_the_lines_to_copy():
    said = reason(section("def b():\n    return  1", "x"))
    assert "(5-6)" in said and "def b():\n    return 1" in said


def test_miss_without_any_likeness_asks_for_the_file():
    assert "send the file whole" in reason(section("zzzzqqqq", "x"))


def test_every_miss_is_told():
    assert len(edited(section("zz", "x"), section("def a():", "y"), section("qq", "x")).reasons) == 2


def test_missing_file_cannot_be_edited():
    assert "does not exist yet" in reason(section("a", "b"), current=None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no section"),
        ("just text", "outside of a section"),
        ("<<<<<<< SEARCH\na\n=======\nb", "not closed"),
        ("<<<<<<< SEARCH\na", "not closed"),
        ("<<<<<<< SEARCH\na\n>>>>>>> REPLACE", "no line `=======`"),
        ("<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE", "more than one line"),
        ("<<<<<<< SEARCH\na\n<<<<<<< SEARCH", "within another"),
        ("<<<<<<< SEARCH\n=======\nb\n>>>>>>> REPLACE", "SEARCH is empty"),
        ("<<<<<<< SEARCH\n  \n=======\nb\n>>>>>>> REPLACE", "SEARCH is empty"),
    ],
)
def test_malformed_section_is_told_apart(content, words):
    said = reason(content)
    assert words in said and "malformed" in said


def test_marks_may_be_followed_by_spaces():
    assert edited("<<<<<<< SEARCH  \ndef a():\n======= \ndef c():\n>>>>>>> REPLACE ").startswith("def c():")


def test_too_many_edits_are_refused():
    assert "more than" in reason("\n".join(section(f"l{n}", "x") for n in range(MAX_SECTIONS + 1)))


def test_hopeless_search_in_a_huge_file_ends():
    lines = "\n".join(f"value_{n} = {n}" for n in range(200_000))
    assert reason(section("value_x = y" * 2000, "z"), current=lines)


plain = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))


@given(st.lists(plain, min_size=1, max_size=8), st.data())
def test_a_unique_line_is_replaced_and_nothing_else(lines, data):
    at = data.draw(st.integers(0, len(lines) - 1))
    marks = ("<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE")
    if lines.count(lines[at]) > 1 or not lines[at].strip() or lines[at].rstrip() in marks:
        return
    text = "".join(f"{line}\n" for line in lines)
    wanted = "".join(f"{'new' if n == at else line}\n" for n, line in enumerate(lines))
    assert edited(section(lines[at], "new"), current=text) == wanted
