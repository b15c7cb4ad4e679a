"""A run as one value, folded from its events: the same code in the owner and in every face."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ossature.domain import event as ev
from ossature.domain.decision import Decision, Pause, Question, Resume, SetPreset, Stop
from ossature.domain.finding import Finding
from ossature.domain.record import Record, UnknownRecord

TaskStatus = Literal[
    "pending",
    "running",
    "verifying",
    "fixing",
    "waiting",
    "landed",
    "up-to-date",
    "failed",
    "skipped",
    "manual",
    "blocked",
    "interrupted",
]


@dataclass(slots=True)
class AttemptState:
    """One model call on a task and what came of it."""

    number: int
    role: str
    folder: str = ""
    started_at: datetime | None = None
    model: str = ""
    source: str = ""
    verdict: str = ""
    summary: str = ""
    command: str = ""
    log: str = ""
    refusal: str = ""
    files: tuple[str, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = None
    seconds: float = 0.0
    is_streaming: bool = False
    """The reply is coming in."""


@dataclass(slots=True)
class TaskState:
    """A task of the adopted plan."""

    row: ev.TaskRow
    status: TaskStatus = "pending"
    reason: str = ""
    hint: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    files: tuple[str, ...] = ()
    attempts: list[AttemptState] = field(default_factory=list)

    @property
    def is_flaky(self) -> bool:
        """The verify by which it landed was red before, with nothing changed in between."""
        return self.status == "landed" and bool(self.attempts) and self.attempts[-1].verdict == "flaky"

    @property
    def fixes(self) -> int:
        return sum(1 for attempt in self.attempts if attempt.role in ("fix", "fix_escalation"))


@dataclass(slots=True)
class Notice:
    """A line for the log pane."""

    at: datetime
    level: str
    text: str


@dataclass(slots=True)
class RunState:
    """Everything that a face shows about a run."""

    seq: int = 0
    run: str = ""
    goal: str = ""
    project: str = ""
    preset: str = "default"
    model: str = ""
    replay: str = ""
    sandbox: str = ""
    """Mode and tier that commands run in; empty where none run."""
    pid: int = 0
    host: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_at: datetime | None = None
    outcome: str = ""
    """Empty while the run lasts."""
    exit_code: int | None = None
    reason: str = ""
    hint: str = ""
    phase: str = ""
    activity: str = ""
    """What is being waited for, in a few words."""
    is_paused: bool = False
    is_stopping: bool = False
    specs: tuple[str, ...] = ()
    tasks: dict[str, TaskState] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    questions: dict[str, Question] = field(default_factory=dict)
    """Open ones, oldest first."""
    answered: dict[str, Decision | None] = field(default_factory=dict)
    findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    """By spec id; the empty id is the audit across specs."""
    spec_edits: set[str] = field(default_factory=set)
    """Digests of the specs' texts that this run wrote."""
    calls: list[AttemptState] = field(default_factory=list)
    """Model calls that belong to no task (audit, brief, plan), in order."""
    notices: list[Notice] = field(default_factory=list)
    refused: list[ev.DecisionRefused] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float = 0.0
    has_unknown_cost: bool = False
    plan_path: str = ""

    @property
    def is_over(self) -> bool:
        return bool(self.outcome)

    @property
    def done(self) -> int:
        """Tasks whose outputs are in place."""
        return sum(1 for task in self.tasks.values() if task.status in ("landed", "up-to-date", "manual"))

    def apply(self, record: Record | UnknownRecord) -> None:
        """Advance by one record. Never does I/O, never raises on a valid journal."""
        self.seq = record.seq
        self.last_at = record.at
        match record.event:
            case ev.RunStarted() | ev.RunFinished() | ev.CommandReceived() | ev.PhaseStarted():
                _apply_run(self, record.event, record.at)
            case ev.QuestionAsked() | ev.QuestionClosed() | ev.DecisionRefused():
                _apply_question(self, record.event)
            case ev.ModelCalled() | ev.ModelReplied() | ev.ModelFailed() | ev.ReplyRefused():
                _apply_model(self, record.event, record.at)
            case ev.SandboxChosen(mode=mode, tier=tier):
                self.sandbox = f"{mode} ({tier})" if tier != "none" else mode
            case ev.Noticed(level=level, text=text, hint=hint):
                self.notices.append(Notice(record.at, level, f"{text} ({hint})" if hint else text))
            case ev.UnknownEvent(kind=kind):
                self.notices.append(Notice(record.at, "warning", f"an event of a newer version: {kind}"))
            case (
                ev.SpecsLoaded()
                | ev.SpecAudited()
                | ev.SpecEdited()
                | ev.BriefWritten()
                | ev.InterfaceWritten()
                | ev.SpecPlanned()
                | ev.PlanWritten()
                | ev.PlanAdopted()
            ):
                _apply_analysis(self, record.event)
            case _:
                _apply_task(self, record.event, record.at)


