"""What each pane shows, and what its keys do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ossature.domain import event as ev
from ossature.engine.session import RunRequest
from ossature.errors import BusyError
from tests.tui.scene import RUN, Scene, at_fix_gate, owned, while_running
from tests.tui.stage import press, run, screen, shown, until

WIDE = (160, 45)


def test_specs_show_sections_requirements_and_marks(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, WIDE) as (app, pilot):
            text = screen(app)
            assert "▾ EXPENSES" in text
            assert "Parse an amount" in text
            marked = next(line for line in text.splitlines() if "Record an expense" in line)
            assert "✗1" in marked
            await press(pilot, "1", "g", "left")
            assert "Parse an amount" not in screen(app)
            assert "▸ EXPENSES" in screen(app)
            await press(pilot, "right")
            assert "Parse an amount" in screen(app)

    run(dialogue())


def test_enter_on_a_section_shows_its_raw_text_and_escape_goes_back(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, WIDE) as (app, pilot):
            await press(pilot, "1", *"jjjjj", "enter")
            assert "### Parse an amount {#parse-amount}" in screen(app)
            assert app.focused_pane == "task"
            await press(pilot, "escape")
            assert app.focused_pane == "specs"
            await press(pilot, "j")
            await until(pilot, lambda: "### Format an amount" in screen(app))

    run(dialogue())


@pytest.mark.parametrize(("keys", "wanted"), [("1jjjjj", "+27"), ("2", "+47")])
def test_e_opens_the_editor_at_the_line(
    asked: Scene, monkeypatch: pytest.MonkeyPatch, keys: str, wanted: str
) -> None:
    monkeypatch.setenv("EDITOR", "vim -n")
    opened: list[list[str]] = []

    def edit(argv: list[str]) -> int:
        opened.append(argv)
        return 0

    async def dialogue() -> None:
        async with shown(asked, WIDE) as (app, pilot):
            monkeypatch.setattr(app, "run_editor", edit)
            await press(pilot, *keys, "e")
            path = asked.project.root / "specs" / "expenses.smd"
            assert opened == [["vim", "-n", wanted, str(path)]]
            line = path.read_text("utf-8").splitlines()[int(wanted[1:]) - 1]
            assert (
                "Parse an amount" in line
                or "Record an expense" in line
                or "Adds an expense" in line
                or line == ""
            )

    run(dialogue())


def test_an_edit_of_a_spec_is_seen_at_once(asked: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def edit(argv: list[str]) -> int:
        path = Path(argv[-1])
        path.write_text(path.read_text("utf-8").replace("### Parse an amount", "### Read an amount"), "utf-8")
        return 0

    async def dialogue() -> None:
        async with shown(asked, WIDE) as (app, pilot):
            monkeypatch.setattr(app, "run_editor", edit)
            await press(pilot, "1", "e")
            await until(pilot, lambda: "Read an amount" in screen(app))

    run(dialogue())


def test_findings_are_sorted_by_severity_and_shown_whole(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, WIDE) as (app, pilot):
            keys = [row.key for row in app.findings.rows]
            assert [key for key in keys if key.startswith("heading")] == [
                "heading:error",
                "heading:warning",
                "heading:info",
            ]
            await press(pilot, "2", "enter")
            assert "Say that an id is never given twice" in screen(app)
            assert "specs/expenses.smd:47" in screen(app)

    run(dialogue())


def test_a_broken_spec_is_a_finding(scene: Scene) -> None:
    (scene.project.root / "specs" / "broken.smd").write_text("no title here\n")

    async def dialogue() -> None:
        async with shown(scene, WIDE) as (app, _):
            assert any("broken.smd" in row.key for row in app.findings.rows)

    run(dialogue())


def test_plan_shows_state_as_sign_and_word_and_marks_neighbours(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, WIDE) as (app, pilot):
            rows = {row.key: row for row in app.plan.rows}
            texts = {key: "".join(span.text for span in (*row.left, *row.right)) for key, row in rows.items()}
            assert "✓" in texts["001"] and "landed" in texts["001"]
            assert "?" in texts["006"] and "waiting" in texts["006"]
            assert texts["002"].startswith("↑")
            assert texts["004"].startswith(" ")
            assert texts["008"].startswith("↓")
            await press(pilot, "home")
            await until(pilot, lambda: app.plan.rows[1].left[0].text == "↓")
            assert not app.follows

    run(dialogue())


def test_filter_narrows_the_plan_and_escape_ends_it(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, WIDE) as (app, pilot):
            await press(pilot, "slash", *"store")
            assert [row.key for row in app.plan.rows] == ["004"]
            await press(pilot, "enter")
            assert "/store" in screen(app)
            await press(pilot, "escape")
            assert len(app.plan.rows) == 8

    run(dialogue())


def test_the_task_has_its_tabs(asked: Scene) -> None:
    wanted = (
        ("verify", "AssertionError: 1250 != 1260"),
        ("diff", "+def by_month"),
        ("response", '<file path="spenny/summary.py">'),
        ("prompt", "# Task 006"),
        ("context", "tokens   by our own estimate"),
        ("overview", "Outputs"),
    )

    async def dialogue() -> None:
        async with shown(asked, WIDE) as (app, pilot):
            await press(pilot, "4")
            for tab, text in wanted:
                await until(pilot, lambda tab=tab: app.task_pane.tab == tab)
                await until(pilot, lambda text=text: text in screen(app))
                await press(pilot, "left")

    run(dialogue())


def test_a_task_that_was_not_tried_shows_the_prompt_to_come(scene: Scene) -> None:
    async def dialogue() -> None:
        async with shown(scene, WIDE) as (app, pilot):
            await press(pilot, "4", "right")
            await until(pilot, lambda: "sections" in screen(app) and "EXPENSES" in screen(app))
            await press(pilot, "right")
            await until(pilot, lambda: "This would be sent now" in screen(app))

    run(dialogue())


def test_brackets_step_through_attempts_of_all_runs(asked: Scene) -> None:
    asked.verified("006")
    asked.call("006", 2, "fix")
    asked.reply("006", 2, "fix", text="second reply\n")

    async def dialogue() -> None:
        async with shown(asked, WIDE) as (app, pilot):
            await until(pilot, lambda: len(app.task_pane.attempts) == 2)
            await press(pilot, "4", "left_square_bracket")
            await press(pilot, "left", "left")
            assert "implement 1/2" in screen(app)
            await press(pilot, "right_square_bracket")
            assert "fix 2/2" in screen(app)
            await press(pilot, "o")
            await press(pilot, *"implement", "enter")
            await until(pilot, lambda: "implement 1/2" in screen(app))

    run(dialogue())


def test_why_names_the_reason(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, WIDE) as (app, pilot):
            await press(pilot, "w")
            assert "because: never built" in screen(app)
            assert "waits for it: 008" in screen(app)

    run(dialogue())


def test_the_log_speaks_in_sentences_and_grows(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, (80, 24)) as (app, pilot):
            await press(pilot, "l")
            assert "006 verify failed (exit 1)" in screen(app)
            asked.tell(ev.Noticed(level="info", text="something new"))
            await until(pilot, lambda: "something new" in screen(app))
            await press(pilot, "l")
            assert app.focused_pane == "task"

    run(dialogue())


def test_the_screen_follows_the_run_until_the_person_moves(scene: Scene) -> None:
    async def dialogue() -> None:
        while_running(scene)
        with owned(scene):
            async with shown(scene, WIDE) as (app, pilot):
                assert (app.plan.key, app.task_pane.tab) == ("005", "response")
                await until(pilot, lambda: "class Line:" in screen(app))
                scene.reply("005")
                scene.verified("005")
                scene.land("005")
                await until(pilot, lambda: app.plan.key == "004")
                assert app.task_pane.tab == "verify"
                await press(pilot, "home")
                scene.verified("004")
                scene.land("004")
                scene.start("006")
                scene.call("006")
                await until(pilot, lambda: "006 started" in screen(app))
                assert app.plan.key == "001"
                await press(pilot, "f")
                assert app.plan.key == "006"

    run(dialogue())


def test_the_end_of_a_run_is_said_with_its_reason(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, (80, 24)) as (app, pilot):
            asked.tell(ev.QuestionClosed(question_id="006-fix-1", decision=None))
            asked.tell(ev.TaskFailed(task="006", reason="verify failed after 3 fixes"))
            asked.finish("failed", reason="006 failed", hint="ossature retry 006")
            await until(pilot, lambda: "run failed: 006 failed (ossature retry 006)" in screen(app))
            assert "✗ failed" in screen(app).splitlines()[0]
            await press(pilot, "a")
            assert asked.letters() == []

    run(dialogue())


def test_an_ended_run_is_shown_as_it_ended(scene: Scene) -> None:
    async def dialogue() -> None:
        scene.begin()
        scene.build("001")
        scene.finish("stopped", reason="asked to stop")
        async with shown(scene, WIDE) as (app, pilot):
            assert "stopped" in screen(app).splitlines()[0]
            assert "run stopped: asked to stop" in screen(app)
            await press(pilot, "H")
            await until(pilot, lambda: "1 ! stopped" in screen(app))
            await press(pilot, "escape")

    run(dialogue())


def test_a_run_whose_owner_is_gone_is_called_crashed(scene: Scene) -> None:
    async def dialogue() -> None:
        at_fix_gate(scene)
        async with shown(scene, WIDE) as (app, _):
            assert "crashed" in screen(app).splitlines()[0]
            assert app.question is None

    run(dialogue())


def test_a_run_that_another_face_starts_is_attached_to(scene: Scene) -> None:
    async def dialogue() -> None:
        scene.begin()
        scene.finish()
        async with shown(scene, WIDE) as (app, pilot):
            assert app.bridge.outcome == "succeeded"
            scene.begin("20260302-111500-ffff")
            with owned(scene):
                await until(pilot, lambda: app.bridge.state.run == "20260302-111500-ffff")
                assert "run 2" in screen(app).splitlines()[0]

    run(dialogue())


@pytest.mark.parametrize(
    ("keys", "request_"),
    [
        ("b", RunRequest(goal="build", preset="tui")),
        ("A", RunRequest(goal="audit", preset="tui")),
        ("jB", RunRequest(goal="build", preset="tui", tasks=("002",))),
    ],
)
def test_keys_start_a_run_and_show_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, keys: str, request_: RunRequest
) -> None:
    asked_for: list[RunRequest] = []

    def spawn(project: object, request: RunRequest) -> str:
        asked_for.append(request)
        scene.begin()
        return RUN

    monkeypatch.setattr("ossature.tui.keys.running.spawn", spawn)

    async def dialogue() -> None:
        async with shown(scene, WIDE) as (app, pilot):
            await press(pilot, *keys)
            await until(pilot, lambda: app.bridge.state.run == RUN)
            assert asked_for == [request_]

    run(dialogue())


def test_a_run_that_cannot_start_says_why_and_what_to_do(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spawn(project: object, request: RunRequest) -> str:
        raise BusyError("run 9 owns this project", hint="`ossature attach` shows it")

    monkeypatch.setattr("ossature.tui.keys.running.spawn", spawn)

    async def dialogue() -> None:
        async with shown(scene, WIDE) as (app, pilot):
            await press(pilot, "b")
            await until(pilot, lambda: "run 9 owns this project (`ossature attach` shows it)" in screen(app))

    run(dialogue())


def test_a_demo_starts_its_run_and_says_that_no_model_is_called(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spawn(project: object, request: RunRequest) -> str:
        assert request.goal == "all"
        scene.begin(replay="recordings")
        return RUN

    monkeypatch.setattr("ossature.tui.keys.running.spawn", spawn)

    async def dialogue() -> None:
        request = RunRequest(goal="all", preset="tui", replay="recordings", is_demo=True)
        async with shown(scene, (80, 24), request=request) as (app, pilot):
            await until(pilot, lambda: app.bridge.state.run == RUN)
            with owned(scene):
                await until(pilot, lambda: "recorded replies: no model is called" in screen(app))

    run(dialogue())


def test_a_project_without_plan_or_specs_is_explained(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "empty")
    scene.project.plan_path.unlink()
    shutil.rmtree(scene.project.root / "specs")
    (scene.project.root / "specs").mkdir()

    async def dialogue() -> None:
        async with shown(scene, WIDE) as (app, _):
            text = screen(app)
            assert "no plan yet" in text
            assert "no specs" in text
            assert "no run yet" in text

    run(dialogue())


def test_specs_say_what_uses_them_and_lead_to_it(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, WIDE) as (app, pilot):
            await press(pilot, "3", "home", "j", "j", "1", "g")
            assert "1 Specs  § 003" in screen(app)
            lines = screen(app).splitlines()
            assert "§" in next(line for line in lines if "Record an expense" in line)
            assert "◌" in next(line for line in lines if "Constraints" in line)
            await press(pilot, *"jjjjjj")
            assert "used by 001, 004, 005" in screen(app)
            await press(pilot, "L")
            await until(pilot, lambda: "Tasks that use Format an amount" in screen(app))
            await press(pilot, "down", "enter")
            assert (app.focused_pane, app.plan.key) == ("plan", "004")
            await press(pilot, "1", "G", "L")
            assert "no task uses this place" in screen(app)

    run(dialogue())


def test_findings_are_accepted_dismissed_and_opened_again(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, WIDE) as (app, pilot):
            await press(pilot, "2", "c")
            await until(pilot, lambda: "Settled" in screen(app))
            assert "accepted; c takes it back" in screen(app)
            line = next(line for line in screen(app).splitlines() if "It is not" in line)
            assert "✓" in line
            assert "✗1" not in screen(app)
            await press(pilot, "c")
            await until(pilot, lambda: "Settled" not in screen(app))
            await press(pilot, "d", *"no such case", "enter")
            await until(pilot, lambda: "Settled" in screen(app))
            assert app.findings.border_subtitle == "1 warning of 2"
            await press(pilot, "enter")
            assert "Dismissed by tui" in screen(app)
            assert "Reason: no such case" in screen(app)
            await press(pilot, "escape", "d")
            await until(pilot, lambda: "Settled" not in screen(app))
            await press(pilot, "G", "d", "enter")
            assert "a reason is needed" in screen(app)

    run(dialogue())
