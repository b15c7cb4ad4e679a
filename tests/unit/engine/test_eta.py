"""How long a build will go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ossature.domain.event import TaskRow
from ossature.domain.state import RunState, TaskState
from ossature.engine.eta import past_seconds, remaining_s
from ossature.engine.outcomes import Outcome, RunOutcomes

NOW = datetime(2026, 3, 2, 10, 15, tzinfo=UTC)


def _task(name: str, status: str, *, began: float = 0.0, took: float | None = None) -> TaskState:
    start = NOW - timedelta(seconds=began)
    task = TaskState(row=TaskRow(id=name, spec="A", title=name, lineage=f"l{name}"), status=status)  # type: ignore[arg-type]
    task.started_at = start if began else None
    task.ended_at = start + timedelta(seconds=took) if took is not None else None
    return task


def _state(*tasks: TaskState) -> RunState:
    return RunState(phase="build", tasks={task.row.id: task for task in tasks})


def test_each_task_takes_what_it_took_when_it_landed_last() -> None:
    runs = [
        RunOutcomes(
            "a", 1, tasks={"l1": Outcome("1", "landed", seconds=9), "l2": Outcome("2", "landed", seconds=4)}
        ),
        RunOutcomes("b", 2, tasks={"l1": Outcome("1", "landed", seconds=30), "l2": Outcome("2", "failed")}),
    ]
    past = past_seconds(runs)
    assert past == {"l1": 30, "l2": 4}
    state = _state(_task("1", "running", began=10), _task("2", "pending"), _task("3", "up-to-date"))
    assert remaining_s(state, past, NOW) == 24
    assert remaining_s(state, past, NOW, settled=["2"]) == 20


def test_without_a_past_the_run_itself_says_it_and_tasks_side_by_side_share_the_time() -> None:
    one, two = _task("1", "running", began=1), _task("2", "fixing", began=50)
    assert remaining_s(_state(one, two, _task("3", "pending")), {}, NOW) is None
    landed = _task("4", "landed", began=100, took=21)
    assert remaining_s(_state(one, two, _task("3", "pending"), landed), {}, NOW) == (20 + 0 + 21) / 2


def test_there_is_no_end_in_sight_where_nothing_is_left_or_the_run_ends() -> None:
    past = {"l1": 5.0}
    assert remaining_s(_state(_task("1", "landed", began=9, took=5)), past, NOW) is None
    for change in ({"phase": "audit"}, {"outcome": "failed"}, {"is_stopping": True}):
        state = _state(_task("1", "pending"))
        assert remaining_s(state, past, NOW) == 5
        for name, value in change.items():
            setattr(state, name, value)
        assert remaining_s(state, past, NOW) is None
