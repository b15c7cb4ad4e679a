"""What is passed on, what is drawn again, and when: the driver without a terminal."""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossature.tui.driver import painter as painting
from ossature.tui.driver.canvas import ENTER, LEAVE, SYNC_END, SYNC_START, Canvas
from ossature.tui.driver.pace import AFTER_KEY_S, BURST_BYTES, LOCAL, REMOTE, Pace, Tempo, tempo_for
from ossature.tui.driver.painter import Painter, Resized
from ossature.tui.driver.sgr import Look, applied, change, drawing_blank, marks_blanks
from ossature.tui.driver.terminal import DeltaDriver, QuietDriver, driver_for
from tests.tui.terminals import Terminal

WIDTH, HEIGHT = 40, 6


def frame(*lines: str, at: tuple[int, int] = (1, 1)) -> str:
    """An update as Textual writes it, from the top."""
    rows = (f"\x1b[{number};1H{line}" for number, line in enumerate(lines, 1))
    return "\n".join(rows) + f"\x1b[{at[0]};{at[1]}H"


def entered() -> Canvas:
    """A canvas on the alternate screen, with nothing to send."""
    canvas = Canvas(WIDTH, HEIGHT, can_erase=True)
    canvas.take(ENTER)
    canvas.passed()
    canvas.take(frame(*(f"{number} " + "x" * 37 for number in range(HEIGHT))))
    canvas.frame()
    return canvas


def shown(*sent: str) -> Terminal:
    terminal = Terminal(WIDTH, HEIGHT)
    for text in sent:
        terminal.send(text)
    return terminal


SCRAPS = st.one_of(
    st.text(max_size=12),
    st.builds("\x1b[{};{}H".format, st.integers(0, 9), st.integers(0, 60)),
    st.builds("\x1b[{}m".format, st.from_regex(r"[\d;:]{0,9}", fullmatch=True)),
    st.sampled_from(("漢", "e\u0301", "\u200d", "\ufe0f", "☺\ufe0f", "\U0001f468\u200d\U0001f469", " " * 15)),
)


@given(st.lists(st.tuples(st.lists(SCRAPS), st.tuples(st.integers(1, 50), st.integers(1, 8))), max_size=5))
def test_whatever_comes_a_row_keeps_its_width(updates: list[tuple[list[str], tuple[int, int]]]) -> None:
    canvas = entered()
    for scraps, size in updates:
        canvas.take("\x1b[1;1H" + "".join(scraps))
        canvas.frame()
        canvas.resize(*size)
        for grid in (canvas._wanted, canvas._shown):
            assert {(len(row.characters), len(row.looks)) for row in grid.rows} == {(size[0], size[0])}
            assert len(grid.rows) == size[1]
        canvas.frame()


LOOKS = st.builds(
    Look,
    st.sampled_from(("", "31", "97", "38;5;110", "38;2;1;2;3")),
    st.sampled_from(("", "42", "101", "48;5;16", "48;2;9;8;7")),
    st.sets(st.sampled_from(("1", "2", "3", "4", "5", "7", "8", "9", "21", "53"))).map(
        lambda some: tuple(sorted(some))
    ),
    st.just(""),
)


@given(now=LOOKS, wanted=LOOKS)
def test_a_change_of_look_leads_to_the_look_that_is_wanted(now: Look, wanted: Look) -> None:
    sequence = change(now, wanted)
    assert (sequence == "") == (now == wanted)
    for parameters in re.findall(r"\x1b\[([\d;]*)m", sequence):
        now = applied(now, parameters)
    assert now == wanted


@given(now=LOOKS, blank=LOOKS)
def test_a_space_drawn_with_the_nearest_look_is_seen_as_it_should(now: Look, blank: Look) -> None:
    drawn = drawing_blank(now, blank)
    assert drawn.background == blank.background
    assert marks_blanks(drawn) == marks_blanks(blank)


def test_what_is_there_already_is_not_sent() -> None:
    canvas = entered()
    canvas.take(frame(*(f"{number} " + "x" * 37 for number in range(HEIGHT))))
    assert canvas.frame() == ""


def test_one_cell_takes_few_bytes_and_many_frames_make_one() -> None:
    canvas = entered()
    for number in range(100):
        canvas.take(frame(f"\x1b[31m{number:02}\x1b[0m"))
    sent = canvas.frame()
    assert "99" in sent and "98" not in sent
    assert len(sent) < 20
    assert canvas.frame() == ""


@pytest.mark.parametrize(
    "text",
    [
        "\x1b]52;c;aGVsbG8=\x07",
        "\x1bPtmux;\x1b\x1b]52;c;aGVsbG8=\x07\x1b\\",
        "\x1b]9;a question waits\x1b\\",
        "\x07",
        "\x1b[?2004h",
        "\x1b[>25u",
        "\x1b[<u",
        "\x1b[?2026$p",
        "\x1b[2 q",
    ],
)
def test_what_draws_nothing_is_passed_on_and_costs_nothing_more(text: str) -> None:
    canvas = entered()
    assert not canvas.take(text)
    assert canvas.passed() == text
    assert canvas.frame() == ""


