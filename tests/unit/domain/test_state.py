"""A run folded from its events."""

from datetime import UTC, datetime

import pytest

from ossature.domain import event as ev
from ossature.domain.decision import Pause, Question, Resume, SetPreset, Skip, Stop
from ossature.domain.record import Record, UnknownRecord
from ossature.domain.state import RunState
from ossature.domain.wording import sentence

AT = datetime(2026, 1, 1, tzinfo=UTC)
ROW = ev.TaskRow(id="001", spec="LIB", title="One", lineage="one-1234")


def fold(*events) -> RunState:
    state = RunState()
    for number, event in enumerate(events, 1):
        kind = UnknownRecord if isinstance(event, ev.UnknownEvent) else Record
        state.apply(kind(seq=number, at=AT, event=event))
    return state


def called(role: str = "implement", attempt: int = 1, task: str = "001") -> ev.ModelCalled:
    return ev.ModelCalled(role=role, task=task, lineage="one-1234", attempt=attempt, model="m", folder="f")


def replied(source: str = "live", cost: float | None = 0.5, attempt: int = 1) -> ev.ModelReplied:
    return ev.ModelReplied(
        role="implement",
        task="001",
        lineage="one-1234",
        attempt=attempt,
        folder="f",
        source=source,
        input_tokens=10,
        output_tokens=5,
        cost_usd=cost,
    )


ADOPTED = ev.PlanAdopted(tasks=(ROW,))
STARTED = ev.TaskStarted(task="001", lineage="one-1234", reason="never built")
QUESTION = Question(id="q", gate="task_failed", subject="?", verbs=("skip",), task="001")


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((), "pending"),
        ((STARTED,), "running"),
        ((STARTED, called("fix")), "fixing"),
        ((STARTED, ev.VerifyStarted(task="001", attempt=1, commands=(), log="l")), "verifying"),
        ((STARTED, ev.QuestionAsked(question=QUESTION)), "waiting"),
        (
            (STARTED, ev.QuestionAsked(question=QUESTION), ev.QuestionClosed(question_id="q", decision=None)),
            "running",
        ),
        ((STARTED, ev.TaskLanded(task="001", attempt=1, files=("a",), changed=1)), "landed"),
        ((STARTED, ev.TaskFailed(task="001", reason="red")), "failed"),
        ((ev.TaskSkipped(task="001", reason="so"),), "skipped"),
        ((ev.TaskBlocked(task="001", by="000"),), "blocked"),
        ((STARTED, ev.TaskInterrupted(task="001")), "interrupted"),
        ((ev.TaskUpToDate(task="001"),), "up-to-date"),
    ],
)
def test_status_of_a_task(events: tuple, status: str):
    assert fold(ADOPTED, *events).tasks["001"].status == status


def test_only_what_was_paid_now_is_counted():
    state = fold(ADOPTED, STARTED, called(), replied(), called(attempt=2), replied("recorded", attempt=2))
    assert (state.input_tokens, state.output_tokens, state.cost_usd) == (10, 5, 0.5)
    assert not state.has_unknown_cost
    assert fold(replied(cost=None)).has_unknown_cost


def test_open_question_is_listed_until_it_is_closed():
    asked = ev.QuestionAsked(question=QUESTION)
    assert list(fold(asked).questions) == ["q"]
    decision = Skip(question_id="q", by="a")
    state = fold(asked, ev.QuestionClosed(question_id="q", decision=decision))
    assert not state.questions
    assert state.answered == {"q": decision}


def test_commands_change_the_run():
    assert fold(ev.CommandReceived(command=Pause())).is_paused
    assert not fold(ev.CommandReceived(command=Pause()), ev.CommandReceived(command=Resume())).is_paused
    assert fold(ev.CommandReceived(command=Stop())).is_stopping
    assert fold(ev.CommandReceived(command=SetPreset(preset="step"))).preset == "step"


def test_run_is_over_with_its_last_event():
    state = fold(ev.RunFinished(outcome="failed", exit_code=5, reason="r", hint="h"))
    assert (state.is_over, state.exit_code, state.reason, state.hint) == (True, 5, "r", "h")


