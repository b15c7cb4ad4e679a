"""One sentence per event, the same in every face."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ossature.domain import event as ev
from ossature.domain.decision import Approve, Decision, Edit, Pause, Resume, Retry, SetPreset, Stop, Take
from ossature.domain.plain_text import count
from ossature.domain.review import marks_of

Tone = str
"""`plain`, `good`, `bad`, `warn`, `ask` or `quiet`: how a face may colour the line."""


class Line(NamedTuple):
    """A sentence and its tone."""

    tone: Tone
    text: str


class LogLine(NamedTuple):
    """A sentence of a run, with the time it was said."""

    at: datetime
    line: Line


def sentence(event: ev.Event | ev.UnknownEvent) -> Line | None:
    """What to say about *event*; None where a face shows it by other means only."""
    for part in (_run_line, _analysis_line, _model_line, _task_line, _verify_line, _question_line):
        line = part(event)
        if line is not None:
            return line
    return None


def _run_line(event: ev.Event | ev.UnknownEvent) -> Line | None:
    match event:
        case ev.RunStarted():
            source = f", replies from {event.replay}" if event.replay else ""
            return Line(
                "quiet", f"run {event.run} started: {event.goal} ({event.model or 'no model'}{source})"
            )
        case ev.RunFinished():
            tone = "good" if event.outcome == "succeeded" else "bad"
            reason = f": {event.reason}" if event.reason else ""
            hint = f" ({event.hint})" if event.hint else ""
            return Line(tone, f"run {event.outcome}{reason}{hint}")
        case ev.Noticed():
            tone = {"info": "quiet", "warning": "warn", "error": "bad"}[event.level]
            place = f"{event.place}: " if event.place else ""
            hint = f" ({event.hint})" if event.hint else ""
            return Line(tone, f"{place}{event.text}{hint}")
        case ev.PhaseStarted(phase=phase):
            return Line("quiet", f"── {phase}")
        case ev.CommandReceived(command=command):
            words = {
                Stop: "asked to stop",
                Pause: "paused: nothing new starts",
                Resume: "resumed",
                SetPreset: "gates changed",
            }
            return Line("quiet", words[type(command)])
        case ev.UnknownEvent(kind=kind):
            return Line("warn", f"an event of a newer version: {kind}")
    return None


def _analysis_line(event: ev.Event | ev.UnknownEvent) -> Line | None:
    match event:
        case ev.SpecsLoaded():
            return Line("plain", f"{count(len(event.specs), 'spec')} loaded: {', '.join(event.specs)}")
        case ev.SpecAudited():
            name = event.spec or "all specs together"
            how = " (unchanged, stored audit)" if event.is_cached else ""
            return Line("plain", f"audited {name}: {count(len(event.findings), 'finding')}{how}")
        case ev.SpecEdited():
            return Line("good", f"{event.spec}: {event.path} edited")
        case ev.BriefWritten():
            name = f"brief of {event.spec}" if event.spec else "project brief"
            return Line("quiet", f"{name}{' is up to date' if event.is_cached else ' written'}")
        case ev.InterfaceWritten():
            how = "is up to date" if event.is_cached else f"written from the {event.source}"
            return Line("quiet", f"interface of {event.spec} {how}")
        case ev.SpecPlanned():
            return Line("plain", f"planned {event.spec}: {count(event.tasks, 'task')}")
        case ev.PlanWritten():
            kind = "proposed plan" if event.is_proposal else "plan"
            return Line("good", f"{kind} with {count(event.tasks, 'task')} written to {event.path}")
        case ev.PlanAdopted():
            return Line("quiet", f"building by a plan of {count(len(event.tasks), 'task')}")
    return None


def _model_line(event: ev.Event | ev.UnknownEvent) -> Line | None:
    match event:
        case ev.ModelCalled():
            what = f"{event.role} {event.task or event.spec}".strip()
            return Line("quiet", f"{what}: asking {event.model}, about {event.prompt_tokens} tokens")
        case ev.ModelReplied():
            what = f"{event.role} {event.task or event.spec}".strip()
            note = f" ({event.note})" if event.note else ""
            how = {"live": "", "exec": "", "replayed": " from the recording", "slot": " from the recording"}
            origin = how.get(event.source, " left by an interrupted attempt")
            size = f", {event.output_tokens} tokens" if event.output_tokens else ""
            return Line("quiet", f"{what}: reply{origin}{size}{note}")
        case ev.ModelFailed():
            wait = f"; again in {event.retry_in_s:.0f} s" if event.retry_in_s is not None else ""
            return Line("warn", f"{event.role} {event.task or event.spec}: {event.reason}{wait}")
        case ev.CallCharged():
            sums = f"{event.tokens} tokens" + (f", ${event.cost_usd:.2f}" if event.cost_usd else "")
            return Line(
                "quiet", f"{event.role} {event.task}: the failed call counts as {sums}".replace(" :", ":")
            )
        case ev.ReplyRefused():
            return Line("warn", f"{event.role} {event.task or event.spec}: reply refused: {event.reason}")
    return None


def _task_line(event: ev.Event | ev.UnknownEvent) -> Line | None:
    match event:
        case ev.TaskStarted():
            return Line("plain", f"{event.task} started: {event.reason}")
        case ev.TaskUpToDate():
            return Line("quiet", f"{event.task} is up to date")
        case ev.TaskLanded():
            return Line("good", f"{event.task} landed {', '.join(event.files)} ({event.changed} changed)")
        case ev.TaskFailed():
            hint = f" ({event.hint})" if event.hint else ""
            return Line("bad", f"{event.task} failed: {event.reason}{hint}")
        case ev.TaskSkipped():
            return Line("warn", f"{event.task} skipped: {event.reason}")
        case ev.TaskBlocked():
            return Line("warn", f"{event.task} blocked by {event.by}")
        case ev.TaskRequeued():
            return Line("plain", f"{event.task} is taken up once more")
        case ev.TaskInterrupted():
            return Line("warn", f"{event.task} interrupted")
    return None


def _verify_line(event: ev.Event | ev.UnknownEvent) -> Line | None:
    match event:
        case ev.SandboxChosen():
            return Line("quiet", f"commands run {sandbox_words(event)}")
        case ev.FilesStaged():
            return Line("quiet", f"{event.task} staged {', '.join(event.files)}")
        case ev.VerifyStarted():
            return Line("quiet", f"{event.task} verifying: {' && '.join(event.commands)}")
        case ev.VerifyRepeated():
            summary = f": {event.summary}" if event.summary else ""
            again = f"; run {event.runs + 1} of {event.limit} follows"
            return Line("quiet", f"{event.task} verify {words(event.verdict)}{summary}{again}")
        case ev.VerifyFinished(verdict="ok"):
            return Line("quiet", f"{event.task} verified in {event.seconds:.1f} s")
        case ev.VerifyFinished(verdict="flaky"):
            return Line("warn", f"{event.task} verify is flaky: {event.summary}")
        case ev.VerifyFinished():
            status = f" (exit {event.exit_status})" if event.exit_status is not None else ""
            summary = f": {event.summary}" if event.summary else ""
            return Line("warn", f"{event.task} verify {words(event.verdict)}{status}{summary}")
        case ev.FailureRepeated():
            next_step = f"{event.model} is asked once" if event.model else "no more fixes"
            return Line("warn", f"{event.task}: {repeated(event.what)}; {next_step}")
        case ev.DependencyAdded():
            return Line(
                "good", f"{event.task} depends on {event.dependency} now ({event.path}); it runs again"
            )
    return None


def _question_line(event: ev.Event | ev.UnknownEvent) -> Line | None:
    match event:
        case ev.QuestionAsked(question=question):
            return Line("ask", f"[{question.id}] {question.subject} ({' / '.join(question.verbs)})")
        case ev.QuestionClosed(decision=None):
            return Line("quiet", f"[{event.question_id}] closed without an answer")
        case ev.QuestionClosed(decision=decision):
            return Line("plain", f"[{event.question_id}] {_deed(decision)}")
        case ev.DecisionRefused():
            return Line("warn", f"answer to {event.decision.question_id} refused: {words(event.reason)}")
    return None


def _deed(decision: Decision | None) -> str:
    match decision:
        case None:
            return "closed"
        case Approve():
            return f"approved by {decision.by}{_left_out(decision)}"
        case Retry(feedback=feedback):
            return f"retry asked for by {decision.by}" + (f": {feedback}" if feedback else "")
        case Edit(path=path):
            return f"{path} edited by {decision.by}"
        case Take(side="aside"):
            return f"set aside by {decision.by}"
        case Take(side=side):
            return f"{side} taken by {decision.by}{_left_out(decision)}"
        case _:
            return f"{decision.verb} by {decision.by}"


def _left_out(decision: Decision) -> str:
    refused = sum(1 for mark in marks_of(decision) if mark.is_refused)
    return f", without {count(refused, 'hunk')}" if refused else ""


def verdict_tone(verdict: str) -> Tone:
    """How a face may colour a verdict; empty where there is none."""
    return {"ok": "good", "flaky": "warn", "": ""}.get(verdict, "bad")


def repeated(what: str) -> str:
    """What came a second time, as people read it."""
    return (
        "the same failure twice in a row" if what == "failure" else "a reply that is known to fail came again"
    )


def sandbox_words(event: ev.SandboxChosen) -> str:
    """How far commands are shut in, in a few words."""
    if event.tier == "none":
        return "without a sandbox"
    network = "with the network" if event.has_network else "without the network"
    return f"in a sandbox ({event.tier}, {event.mode}), {network}"


def words(name: str) -> str:
    """`timed_out` as people read it."""
    return name.replace("_", " ")
