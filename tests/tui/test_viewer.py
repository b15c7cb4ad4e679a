"""The text viewer: follow, pause, wrap, search, copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from ossature.tui.text.document import TextDocument
from ossature.tui.text.index import SLICE, STRIDE_BYTES
from ossature.tui.text.paint import paint_diff, paint_output
from ossature.tui.text.viewer import LineViewer
from tests.tui.scene import Scene
from tests.tui.stage import press, run, screen, shown, until
from tests.tui.test_document import CountingDocument, huge

__all__ = ["huge"]


class ViewerApp(App[None]):
    """A viewer alone."""

    def __init__(self) -> None:
        super().__init__()
        self.viewer = LineViewer()

    def compose(self) -> ComposeResult:
        yield self.viewer

    def on_mount(self) -> None:
        self.viewer.focus()


def test_a_huge_file_is_shown_without_being_read(huge: Path) -> None:
    async def dialogue() -> None:
        app = ViewerApp()
        async with app.run_test(size=(80, 24)) as pilot:
            document = CountingDocument(huge)
            app.viewer.open(document)
            await until(pilot, lambda: "000000000010 " in screen(app))
            seen = document.bytes_read
            for _ in range(20):
                app.viewer.refresh()
                app.viewer.action_page(1)
                await pilot.pause()
            # Twenty screens cost twenty windows, beside the slices of the index that ran meanwhile.
            slices = (document.count * 100) // SLICE + 2
            assert document.bytes_read - seen <= slices * SLICE + 60 * 3 * STRIDE_BYTES
            await until(pilot, lambda: document.count == huge.stat().st_size // 100)
            await press(pilot, "G")
            assert f"{document.count - 1:012d} " in screen(app)

    run(dialogue())


def test_following_stops_on_the_way_up_and_counts_what_came(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"line {n}\n" for n in range(100)))

    async def dialogue() -> None:
        app = ViewerApp()
        async with app.run_test(size=(40, 10)) as pilot:
            app.viewer.open(CountingDocument(path), paint_output, follow=True)
            await until(pilot, lambda: "line 99" in screen(app))
            assert app.viewer.state == "following"
            await press(pilot, "k", "k")
            assert not app.viewer.is_following
            with path.open("a") as file:
                file.write("".join(f"line {n}\n" for n in range(100, 120)))
            await until(pilot, lambda: app.viewer.document.count == 120)
            assert app.viewer.state == "PAUSED +22"
            await press(pilot, "F")
            await until(pilot, lambda: "line 119" in screen(app))
            assert app.viewer.state == "following"

    run(dialogue())


def test_wrapping_shows_all_of_a_line_and_cutting_scrolls_sideways() -> None:
    text = "start " + "word " * 30 + "end"

    async def dialogue() -> None:
        app = ViewerApp()
        async with app.run_test(size=(40, 10)) as pilot:
            app.viewer.open(TextDocument(text))
            await pilot.pause()
            assert "end" in screen(app)
            await press(pilot, "W")
            assert "end" not in screen(app)
            await press(pilot, *["greater_than_sign"] * 20)
            assert "end" in screen(app)
            assert "start" not in screen(app)
            await press(pilot, "W")
            assert "start" in screen(app)

    run(dialogue())


def test_the_last_line_can_be_reached_when_lines_wrap() -> None:
    async def dialogue() -> None:
        app = ViewerApp()
        async with app.run_test(size=(30, 6)) as pilot:
            app.viewer.open(TextDocument("\n".join(f"{n} " + "word " * 20 for n in range(8)) + "\nlast"))
            await pilot.pause()
            await press(pilot, "G")
            assert "last" in screen(app)
            await press(pilot, "g")
            assert "0 word" in screen(app)

    run(dialogue())


def test_search_finds_marks_and_goes_on() -> None:
    async def dialogue() -> None:
        app = ViewerApp()
        async with app.run_test(size=(40, 10)) as pilot:
            app.viewer.open(TextDocument("\n".join(f"line {n}" for n in range(300))))
            await pilot.pause()
            app.viewer.find("line 150$")
            await until(pilot, lambda: app.viewer.state == "match 1 of 1, line 151")
            assert "line 150" in screen(app)
            app.viewer.find("line 2.0|nothing")
            await until(pilot, lambda: app.viewer.state == "match 1 of 10, line 201")
            await press(pilot, "n")
            assert app.viewer.state == "match 2 of 10, line 211"
            await press(pilot, "N", "N")
            assert app.viewer.state == "match 10 of 10, line 291"
            app.viewer.find("(")
            await until(pilot, lambda: app.viewer.state == "not found")
            assert app.viewer.pattern is not None
            assert "plain text" in app.viewer.pattern.note
            assert app.viewer.leave()
            assert not app.viewer.leave()

    run(dialogue())


def test_a_diff_is_coloured_by_line() -> None:
    tones = [paint_diff(0, text)[0].tone for text in ("+++ b", "--- a", "@@ 1 @@", "+new", "-old", " same")]
    assert tones == ["strong", "strong", "hunk", "add", "del", "plain"]


def test_yank_copies_clean_text_to_clipboard_and_file(asked: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []

    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
            await press(pilot, "4", "y")
            assert "AssertionError: 1250 != 1260" in copied[0]
            assert app.message is not None
            path = Path(app.message.text.rpartition(" in ")[2])
            assert path.read_text("utf-8") == copied[0]
            path.unlink()

    run(dialogue())