@pytest.mark.parametrize("text", ["\x1b[2J", "\x1b[5;1Hx\x1b[K", "written past us", "\x1b[S"])
def test_after_what_may_have_drawn_everything_is_sent_anew(text: str) -> None:
    canvas = entered()
    assert canvas.take(text)
    assert canvas.passed() == text
    sent = canvas.frame()
    assert all(f"{number} xxx" in sent for number in range(HEIGHT) if number != 4)


def test_frames_are_synchronised_only_where_the_terminal_knows_how() -> None:
    canvas = entered()
    canvas.take(frame("a", "b"))
    assert SYNC_START not in canvas.frame()
    canvas.take(SYNC_START)
    canvas.take(frame("c", "d"))
    canvas.take(SYNC_END)
    sent = canvas.frame()
    assert sent.startswith(SYNC_START) and sent.endswith(SYNC_END)
    assert canvas.passed() == ""


def test_nothing_is_drawn_while_another_program_has_the_terminal_and_all_of_it_after() -> None:
    canvas = entered()
    canvas.take(frame("\x1b[1;31mred\x1b[0m"))
    before = canvas.frame()
    canvas.take(frame("late"))
    canvas.take(LEAVE)
    left = canvas.passed()
    assert left.endswith(LEAVE) and "\x1b[m" in left and "late" not in left
    assert canvas.frame() == ""

    canvas.take(ENTER)
    back = canvas.passed() + canvas.frame()
    seen, expected = shown(before, left, "EDITOR" * 30, back), shown(frame("late", "1 " + "x" * 37))
    assert seen.rows()[:2] == [[*expected.rows()[0][:4], *shown(back).rows()[0][4:]], expected.rows()[1]]
    assert "EDITOR" not in seen.text()


def test_a_new_size_is_drawn_whole_even_if_it_is_the_old_one() -> None:
    canvas = entered()
    canvas.resize(WIDTH, HEIGHT)
    assert shown(canvas.frame()).text().splitlines()[5].startswith("5 xxx")
    canvas.resize(20, 3)
    sent = canvas.frame()
    assert "\x1b[4" not in sent
    terminal = Terminal(20, 3)
    terminal.send(sent)
    assert terminal.text().splitlines() == [f"{number} " + "x" * 18 for number in range(3)]


def test_half_of_a_wide_character_is_never_left() -> None:
    canvas = entered()
    canvas.take(frame("漢字漢字"))
    canvas.take("\x1b[1;2Hab\x1b[1;1H")
    assert shown(canvas.frame()).text().splitlines()[0] == " ab 漢字"
    canvas.resize(7, HEIGHT)
    canvas.resize(8, HEIGHT)
    canvas.take("\x1b[2;7H漢字\x1b[1;1H")
    terminal = Terminal(8, HEIGHT)
    terminal.send(canvas.frame())
    assert terminal.text().splitlines()[:2] == [" ab 漢", "1 xxxx漢"]


def test_where_terminals_disagree_on_a_width_the_rest_of_the_row_is_placed_anew() -> None:
    canvas = entered()
    canvas.take(frame("\U0001f468\u200d\U0001f469\u200d\U0001f467 family", "e\u0301 accent"))
    sent = canvas.frame()
    assert "\U0001f467\x1b[1;3H family" in sent
    assert "e\u0301\x1b[2;2H accent" in sent
    canvas.take("\x1b[1;9Hs\x1b[1;1H")
    assert "\U0001f468" in canvas.frame()


def test_links_are_opened_and_closed() -> None:
    canvas = entered()
    canvas.take(frame("\x1b]8;id=7;https://example.org\x1b\\here\x1b]8;;\x1b\\ there"))
    sent = canvas.frame()
    opened = sent.index("\x1b]8;id=7;https://example.org\x1b\\")
    assert opened < sent.index("here") < sent.index("\x1b]8;;\x1b\\") < sent.index("there")


def test_blanks_are_erased_only_where_that_takes_the_background() -> None:
    for can_erase in (True, False):
        canvas = Canvas(WIDTH, HEIGHT, can_erase=can_erase)
        canvas.take(ENTER)
        canvas.passed()
        canvas.take(frame("\x1b[44m" + " " * WIDTH + "\x1b[0m"))
        sent = canvas.frame()
        assert ("\x1b[40X" in sent) is can_erase
        canvas.take(frame("\x1b[4m" + " " * WIDTH + "\x1b[0m"))
        assert "X" not in canvas.frame()


