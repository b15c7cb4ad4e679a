"""Another try at a task: the word reaches the prompt, and the model that was named is asked and recorded."""

from __future__ import annotations

import json

from ossature.domain.decision import Requeue, Retry
from ossature.domain.event import CommandReceived, ModelCalled, TaskFailed, TaskRequeued
from ossature.domain.record import Record
from ossature.engine.session import Attachment, run_ids
from tests.runs.kit import Kit, block, task

OTHER = "other:model"


def _red_then_green(kit: Kit) -> None:
    tasks = [task("001", "a.txt"), task("002", "b.txt")]
    tasks[0]["verify"] = ["grep -q green a.txt"]
    kit.plan(tasks)
    kit.model.says("001", block("a.txt", "red"), block("a.txt", "green"))
    kit.model.says("fix 001", block("a.txt", "red"))


def _models(kit: Kit, role: str = "implement") -> list[tuple[str, str]]:
    return [(call.task, call.model) for call in kit.model.calls if call.role == role]


def test_a_live_run_takes_word_and_model(kit: Kit) -> None:
    _red_then_green(kit)

    def hear(record: Record) -> None:
        if isinstance(record.event, TaskFailed):
            attachment = Attachment(kit.project, run_ids(kit.project)[-1])
            attachment.command(Requeue(task="001", feedback="make it green", model=OTHER, by="tui"))

    run = kit.own(keeps_going=True, hear=hear)
    assert run.code == 0, run.end
    assert run.of(TaskRequeued)
    assert run.of(CommandReceived)[0].command.model == OTHER
    assert _models(kit)[0] == ("001", "fake")
    assert ("001", OTHER) in _models(kit)
    assert ("002", "fake") in _models(kit)
    again = next(call for call in kit.model.calls if call.model == OTHER)
    assert "make it green" in again.prompt
    called = next(event for event in run.of(ModelCalled) if event.model == OTHER)
    assert json.loads((kit.root / called.folder / "attempt.json").read_text())["model"] == OTHER


def test_a_run_of_its_own_asks_the_named_model_for_that_task_alone(kit: Kit) -> None:
    kit.plan([task("001", "a.txt"), task("002", "b.txt", depends_on=["001"])])
    assert kit.own().code == 0
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts parcels on all shelves.")
    kit.model.calls.clear()
    run = kit.own(tasks=("002",), forced=("002",), feedback="shorter", forced_model=OTHER)
    assert run.code == 0, run.end
    assert _models(kit) == [("001", "fake"), ("002", OTHER)]
    assert ["shorter" in call.prompt for call in kit.model.calls] == [False, True]


def test_the_model_of_an_answer_also_fixes_and_the_next_answer_goes_back(kit: Kit) -> None:
    _red_then_green(kit)
    kit.config("[build]\nmax_fix_attempts = 1\nverify_attempts = 1\n")
    kit.model.says("001", block("a.txt", "red"))
    kit.model.says("fix 001", block("a.txt", "redder"), block("a.txt", "reddest"), block("a.txt", "green"))

    def retry(model: str):  # type: ignore[no-untyped-def]
        def answer(attachment: Attachment, question) -> None:  # type: ignore[no-untyped-def]
            assert question.gate == "task_failed"
            attachment.decide(Retry(question_id=question.id, by="tui", feedback="again", model=model))

        return answer

    run = kit.answering(retry(OTHER), retry(""))
    assert run.code == 0, run.end
    tries = [model for who, model in _models(kit) if who == "001"]
    assert tries == ["fake", OTHER, "fake"]
    assert [model for _, model in _models(kit, "fix")] == ["fake", OTHER, "fake"]