def test_sandbox_of_a_run_is_its_mode_and_what_enforces_it():
    assert fold(ev.SandboxChosen(mode="read-only", tier="bubblewrap")).sandbox == "read-only (bubblewrap)"
    assert fold(ev.SandboxChosen(mode="danger-full-access", tier="none")).sandbox == "danger-full-access"


def test_event_of_a_newer_version_is_a_notice():
    state = fold(ev.UnknownEvent(kind="brand_new"))
    assert "brand_new" in state.notices[0].text


def test_events_of_tasks_that_are_in_no_plan_do_no_harm():
    state = fold(STARTED, called(), replied(), ev.VerifyFinished(task="001", attempt=1, verdict="ok"))
    assert state.tasks == {}


def test_plan_that_is_adopted_again_keeps_what_happened():
    state = fold(ADOPTED, STARTED, ev.TaskLanded(task="001", attempt=1, files=("a",), changed=1), ADOPTED)
    assert state.tasks["001"].status == "landed"
    assert state.order == ["001"]


def kinds() -> list[type]:
    return [
        kind
        for kind in vars(ev).values()
        if isinstance(kind, type) and issubclass(kind, ev.Fact) and "kind" in kind.model_fields
    ]


def test_every_kind_of_event_folds_and_reads_as_one_line():
    """No face may fall over an event for which nobody thought of a sentence."""
    examples = [
        STARTED,
        ADOPTED,
        called(),
        replied(),
        ev.RunStarted(run="r", goal="build", pid=1, host="h", project="p", version="1"),
        ev.RunFinished(outcome="succeeded", exit_code=0),
        ev.Noticed(level="info", text="t"),
        ev.SandboxChosen(mode="workspace-write", tier="landlock", gaps=("g",)),
        ev.PhaseStarted(phase="build"),
        ev.SpecsLoaded(specs=("LIB",)),
        ev.SpecAudited(spec=""),
        ev.SpecEdited(spec="LIB", path="p", digest="d"),
        ev.BriefWritten(spec="", path="p"),
        ev.InterfaceWritten(spec="LIB", path="p", source="model"),
        ev.SpecPlanned(spec="LIB", tasks=1),
        ev.PlanWritten(path="p", tasks=1),
        ev.TaskUpToDate(task="001"),
        ev.ModelFailed(role="audit", attempt=1, reason="r", retry_in_s=1.5),
        ev.CallCharged(role="plan", lineage="plan.LIB", cost_usd=0.1, tokens=9),
        ev.ReplyRefused(role="plan", attempt=1, reason="r"),
        ev.FilesStaged(task="001", attempt=1, files=("a",), folder="f"),
        ev.VerifyStarted(task="001", attempt=1, commands=("true",), log="l"),
        ev.VerifyRepeated(task="001", attempt=1, verdict="failed", runs=1, limit=2),
        ev.VerifyFinished(task="001", attempt=1, verdict="failed", exit_status=1),
        ev.FailureRepeated(task="001", attempt=1, what="reply"),
        ev.DependencyAdded(task="001", dependency="000", path="p"),
        ev.TaskLanded(task="001", attempt=1, files=("a",), changed=1),
        ev.TaskFailed(task="001", reason="r"),
        ev.TaskSkipped(task="001", reason="r"),
        ev.TaskBlocked(task="001", by="000"),
        ev.TaskRequeued(task="001"),
        ev.TaskInterrupted(task="001"),
        ev.QuestionAsked(question=QUESTION),
        ev.QuestionClosed(question_id="q", decision=Skip(question_id="q", by="a")),
        ev.DecisionRefused(decision=Skip(question_id="q", by="a"), reason="already_closed"),
        ev.CommandReceived(command=Pause()),
        ev.UnknownEvent(kind="x"),
    ]
    assert {type(example) for example in examples} == set(kinds())
    fold(*examples)
    for example in examples:
        line = sentence(example)
        if line is not None:
            assert line.text.strip()
            assert line.tone in ("plain", "good", "bad", "warn", "ask", "quiet")
