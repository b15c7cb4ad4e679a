"""Several tasks at a time: the same result, no more calls than allowed, and people can steer meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ossature.domain.decision import Abort, Approve, Edit, Pause, Requeue, Resume, Skip, Stop
from ossature.domain.event import (
    CommandReceived,
    ModelCalled,
    Noticed,
    PlanAdopted,
    QuestionAsked,
    RunFinished,
    TaskFailed,
    TaskLanded,
    TaskRequeued,
    TaskStarted,
    VerifyStarted,
)
from ossature.domain.record import Record
from ossature.engine.session import Attachment, run_ids
from ossature.llm.client import OnText, Reply, Request
from tests.runs.kit import FakeModel, Kit, block, five_tasks, plan_text, task

WAIT_S = 30.0
Before = Callable[[Request], Awaitable[None]]


class Meeting:
    """A model whose calls happen at a time that the test chooses."""

    def __init__(self, model: FakeModel) -> None:
        self.model = model
        self.in_flight = 0
        self.peak = 0
        self.before: Before | None = None

    def of(self, settings: Any, **_: Any) -> Meeting:
        self._settings = settings
        return self

    async def complete(self, request: Request, on_text: OnText) -> Reply:
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            if self.before is not None:
                async with asyncio.timeout(WAIT_S):
                    await self.before(request)
            else:
                await asyncio.sleep(0)
            text = self.model.answer(request)
        finally:
            self.in_flight -= 1
        on_text(text)
        return Reply(text, source="exec")

    async def close(self) -> None:
        """Nothing is open."""

    def model_for(self, role: str) -> str:
        return str(self._settings.model_for(role))


@pytest.fixture
def meeting(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> Meeting:
    made = Meeting(kit.model)
    monkeypatch.setattr("ossature.engine.owner.Models", made.of)
    return made


def alone(count: int) -> list[dict[str, Any]]:
    """Tasks that wait for nobody."""
    return [task(f"{n:03d}", f"f{n}.txt") for n in range(1, count + 1)]


def woven() -> list[dict[str, Any]]:
    """Fourteen tasks: fans, chains, and one file that three of them write one after another."""
    made = [
        task("001", "main.txt"),
        *[task(f"{n:03d}", f"f{n}.txt", depends_on=["001"]) for n in range(2, 8)],
    ]
    made.append(task("008", "main.txt", title="Add to main", depends_on=["002", "003"]))
    made.append(task("009", "f9.txt", depends_on=["008"], inject_files=["main.txt"]))
    made.append(task("010", "main.txt", title="End main", depends_on=["008", "004"]))
    made += [task(f"{n:03d}", f"f{n}.txt", depends_on=[f"{n - 1:03d}"]) for n in range(11, 14)]
    made.append(task("014", "f14.txt"))
    return made


def reply_of(request: Request) -> str:
    outputs = request.prompt.split("Outputs, ")[1].split("\n\n")[0].splitlines()[1:]
    return "\n".join(block(path.removeprefix("- "), f"{request.role} {request.task}") for path in outputs)


class TestTheSameResult:
    def test_eight_at_a_time_leave_what_one_at_a_time_leaves(
        self, kit: Kit, meeting: Meeting, tmp_path: Path
    ):
        tasks = woven()
        tasks[4]["verify"] = ["grep -q fix f5.txt"]
        found = []
        for jobs in (1, 8):
            here = Kit(tmp_path / f"with-{jobs}", kit.model)
            here.config()
            here.write("specs/lib.smd", (kit.root / "specs/lib.smd").read_bytes())
            here.plan(tasks)
            for one in tasks:
                kit.model.says(one["id"], reply_of)
                kit.model.says(f"fix {one['id']}", reply_of)
            meeting.peak = 0
            run = here.own(jobs=jobs)
            assert run.code == 0, run.end
            landings = {
                (entry["landing"]["lineage"], json.dumps(entry["landing"]["files"], sort_keys=True))
                for line in (here.root / ".ossature/ledger.jsonl").read_text().splitlines()
                if "landing" in (entry := json.loads(line[line.index("{") :]))
            }
            found.append((here.tree(), landings, sorted(run.asked), meeting.peak))
        assert found[0][:3] == found[1][:3]
        assert found[0][3] == 1
        assert found[1][3] > 3
        assert found[0][0]["main.txt"] == b"implement 010\n"

    def test_nothing_is_left_to_do_afterwards(self, kit: Kit, meeting: Meeting):
        kit.plan(woven())
        assert kit.own(jobs=8).code == 0
        again = kit.own(jobs=8)
        assert (again.code, again.asked, again.ran) == (0, [], {})


class TestSideBySide:
    def test_as_many_as_asked_for_are_in_flight(self, kit: Kit, meeting: Meeting):
        kit.plan(alone(6))
        together = asyncio.Event()

        async def all_four(_request: Request) -> None:
            if meeting.in_flight == 4:
                together.set()
            await together.wait()

        meeting.before = all_four
        assert kit.own(jobs=4).code == 0
        assert meeting.peak == 4

    def test_calls_have_a_limit_of_their_own(self, kit: Kit, meeting: Meeting):
        kit.plan(alone(6))
        assert kit.own(jobs=6, max_calls=2).code == 0
        assert meeting.peak == 2

    def test_the_config_sets_both(self, kit: Kit, meeting: Meeting):
        kit.config("max_parallel_calls = 2\n[build]\njobs = 5\n")
        kit.plan(alone(6))
        run = kit.own()
        assert meeting.peak == 2
        first_end = next(n for n, event in enumerate(run.events) if isinstance(event, TaskLanded))
        assert sum(isinstance(event, TaskStarted) for event in run.events[:first_end]) == 5

    def test_each_task_works_in_a_stage_of_its_own(self, kit: Kit, meeting: Meeting):
        tasks = alone(3)
        for one in tasks:
            one["verify"] = [f"test -s {one['outputs'][0]} && test $(ls | wc -l) = 1"]
        kit.plan(tasks)
        assert kit.own(jobs=3).code == 0
        slots = sorted(path.name for path in (kit.root / ".ossature/work").iterdir() if path.is_dir())
        assert slots == ["0", "1", "2"]

    def test_the_longest_chain_starts_first(self, kit: Kit, meeting: Meeting):
        tasks = [*alone(3), *[task(f"{n:03d}", f"g{n}.txt") for n in range(4, 8)]]
        for n in (5, 6, 7):
            tasks[n - 1]["depends_on"] = [f"{n - 1:03d}"]
        kit.plan(tasks)
        assert next(iter(kit.own(jobs=2).ran)) == "004"

    def test_one_at_a_time_goes_by_the_plan(self, kit: Kit, meeting: Meeting):
        kit.plan([*alone(2), task("003", "c.txt"), task("004", "d.txt", depends_on=["003"])])
        assert list(kit.own().ran) == ["001", "002", "003", "004"]

    def test_an_interface_that_two_tasks_show_is_asked_for_once(self, kit: Kit, meeting: Meeting):
        (kit.root / "specs/lib.amd").unlink()
        kit.plan(
            [
                task("001", "shelf.txt"),
                task("002", "a.txt", spec="APP", spec_refs=["Show"], cross_spec_interfaces=["LIB"]),
                task("003", "b.txt", spec="APP", spec_refs=["Help"], cross_spec_interfaces=["LIB"]),
            ]
        )
        run = kit.own(jobs=4)
        assert run.code == 0
        assert run.asked.count("interface LIB") == 1


class TestFailures:
    def test_the_first_failure_lets_the_work_in_flight_end_and_starts_nothing(
        self, kit: Kit, meeting: Meeting
    ):
        tasks = [*alone(4), task("005", "late.txt", depends_on=["002"])]
        tasks[0]["verify"] = ["false"]
        kit.plan(tasks)
        failed = asyncio.Event()

        async def order(request: Request) -> None:
            if request.task == "002":
                await failed.wait()

        meeting.before = order

        def hear(record: Record) -> None:
            if isinstance(record.event, TaskFailed):
                failed.set()

        run = kit.own(jobs=2, hear=hear)
        assert run.code == 1
        assert run.landed == ["002"]
        assert set(run.ran) == {"001", "002"}

    def test_going_on_builds_all_that_does_not_depend_on_the_failure(self, kit: Kit, meeting: Meeting):
        tasks = woven()
        tasks[1]["verify"] = ["false"]
        kit.plan(tasks)
        run = kit.own(jobs=8, keeps_going=True)
        assert run.code == 1
        assert run.blocked == ["008", "009", "010", "011", "012", "013"]
        assert sorted(run.landed) == ["001", "003", "004", "005", "006", "007", "014"]


def the_run(kit: Kit) -> Attachment:
    return Attachment(kit.project, run_ids(kit.project)[-1])


class TestWhileAQuestionIsOpen:
    """One slot, two tasks: the first waits for a person, the second one is built meanwhile."""

    @pytest.fixture
    def two(self, kit: Kit, meeting: Meeting) -> Kit:
        tasks = alone(2)
        tasks[0]["verify"] = ["grep -q green f1.txt"]
        tasks[0]["outputs"] = ["f1.txt", "more.txt"]
        kit.plan(tasks)
        kit.model.says("001", block("f1.txt", "red") + "\n" + block("more.txt", "kept"))
        kit.model.says("fix 001", block("f1.txt", "green"))
        return kit

    @staticmethod
    def answer_late(kit: Kit, **request: Any) -> tuple[Any, list[Any]]:
        """Answer the question only when the other task has landed."""
        asked: list[Any] = []

        def hear(record: Record) -> None:
            if isinstance(record.event, QuestionAsked):
                asked.append(record.event.question)
            if isinstance(record.event, TaskLanded) and record.event.task == "002":
                the_run(kit).decide(request["answer"](asked[0]))

        run = kit.own(is_headless=False, preset=request["preset"], hear=hear)
        return run, asked

    def test_the_stage_is_there_again_after_the_answer(self, two: Kit):
        run, _ = self.answer_late(
            two, preset="tui", answer=lambda question: Approve(question_id=question.id, by="me")
        )
        assert run.code == 0
        assert run.landed == ["002", "001"]
        assert two.tree() == {"f1.txt": b"green\n", "more.txt": b"kept\n", "f2.txt": b"plain\n"}
        assert "red" in two.model.calls[-1].prompt

    def test_what_the_question_shows_stays_as_it_was(self, two: Kit):
        def edit(question: Any) -> Edit:
            shown = dict(zip(question.files, question.digests, strict=True))
            name = next(name for name in shown if question.title(name) == "f1.txt")
            assert (two.root / name).read_text() == "red\n"
            return Edit(
                question_id=question.id, by="me", path=name, base_digest=shown[name], content="my green\n"
            )

        run, _ = self.answer_late(two, preset="tui", answer=edit)
        assert run.code == 0
        assert two.tree()["f1.txt"] == b"my green\n"

    def test_draining_ends_once_only_people_are_waited_for(self, two: Kit, meeting: Meeting):
        is_asked, is_draining = asyncio.Event(), asyncio.Event()

        async def second_waits(request: Request) -> None:
            if request.task == "002":
                await is_asked.wait()
                the_run(two).command(Stop(by="me"))
                await is_draining.wait()

        meeting.before = second_waits

        def hear(record: Record) -> None:
            if isinstance(record.event, QuestionAsked):
                is_asked.set()
            if isinstance(record.event, CommandReceived):
                is_draining.set()

        run = two.own(is_headless=False, preset="tui", jobs=2, hear=hear)
        assert (run.code, run.landed) == (130, ["002"])
        assert isinstance(run.end, RunFinished)
        assert run.end.outcome == "stopped"

    def test_stopping_now_ends_those_that_wait_and_those_that_work(self, two: Kit, meeting: Meeting):
        async def second_stops_the_run(request: Request) -> None:
            if request.task == "002":
                the_run(two).command(Stop(mode="now", by="me"))
                await asyncio.Event().wait()

        meeting.before = second_stops_the_run
        run = two.own(is_headless=False, preset="tui", jobs=2)
        assert (run.code, run.landed) == (130, [])
        meeting.before = None
        assert two.own(jobs=2).code == 0


class TestCommands:
    def test_a_paused_run_starts_nothing_and_lets_work_in_flight_end(self, kit: Kit, meeting: Meeting):
        kit.plan(alone(2))
        is_paused = asyncio.Event()

        async def pause_first(request: Request) -> None:
            if request.task == "001":
                the_run(kit).command(Pause(by="me"))
                await is_paused.wait()

        meeting.before = pause_first

        def hear(record: Record) -> None:
            if isinstance(record.event, CommandReceived) and isinstance(record.event.command, Pause):
                is_paused.set()
            if isinstance(record.event, TaskLanded) and record.event.task == "001":
                the_run(kit).command(Resume(by="me"))

        run = kit.own(hear=hear)
        assert run.code == 0
        commands = [n for n, event in enumerate(run.events) if isinstance(event, CommandReceived)]
        second = next(n for n, e in enumerate(run.events) if isinstance(e, TaskStarted) and e.task == "002")
        assert commands[1] < second

    def test_a_failed_task_is_taken_up_once_more_while_others_work(self, kit: Kit, meeting: Meeting):
        tasks = [task("001", "a.txt"), task("002", "b.txt", depends_on=["001"]), task("003", "c.txt")]
        tasks[0]["verify"] = ["grep -q green a.txt"]
        kit.plan(tasks)
        kit.model.says("001", block("a.txt", "red"), block("a.txt", "red"), block("a.txt", "green"))
        kit.model.says("fix 001", block("a.txt", "red"))
        again = asyncio.Event()

        async def third_waits(request: Request) -> None:
            if request.task == "003":
                await again.wait()

        meeting.before = third_waits
        failures = 0

        def hear(record: Record) -> None:
            nonlocal failures
            if isinstance(record.event, TaskFailed):
                failures += 1
                the_run(kit).command(Requeue(task="1", feedback="make it green", by="me"))
            if isinstance(record.event, TaskRequeued) and failures == 2:
                again.set()

        run = kit.own(jobs=2, keeps_going=True, hear=hear)
        assert run.code == 0, run.end
        assert sorted(run.landed) == ["001", "002", "003"]
        assert len(run.of(TaskRequeued)) == 2
        first = [call for call in kit.model.calls if call.role == "implement" and call.task == "001"]
        assert "make it green" not in first[0].prompt
        assert "make it green" in first[1].prompt
        folders = [event.folder for event in run.of(ModelCalled)]
        assert len(set(folders)) == len(folders)

    def test_what_cannot_be_taken_up_is_said(self, kit: Kit, meeting: Meeting):
        kit.plan(alone(1))

        async def ask(_request: Request) -> None:
            for name in ("001", "044"):
                the_run(kit).command(Requeue(task=name, by="me"))
            await both.wait()

        both = asyncio.Event()
        meeting.before = ask
        said: list[str] = []

        def hear(record: Record) -> None:
            if isinstance(record.event, Noticed):
                said.append(record.event.text)
                if "044 is not in the plan" in said:
                    both.set()

        assert kit.own(hear=hear).code == 0
        assert said[-2:] == ["001 is under way", "044 is not in the plan"]


class TestAnEditedPlan:
    @staticmethod
    def run_editing(kit: Kit, meeting: Meeting, edit: Callable[[], None], **request: Any) -> Any:
        """The plan is edited during the first call."""

        async def edit_once(_request: Request) -> None:
            meeting.before = None
            edit()

        meeting.before = edit_once
        return kit.own(**request)

    def test_tasks_that_have_not_started_are_built_as_edited(self, kit: Kit, meeting: Meeting):
        tasks = alone(3)
        kit.plan(tasks)

        def edit() -> None:
            tasks[2]["outputs"] = ["other.txt"]
            tasks[2]["verify"] = ["test -s other.txt"]
            kit.plan([*tasks, task("004", "new.txt")])

        run = self.run_editing(kit, meeting, edit)
        assert run.code == 0
        assert set(kit.tree()) == {"f1.txt", "f2.txt", "other.txt", "new.txt"}
        assert run.landed == ["001", "002", "003", "004"]
        assert len(run.of(PlanAdopted)) == 2
        assert kit.own().ran == {}

    def test_a_task_that_was_edited_in_flight_is_built_once_more(self, kit: Kit, meeting: Meeting):
        tasks = alone(2)
        kit.plan(tasks)

        def edit() -> None:
            tasks[0]["notes"] = "Mind the gap."
            kit.plan(tasks)

        run = self.run_editing(kit, meeting, edit)
        assert run.landed == ["001", "001", "002"]
        assert "Mind the gap." not in kit.model.calls[0].prompt
        assert "Mind the gap." in kit.model.calls[1].prompt

    def test_other_numbers_and_another_order_build_nothing_twice(self, kit: Kit, meeting: Meeting):
        tasks = alone(4)
        kit.plan(tasks)

        def edit() -> None:
            renamed = [{**one, "id": f"{10 - n:03d}"} for n, one in enumerate(tasks)]
            kit.plan(renamed[::-1])

        run = self.run_editing(kit, meeting, edit, jobs=2)
        assert run.code == 0
        assert len(run.landed) == 4
        assert sorted(run.asked) == ["implement 001", "implement 002", "implement 007", "implement 008"]

    def test_one_with_errors_is_named_and_does_not_count(self, kit: Kit, meeting: Meeting):
        kit.plan(alone(2))
        run = self.run_editing(kit, meeting, lambda: kit.plan([*alone(2), task("003", "f1.txt")]))
        assert (run.code, run.landed) == (0, ["001", "002"])
        assert any("has errors" in event.text for event in run.of(Noticed))

    def test_one_that_is_half_written_does_not_count(self, kit: Kit, meeting: Meeting):
        kit.plan(alone(2))
        half = plan_text(alone(2)).replace("[[task]]", "[[task", 1)
        run = self.run_editing(kit, meeting, lambda: kit.plan_path.write_text(half) and None)
        assert (run.code, run.landed) == (0, ["001", "002"])
        assert "invalid TOML" in run.of(Noticed)[-1].text

    def test_a_failed_task_is_tried_again_only_if_it_was_edited(self, kit: Kit, meeting: Meeting):
        tasks = alone(3)
        tasks[0]["verify"] = ["false"]
        tasks[1]["verify"] = ["test -e never"]
        kit.plan(tasks)

        async def edit_in_third(request: Request) -> None:
            if request.task == "003":
                tasks[1]["verify"] = ["test -s f2.txt"]
                kit.plan(tasks)

        meeting.before = edit_in_third
        run = kit.own(keeps_going=True)
        assert run.code == 1
        assert run.landed == ["003", "002"]
        assert [event.task for event in run.of(TaskStarted)] == ["001", "002", "003", "002"]


def test_aborting_at_one_question_closes_the_others(kit: Kit, meeting: Meeting):
    tasks = alone(2)
    for one in tasks:
        one["verify"] = ["false"]
    kit.plan(tasks)

    def answer(run: Attachment, question: Any) -> None:
        decision = Abort if question.task == "001" else Skip
        run.decide(decision(question_id=question.id, by="me"))

    run = kit.answering(answer, answer, jobs=2)
    assert run.code == 1
    assert {event.task for event in run.of(TaskFailed)} == {"001", "002"}
    assert len(run.of(VerifyStarted)) >= 2


def test_five_tasks_of_two_specs(kit: Kit, meeting: Meeting):
    kit.plan(five_tasks())
    assert kit.own(jobs=4).code == 0
    assert len(kit.tree()) == 5


@pytest.mark.usefixtures("foreign")
def test_draining_at_a_question_before_the_first_task_ends_at_once(kit: Kit, meeting: Meeting):
    kit.plan(alone(1))
    run = kit.answering(
        lambda attachment, _question: attachment.command(Stop(by="me")), is_headless=False, preset="default"
    )
    assert (run.code, run.landed) == (130, [])