def _apply_run(
    state: RunState,
    event: ev.RunStarted | ev.RunFinished | ev.CommandReceived | ev.PhaseStarted,
    at: datetime,
) -> None:
    match event:
        case ev.RunStarted():
            state.run, state.goal, state.project = event.run, event.goal, event.project
            state.preset, state.model, state.replay = event.preset, event.model, event.replay
            state.pid, state.host, state.started_at = event.pid, event.host, at
        case ev.RunFinished():
            state.outcome, state.exit_code = event.outcome, event.exit_code
            state.reason, state.hint = event.reason, event.hint
            state.ended_at = at
            state.activity = ""
        case ev.PhaseStarted():
            state.phase = event.phase
            state.activity = ""
        case ev.CommandReceived(command=Stop()):
            state.is_stopping = True
        case ev.CommandReceived(command=Pause()):
            state.is_paused = True
        case ev.CommandReceived(command=Resume()):
            state.is_paused = False
        case ev.CommandReceived(command=SetPreset(preset=preset)):
            state.preset = preset


def _apply_question(
    state: RunState, event: ev.QuestionAsked | ev.QuestionClosed | ev.DecisionRefused
) -> None:
    match event:
        case ev.QuestionAsked(question=question):
            state.questions[question.id] = question
            if question.task in state.tasks:
                state.tasks[question.task].status = "waiting"
        case ev.QuestionClosed(question_id=question_id, decision=decision):
            closed = state.questions.pop(question_id, None)
            state.answered[question_id] = decision
            if closed and closed.task in state.tasks and state.tasks[closed.task].status == "waiting":
                task = state.tasks[closed.task]
                task.status = "running" if task.started_at else "pending"
        case ev.DecisionRefused():
            state.refused.append(event)


def _apply_analysis(
    state: RunState,
    event: ev.SpecsLoaded
    | ev.SpecAudited
    | ev.SpecEdited
    | ev.BriefWritten
    | ev.InterfaceWritten
    | ev.SpecPlanned
    | ev.PlanWritten
    | ev.PlanAdopted,
) -> None:
    match event:
        case ev.SpecsLoaded(specs=specs):
            state.specs = specs
        case ev.SpecAudited(spec=spec, findings=findings):
            state.findings[spec] = findings
        case ev.SpecEdited(digest=digest):
            state.spec_edits.add(digest)
        case ev.PlanWritten(path=path):
            state.plan_path = path
        case ev.PlanAdopted(tasks=rows):
            known = state.tasks
            state.tasks = {row.id: _adopted(known.get(row.id), row) for row in rows}
            state.order = [row.id for row in rows]
        case _:
            pass


def _adopted(known: TaskState | None, row: ev.TaskRow) -> TaskState:
    """The task under its new row; what it went through in this run stays when it is the same one."""
    if known and known.row.lineage == row.lineage:
        known.row = row
        return known
    return TaskState(row=row, status="manual" if row.intent == "manual" else "pending")


