"""Two columns show what a unified diff says, line by line."""

from __future__ import annotations

import difflib

from hypothesis import given
from hypothesis import strategies as st

from ossature.tui.look.spans import text_of, width_of
from ossature.tui.text.pairs import Pair, paint_pair, pair_diff
from tests.tui.scene import Scene
from tests.tui.stage import lines, press, run, shown, until

_LINES = st.lists(st.sampled_from(["a", "b", "-c", "+d", "", "@@ -1 +1 @@", "--- x"]), max_size=12)


@given(_LINES, _LINES)
def test_each_column_is_one_side_of_the_difference(before, after):
    diff = [line.rstrip("\n") for line in difflib.unified_diff(before, after, "a/x", "b/x", n=99)]
    pairs = pair_diff(diff)
    if diff:
        assert [pair.before for pair in pairs if pair.before is not None] == before
        assert [pair.after for pair in pairs if pair.after is not None] == after
        assert [pair.whole for pair in pairs if pair.whole is not None][:2] == ["--- a/x", "+++ b/x"]
    assert all(pair.is_same or None in pair[:2] or pair.before != pair.after for pair in pairs)


def test_heads_notes_and_several_files_have_rows_for_themselves():
    text = "--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n-a\n+b\n+c\n\\ No newline at end of file\n--- y\n+++ y\n(binary)"
    assert pair_diff(text.split("\n")) == [
        Pair(None, None, "--- a/x"),
        Pair(None, None, "+++ b/x"),
        Pair(None, None, "@@ -1 +1,2 @@"),
        Pair("a", "b"),
        Pair(None, "c"),
        Pair(None, None, "\\ No newline at end of file"),
        Pair(None, None, "--- y"),
        Pair(None, None, "+++ y"),
        Pair(None, None, "(binary)"),
    ]


def test_diff_tab_has_two_columns_where_they_fit(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, (120, 40)) as (app, pilot):
            app.follows = False
            await press(pilot, "4", "z")
            app.task_pane.show_tab("diff")
            same, gone = "for expense in expenses:", "-        totals[expense"
            await until(pilot, lambda: any(row.count(same) == 2 for row in lines(app)))
            await press(pilot, "z")
            await until(pilot, lambda: any(gone in row for row in lines(app)))
            await press(pilot, "z")
            await until(pilot, lambda: any(row.count(same) == 2 for row in lines(app)))
            await pilot.resize_terminal(80, 24)
            await until(pilot, lambda: any(gone in row for row in lines(app)))

    run(dialogue())


def test_long_lines_are_broken_within_their_column():
    rows = paint_pair(Pair("word " * 8, "\tx\x1b[2J"), 43)
    assert [width_of(row) for row in rows] == [43] * len(rows)
    assert "".join(text_of(row)[:20].rstrip() + " " for row in rows).split() == ["word"] * 8
    assert text_of(rows[0])[23:].rstrip() == "    x^[[2J"
    assert not text_of(rows[1])[23:].strip()
