"""Every fact that a run can report.

Events carry no clock and no number: the journal stamps them. Bulk text lives in files; events name them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ossature.domain import fact, sandbox, spec_edit
from ossature.domain.decision import Command, Decision, Question
from ossature.domain.fact import Fact
from ossature.domain.finding import Finding

AttemptKind = fact.AttemptKind
Goal = fact.Goal
Outcome = fact.Outcome
Preset = fact.Preset
ReplySource = fact.ReplySource
Role = fact.Role
SandboxChosen = sandbox.SandboxChosen
SpecEdited = spec_edit.SpecEdited
VerdictName = fact.VerdictName

SCHEMA = 1
"""Raised when a reader of an older journal would misread a newer one."""


class TaskRow(Fact):
    """A task as faces list it."""

    id: str
    spec: str
    title: str
    lineage: str = ""
    outputs: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    intent: str = "pending"


class RunStarted(Fact):
    kind: Literal["run_started"] = "run_started"
    run: str
    goal: Goal | Literal["rollback"]
    pid: int
    host: str
    project: str
    version: str
    schema_number: int = SCHEMA
    preset: Preset = "default"
    model: str = ""
    replay: str = ""
    """Folder of recordings, project-relative or absolute; empty when models are called."""


class RunFinished(Fact):
    kind: Literal["run_finished"] = "run_finished"
    outcome: Outcome
    exit_code: int
    reason: str = ""
    hint: str = ""


class Noticed(Fact):
    """Something worth a line that has no event of its own."""

    kind: Literal["noticed"] = "noticed"
    level: Literal["info", "warning", "error"]
    text: str
    place: str = ""
    hint: str = ""


class PhaseStarted(Fact):
    kind: Literal["phase_started"] = "phase_started"
    phase: Literal["validate", "audit", "brief", "interface", "plan", "setup", "build", "verify"]


class SpecsLoaded(Fact):
    kind: Literal["specs_loaded"] = "specs_loaded"
    specs: tuple[str, ...]
    errors: int = 0
    warnings: int = 0


class SpecAudited(Fact):
    kind: Literal["spec_audited"] = "spec_audited"
    spec: str
    """Empty for the audit across specs."""
    findings: tuple[Finding, ...] = ()
    is_cached: bool = False
    """Nothing changed since the stored audit; no model was asked."""


class BriefWritten(Fact):
    kind: Literal["brief_written"] = "brief_written"
    spec: str
    """Empty for the project's brief."""
    path: str
    is_cached: bool = False


class InterfaceWritten(Fact):
    kind: Literal["interface_written"] = "interface_written"
    spec: str
    path: str
    source: Literal["architecture", "model"]
    is_cached: bool = False


class SpecPlanned(Fact):
    kind: Literal["spec_planned"] = "spec_planned"
    spec: str
    tasks: int


class PlanWritten(Fact):
    kind: Literal["plan_written"] = "plan_written"
    path: str
    tasks: int
    is_proposal: bool = False
    """Written beside a plan that a person edited."""


class PlanAdopted(Fact):
    """The plan that the build goes by from here on."""

    kind: Literal["plan_adopted"] = "plan_adopted"
    tasks: tuple[TaskRow, ...]
    digest: str = ""


class TaskUpToDate(Fact):
    kind: Literal["task_up_to_date"] = "task_up_to_date"
    task: str


class TaskStarted(Fact):
    kind: Literal["task_started"] = "task_started"
    task: str
    lineage: str
    reason: str
    """Why it runs: the leaf that changed, or `never built`."""
    mode: Literal["generate", "verify", "copy", "restore", "accept"] = "generate"


class ModelCalled(Fact):
    kind: Literal["model_called"] = "model_called"
    role: Role
    spec: str = ""
    task: str = ""
    lineage: str
    attempt: int
    model: str
    folder: str
    """Of the attempt, project-relative; holds `prompt.md`, and `response.md` as it streams in."""
    prompt_tokens: int = 0
    """Our own estimate."""


class ModelReplied(Fact):
    kind: Literal["model_replied"] = "model_replied"
    role: Role
    spec: str = ""
    task: str = ""
    lineage: str
    attempt: int
    folder: str
    source: ReplySource
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = None
    """None where the price is not known."""
    seconds: float = 0.0
    note: str = ""


class ModelFailed(Fact):
    kind: Literal["model_failed"] = "model_failed"
    role: Role
    spec: str = ""
    task: str = ""
    attempt: int
    reason: str
    retry_in_s: float | None = None
    """Seconds until the same call is tried again; None when it is given up."""


class CallCharged(Fact):
    """A call that brought no reply counts against the budget all the same: it may be on the bill."""

    kind: Literal["call_charged"] = "call_charged"
    role: Role
    task: str = ""
    lineage: str
    cost_usd: float
    """The worst case, as for `tokens`."""
    tokens: int


