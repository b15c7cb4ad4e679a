"""The small pure pieces: glyphs, themes, spans, editors, header, tasks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossature.domain.plan import Task
from ossature.domain.state import RunState
from ossature.engine.preview import TaskView, look
from ossature.tui.bridge import Bridge
from ossature.tui.keys.editor import editor_argv
from ossature.tui.look.glyphs import ASCII, UNICODE, glyphs_for
from ossature.tui.look.spans import Span, fit, text_of, width_of, wrap
from ossature.tui.panes.overview import overview_lines
from ossature.tui.panes.task_lines import TaskBoard, TaskLine, task_board
from ossature.tui.widgets.header import clock, header_parts, joined
from tests.tui.scene import START, Scene, at_fix_gate, owned


@pytest.mark.parametrize(
    ("environ", "is_ascii"),
    [
        ({"LC_ALL": "C"}, True),
        ({"LANG": "en_US.ISO-8859-1"}, True),
        ({}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "de_DE.utf8"}, False),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "OSSATURE_ASCII": "1"}, True),
    ],
)
def test_signs_follow_the_locale(environ: dict[str, str], is_ascii: bool) -> None:
    assert glyphs_for(environ).is_ascii is is_ascii


def test_both_sets_of_signs_know_every_state() -> None:
    assert UNICODE.status.keys() == ASCII.status.keys()
    assert all(sign.isascii() for sign in (*ASCII.status.values(), *ASCII.severity.values()))
    assert all(len(sign) == 1 for glyphs in (UNICODE, ASCII) for sign in glyphs.status.values())


SPANS = st.lists(
    st.builds(Span, st.text(st.characters(exclude_categories=("C", "M", "Z")), max_size=12)), max_size=5
)


@given(SPANS, st.integers(0, 40))
def test_fitted_spans_are_exactly_as_wide_as_asked(spans: list[Span], width: int) -> None:
    assert width_of(fit(spans, width)) == width


@given(st.text(st.characters(exclude_categories=("C", "M")), max_size=120), st.integers(2, 40))
def test_wrapped_text_is_whole_and_fits(text: str, width: int) -> None:
    pieces = wrap(text, width)
    assert "".join(pieces) == text
    assert all(width_of([Span(piece)]) <= width for piece in pieces)


@pytest.mark.parametrize(
    ("editor", "argv"),
    [
        ("vim", ["vim", "+7", "a.smd"]),
        ("nvim -u NONE", ["nvim", "-u", "NONE", "+7", "a.smd"]),
        ("code", ["code", "--wait", "--goto", "a.smd:7"]),
        ("hx", ["hx", "a.smd:7"]),
        ("/opt/my editor", ["/opt/my", "editor", "a.smd"]),
    ],
)
def test_editors_open_at_the_line_in_their_own_way(editor: str, argv: list[str]) -> None:
    assert editor_argv({"EDITOR": editor}, Path("a.smd"), line=7) == argv


def test_visual_wins_over_editor() -> None:
    assert editor_argv({"EDITOR": "ed", "VISUAL": "vi"}, Path("a")) == ["vi", "a"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "00:00"), (83.9, "01:23"), (3725, "1:02:05"), (-1, "00:00")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize("width", [20, 40, 60, 80, 160])
def test_the_header_drops_what_does_not_fit_from_its_end(asked: Scene, width: int) -> None:
    bridge = Bridge(asked.project)
    bridge.attach_latest()
    bridge.poll()
    parts = header_parts(bridge, UNICODE, START + timedelta(seconds=83))
    text = text_of(joined(parts, width))
    assert "Spenny" in text
    assert width_of(joined(parts, width)) <= width
    if width >= 40:
        assert "● live" in text
    if width >= 60:
        assert "5/8" in text
    if width == 160:
        assert "01:22" in text and "$0.11" in text and "61% cached" in text


def test_without_a_run_tasks_are_what_a_build_would_do(scene: Scene) -> None:
    view = look(scene.project)
    board = task_board(RunState(), view, live=False, known=TaskBoard())
    assert [line.status for line in board.lines] == ["pending"] * 8
    assert board.active is None


def test_after_a_run_what_failed_in_it_is_still_said(scene: Scene) -> None:
    at_fix_gate(scene)
    with owned(scene):
        bridge = Bridge(scene.project)
        bridge.attach_latest()
        bridge.poll()
        bridge.see(look(scene.project))
        assert bridge.board.active is not None
        assert bridge.board.active.id == "006"
        assert bridge.board.done == 5


def test_what_has_landed_stays_landed_until_the_project_is_looked_at_again(scene: Scene) -> None:
    scene.begin()
    with owned(scene):
        bridge = Bridge(scene.project)
        bridge.attach_latest()
        bridge.poll()
        before = look(scene.project)
        bridge.see(before)
        scene.build("001", "002")
        scene.finish("failed")
        bridge.poll()
        assert [line.status for line in bridge.board.lines[:3]] == ["landed", "landed", "pending"]
        bridge.see(before)
        assert bridge.board.lines[0].status == "pending"


def test_rails_are_drawn_once_for_one_graph(scene: Scene) -> None:
    view = look(scene.project)
    first = task_board(RunState(), view, live=False, known=TaskBoard())
    assert task_board(RunState(), view, live=False, known=first).rails is first.rails


def test_sections_are_told_below_the_document_that_they_are_of() -> None:
    task = Task(
        id="001",
        spec="EXPENSES",
        title="Errors",
        outputs=("errors.py",),
        spec_refs=("Overview", "Constraints", "BOOK:Store: where"),
        arch_refs=("Overview", "Components > Errors"),
    )
    lines = tuple(
        TaskLine(spec, spec, "Errors", "l", "done", "", "", view=TaskView(task, "l", "done", ""))
        for spec in ("EXPENSES", "BOOK")
    )
    shown = [text_of(line) for line in overview_lines(lines[0], TaskBoard(lines), attempts=(), glyphs=ASCII)]
    place = shown.index("Sections  EXPENSES")
    assert shown[place + 1 : place + 8] == [
        "            Overview",
        "            Constraints",
        "          BOOK",
        "            Store: where",
        "          EXPENSES architecture",
        "            Overview",
        "            Components > Errors",
    ]
    assert all(width_of([Span(line)]) <= 36 for line in shown[place : place + 8])
