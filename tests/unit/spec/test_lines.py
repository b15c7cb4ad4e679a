"""The section scanner: what is a heading, what is code, and that no line is lost."""

import pytest

from ossature.spec.lines import heading_of, normalise, scan, split_heading


def titles(text):
    return [(section.level, section.title) for section in scan(text).sections]


def test_h2_and_h3_are_found_with_their_lines_and_parents():
    outline = scan("# T\n\nhello\n\n## A\na\n### A1\nx\n\n### A2\ny\n## B\nb")
    assert outline.title == "T"
    assert [(s.title, s.level, s.line, s.end_line, s.parent) for s in outline.sections] == [
        ("T", 1, 1, 4, ""),
        ("A", 2, 5, 11, ""),
        ("A1", 3, 7, 9, "A"),
        ("A2", 3, 10, 11, "A"),
        ("B", 2, 12, 13, ""),
    ]
    assert outline.sections[2].text == "### A1\nx\n\n"
    assert outline.sections[1].text == "## A\na\n### A1\nx\n\n### A2\ny\n"


@pytest.mark.parametrize("mark", ["```", "~~~", "`````", "~~~~"])
@pytest.mark.parametrize("heading", ["# T", "## A", "### A"])
def test_headings_inside_a_fence_are_code(mark, heading):
    text = f"# Title\n## One\n{mark} sh\n{heading}\n{mark}\n## Two\n"
    assert titles(text) == [(1, "Title"), (2, "One"), (2, "Two")]


@pytest.mark.parametrize(
    "inner",
    ["~~~", "``", "```` x", "  text ```", "    ````"],
    ids=["other character", "too short", "not bare", "not at line start", "indented code"],
)
def test_a_fence_is_closed_only_by_a_bare_one_of_its_kind(inner):
    assert titles(f"# T\n````\n{inner}\n## inside\n````\n## after\n") == [(1, "T"), (2, "after")]


def test_a_longer_fence_closes_a_shorter_one():
    assert titles("# T\n```\n`````\n## after\n") == [(1, "T"), (2, "after")]


def test_inline_code_with_three_backticks_opens_no_fence():
    outline = scan("# T\n```code``` is inline\n## after\n")
    assert [s.title for s in outline.sections] == ["T", "after"]
    assert outline.unclosed_line == 0


def test_a_fence_in_a_list_item_ends_at_its_indented_close():
    outline = scan("# T\n## A\n- ```sh\n  ## no\n  ```\n## B\n1. ~~~\n     ## no\n     ~~~\n## C\n")
    assert [s.title for s in outline.sections] == ["T", "A", "B", "C"]
    assert outline.unclosed_line == 0


def test_an_unclosed_fence_is_named_by_its_line():
    outline = scan("---\nx\n---\n# T\n\n```\n## no\n", 10)
    assert outline.unclosed_line == 6
    assert [s.title for s in outline.sections] == ["T"]


def test_lines_count_from_the_start_of_the_file():
    text = "---\nid: A\n---\n# T\n## A\n"
    outline = scan(text, text.index("# T"))
    assert (outline.title_line, outline.sections[1].line, outline.sections[1].end_line) == (4, 5, 5)


def test_the_title_may_come_late_and_is_the_first_h1():
    outline = scan("hello\n\n# One\n# Two\n## A\n")
    assert (outline.title, outline.title_line) == ("One", 3)
    assert outline.sections[0].text == "hello\n\n# One\n# Two\n"


def test_a_file_that_begins_with_an_h2_has_no_level_1_section():
    assert titles("## A\nx\n") == [(2, "A")]


@pytest.mark.parametrize("line", ["##", "##A", " ## A", "#### A", "\\## A"])
def test_what_looks_like_an_h2_but_is_none(line):
    assert titles(f"# T\n{line}\n") == [(1, "T")]


@pytest.mark.parametrize(
    ("heading", "title", "anchor", "is_exempt"),
    [
        ("Add {#add}", "Add", "add", False),
        ("Add {#add .no-verify}", "Add", "add", True),
        ("Add {.no-verify}", "Add", "", True),
        ("Add {#add .draft}", "Add", "add", False),
        ("Add {#add .x .no-verify} ##", "Add", "add", True),
        ("Add {.no-verify #add}", "Add {.no-verify #add}", "", False),
        ("Encode {width}", "Encode {width}", "", False),
        ("Add {#a b}", "Add {#a b}", "", False),
        ("Add {}", "Add {}", "", False),
        ("Write C#", "Write C#", "", False),
        ("Closed ##", "Closed", "", False),
        ("  ", "", "", False),
    ],
)
def test_marker_is_split_off_the_heading(heading, title, anchor, is_exempt):
    assert split_heading(heading) == (title, anchor, is_exempt)
    assert heading_of(f"### {heading}\nbody {{#no}}") == (title, anchor, is_exempt)


def test_newlines_become_one_kind_and_a_byte_order_mark_goes():
    assert normalise("\ufeffa\r\nb\rc\n\n\r\n") == "a\nb\nc\n\n\n"


def test_other_line_separators_do_not_begin_a_line():
    assert titles("# T\nx\u2028## A\x0b## B\x85## C\n") == [(1, "T")]
