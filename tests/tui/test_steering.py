"""Step mode, another try at a task, and going from question to question."""

from __future__ import annotations

from ossature.domain import event as ev
from ossature.domain.decision import Requeue, Retry, SetPreset
from ossature.engine.session import RunRequest
from tests.tui.scene import Scene, owned
from tests.tui.stage import last_letter, press, run, screen, shown, until


def _header(app: object) -> str:
    return screen(app).splitlines()[0]


def test_a_live_run_is_stepped_and_a_task_of_it_tried_again(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            await press(pilot, "1", "n")
            assert app.plan.key == "006"
            await press(pilot, "r", *"@opus", "enter")
            assert "@opus names no model" in screen(app)
            await until(pilot, lambda: app.bar.asking is not None)
            await press(pilot, *["left"] * 4, *"a:", *["right"] * 4, *" neater", "enter")
            answer = last_letter(asked)
            assert isinstance(answer, Retry)
            assert (answer.model, answer.feedback) == ("a:opus", "neater")
            asked.tell(ev.QuestionClosed(question_id="006-fix-1", decision=answer))
            await until(pilot, lambda: app.question is None)
            await press(pilot, "n")
            assert "no question is open" in screen(app)

            await press(pilot, "s")
            wanted = last_letter(asked)
            assert isinstance(wanted, SetPreset)
            assert wanted.preset == "step"
            asked.tell(ev.CommandReceived(command=wanted))
            await until(pilot, lambda: " step " in _header(app))
            await press(pilot, "s")
            assert last_letter(asked) == SetPreset(preset="tui", by="tui")

            await press(pilot, "r")
            assert "it can be tried again when it has ended" in screen(app)
            await press(pilot, "3", "home", "r", *"tidy up", "escape", "r", "enter")
            assert last_letter(asked) == Requeue(task="001", feedback="tidy up", by="tui")

    run(dialogue())


def test_without_a_run_the_next_one_is_stepped_and_tries_one_task(scene: Scene) -> None:
    scene.begin()
    with owned(scene):
        scene.build("001")
        scene.finish()
    requests: list[RunRequest] = []

    async def dialogue() -> None:
        async with shown(scene) as (app, pilot):
            app.start = requests.append  # type: ignore[method-assign]
            await press(pilot, "s", "b")
            assert " step " in _header(app)
            await press(pilot, "s", "3", "home", "r", *"@a:b once", "enter")
            assert " step " not in _header(app)

    run(dialogue())
    assert [request.preset for request in requests] == ["step", "tui"]
    again = requests[1]
    assert (again.tasks, again.forced, again.feedback) == (("001",), ("001",), "once")
    assert again.forced_model == "a:b"
