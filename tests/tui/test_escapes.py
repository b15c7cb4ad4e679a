"""Nothing that a model, a command or a file says can move the cursor of the terminal, or hide."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from rich.segment import Segment
from textual.color import Color

import ossature.tui
from ossature.domain import event as ev
from ossature.domain.decision import Question
from ossature.domain.plain_text import clean
from ossature.tui.backstop import Backstop
from ossature.tui.look.spans import text_of
from ossature.tui.text.paint import paint_diff, paint_labels, paint_markdown, paint_output, paint_plain
from tests.tui.scene import Scene, lineage, owned, rows
from tests.tui.stage import is_whole, press, run, screen, shown, until

SEQUENCES = (
    "\x1b[2J",
    "\x1b[H",
    "\x1b[31mred\x1b[0m",
    "\x1b[?1049h",
    "\x1b[?1049l",
    "\x1b[?25l",
    "\x1b[?1000h",
    "\x1b[?1003h",
    "\x1b[?2004h",
    "\x1b[6n",
    "\x1b[c",
    "\x1b[>c",
    "\x1b[5i",
    "\x1b[4i",
    "\x1b[20t",
    "\x1b[21t",
    "\x1b]0;title\x07",
    "\x1b]2;title\x1b\\",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]50;?\x07",
    "\x1b]4;1;?\x07",
    "\x1b]10;?\x07",
    "\x1b]1337;File=:AAAA\x07",
    "\x1b]777;notify;a;b\x07",
    "\x1b]9;hello\x07",
    "\x1bP$qm\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x1bPtmux;\x1b\x1b[2J\x1b\\",
    "\x1b_Ga=T;AAAA\x1b\\",
    "\x1b^private\x1b\\",
    "\x1bXsos\x1b\\",
    "\x1bc",
    "\x1b#8",
    "\x1b7\x1b8",
    "\x1bM",
    "\x1bD",
    "\x1b(0lqk\x1b(B",
    "\x1b[!p",
    "\x1b[s\x1b[u",
    "\x1b[1;1H",
    "\x1b[999D",
    "\x1b[K",
    "\x1b[1A\x1b[2K",
    "\x1b[?6h",
    "\x9b2J",
    "\x9d0;title\x9c",
    "\x90q\x9c",
    "\x9fapc\x9c",
    "\x84",
    "\x85",
    "\x00",
    "\x07",
    "\x08\x08\x08",
    "\x0b",
    "\x0c",
    "\x0e\x0f",
    "\x7f",
    "over\rwritten",
    "\u202ereversed\u202c",
    "\u2066isolate\u2069",
    "\u200bzero\u200dwidth\ufeff",
    "\U000e0041\U000e0042tag",
    "\u2028line\u2029para",
    "\ud800",
    "\x1b",
    "\x1b[",
)
BAD = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e0fff]"
)


def test_there_are_sixty_of_them() -> None:
    assert len(set(SEQUENCES)) >= 60


@pytest.mark.parametrize("sequence", SEQUENCES, ids=ascii)
def test_cleaned_text_is_harmless_and_says_that_something_was_there(sequence: str) -> None:
    text = clean(f"before{sequence}after")
    assert not BAD.search(text)
    assert text.startswith("before") and text.endswith("after")
    assert len(text) > len("beforeafter")


@pytest.mark.parametrize("sequence", SEQUENCES, ids=ascii)
@pytest.mark.parametrize("paint", [paint_plain, paint_diff, paint_markdown, paint_output, paint_labels])
def test_no_painter_lets_one_through(paint: object, sequence: str) -> None:
    for start in ("", "+", "-", "@@ ", "# ", "$ ", "**Returns:** ", "Place: ", "<file "):
        assert not BAD.search(text_of(paint(0, start + sequence)))


@pytest.mark.parametrize("sequence", SEQUENCES, ids=ascii)
def test_the_backstop_catches_what_a_widget_forgot(sequence: str) -> None:
    filtered = Backstop(is_ascii=False).apply([Segment(f"a{sequence}b")], Color(0, 0, 0))
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", filtered[0].text)


def test_none_reaches_the_screen_from_any_place(scene: Scene) -> None:
    poison = "".join(SEQUENCES).replace("\ud800", "")
    evil = f"[red]evil[/x] {poison}"

    async def dialogue() -> None:
        scene.begin()
        scene.tell(ev.PlanAdopted(tasks=tuple(r.model_copy(update={"title": evil + r.id}) for r in rows())))
        scene.start("001")
        folder = scene.call("001")
        scene.reply("001", text=evil)
        (folder / "prompt.md").write_text(evil, encoding="utf-8")
        (folder / "changes.diff").write_text(f"+{evil}\n", encoding="utf-8")
        scene.verified("001", is_ok=False)
        (folder / "verify.log").write_text(evil, encoding="utf-8")
        scene.tell(ev.TaskStarted(task="002", lineage=lineage("002"), reason=evil))
        scene.tell(ev.Noticed(level="error", text=evil))
        verbs = ("approve", "retry", "abort")
        scene.ask(
            Question(id="q", gate="fix", subject=evil, detail=f"{evil}\n{evil}", verbs=verbs, task="001")
        )
        (scene.project.root / "specs" / "evil.smd").write_text(f"# {evil}\n\n## {evil}\n\n{evil}\n", "utf-8")
        with owned(scene):
            async with shown(scene, (160, 45)) as (app, pilot):
                await until(pilot, lambda: "evil" in screen(app))
                for key in ("1", "enter", "2", "enter", "3", "4", "left", "left", "left", "left", "w", "o"):
                    await press(pilot, key)
                    assert not BAD.search(screen(app)), key
                    assert "[red]evil[/x]" in screen(app)
                    assert is_whole(app)

    run(dialogue())


def test_no_widget_that_reads_markup_is_used() -> None:
    forbidden = {"Static", "Label", "Markdown", "MarkdownViewer", "RichLog", "Log", "Button", "OptionList"}
    for path in Path(ossature.tui.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not forbidden & {alias.name for alias in node.names}, path
            if isinstance(node, ast.Attribute):
                assert node.attr != "notify", f"{path}:{node.lineno}"
                if isinstance(node.ctx, ast.Store):
                    continue
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Attribute) and target.attr in (
                        "border_title",
                        "border_subtitle",
                    ):
                        call = node.value
                        assert isinstance(call, ast.Call) and getattr(call.func, "id", "") == "title", path