def _times_of_frames(tempo: Tempo, *, size: int, for_s: float, keys: tuple[float, ...] = ()) -> list[float]:
    """When frames of that size are sent, if something changes every millisecond."""
    pace, sent = Pace(tempo), []
    for tick in range(int(for_s * 1000)):
        now = 100 + tick / 1000
        if any(abs(now - 100 - key) < 0.0005 for key in keys):
            pace.touched(now)
        pace.changed(now)
        if pace.wait(now) == 0:
            pace.sent(now, size)
            sent.append(now - 100)
    return sent


@pytest.mark.parametrize(("tempo", "most"), [(REMOTE, 10), (LOCAL, 30)])
def test_frames_are_no_more_than_the_link_is_given(tempo: Tempo, most: int) -> None:
    sent = _times_of_frames(tempo, size=20, for_s=3.0)
    assert most * 2.5 <= len(sent) <= most * 3
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert min(gaps) >= 1 / most - 1e-6


def test_what_comes_by_itself_keeps_to_the_rate_and_answers_to_keys_do_not_wait() -> None:
    sent = _times_of_frames(REMOTE, size=1000, for_s=20.0, keys=(15.0,))
    before = [moment for moment in sent if moment < 15.0]
    assert len(before) * 1000 <= REMOTE.bytes_per_s * 15 + 2 * BURST_BYTES
    after_key = [moment for moment in sent if 15.0 <= moment <= 15.0 + AFTER_KEY_S]
    assert len(after_key) >= 4


def test_without_a_change_nothing_is_due() -> None:
    pace = Pace(REMOTE)
    assert pace.wait(5.0) is None
    pace.changed(5.0)
    assert pace.wait(5.0) == pytest.approx(REMOTE.settle_s)
    pace.sent(6.0, 100)
    assert pace.wait(7.0) is None


def test_a_new_size_waits_for_the_app_to_draw() -> None:
    pace = Pace(LOCAL)
    pace.resized(1.0)
    held = pace.wait(1.0)
    pace.changed(1.1)
    assert held is not None and held > 0.2
    assert pace.wait(1.1) == pytest.approx(LOCAL.settle_s)


def test_the_environment_chooses_driver_and_tempo() -> None:
    assert driver_for({}) is DeltaDriver
    assert driver_for({"OSSATURE_DRIVER": "stock"}) is QuietDriver
    assert tempo_for({}) is LOCAL
    assert tempo_for({"SSH_CONNECTION": "a 1 b 22"}) is REMOTE


@contextmanager
def stalled() -> Iterator[tuple[Painter, int]]:
    """A painter whose link takes a page and then nothing more until it is read."""
    reader, writer = os.pipe()
    try:
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    except (AttributeError, OSError):
        pytest.skip("the size of a pipe cannot be set here")
    painter = Painter(writer, Canvas(200, 60), Pace(LOCAL))
    painter.start()
    painter.tell(Resized(200, 60))
    painter.tell(ENTER)
    try:
        yield painter, reader
    finally:
        os.close(reader)
        painter.finish()
        os.close(writer)


def test_a_link_that_takes_nothing_holds_nobody_up_and_gets_the_newest_frame() -> None:
    with stalled() as (painter, reader):
        whole = [frame(*(f"{number:04} " * 40 for _ in range(60))) for number in range(300)]
        painter.tell(whole[0])
        told = threading.Event()

        def tell_all() -> None:
            for text in whole:
                painter.tell(text)
            told.set()

        threading.Thread(target=tell_all, daemon=True).start()
        assert told.wait(60.0)

        terminal, received = Terminal(200, 60), b""
        while "0299 0299" not in terminal.text():
            chunk = os.read(reader, 65536)
            received += chunk
            terminal.send(chunk.decode())
        # Each whole frame takes about 12,000 bytes, and there were 300.
        assert len(received) < 300 * 12_000 / 4


def test_leaving_gives_up_on_a_terminal_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painting, "PATIENCE_S", 0.1)
    with stalled() as (painter, _):
        painter.tell(frame(*("x" * 200 for _ in range(60))))
        painter.finish()
        assert not painter.is_alive()


def test_a_terminal_that_is_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    painter = Painter(writer, Canvas(WIDTH, HEIGHT), Pace(LOCAL))
    painter.start()
    os.close(reader)
    painter.tell(ENTER)
    painter.tell(frame("nobody reads"))
    painter.finish()
    os.close(writer)


def test_what_is_left_is_sent_before_the_end_in_order() -> None:
    reader, writer = os.pipe()
    painter = Painter(writer, Canvas(WIDTH, HEIGHT), Pace(LOCAL))
    painter.start()
    for text in (ENTER, "\x1b]52;c;YQ==\x07", LEAVE, "\x1b[?25h"):
        painter.tell(text)
    painter.finish()
    os.close(writer)
    received = os.read(reader, 65536).decode()
    os.close(reader)
    order = [received.index(text) for text in (ENTER, "\x1b]52;c;YQ==\x07", LEAVE, "\x1b[?25h")]
    assert order == sorted(order)