def _apply_model(
    state: RunState, event: ev.ModelCalled | ev.ModelReplied | ev.ModelFailed | ev.ReplyRefused, at: datetime
) -> None:
    task = state.tasks.get(event.task)
    calls = task.attempts if task else state.calls
    match event:
        case ev.ModelCalled():
            calls.append(
                AttemptState(
                    number=event.attempt,
                    role=event.role,
                    folder=event.folder,
                    started_at=at,
                    model=event.model,
                    is_streaming=True,
                )
            )
            if task:
                task.status = "fixing" if event.role in ("fix", "fix_escalation") else "running"
            state.activity = f"{event.role} {event.task or event.spec}".strip()
        case ev.ModelReplied():
            attempt = _attempt(calls, event.attempt)
            if attempt:
                attempt.is_streaming = False
                attempt.source, attempt.seconds = event.source, event.seconds
                attempt.input_tokens, attempt.output_tokens = event.input_tokens, event.output_tokens
                attempt.cached_tokens, attempt.cost_usd = event.cached_tokens, event.cost_usd
            _count(state, event)
        case ev.ModelFailed():
            attempt = _attempt(calls, event.attempt)
            if attempt and event.retry_in_s is None:
                attempt.is_streaming = False
                attempt.refusal = event.reason
            wait = f"; trying again in {event.retry_in_s:.0f} s" if event.retry_in_s is not None else ""
            state.notices.append(Notice(at, "warning", f"{event.role}: {event.reason}{wait}"))
        case ev.ReplyRefused():
            attempt = _attempt(calls, event.attempt)
            if attempt:
                attempt.refusal = event.reason


def _count(state: RunState, event: ev.ModelReplied) -> None:
    """Add what a reply cost; replies that were played back cost nothing now."""
    if event.source in ("replayed", "slot", "recorded"):
        return
    state.input_tokens += event.input_tokens
    state.output_tokens += event.output_tokens
    state.cached_tokens += event.cached_tokens
    if event.cost_usd is None:
        state.has_unknown_cost = True
    else:
        state.cost_usd += event.cost_usd


def _attempt(calls: list[AttemptState], number: int) -> AttemptState | None:
    return next((attempt for attempt in reversed(calls) if attempt.number == number), None)


def _apply_task(state: RunState, event: ev.Event, at: datetime) -> None:
    task = state.tasks.get(getattr(event, "task", ""))
    if task is None:
        return
    match event:
        case ev.TaskRequeued():
            task.status, task.reason, task.hint, task.ended_at = "pending", "", "", None
            for other in state.tasks.values():
                if other.status == "blocked" and other.reason == _blocked_by(event.task):
                    other.status, other.reason, other.ended_at = "pending", "", None
        case ev.TaskStarted(reason=reason):
            task.status, task.reason, task.started_at, task.ended_at = "running", reason, at, None
            task.hint = ""
        case ev.TaskUpToDate():
            task.status = "up-to-date"
        case ev.FilesStaged() | ev.VerifyStarted() | ev.VerifyFinished() | ev.FailureRepeated():
            _apply_verify(task, event, at)
        case ev.TaskLanded(files=files):
            task.status, task.files, task.ended_at = "landed", files, at
        case _:
            _end_task(task, event, at)


def _apply_verify(
    task: TaskState,
    event: ev.FilesStaged | ev.VerifyStarted | ev.VerifyFinished | ev.FailureRepeated,
    at: datetime,
) -> None:
    attempt = _attempt(task.attempts, event.attempt)
    if attempt is None:
        role = "edit" if isinstance(event, ev.FilesStaged) else "verify"
        attempt = AttemptState(number=event.attempt, role=role, started_at=at)
        task.attempts.append(attempt)
    match event:
        case ev.FilesStaged(files=files, folder=folder):
            attempt.files = files
            attempt.folder = attempt.folder or folder
        case ev.VerifyStarted(log=log):
            task.status = "verifying"
            attempt.log = log
        case ev.FailureRepeated(what="reply"):
            attempt.verdict, attempt.summary = "failed", "the same files were red before"
        case ev.VerifyFinished():
            task.status = "running"
            attempt.verdict, attempt.summary, attempt.command = event.verdict, event.summary, event.command
            attempt.log = event.log or attempt.log


def _blocked_by(task: str) -> str:
    return f"blocked by {task}"


def _end_task(task: TaskState, event: ev.Event, at: datetime) -> None:
    match event:
        case ev.TaskFailed(reason=reason, hint=hint):
            task.status, task.reason, task.hint = "failed", reason, hint
        case ev.TaskSkipped(reason=reason):
            task.status, task.reason = "skipped", reason
        case ev.TaskBlocked(by=by):
            task.status, task.reason = "blocked", _blocked_by(by)
        case ev.TaskInterrupted():
            task.status = "interrupted"
        case _:
            return
    task.ended_at = at
