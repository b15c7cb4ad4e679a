"""Every gate's answers reach the inbox of the run as decisions; nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest

from ossature.domain import event as ev
from ossature.domain.decision import (
    Abort,
    Approve,
    Depend,
    Edit,
    Gate,
    Pause,
    Question,
    Retry,
    Skip,
    Stop,
    Take,
    Verb,
)
from ossature.tui.keys.actions import ACTIONS
from ossature.tui.keys.answers import action_of, offers, question_lines
from ossature.tui.keys.keymap import DEFAULT_KEYS
from ossature.tui.look.spans import text_of, width_of
from tests.tui.scene import RUN, Scene, owned, while_running
from tests.tui.stage import last_letter, press, run, screen, shown, until

GATES: tuple[tuple[Gate, tuple[Verb, ...]], ...] = (
    ("trust", ("approve", "abort")),
    ("spec_edit", ("approve", "skip", "abort")),
    ("plan", ("approve", "retry", "abort")),
    ("prompt", ("approve", "skip", "abort")),
    ("fix", ("approve", "depend", "retry", "edit", "skip", "abort")),
    ("landing", ("approve", "edit", "abort")),
    ("task_failed", ("retry", "edit", "skip", "abort")),
    ("conflict", ("take", "skip", "abort")),
    ("budget", ("approve", "abort")),
)


def _question(gate: Gate, verbs: tuple[Verb, ...], number: int = 1) -> Question:
    return Question(
        id=f"006-{gate}-{number}", gate=gate, subject=f"{gate} number {number}?", verbs=verbs, task="006"
    )


@pytest.mark.parametrize(("gate", "verbs"), GATES)
def test_each_verb_of_each_gate_sends_its_decision(scene: Scene, gate: Gate, verbs: tuple[Verb, ...]) -> None:
    keys = {
        "approve": ["a"],
        "retry": ["r", *"use cents", "enter"],
        "skip": ["s"],
        "abort": ["x", "y"],
        "take": ["m"],
        "depend": ["d"],
    }
    kinds = {"approve": Approve, "retry": Retry, "skip": Skip, "abort": Abort, "take": Take, "depend": Depend}

    async def dialogue() -> None:
        while_running(scene)
        question = _question(gate, verbs)
        scene.ask(question)
        with owned(scene):
            async with shown(scene) as (app, pilot):
                await until(pilot, lambda: question.subject in screen(app))
                for verb in verbs:
                    if verb == "edit":
                        continue
                    before = len(scene.letters())
                    await press(pilot, *keys[verb])
                    await until(pilot, lambda count=before: len(scene.letters()) == count + 1)
                    decision = last_letter(scene)
                    assert isinstance(decision, kinds[verb])
                    assert (decision.question_id, decision.by) == (question.id, "tui")
                    assert decision.id
                    if isinstance(decision, Retry):
                        assert decision.feedback == "use cents"

    run(dialogue())


def test_theirs_is_taken_with_t(scene: Scene) -> None:
    async def dialogue() -> None:
        while_running(scene)
        scene.ask(_question("conflict", ("take", "abort")))
        with owned(scene):
            async with shown(scene) as (_, pilot):
                await press(pilot, "t")
                decision = last_letter(scene)
                assert isinstance(decision, Take)
                assert decision.side == "theirs"

    run(dialogue())


@pytest.mark.parametrize(("key", "side"), [("M", "merged"), ("T", "aside")])
def test_versions_of_a_conflict_are_taken_by_key_where_the_question_offers_them(
    scene: Scene, key: str, side: str
) -> None:
    async def dialogue() -> None:
        while_running(scene)
        question = _question("conflict", ("take", "edit", "abort"))
        scene.ask(question.model_copy(update={"sides": ("mine", "merged", "theirs", "aside")}))
        with owned(scene):
            async with shown(scene) as (app, pilot):
                for label in ("keep mine", "merge both", "take theirs", "set mine aside"):
                    assert label in screen(app)
                await press(pilot, key)
                decision = last_letter(scene)
                assert isinstance(decision, Take)
                assert decision.side == side

    run(dialogue())


def test_merge_that_is_not_clean_cannot_be_taken(scene: Scene) -> None:
    async def dialogue() -> None:
        while_running(scene)
        scene.ask(_question("conflict", ("take", "abort")))
        with owned(scene):
            async with shown(scene) as (app, pilot):
                assert "merge both" not in screen(app)
                await press(pilot, "M", "T")
                assert scene.letters() == []

    run(dialogue())


def test_a_verb_that_is_not_offered_sends_nothing(scene: Scene) -> None:
    async def dialogue() -> None:
        while_running(scene)
        scene.ask(_question("trust", ("approve", "abort")))
        with owned(scene):
            async with shown(scene) as (_, pilot):
                await press(pilot, "r", "m", "t", "h")
                assert scene.letters() == []

    run(dialogue())


def test_an_approval_can_carry_a_hint(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (_, pilot):
            await press(pilot, "h", *"look at rounding", "enter")
            decision = last_letter(asked)
            assert isinstance(decision, Approve)
            assert decision.feedback == "look at rounding"

    run(dialogue())


def test_an_abort_wants_a_yes(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            await press(pilot, "x")
            assert "What has landed stays" in screen(app)
            await press(pilot, "b", "a", "n")
            assert asked.letters() == []
            assert not app.bar.is_busy
            await press(pilot, "x", "escape", "x", "y")
            assert isinstance(last_letter(asked), Abort)

    run(dialogue())


def test_an_edit_sends_the_new_content_and_the_digest_of_the_old(
    asked: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit(argv: list[str]) -> int:
        path = Path(argv[-1])
        path.write_text(path.read_text("utf-8") + "# mended by hand\n", "utf-8")
        return 0

    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            question = app.question
            assert question is not None
            monkeypatch.setattr(app, "run_editor", edit)
            await press(pilot, "e")
            decision = last_letter(asked)
            assert isinstance(decision, Edit)
            assert decision.path == question.files[0]
            assert decision.base_digest == question.digests[0]
            assert decision.content.endswith("# mended by hand\n")
            staged = asked.project.root / question.files[0]
            assert "mended" not in staged.read_text("utf-8")

    run(dialogue())


def test_an_edit_without_a_change_sends_nothing(asked: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            monkeypatch.setattr(app, "run_editor", lambda argv: 0)
            await press(pilot, "e")
            assert asked.letters() == []
            assert "nothing was changed" in screen(app)

    run(dialogue())


def test_an_edit_of_a_file_that_has_moved_on_is_not_offered_to_the_run(
    asked: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            assert app.question is not None
            (asked.project.root / app.question.files[0]).write_text("other\n")
            monkeypatch.setattr(app, "run_editor", lambda argv: 0)
            await press(pilot, "e")
            assert asked.letters() == []
            assert "any more" in screen(app)

    run(dialogue())


def test_one_of_several_files_is_chosen_before_it_is_edited(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("staged/one.py", "staged/two.py")

    def edit(argv: list[str]) -> int:
        Path(argv[-1]).write_text("new\n")
        return 0

    async def dialogue() -> None:
        while_running(scene)
        for name in names:
            path = scene.project.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("old\n")
        scene.ask(Question(id="q", gate="landing", subject="land?", verbs=("edit",), task="006", files=names))
        with owned(scene):
            async with shown(scene) as (app, pilot):
                monkeypatch.setattr(app, "run_editor", edit)
                await press(pilot, "e", *"two", "enter")
                await until(pilot, scene.letters)
                decision = last_letter(scene)
                assert isinstance(decision, Edit)
                assert (decision.path, decision.content) == ("staged/two.py", "new\n")

    run(dialogue())


def test_no_key_fires_while_an_input_is_open(asked: Scene) -> None:
    keys = {key for action in ACTIONS for key in action.keys.split(",")} - {"enter", "escape"}

    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            await press(pilot, "r")
            seen = (app.focused_pane, app.is_zoomed, app.plan.key, app.task_pane.tab, len(app.screen_stack))
            for key in sorted(keys):
                await press(pilot, key)
            assert app.is_running
            assert app.bar.asking is not None
            now = (app.focused_pane, app.is_zoomed, app.plan.key, app.task_pane.tab, len(app.screen_stack))
            assert now == seen
            assert asked.letters() == []

    run(dialogue())


def test_typed_feedback_outlives_the_screen(asked: Scene) -> None:
    async def first() -> None:
        async with shown(asked) as (_, pilot):
            await press(pilot, "r", *"half a thou")

    async def second() -> None:
        async with shown(asked) as (app, pilot):
            await press(pilot, "r")
            assert app.bar.asking is not None
            assert app.bar.asking.initial == "half a thou"
            await press(pilot, *"ght", "enter")
            decision = last_letter(asked)
            assert isinstance(decision, Retry)
            assert decision.feedback == "half a thought"
            await press(pilot, "r")
            assert app.bar.asking.initial == ""

    run(first())
    run(second())


def test_tab_goes_round_the_questions_and_each_is_answered_by_its_own_key(asked: Scene) -> None:
    asked.ask(
        _question("landing", ("approve", "abort"), 2).model_copy(update={"task": "007", "id": "second"})
    )

    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            await until(pilot, lambda: "1 of 2" in screen(app))
            assert app.plan.key == "006"
            await press(pilot, "tab")
            assert "2 of 2" in screen(app)
            await until(pilot, lambda: app.plan.key == "007")
            await press(pilot, "a")
            decision = last_letter(asked)
            assert isinstance(decision, Approve)
            assert decision.question_id == "second"
            await press(pilot, "tab")
            assert "1 of 2" in screen(app)

    run(dialogue())


def test_a_refused_answer_says_so(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            decision = Approve(question_id="006-fix-1", by="tui")
            asked.tell(
                ev.QuestionClosed(question_id="006-fix-1", decision=Skip(question_id="006-fix-1", by="cli"))
            )
            asked.tell(ev.DecisionRefused(decision=decision, reason="already_closed"))
            await until(pilot, lambda: "refused: already closed" in screen(app))
            assert app.question is None

    run(dialogue())


def test_an_answer_to_a_run_without_an_owner_names_the_way_on(
    asked: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            monkeypatch.setattr(type(app.bridge.attachment), "is_owned", property(lambda self: False))
            await press(pilot, "a")
            assert "has no owner any more" in screen(app)
            assert asked.letters() == []

    run(dialogue())


def test_stop_drains_first_and_interrupts_the_second_time(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            await press(pilot, "S")
            command = last_letter(asked)
            assert isinstance(command, Stop)
            assert command.mode == "drain"
            asked.tell(ev.CommandReceived(command=command))
            await until(pilot, lambda: "stopping" in screen(app).splitlines()[0])
            await press(pilot, "S")
            assert last_letter(asked).mode == "now"

    run(dialogue())


def test_pause_and_resume_are_one_key(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            await press(pilot, "p")
            command = last_letter(asked)
            assert isinstance(command, Pause)
            asked.tell(ev.CommandReceived(command=command))
            await until(pilot, lambda: "paused" in screen(app).splitlines()[0])
            await press(pilot, "p")
            assert last_letter(asked).command == "resume"

    run(dialogue())


def test_stop_without_a_run_says_how_to_start_one(scene: Scene) -> None:
    async def dialogue() -> None:
        async with shown(scene) as (app, pilot):
            await press(pilot, "S")
            assert "no run is live" in screen(app)
            assert not (scene.project.runs_dir / RUN).exists()

    run(dialogue())


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize(("gate", "verbs"), GATES)
def test_the_keys_of_a_question_are_never_cut(gate: Gate, verbs: tuple[Verb, ...], width: int) -> None:
    lines = question_lines(_question(gate, verbs), index=0, count=1, width=width, details=0)
    assert all(width_of(line) <= width + 3 for line in lines)
    text = " ".join(text_of(line) for line in lines)
    assert all(
        f"{DEFAULT_KEYS.key(action_of(offer))} {offer.label}" in text
        for offer in offers(_question(gate, verbs))
    )
