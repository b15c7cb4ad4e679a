"""What is sent to a terminal whose person looks elsewhere."""

from __future__ import annotations

import pytest

from ossature.tui.notices import BELL, MAX_CHARS, Way, notice, wrapped

TEXT = "006 verify failed"


@pytest.mark.parametrize(
    ("way", "environ", "sent"),
    [
        ("off", {"TERM_PROGRAM": "iTerm.app"}, ""),
        ("bell", {"TERM_PROGRAM": "iTerm.app"}, BELL),
        ("auto", {}, BELL),
        ("auto", {"TERM_PROGRAM": "WezTerm"}, f"\x1b]9;Spenny: {TEXT}{BELL}{BELL}"),
        ("auto", {"TERM": "xterm-kitty"}, f"\x1b]9;Spenny: {TEXT}{BELL}{BELL}"),
        ("auto", {"VTE_VERSION": "7600"}, f"\x1b]777;notify;Spenny;{TEXT}{BELL}{BELL}"),
        ("osc777", {}, f"\x1b]777;notify;Spenny;{TEXT}{BELL}{BELL}"),
        ("osc9", {"TMUX": "/tmp/tmux"}, f"\x1bPtmux;\x1b\x1b]9;Spenny: {TEXT}{BELL}\x1b\\{BELL}"),
        ("osc9", {"STY": "1.pts"}, f"\x1bP\x1b]9;Spenny: {TEXT}{BELL}\x1b\\{BELL}"),
    ],
)
def test_each_way_and_what_is_in_between(way: Way, environ: dict[str, str], sent: str) -> None:
    assert notice("Spenny", TEXT, way=way, environ=environ) == sent


def test_what_a_spec_says_cannot_end_the_sequence_or_grow_it() -> None:
    sent = notice("a;b\x1b]0;x\x07", "evil\x07\x1b[2J\n" + "x" * 999, way="osc777", environ={})
    assert sent.count("\x1b") == 1
    assert sent.count(BELL) == 2
    assert sent.count(";") == 3
    assert len(sent) < 3 * MAX_CHARS


def test_only_what_ends_with_a_bell_is_wrapped_whole() -> None:
    assert wrapped("\x1b]52;c;eA==\x07", {"TMUX": "1"}) == "\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\"
