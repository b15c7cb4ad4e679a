"""Runs that a crash left open get an end."""

from pathlib import Path

import pytest

from ossature.domain.decision import Question
from ossature.domain.event import (
    PlanAdopted,
    QuestionAsked,
    QuestionClosed,
    RunFinished,
    RunStarted,
    TaskInterrupted,
    TaskLanded,
    TaskRow,
    TaskStarted,
)
from ossature.engine.accounts import accounts
from ossature.engine.closing import close_crashed, has_end
from ossature.engine.session import find_run
from ossature.errors import UsageError
from ossature.project import Project
from ossature.store.exchange import Exchanges
from ossature.store.journal import Journal, read_records
from ossature.store.tasklog import open_attempt


def journal(project: Project, run: str, *events) -> Path:
    path = project.runs_dir / run / "events.jsonl"
    made = Journal(path)
    started = RunStarted(run=run, goal="build", pid=1, host="h", project="p", version="1")
    for event in (started, *events):
        made.append(event)
    made.close()
    return path


ROWS = tuple(TaskRow(id=name, spec="LIB", title=name, lineage=name) for name in ("001", "002"))
OPEN = (
    PlanAdopted(tasks=ROWS),
    TaskStarted(task="001", lineage="001", reason="never built"),
    TaskLanded(task="001", attempt=1, files=("a",), changed=1),
    TaskStarted(task="002", lineage="002", reason="never built"),
    QuestionAsked(question=Question(id="q", gate="task_failed", subject="?", verbs=("abort",), task="002")),
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_open_questions_are_void_and_tasks_in_flight_interrupted(project: Project):
    path = journal(project, "r1", *OPEN)
    assert close_crashed(project, except_run="r2") == ["r1"]
    events = [record.event for record in read_records(path)]
    assert events[6:] == [
        QuestionClosed(question_id="q", decision=None),
        TaskInterrupted(task="002"),
        events[8],
    ]
    assert isinstance(events[8], RunFinished)
    assert (events[8].outcome, events[8].exit_code) == ("crashed", 1)
    assert close_crashed(project, except_run="r2") == []


def test_own_run_and_finished_runs_are_left_alone(project: Project):
    mine = journal(project, "r1")
    done = journal(project, "r2", RunFinished(outcome="succeeded", exit_code=0))
    before = (mine.read_bytes(), done.read_bytes())
    assert close_crashed(project, except_run="r1") == []
    assert (mine.read_bytes(), done.read_bytes()) == before


@pytest.mark.parametrize("cut", [1, 2, 20, 90])
def test_torn_end_is_no_end(project: Project, cut: int):
    path = journal(project, "r1", RunFinished(outcome="succeeded", exit_code=0))
    assert has_end(path)
    path.write_bytes(path.read_bytes()[:-cut])
    assert not has_end(path)
    close_crashed(project, except_run="")
    assert has_end(path)
    numbers = [record.seq for record in read_records(path)]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("content", [b"", b"junk", b"\n\n\n", b"00000000 {}\n", bytes(1000)])
def test_journal_that_is_none_gets_an_end(project: Project, content: bytes):
    path = project.runs_dir / "r1" / "events.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert close_crashed(project, except_run="") == ["r1"]
    assert [run.outcome for run in accounts(project)] == ["crashed"]


def test_runs_are_found_by_id_beginning_and_number(project: Project):
    for name in ("20260101T000000-aaaa", "20260101T000001-bbbb"):
        journal(project, name)
    assert find_run(project, "2") == "20260101T000001-bbbb"
    assert find_run(project, "20260101T000000") == "20260101T000000-aaaa"
    assert find_run(project, "20260101T000000-aaaa") == "20260101T000000-aaaa"
    for name in ("3", "2026", "x", "0"):
        with pytest.raises(UsageError):
            find_run(project, name)


def test_replies_of_a_crashed_run_are_noted(project: Project):
    journal(project, "r1", *OPEN)
    log = open_attempt(project.tasks_dir, "001", "r1", 1, "implement")
    log.finish_response("kept")
    log.write_meta({"request_digest": "d"})
    exchanges = Exchanges(project.exchanges_dir, project.tasks_dir)
    exchanges.record("other", log.folder)
    assert exchanges.find("d") == []
    assert close_crashed(project, except_run="r2") == ["r1"]
    assert exchanges.find("d") == [log.folder]
