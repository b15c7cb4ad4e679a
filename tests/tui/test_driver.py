"""The screen is the same whether all is sent or only what changed, whenever one looks."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.drivers.headless_driver import HeadlessDriver
from textual.widgets import Footer, Header, Input, RichLog, Static

from ossature.tui.app import make_app
from ossature.tui.driver.canvas import ENTER, Canvas
from tests.support.sampling import some
from tests.tui.scene import Scene
from tests.tui.stage import run, until
from tests.tui.terminals import Terminal

TEXTS = ("plain", "漢字かな交じり", "한국어", "nai\u0308ve cafe\u0301", "│─╭╮ ✓ ✗ ●", "a漢b", "  ", "|" * 7)
KEYS = (
    *("j", "j", "k", "k", "1", "2", "3", "4", "5", "left", "right", "l", "z", "space", "enter", "pagedown"),
    *("G", "g", "w", "f", "question_mark", "escape", "escape", "tab", "slash", "colon"),
)
STYLES = (
    "",
    "bold red",
    "dim #aabbcc on #102030",
    "reverse",
    "underline green on blue",
    "italic strike",
    "color(208) on color(17)",
    "bold italic reverse bright_white on bright_black",
    "blink yellow",
)


class Twins:
    """One terminal that gets all that Textual writes, beside one that gets what the canvas makes of it."""

    def __init__(self, width: int = 80, height: int = 24) -> None:
        self.stock = Terminal(width, height)
        self.delta = Terminal(width, height)
        self.canvas = Canvas(width, height, can_erase=True)
        self.write(ENTER)

    def write(self, text: str) -> None:
        self.stock.send(text)
        self.canvas.take(text)

    def resize(self, width: int, height: int) -> None:
        for terminal in (self.stock, self.delta):
            terminal.resize(width, height)
        self.canvas.resize(width, height)

    def show(self) -> str:
        """Send what has changed."""
        sent = self.canvas.passed() + self.canvas.frame()
        self.delta.send(sent)
        return sent

    def differences(self) -> list[str]:
        """Cells that differ, and the cursor."""
        found = [
            f"{x},{y}: {ours} instead of {theirs}"
            for y, rows in enumerate(zip(self.stock.rows(), self.delta.rows(), strict=True))
            for x, (theirs, ours) in enumerate(zip(*rows, strict=True))
            if theirs != ours
        ]
        # Behind the last column pyte's cursor is at a place of its own.
        if self.stock.cursor != self.delta.cursor:
            found.append(f"cursor {self.delta.cursor} instead of {self.stock.cursor}")
        return found


def recording(twins: Twins) -> type[HeadlessDriver]:
    """A driver that shows the app on both terminals."""

    class Recorder(HeadlessDriver):
        @property
        def is_headless(self) -> bool:
            return False

        def write(self, data: str) -> None:
            twins.write(data)

    return Recorder


class Patchwork(App[None]):
    """Panes whose content and looks change in every way."""

    CSS: ClassVar[str] = """
    #over { layer: top; offset: 7 5; width: 21; height: 6; border: round yellow; background: navy; }
    Screen { layers: base top; }
    .lit Static { background: #334455; }
    Static { width: 1fr; height: 1fr; }
    RichLog { width: 1fr; }
    """

    def compose(self) -> ComposeResult:
        yield Header()
        with Horizontal():
            yield Static("", id="one", markup=False)
            yield RichLog(id="two", wrap=False)
            yield Static("", id="three", markup=False)
        yield Input(id="field")
        yield Footer()
        yield Static("漢字の上に立つ箱 " * 9, id="over")

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False


def _steps(app: Patchwork, dice: random.Random) -> list[Callable[[], object]]:
    """What may happen to the patchwork."""

    def words(count: int) -> str:
        return " ".join(dice.choice(TEXTS) for _ in range(count))

    def styled() -> Static:
        from rich.text import Text

        text = Text()
        for _ in range(dice.randrange(1, 40)):
            text.append(dice.choice(TEXTS), dice.choice(STYLES))
        return text

    panes = ("#one", "#three", "#over")
    return [
        lambda: app.query_one(dice.choice(panes), Static).update(styled()),
        lambda: app.query_one(dice.choice(panes), Static).update(words(30)),
        lambda: app.query_one(RichLog).write(styled()),
        lambda: app.query_one(RichLog).write(words(4)),
        lambda: setattr(app.query_one(Input), "value", words(2)),
        lambda: setattr(app.query_one("#over"), "display", dice.random() < 0.5),
        lambda: setattr(app.query_one("#over").styles, "offset", (dice.randrange(60), dice.randrange(18))),
        lambda: app.screen.toggle_class("lit"),
        lambda: setattr(app, "theme", dice.choice(("textual-dark", "textual-light", "ansi-dark"))),
    ]


@pytest.mark.parametrize("colours", ["truecolor", "256", "16", "none"])
def test_500_random_steps_and_resizes_show_what_stock_textual_shows(
    colours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor" if colours == "truecolor" else "")
    monkeypatch.setenv("TERM", "xterm-256color" if colours != "16" else "xterm-16color")
    if colours == "none":
        monkeypatch.setenv("NO_COLOR", "1")
    dice = random.Random(f"{colours} patchwork")
    twins = Twins()
    app = Patchwork(driver_class=recording(twins))

    async def dialogue() -> None:
        async with app.run_test(headless=False, size=(80, 24)) as pilot:
            steps = _steps(app, dice)
            for number in range(125):
                for _ in range(dice.choice((1, 1, 1, 4))):
                    dice.choice(steps)()
                if dice.random() < 0.1:
                    size = dice.choice(((80, 24), (120, 40), (60, 20), (41, 12), (81, 25)))
                    twins.resize(*size)
                    await pilot.resize_terminal(*size)
                await pilot.pause()
                if dice.random() < some(0.25, 0.7):
                    twins.show()
                    assert twins.differences() == [], f"step {number}\n{twins.delta.text()}"

    run(dialogue())
    assert twins.delta.sent < twins.stock.sent / 2


def test_our_own_screen_is_the_same_under_random_keys(asked: Scene) -> None:
    dice = random.Random("ours")
    twins = Twins()
    app = make_app(asked.project, None)
    app.driver_class = recording(twins)

    async def dialogue() -> None:
        async with app.run_test(headless=False, size=(80, 24)) as pilot:
            await until(pilot, lambda: app.bridge.view is not None)
            for number in range(some(20, 80)):
                key = dice.choice(KEYS)
                await pilot.press("escape" if app.bar.is_busy else key)
                if dice.random() < 0.08:
                    size = dice.choice(((80, 24), (120, 40), (60, 20), (40, 12)))
                    twins.resize(*size)
                    await pilot.resize_terminal(*size)
                await pilot.pause()
                twins.show()
                assert twins.differences() == [], f"step {number}, {key}\n{twins.delta.text()}"

    run(dialogue())
    assert twins.delta.sent < twins.stock.sent / 3
