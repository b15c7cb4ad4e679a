"""The text viewer: follow, pause, wrap, search, copy."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from ossature.tui.driver.canvas import Canvas
from ossature.tui.keys.clipboard import clipboard_sequences
from ossature.tui.keys.places import FoundFile, asked_file, find_file
from ossature.tui.keys.text import clean_parts
from ossature.tui.text.document import FileDocument, TextDocument
from ossature.tui.text.index import SLICE, STRIDE_BYTES
from ossature.tui.text.paint import paint_diff, paint_output
from ossature.tui.text.problems import Problem
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
            await until(pilot, lambda: copied and app.message)
            assert "AssertionError: 1250 != 1260" in copied[0]
            assert app.message is not None
            path = Path(app.message.text.rpartition(" in ")[2])
            assert path.read_text("utf-8") == copied[0]
            assert path.stat().st_mode & 0o777 == 0o600
            path.unlink()

    run(dialogue())


def test_a_filter_shows_matches_with_rows_around_and_grows(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"line {n}{' ERROR' if n % 100 == 50 else ''}\n" for n in range(400)))

    async def dialogue() -> None:
        app = ViewerApp()
        async with app.run_test(size=(60, 12)) as pilot:
            viewer = app.viewer
            viewer.open(FileDocument(path))
            await pilot.pause()
            viewer.only("error")
            await until(pilot, lambda: viewer.document.count == 4)
            await until(pilot, lambda: viewer.state.startswith("4 matching lines"))
            assert [line.split() for line in screen(app).splitlines()[:4]] == [
                [f"{number}", "line", f"{number - 1}", "ERROR"] for number in (51, 151, 251, 351)
            ]
            viewer.only("1")
            assert viewer.document.count == 12
            assert "152 line 151" in screen(app)
            with path.open("a") as file:
                file.write("late ERROR\n")
            await until(pilot, lambda: viewer.document.count == 14)
            await press(pilot, "G")
            assert "401 late ERROR" in screen(app)
            await press(pilot, "n")
            assert viewer.marked_row is not None
            assert viewer.leave()
            assert viewer.document.count == 401
            assert viewer.pattern is not None
            assert viewer.go_to_line("300")
            await until(pilot, lambda: screen(app).startswith("line 299"))
            assert viewer.go_to_line("50%")
            await until(pilot, lambda: screen(app).startswith("line 200"))
            assert not viewer.go_to_line("soon")
            path.unlink()
            await until(pilot, lambda: "gone" in viewer.state)
            path.write_text("quite new\n")
            await until(pilot, lambda: "quite new" in screen(app))

    run(dialogue())


def test_the_end_is_shown_before_the_rows_are_counted(huge: Path) -> None:
    last = huge.stat().st_size // 100

    async def dialogue() -> None:
        app = ViewerApp()
        async with app.run_test(size=(80, 24)) as pilot:
            document = CountingDocument(huge)
            held = threading.Event()
            count_on = document.advance
            document.advance = lambda: held.is_set() and count_on()  # type: ignore[method-assign]
            app.viewer.is_following = False
            app.viewer.source = app.viewer.document = document
            app.viewer.action_numbers()
            await press(pilot, "G")
            assert app.viewer.is_placed_by_end
            assert f"  ? {last - 1:012d} " in screen(app)
            await press(pilot, "k", "k")
            assert f"{last - 1:012d} " not in screen(app)
            held.set()
            await until(pilot, lambda: not app.viewer.is_placed_by_end)
            assert f"{last - 1} {last - 2:012d} " in screen(app)
            assert f"{last - 1:012d} " not in screen(app)

    run(dialogue())


def test_keys_go_to_a_problem_and_open_its_place(asked: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Sequence[str]] = []
    path = asked.project.output_root / "tests" / "test_summary.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    monkeypatch.setenv("EDITOR", "vim")

    def edit(argv: Sequence[str]) -> int:
        opened.append(argv)
        return 0

    async def dialogue() -> None:
        async with shown(asked, (120, 50)) as (app, pilot):
            monkeypatch.setattr(app, "run_editor", edit)
            viewer = app.task_pane.viewer
            await press(pilot, "4", "ampersand", *"error", "enter")
            await until(pilot, lambda: viewer.filter and viewer.filter.count)
            await press(pilot, "ampersand", "backspace", *"2", "enter")
            assert viewer.filter is not None
            assert viewer.filter.around == 2
            await press(pilot, "escape", "escape", "ctrl+g", *"1", "enter")
            assert viewer.filter is viewer.search is None
            for _ in range(9):
                await press(pilot, "right_curly_bracket")
                await until(pilot, lambda: viewer.note)
                if viewer.problem and viewer.problem.path:
                    break
            assert viewer.problem == Problem("tests/test_summary.py", 41)
            assert "tests/test_summary.py:41" in viewer.state
            await press(pilot, "e")
            await until(pilot, lambda: opened or app.message)
            assert opened == [["vim", "+41", str(path.resolve())]]
            await press(pilot, "G", "left_curly_bracket")
            await until(pilot, lambda: viewer.note)
            assert viewer.problem is not None

    run(dialogue())


def test_a_place_is_looked_for_where_it_lands_and_told_apart_outside(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", tmp_path / "elsewhere.py"
    output, work = root / "output", root / ".ossature" / "work"
    for path in (
        output / "src" / "a.py",
        root / "specs" / "b.smd",
        work / "0" / "tree" / "src" / "c.py",
        outside,
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")

    def find(printed: str) -> FoundFile | None:
        return find_file(printed, root=root, output=output, work=work)

    assert find("src/a.py") == FoundFile(output / "src" / "a.py", "project")
    assert find("/build/work/0/tree/src/a.py") == FoundFile(output / "src" / "a.py", "project")
    assert find("/workspace/src/a.py") == FoundFile(output / "src" / "a.py", "project")
    assert find("specs/b.smd") == FoundFile(root / "specs" / "b.smd", "project")
    assert find("src/c.py") == FoundFile(work / "0" / "tree" / "src" / "c.py", "stage")
    assert find(str(outside)) == FoundFile(outside, "outside")
    assert find("../../elsewhere.py") == FoundFile(outside, "outside")
    assert find("src/none.py") is None
    assert find("\0") is None
    names = (".ossature/work/0/tree/src/a.py", ".ossature/work/0/tree/lib/a.py")
    assert asked_file("./src/a.py", names, work) == names[0]
    assert asked_file("/elsewhere/work/0/tree/lib/a.py", names, work) == names[1]
    assert asked_file("/workspace/src/a.py", names, work) == names[0]
    assert asked_file("a.py", names, work) is None


def test_the_clipboard_is_reached_through_tmux_and_screen() -> None:
    bare = "\x1b]52;c;w6k=\x07"
    assert clipboard_sequences("é", {"TERM": "xterm"}) == [bare]
    assert clipboard_sequences("é", {"TMUX": "/tmp/x", "TERM": "screen-256color"}) == [
        bare,
        "\x1bPtmux;\x1b\x1b]52;c;w6k=\x07\x1b\\",
    ]
    (long,) = clipboard_sequences("x" * 3000, {"STY": "1.tty"})
    pieces = [piece.removeprefix("\x1bP") for piece in long.split("\x1b\\")]
    assert max(map(len, pieces)) <= 512
    assert "".join(pieces) == clipboard_sequences("x" * 3000, {})[0]
    canvas = Canvas(80, 24)
    for sequence in [*clipboard_sequences("é", {"TMUX": "/tmp/x"}), long]:
        assert canvas.take(sequence) is False
        assert canvas.passed() == sequence


def test_a_long_text_is_copied_clean_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\x1b[31mred\ttext\r\n" + b"y" * 9000 + b"\n\nend")
    document = FileDocument(path)
    document.advance()
    assert "".join(clean_parts(document)) == "^[[31mred    text\n" + "y" * 9000 + "\n\nend\n"
    assert "".join(clean_parts(TextDocument())) == ""