class ReplyRefused(Fact):
    """A reply that could not be used; the model is told why once, then the attempt fails."""

    kind: Literal["reply_refused"] = "reply_refused"
    role: Role
    spec: str = ""
    task: str = ""
    attempt: int
    reason: str


class FilesStaged(Fact):
    kind: Literal["files_staged"] = "files_staged"
    task: str
    attempt: int
    files: tuple[str, ...]
    folder: str


class VerifyStarted(Fact):
    kind: Literal["verify_started"] = "verify_started"
    task: str
    attempt: int
    commands: tuple[str, ...]
    log: str
    """Project-relative; grows while the commands run."""


class VerifyRepeated(Fact):
    """A verify was red and is run again before it counts: nothing was changed in between."""

    kind: Literal["verify_repeated"] = "verify_repeated"
    task: str
    attempt: int
    verdict: VerdictName
    """Of the run that is over."""
    summary: str = ""
    runs: int
    """How many there have been."""
    limit: int
    """How many there are at most."""


class VerifyFinished(Fact):
    kind: Literal["verify_finished"] = "verify_finished"
    task: str
    attempt: int
    verdict: VerdictName
    exit_status: int | None = None
    command: str = ""
    """The one that failed; empty when all passed."""
    summary: str = ""
    """One line: the first line of the output that says what is wrong."""
    seconds: float = 0.0
    """Of all runs together."""
    log: str = ""
    runs: int = 1
    """How often it was run; with the verdict `flaky`, all but the last were red."""
    dependency: str = ""
    """Id of the task whose output is missing, with the verdict `undeclared_dependency`."""


class FailureRepeated(Fact):
    """A fixer made no difference: the same failure, or a reply that is known to fail."""

    kind: Literal["failure_repeated"] = "failure_repeated"
    task: str
    attempt: int
    what: Literal["failure", "reply"]
    model: str = ""
    """Of the one stronger model that is asked next; empty where the fixing ends."""


class DependencyAdded(Fact):
    """A person answered that a task depends on another: the plan says so now, and the task runs again."""

    kind: Literal["dependency_added"] = "dependency_added"
    task: str
    dependency: str
    path: str
    """The plan, project-relative."""


class TaskLanded(Fact):
    kind: Literal["task_landed"] = "task_landed"
    task: str
    attempt: int
    files: tuple[str, ...]
    changed: int
    """How many of them differ from what landed last."""
    seconds: float = 0.0


class TaskFailed(Fact):
    kind: Literal["task_failed"] = "task_failed"
    task: str
    reason: str
    hint: str = ""
    verdict: str = ""


class TaskSkipped(Fact):
    kind: Literal["task_skipped"] = "task_skipped"
    task: str
    reason: str


class TaskBlocked(Fact):
    kind: Literal["task_blocked"] = "task_blocked"
    task: str
    by: str
    """Id of the task that it waits for in vain."""


class TaskRequeued(Fact):
    """A person asked for the task once more; what waits for it is looked at again, too."""

    kind: Literal["task_requeued"] = "task_requeued"
    task: str


class TaskInterrupted(Fact):
    kind: Literal["task_interrupted"] = "task_interrupted"
    task: str


class QuestionAsked(Fact):
    kind: Literal["question_asked"] = "question_asked"
    question: Question


class QuestionClosed(Fact):
    kind: Literal["question_closed"] = "question_closed"
    question_id: str
    decision: Decision | None
    """None: the run ended before anyone answered (void)."""


class DecisionRefused(Fact):
    kind: Literal["decision_refused"] = "decision_refused"
    decision: Decision
    reason: Literal["already_closed", "unknown_question", "not_offered", "stale_edit", "stale_review"]


class CommandReceived(Fact):
    kind: Literal["command_received"] = "command_received"
    command: Command


class UnknownEvent(Fact):
    """A kind that a newer version wrote; shown as a notice, never an error."""

    kind: str
    text: str = ""


Event = Annotated[
    RunStarted
    | RunFinished
    | Noticed
    | SandboxChosen
    | PhaseStarted
    | SpecsLoaded
    | SpecAudited
    | SpecEdited
    | BriefWritten
    | InterfaceWritten
    | SpecPlanned
    | PlanWritten
    | PlanAdopted
    | TaskUpToDate
    | TaskStarted
    | ModelCalled
    | ModelReplied
    | ModelFailed
    | CallCharged
    | ReplyRefused
    | FilesStaged
    | VerifyStarted
    | VerifyRepeated
    | VerifyFinished
    | FailureRepeated
    | DependencyAdded
    | TaskLanded
    | TaskFailed
    | TaskSkipped
    | TaskBlocked
    | TaskRequeued
    | TaskInterrupted
    | QuestionAsked
    | QuestionClosed
    | DecisionRefused
    | CommandReceived,
    Field(discriminator="kind"),
]
