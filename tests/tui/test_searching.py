"""A search finds what looking at each line would find, and never takes for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.tui.text import searching
from ossature.tui.text.document import FileDocument, TextDocument
from ossature.tui.text.pattern import MAX_SLOW, Pattern
from ossature.tui.text.searching import Search
from tests.tui.test_document import counted, small_strides

__all__ = ["small_strides"]

EXPRESSIONS = (
    "a",
    "A b",
    "b\\s",
    "^a",
    "x$",
    "a|é|b c",
    "x*",
    "[^q]b",
    "(?<=a)b",
    "a(?!b)",
    r"\Bb",
    "(a)\\1",
    "b++$",
)
LINES = st.lists(st.text("aAbx é\r", max_size=8), max_size=60)


def finished(search: Search) -> list[int]:
    while search.step():
        pass
    assert search.progress == 1.0
    return [search.at(place) for place in range(search.kept)]


@pytest.mark.usefixtures("small_strides")
@settings(deadline=None, max_examples=80)
@given(lines=LINES, expression=st.sampled_from(EXPRESSIONS), data=st.data())
def test_a_search_finds_what_each_line_shows(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], expression: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "searched.log"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    start = data.draw(st.integers(0, max(len(lines), 1)))
    flags = regex.IGNORECASE if expression in (expression.lower(), r"\Bb") else 0
    wanted = [
        row
        for row, line in enumerate(lines)
        if regex.search(expression, line.removesuffix("\r"), flags=flags)
    ]
    search = Search(counted(FileDocument(path)), Pattern(expression), start=start)
    assert finished(search) == wanted
    assert search.found == len(wanted)
    assert search.nearest(start, 1) == next((row for row in wanted if row >= start), None)
    assert search.nearest(start, -1) == next((row for row in reversed(wanted) if row <= start), None)
    with path.open("ab") as file:
        file.write(b"a b\nlast")
    grown = counted(search.document)
    assert search.resume()
    rows = [
        piece.row
        for piece in grown.lines(0, grown.count)
        if regex.search(expression, piece.text, flags=flags)
    ]
    assert finished(search) == rows


@pytest.mark.usefixtures("small_strides")
def test_a_match_across_a_fold_is_found_once_where_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"short\n" + b"-" * 14 + b"needle" + b"-" * 30 + b"\nneedle\n")
    assert finished(Search(counted(FileDocument(path)), Pattern("needle"))) == [1, 5]


def test_nothing_is_taken_for_certain_before_it_has_been_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    document = TextDocument("\n".join("hit" if row in (10, 5000, 9000) else "line" for row in range(10_000)))
    search = Search(document, Pattern("hit"), start=4000)
    assert search.nearest(4000, 1) is None
    search.step()
    assert search.nearest(4000, 1) == 5000
    assert search.nearest(3999, -1) is None
    finished(search)
    assert search.nearest(3999, -1) == 10
    assert search.first(1) == 10
    assert search.first(-1) == 9000
    monkeypatch.setattr(searching, "MAX_KEPT", 2)
    limited = Search(document, Pattern("line"))
    assert finished(limited) == [0, 1]
    assert limited.found == 9997


def test_a_catastrophic_expression_is_given_up() -> None:
    document = TextDocument("\n".join(["a" * 40 + "b"] * 100))
    search = Search(document, Pattern(r"^(a|a)*(?=c)$"))
    finished(search)
    assert search.pattern.slow == MAX_SLOW
    assert "too slow" in search.given_up
    assert Pattern(r"(a|a)*c").spans("a" * 40 + "b") == []
    # Fast alone, slow over many lines at once: each line is tried.
    assert finished(Search(TextDocument("a" * 30 + "c"), Pattern(r"^(a|a)*c$"))) == [0]


@pytest.mark.parametrize("text", ["(", "a**", "[", "(?P<n>a)(?P=m)", "(" * 250 + ")" * 50, "\\"])
def test_a_wrong_expression_is_plain_text_and_says_so(text: str) -> None:
    pattern = Pattern(text)
    assert "searched as plain text" in pattern.note
    assert pattern.rows(f"nothing\nhere is {text} in a line\n") == [1]
    assert pattern.spans(f"ab{text}") == [(2, 2 + len(text))]


def test_of_a_long_expression_the_beginning_is_searched() -> None:
    pattern = Pattern("x" * 3000)
    assert "longer" in pattern.note
    assert pattern.rows("x" * 299 + "\n" + "x" * 300) == [1]


@pytest.mark.parametrize(("text", "row"), [("error", 0), ("Error", 1), (r"\Serror", 2), ("[[a]b]", -1)])
def test_small_letters_match_any_case(text: str, row: int) -> None:
    found = Pattern(text).rows("ERROR\nError\n-eRROR")
    assert (found[0] if found else -1) == row or (text == r"\Serror" and found == [2])
