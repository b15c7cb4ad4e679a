"""What is typed stays with what asked for it: no click, no late answer and no fault of the disk takes it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from ossature.domain import event as ev
from ossature.domain.decision import Question, Retry
from ossature.engine.plan_editor import PlanEditor
from ossature.engine.session import live_holder
from ossature.tui.app import leave_message
from ossature.tui.bridge import Bridge
from ossature.tui.keys import running
from ossature.tui.keys.answers import question_lines
from ossature.tui.look.spans import text_of
from tests.tui.scene import Scene
from tests.tui.stage import press, run, screen, shown, until

LONG = "round the total once, at the end, and not each of the rows, since what is lost adds up to cents"


def test_a_click_elsewhere_leaves_the_keys_where_they_are(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            await press(pilot, "r", *"abc")
            await pilot.click(app.plan, offset=(4, 3))
            await until(pilot, lambda: app.focused is app.bar.field)
            await press(pilot, "d")
            assert (app.bar.field.value, len(app.screen_stack)) == ("abcd", 1)
            await press(pilot, *["backspace"] * 4, "escape", "x")
            assert app.bar.confirming
            await pilot.click(app.plan, offset=(4, 3))
            await until(pilot, lambda: app.focused is app.bar.confirmation)
            await press(pilot, "n")
            assert not app.bar.is_busy
            # A draft that was erased is gone.
            await press(pilot, "r")
            assert app.bar.field.value == ""

    run(dialogue())


def test_a_list_is_whole_again_when_its_filter_is_erased(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            await press(pilot, "3", "slash", *"sum")
            assert "Error classes" not in screen(app)
            await press(pilot, *["backspace"] * 3)
            assert "Error classes" in screen(app)

    run(dialogue())


def test_a_long_draft_is_shown_by_its_end(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, (60, 20)) as (app, pilot):
            app.bridge.save_draft("006-fix-1", LONG)
            await press(pilot, "h")
            await until(pilot, lambda: "adds up to cents" in screen(app))
            await press(pilot, "X")
            assert app.bar.field.value == f"{LONG}X"

    run(dialogue())


def test_a_plan_key_that_is_done_late_opens_nothing_over_what_is_typed(
    asked: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_open, opened = threading.Event(), PlanEditor.open

    def slowly(editor: PlanEditor) -> object:
        may_open.wait(60)
        return opened(editor)

    monkeypatch.setattr(PlanEditor, "open", slowly)
    before = asked.project.plan_path.read_bytes()

    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            for key in ("minus", "c", "ampersand"):
                may_open.clear()
                await press(pilot, "3", "end", key, "slash", *"com")
                may_open.set()
                await until(pilot, lambda: not app._jobs)
                assert app.bar.asking
                assert len(app.screen_stack) == 1
                assert "opened meanwhile" in (app.message.text if app.message else "")
                await press(pilot, *"mary", "escape", "escape")

    run(dialogue())
    assert asked.project.plan_path.read_bytes() == before


def test_words_for_one_run_answer_no_other(asked: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "20260302-110000-c3d4"

    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            await press(pilot, "r", *"for this one")
            asked.finish("stopped")
            await until(pilot, lambda: app.bridge.state.is_over)
            monkeypatch.setattr(Bridge, "other_live_run", lambda bridge: other)
            monkeypatch.setattr(Bridge, "attach", lambda bridge, run: pytest.fail(f"went to {run}"))
            for _ in range(4):
                app.tick()
            await press(pilot, "enter")
            assert "no run is live" in screen(app)
            assert app.bridge.draft("006-fix-1") == "for this one"

    run(dialogue())
    assert asked.letters() == []


def test_words_that_come_too_late_are_kept(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, (160, 45)) as (app, pilot):
            late = Retry(id="d1", question_id="006-fix-1", by="tui", feedback="round once")
            asked.tell(ev.DecisionRefused(decision=late, reason="already_closed"))
            await until(pilot, lambda: "you said: round once" in screen(app))
            assert app.bridge.draft("006-fix-1") == "round once"

    run(dialogue())


@pytest.mark.parametrize(("status", "text"), [(1, "\nmore"), (1, ""), (0, None)])
def test_what_a_failed_editor_leaves_is_neither_sent_nor_lost(
    asked: Scene, monkeypatch: pytest.MonkeyPatch, status: int, text: str | None
) -> None:
    """*text* is added to the copy; None takes the copy away."""
    copies: list[Path] = []

    def edit(app: object, argv: Sequence[str]) -> int:
        copies.append(Path(argv[-1]))
        if text is None:
            copies[0].unlink()
        else:
            copies[0].write_text(copies[0].read_text() + text)
        return status

    async def dialogue() -> None:
        async with shown(asked, (160, 45)) as (app, pilot):
            monkeypatch.setattr(type(app), "run_editor", edit)
            await press(pilot, "e")
            said = app.message.text if app.message else ""
            if text:
                assert said.startswith("true ended with 1, so nothing was sent")
                assert str(copies[0]) in said
                assert copies[0].read_text().endswith("more")
            else:
                assert said == (
                    "true ended with 1" if status else "nothing was changed; the question stays open"
                )
                assert not copies[0].parent.exists()

    run(dialogue())
    assert asked.letters() == []


def test_a_draft_that_cannot_be_kept_is_told(asked: Scene) -> None:
    (asked.project.runs_dir / asked.run / "drafts").write_text("in the way")

    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            await press(pilot, "r", *"ok")
            assert app.bar.field.value == "ok"
            assert "what you type is not kept" in (app.message.text if app.message else "")

    run(dialogue())


def test_a_fault_that_nobody_foresaw_is_told_and_ends_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise KeyError("left")

    monkeypatch.setattr(running, "spawn", broken)

    async def dialogue() -> None:
        async with shown(scene) as (app, pilot):
            await press(pilot, "b")
            await until(pilot, lambda: "the run could not be started: KeyError" in screen(app))
            # Nothing is asked: a key that answers says so.
            await press(pilot, "a")
            assert "no open question waits for an answer" in screen(app)
            await press(pilot, "5", "n")
            assert "nothing is searched for" in screen(app)

    run(dialogue())


def test_layers_of_no_plan_take_every_key(scene: Scene) -> None:
    scene.project.plan_path.unlink()

    async def dialogue() -> None:
        async with shown(scene) as (app, pilot):
            await press(pilot, "3", "g", "plus", "0", "minus", "g")
            assert app.is_running

    run(dialogue())


def test_the_way_back_names_the_project_where_one_is_elsewhere(
    asked: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live_holder(asked.project)
    assert f"`ossature -C {asked.project.root} tui`" in leave_message(Bridge(asked.project))
    monkeypatch.chdir(asked.project.root / "specs")
    assert "come back with `ossature tui`" in leave_message(Bridge(asked.project))


@pytest.mark.parametrize("width", [40, 60])
def test_a_subject_that_does_not_fit_shows_that_it_goes_on(width: int) -> None:
    asked = Question(id="1", gate="fix", subject="word " * 60, verbs=("approve",))
    lines = [text_of(line) for line in question_lines(asked, index=0, count=1, width=width, details=1)]
    assert lines[2].endswith(" …")
    assert all(len(line) <= width for line in lines)


def test_a_bug_of_ours_is_one_sentence_and_a_file(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdefghij")
    said: list[str] = []

    async def dialogue() -> None:
        async with shown(scene) as (app, pilot):
            app.call_later(lambda: {}["sk-0123456789abcdefghij"])
            await until(pilot, lambda: app._exit_renderables)
            said.extend(str(text) for text in app._exit_renderables)

    with pytest.raises(KeyError):
        run(dialogue())
    (file,) = scene.project.state_dir.glob("crash-*.txt")
    (sentence,) = said
    assert sentence == f"ossature: internal error: KeyError: '[redacted]' (details in {file})"
    assert "test_held_keys.py" in file.read_text("utf-8")
    assert "sk-0123" not in file.read_text("utf-8")
