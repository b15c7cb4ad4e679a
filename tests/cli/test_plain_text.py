"""No text of others moves the cursor, hides, or turns the reading direction."""

import unicodedata

import pytest

from ossature.cli.columns import aligned, shorten, width
from ossature.domain.plain_text import clean, clean_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢字 🎉\n\tindented", "plain é 漢字 🎉\n\tindented"),
        ("\x1b[2J\x07", "^[[2J^G"),
        ("a\r\nb\rc", "a\nb^Mc"),
        ("\x7f\x9b31m", "^?<9B>31m"),
        ("admin\u202egnp.exe", "admin<U+202E>gnp.exe"),
        ("zero\u200bwidth\ufeff", "zero<U+200B>width<U+FEFF>"),
        ("\ud800 \U000e0041", "<U+D800> <U+E0041>"),
        ("line\u2028break", "line<U+2028>break"),
    ],
)
def test_hidden_characters_become_visible(text, shown):
    assert clean(text) == shown
    assert clean(shown) == shown


def test_no_control_and_no_format_character_passes():
    every = "".join(chr(code) for code in range(0x110000))
    left = {char for char in clean(every) if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    kept = {"\n", "\t"} | {char for char in left if unicodedata.bidirectional(char) == "AN"}
    signs = {char for char in left if 0x13430 <= ord(char) <= 0x1345F or 0x1BCA0 <= ord(char) <= 0x1BCA3}
    assert left <= kept | signs | {"\u070f", "\u08e2", "\U000110bd", "\U000110cd"}


def test_a_line_stays_one_line():
    assert clean_line("a\nb\tc\r\nd") == "a⏎b c⏎d"


def test_columns_line_up_in_terminal_cells():
    rows = aligned([("id", "title", "x"), ("1", "漢字", "y"), ("22", "é\x1b", "z")])
    assert len({width("".join(row[:-1])) for row in rows}) == 1
    assert aligned([]) == []


def test_long_cells_are_cut_and_the_last_is_not():
    (row,) = aligned([("x" * 300, "y" * 300)])
    assert row == ["x" * 59 + "…  ", "y" * 300]
    assert width(shorten("漢" * 300, 10)) <= 10
