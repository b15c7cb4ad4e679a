"""A moment of a replay is the fold of the first events, wherever one comes from."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.domain import event as ev
from ossature.domain.decision import Approve, Question
from ossature.domain.finding import Finding
from ossature.domain.record import Record, UnknownRecord
from ossature.domain.state import RunState
from ossature.domain.wording import sentence
from ossature.engine.replay import Landmark, Recording
from ossature.errors import OssatureError
from ossature.store.checked_lines import encode_line
from ossature.store.journal import read_records

START = datetime(2026, 3, 2, 10, 15, tzinfo=UTC)
TASKS = ("001", "002", "003")
ROWS = tuple(ev.TaskRow(id=task, spec="S", title="x", lineage=f"l-{task}") for task in TASKS)
TASK = st.sampled_from(TASKS)
NUMBER = st.integers(1, 2)


def question(task: str) -> Question:
    return Question(id=f"q-{task}", gate="fix", subject="?", verbs=("approve", "skip"), task=task, spec="S")


def called(task: str, number: int) -> ev.ModelCalled:
    return ev.ModelCalled(
        role="fix", task=task, lineage=f"l-{task}", attempt=number, model="m", folder=f"{task}-{number}"
    )


def replied(task: str, number: int) -> ev.ModelReplied:
    return ev.ModelReplied(
        role="fix", task=task, lineage=f"l-{task}", attempt=number, folder="f", source="live", cost_usd=0.5
    )


EVENTS = st.one_of(
    st.sampled_from((ROWS, ROWS[:2])).map(lambda rows: ev.PlanAdopted(tasks=rows)),
    TASK.map(lambda task: ev.TaskStarted(task=task, lineage=f"l-{task}", reason="r")),
    st.builds(called, TASK, NUMBER),
    st.builds(replied, TASK, NUMBER),
    st.builds(lambda t, n: ev.VerifyFinished(task=t, attempt=n, verdict="ok"), TASK, NUMBER),
    st.builds(lambda t, n: ev.FilesStaged(task=t, attempt=n, files=("a",), folder="f"), TASK, NUMBER),
    TASK.map(lambda task: ev.TaskLanded(task=task, attempt=1, files=("a",), changed=1)),
    TASK.map(lambda task: ev.TaskFailed(task=task, reason="red")),
    TASK.map(lambda task: ev.TaskBlocked(task=task, by="001")),
    TASK.map(lambda task: ev.TaskRequeued(task=task)),
    TASK.map(lambda task: ev.QuestionAsked(question=question(task))),
    TASK.map(
        lambda t: ev.QuestionClosed(question_id=f"q-{t}", decision=Approve(question_id=f"q-{t}", by="me"))
    ),
    st.just(ev.ModelCalled(role="audit", spec="S", lineage="a", attempt=1, model="m", folder="f")),
    st.just(ev.SpecAudited(spec="S", findings=(Finding(severity="error", issue="x"),))),
    st.just(ev.Noticed(level="info", text="hm")),
)


def write(folder: Path, *events: ev.Event, step_s: float = 1.0) -> Path:
    path = folder / "events.jsonl"
    records = (
        Record(seq=n, at=START + timedelta(seconds=step_s * (n - 1)), event=event)
        for n, event in enumerate(events, 1)
    )
    path.write_bytes(b"".join(encode_line(record.model_dump_json().encode()) for record in records))
    return path


def folded(records: list[Record | UnknownRecord]) -> RunState:
    state = RunState()
    for record in records:
        state.apply(record)
    return state


@given(st.lists(EVENTS, max_size=40), st.lists(st.integers(0, 40), min_size=1, max_size=8))
@settings(deadline=None, max_examples=80)
def test_a_moment_is_the_fold_of_the_first_events(events: list[ev.Event], moments: list[int]) -> None:
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("ossature.engine.replay.MIN_INTERVAL", 7)
        path = write(Path(name), *events)
        recording = Recording(Path(name))
        records = list(read_records(path))
    assert recording.count == len(records)
    for wanted in moments:
        moment = min(wanted, len(records))
        state = recording.state_at(wanted)
        assert state == folded(records[:moment])
        # What was handed out may be changed without any later moment noticing.
        for record in records[moment:]:
            state.apply(record)
    said = [line for record in records if (line := sentence(record.event))]
    assert [(one.line.tone, one.line.text) for one in recording.log] == [tuple(line) for line in said]
    assert [mark.said for mark in recording.marks] == [
        sum(1 for record in records[:n] if sentence(record.event)) for n in range(1, len(records) + 1)
    ]


@given(st.data())
@settings(deadline=None, max_examples=25)
def test_a_damaged_journal_is_replayed_up_to_the_damage(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        path = write(Path(name), *[ev.Noticed(level="info", text=f"{n}") for n in range(5)])
        whole = path.read_bytes()
        place = data.draw(st.integers(0, len(whole) - 1))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        recording = Recording(Path(name))
        assert recording.count == whole[:place].count(b"\n")
        assert recording.state_at(99).seq == recording.count


def test_events_of_another_version(tmp_path: Path) -> None:
    assert Recording(tmp_path).count == 0
    lines = [
        {"seq": 1, "at": "2026-03-02T10:15:00Z", "event": {"kind": "noticed", "level": "info", "text": "x"}},
        {"seq": 2, "at": "2026-03-02T10:15:01Z", "event": {"kind": "dreamt", "task": "001"}},
    ]
    content = b"".join(encode_line(json.dumps(line).encode()) for line in lines)
    path = tmp_path / "events.jsonl"
    path.write_bytes(content + encode_line(b"[1]") + content)
    recording = Recording(tmp_path)
    assert [mark.kind for mark in recording.marks] == ["noticed", "dreamt"]
    assert recording.state_at(2).notices[-1].text == "an event of a newer version: dreamt"
    started = ev.RunStarted(
        run="r", goal="build", pid=1, host="h", project="p", version="9", schema_number=99
    )
    write(tmp_path, started)
    with pytest.raises(OssatureError, match="format 99"):
        Recording(tmp_path)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """1 plan, 2 start of 001, 3 of 002, 4 question about 001, 5 its answer, 6 landing of 002, 7 of 001."""
    write(
        tmp_path,
        ev.PlanAdopted(tasks=ROWS),
        ev.TaskStarted(task="001", lineage="l-001", reason="r"),
        ev.TaskStarted(task="002", lineage="l-002", reason="r"),
        ev.QuestionAsked(question=question("001")),
        ev.QuestionClosed(question_id="q-001", decision=None),
        ev.TaskLanded(task="002", attempt=1, files=("a",), changed=1),
        ev.TaskLanded(task="001", attempt=1, files=("a",), changed=1),
        step_s=40,
    )
    return Recording(tmp_path)


@pytest.mark.parametrize(
    ("moment", "landmark", "step", "found"),
    [
        (0, "event", 1, 1),
        (7, "event", 1, None),
        (1, "event", -1, 0),
        (0, "event", -1, None),
        (2, "task", 1, 4),
        (4, "task", 1, 5),
        (5, "task", 1, 7),
        (5, "task", -1, 4),
        (2, "task", -1, None),
        (0, "question", 1, 4),
        (4, "question", 1, None),
        (7, "question", -1, 4),
        (0, "landing", 1, 6),
        (6, "landing", 1, 7),
        (99, "landing", -1, 7),
    ],
)
def test_moves_go_to_the_nearest(
    recording: Recording, moment: int, landmark: Landmark, step: int, found: int | None
) -> None:
    assert recording.find(moment, landmark, step=step, task="001") == found


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0", 0),
        (" 3 ", 3),
        ("999", 7),
        ("+0", 1),
        ("+39s", 1),
        ("+1m", 2),
        ("+1h", 7),
        ("{:%H:%M}", 2),
        ("{:%H:%M:%S}", 1),
        ("{:%Y-%m-%d %H:%M}", 2),
        ("2020-01-01 00:00", 0),
        ("25:00", None),
        ("soon", None),
        ("²", None),
        pytest.param("9" * 5000, None, id="long"),
        ("+99999999999999h", None),
        ("", None),
    ],
)
def test_what_people_write_for_a_moment(recording: Recording, text: str, moment: int | None) -> None:
    assert recording.moment_of(text.format(START.astimezone())) == moment
