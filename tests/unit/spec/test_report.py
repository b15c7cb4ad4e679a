"""Diagnostics of one file."""

import pytest

from ossature.errors import Place
from ossature.spec.report import MAX_FOUND, Report, note_hidden, quoted, shown


def test_what_was_found_comes_by_line():
    report = Report("smd", "a.smd")
    report.warning("b", "second", line=7)
    report.error("a", "first", line=2, column=5, hint="do")
    report.info("c", "whole file")
    assert [(d.code, d.severity, d.place) for d in report.found()] == [
        ("smd-c", "info", Place("a.smd")),
        ("smd-a", "error", Place("a.smd", 2, 5)),
        ("smd-b", "warning", Place("a.smd", 7, 1)),
    ]


@pytest.mark.parametrize("text", ["a\x1b[31m", "a\u202eb", "\ud800", "x" * 10_000, "[/x]", "a\nb"])
def test_quoted_text_is_one_short_printable_line(text):
    assert quoted(text).isprintable()
    assert len(quoted(text)) < 100
    assert shown(text) == quoted(text)[1:-1]


HIDDEN = [0x061C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF]


@pytest.mark.parametrize("point", [*HIDDEN, 0x1B, 0x07, 0x7F, 0x9B])
def test_a_hidden_character_is_named(point):
    report = Report("smd", "a.smd")
    note_hidden(f"one\ntwo{chr(point)}", report)
    (found,) = report.found()
    assert (found.place, found.message) == (Place("a.smd", 2, 4), f"Hidden character U+{point:04X}")


@pytest.mark.parametrize("text", ["plain\ttext\n", "schön — “x” 日本 🎉", ""])
def test_ordinary_text_has_none(text):
    report = Report("smd", "a.smd")
    note_hidden(text, report)
    assert report.found() == ()


def test_of_too_many_the_last_says_that_there_are_more_and_errors_have_their_own_room():
    report = Report("smd", "a.smd")
    for line in range(1, 5_000):
        report.warning("w", "again", line=line)
    report.error("e", "kept", line=6_000)
    found = report.found()
    assert len(found) == MAX_FOUND + 1
    assert [d.code for d in found[-3:]] == ["smd-w", "smd-too-many", "smd-e"]


def test_many_hidden_characters_are_summed_up():
    report = Report("smd", "a.smd")
    note_hidden("\u200b" * 5_000, report)
    assert len(report.found()) == 21
