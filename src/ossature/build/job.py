"""One task on its way from ready to landed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Literal

from ossature.build.amending import let_wait
from ossature.build.attempt import Attempts, ReplyFailure
from ossature.build.conflict import Conflicts
from ossature.build.fixing import Act, FixLoop, Step, hint_on, subject_of
from ossature.build.landing import edited_outputs
from ossature.build.order import JobEnd, Order, land_files
from ossature.build.parts import Parts, refused_whole
from ossature.build.slots import Seat
from ossature.build.verdict import Verdict
from ossature.build.verifying import FIXABLE
from ossature.domain import event as ev
from ossature.domain.decision import (
    Abort,
    Approve,
    Decision,
    Depend,
    Edit,
    Gate,
    Proposal,
    Question,
    Retry,
    Side,
    Skip,
    Verb,
)
from ossature.errors import Exit, OssatureError
from ossature.llm.budget import BudgetError
from ossature.llm.client import ModelError


class Job:
    """Generate, verify, fix, land: each step goes by what the last one said."""

    def __init__(self, seat: Seat, order: Order) -> None:
        self._seat = seat
        self._tools = seat.tools
        self._order = order
        self._attempts = Attempts(seat.tools, order)
        self._parts = Parts(seat.tools, order, self._attempts)
        settings = seat.tools.project.settings
        self._loop = FixLoop(
            limit=settings.max_fix_attempts, can_escalate=bool(settings.model_for("fix_escalation"))
        )
        self._left: dict[str, bytes] | None = None
        """What the stage held when the slot went to another task."""
        self._is_flaky = False
        """The latest verify was green only when it was run again."""
        self._conflicts = Conflicts(seat.tools, order, self._attempts, self._ask_conflict)
        self._began = time.monotonic()
        self.asked = order.asked
        """Questions about the task in this run."""

    @property
    def tried(self) -> int:
        """Attempts on the task in this run."""
        return self._attempts.number

    async def run(self) -> JobEnd:
        """Take the task to its end. Raises ReplayMiss and DiskError; the task is closed as failed then."""
        order = self._order
        self._tools.channel.emit(
            ev.TaskStarted(task=order.task.id, lineage=order.lineage, reason=order.reason, mode=order.mode)
        )
        try:
            end = await self._begin()
            while end is None:
                verdict = await self._attempts.verify()
                self._is_flaky = verdict.name == "flaky"
                end = await (self._finish() if verdict.is_green else self._after_red(verdict))
        except BudgetError as error:
            # Its replies stay without a verdict: a build with more to spend goes on with them.
            self._fail(str(error), error.hint)
            return JobEnd("aborted", exit_code=Exit.BUDGET, reason=str(error))
        except ModelError as error:
            if error.kind != "replay_miss":
                raise
            self._fail(str(error), error.hint)
            self._attempts.settle(None)
            raise
        if end.outcome != "requeued":
            # What is requeued takes up the replies of this pass.
            self._attempts.settle(end.landing)
        return end

    async def _begin(self) -> JobEnd | None:
        """Fill the stage; None when it can be verified."""
        order = self._order
        edited = edited_outputs(
            order.task.outputs, shown=order.shown, output=self._tools.output, hidden=order.hidden
        )
        if edited and not self._tools.can_merge_edits:
            # Nobody can choose once the other version is there, so it is not paid for.
            refused = await self._conflicts.settle_early(edited)
            if refused is not None:
                return self._stand_in_the_way(refused)
        if self._order.mode == "verify" and self._order.previous is not None:
            await self._tools.workspace.prepare(self._order.tree, cache_dirs=self._tools.cache_dirs)
            landed = self._order.previous.files
            self._attempts.start_verify({path: self._tools.blobs.get(landed[path]) for path in landed})
            return None
        answer = await self._ask(
            "prompt", f"send the prompt of {self._order.task.id}?", ("approve", "skip", "abort")
        )
        if (end := _ending(answer)) is not None:
            return self._close(end, "left out at its prompt")
        wish = self._order.wish
        words = (wish.feedback, answer.feedback if isinstance(answer, Approve) else "")
        return await self._generate("\n".join(word for word in words if word), model=wish.model)

    async def _generate(self, feedback: str, *, model: str) -> JobEnd | None:
        await self._tools.workspace.prepare(self._order.tree, cache_dirs=self._tools.cache_dirs)
        self._loop.restart()
        try:
            await self._attempts.implement(self._order.previous, feedback=feedback, model=model)
        except ReplyFailure as failure:
            return await self._give_up(str(failure), failure.hint, verdict="")
        except ModelError as error:
            if error.kind == "replay_miss":
                raise
            return await self._give_up(str(error), error.hint, verdict="")
        return None

    async def _fix(self, verdict: Verdict, feedback: str, *, act: Act = "fix") -> JobEnd | None:
        self._loop.started(act)
        try:
            role: ev.Role = "fix_escalation" if act == "escalate" else "fix"
            await self._attempts.fix(verdict, feedback=feedback, role=role)
        except ReplyFailure as failure:
            return await self._give_up(str(failure), failure.hint, verdict="")
        except ModelError as error:
            if error.kind == "replay_miss":
                raise
            return await self._give_up(str(error), error.hint, verdict="")
        step = self._loop.after_reply(self._attempts.staged)
        if step is None:
            return None
        self._attempts.note_known_red()
        return await self._go_on(step, verdict)

    async def _after_red(self, verdict: Verdict) -> JobEnd | None:
        """Decide what follows a red verify; None when the stage has changed and is to be verified again."""
        if verdict.name not in FIXABLE:
            return await self._give_up(
                subject_of(self._order.task.id, verdict), hint_on(verdict), verdict=verdict.name
            )
        return await self._go_on(self._loop.after_red(verdict.fingerprint, self._attempts.staged), verdict)

    async def _go_on(self, step: Step, verdict: Verdict) -> JobEnd | None:
        """Take the step that follows *verdict*."""
        subject = subject_of(self._order.task.id, verdict)
        if step.what:
            stronger = self._tools.project.settings.model_for("fix_escalation")
            self._tools.channel.emit(
                ev.FailureRepeated(
                    task=self._order.task.id,
                    attempt=self._attempts.number,
                    what=step.what,
                    model=stronger if step.act == "escalate" else "",
                )
            )
        missing = self._addable(verdict)
        if step.act == "stop":
            return await self._give_up(
                f"{subject} ({step.why})", "", verdict=verdict.name, dependency=missing
            )
        verbs: tuple[Verb, ...] = ("approve", "retry", "edit", "skip", "abort")
        call = "Call the stronger fixer?" if step.act == "escalate" else "Call the fixer?"
        answer = await self._ask(
            "fix", f"{subject}. {call}", verbs, detail=verdict.excerpt, dependency=missing
        )
        match answer:
            case Approve(feedback=feedback):
                self._parts.take_back(answer, before_landing=False)
                if not self._attempts.has_stage:
                    return await self._generate(feedback, model="")
                return await self._fix(verdict, feedback, act=step.act)
            case _:
                return await self._follow(answer, subject, is_failure=True)

    def _addable(self, verdict: Verdict) -> str:
        """The task that this one may wait for from now on; empty where that would be a ring."""
        missing = verdict.missing
        return missing.task if missing and missing.task not in self._order.below() else ""

    async def _give_up(self, reason: str, hint: str, *, verdict: str, dependency: str = "") -> JobEnd | None:
        """Nothing more can be tried by itself: ask, or end as the policy says."""
        verbs: tuple[Verb, ...] = ("retry", "edit", "skip", "abort")
        if not self._attempts.has_stage:
            verbs = ("retry", "skip", "abort")
        answer = await self._ask("task_failed", reason, verbs, detail=hint, dependency=dependency)
        if isinstance(answer, Retry):
            self._loop.refill()
        return await self._follow(answer, reason, is_failure=True, hint=hint, verdict=verdict)

    async def _follow(
        self,
        answer: Decision,
        reason: str,
        *,
        is_failure: bool,
        hint: str = "",
        verdict: str = "",
    ) -> JobEnd | None:
        """Act on an answer that is not `approve`."""
        match answer:
            case Retry(feedback=feedback, model=model):
                return await self._generate(feedback, model=model)
            case Edit(path=path, content=content):
                self._attempts.edit(self._stage_path(path), content)
                self._loop.restart()
                return None
            case Depend():
                return JobEnd("requeued")
            case Skip() | Abort() if is_failure:
                self._fail(reason, hint, verdict=verdict)
                return JobEnd("aborted" if isinstance(answer, Abort) else "failed", reason=reason)
            case Skip() | Abort():
                return self._close(_ending(answer) or "skipped", "left out by " + answer.by)
            case _:
                raise AssertionError(f"a gate let through {answer.verb}")

    async def _finish(self) -> JobEnd | None:
        """Green: pass the landing gate, settle conflicts, land."""
        strays = self._tools.workspace.clean_stray({*self._order.tree, *self._order.task.written})
        if strays:
            self._note(f"{self._order.task.id}: left out what its verify made: {', '.join(strays[:10])}")
        missing, files = self._attempts.collect()
        if missing:
            reason = f"the verify removed {', '.join(missing)}"
            return await self._give_up(reason, "an output has to be there after its verify", verdict="failed")
        if not self._parts.is_agreed():
            subject = f"land {', '.join(files)}?"
            answer = await self._ask("landing", subject, ("approve", "retry", "edit", "skip", "abort"))
            if not isinstance(answer, Approve):
                return await self._follow(answer, subject, is_failure=False)
            gone = self._parts.take_back(answer, before_landing=True)
            if gone is not None:
                return await self._write_anew(gone, answer.feedback)
        settled = await self._conflicts.settle(files)
        match settled:
            case "clear":
                return self._land(files)
            case "staged":
                return None
            case _:
                return self._stand_in_the_way(settled)

    async def _write_anew(self, gone: Sequence[str], feedback: str) -> JobEnd | None:
        """What is left of a refused part is verified again; an output that is not left is asked for first."""
        self._loop.restart()
        if not gone:
            return None
        if not self._attempts.has_stage:
            return await self._generate(feedback, model="")
        return await self._fix(refused_whole(gone), feedback)

    def _stand_in_the_way(self, answer: Decision) -> JobEnd:
        """A conflict was left open: the task ends, and what is on disk stays."""
        reason = f"an output of {self._order.task.id} that was edited by hand stands in the way"
        self._fail(reason, "see `ossature status`; `ossature build` asks again, `--edits` says it beforehand")
        outcome: Literal["aborted", "failed"] = "aborted" if isinstance(answer, Abort) else "failed"
        return JobEnd(outcome, exit_code=Exit.DRIFT, reason=reason)

    def _land(self, files: Mapping[str, bytes]) -> JobEnd:
        return land_files(
            self._order,
            self._tools,
            files,
            attempt=self._attempts.number,
            seconds=time.monotonic() - self._began,
            is_flaky=self._is_flaky,
            generated=self._generated(files),
            seen=self._conflicts.seen,
        )

    def _generated(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """What a model wrote where a person had a hand in it: the base of later merges."""
        attempts, previous = self._attempts, self._order.previous
        if attempts.is_generated or previous is None:
            return self._conflicts.generated(files, attempts.by_hand)
        return {
            path: previous.base(path)
            for path in files
            if path in attempts.by_hand or previous.is_by_hand(path)
        }

    async def _ask_conflict(
        self,
        subject: str,
        verbs: tuple[Verb, ...],
        *,
        sides: tuple[Side, ...],
        detail: str,
        files: Mapping[str, str],
        proposals: tuple[Proposal, ...],
    ) -> Decision:
        return await self._ask(
            "conflict", subject, verbs, detail=detail, files=files, sides=sides, proposals=proposals
        )

    async def _ask(
        self,
        gate: Gate,
        subject: str,
        verbs: tuple[Verb, ...],
        *,
        detail: str = "",
        files: Mapping[str, str] | None = None,
        sides: tuple[Side, ...] = (),
        dependency: str = "",
        proposals: tuple[Proposal, ...] = (),
    ) -> Decision:
        """Open a gate. It shows *files* (project-relative), else what is staged where that matters.

        With *dependency*, it also offers to let the task wait for that one; the plan says so when that answer
        is returned, and the question is asked again where it cannot.
        """
        self.asked += 1
        shown = dict(files or {})
        if gate in ("fix", "landing", "task_failed") and (dependency or self._tools.asks(gate)):
            shown = self._attempts.show_staged()
        question = Question(
            id=f"{self._order.task.id}-{gate}-{self.asked}",
            gate=gate,
            subject=subject,
            detail=detail,
            verbs=(*verbs[:1], "depend", *verbs[1:]) if dependency else verbs,
            sides=sides,
            task=self._order.task.id,
            spec=self._order.task.spec,
            files=tuple(shown),
            titles=tuple(self._attempts.shown_path(name) or name for name in shown),
            digests=tuple(shown.values()),
            dependency=dependency,
            proposals=proposals or self._parts.propose(gate),
        )
        # Steps that a person takes one after another keep the slot: the next task's would come in between.
        leave = None if gate in ("prompt", "landing") else self._leave
        answer = await self._seat.wait_for(self._tools.channel.ask(question), leave=leave)
        await self._settle_in()
        self._parts.hear(question, answer)
        if isinstance(answer, Depend) and not await let_wait(self._tools, question.task, dependency):
            return await self._ask(gate, subject, verbs, detail=detail, dependency=dependency)
        return answer

    def _leave(self) -> None:
        """The slot goes to another task: keep what the stage holds."""
        self._left = self._attempts.collect()[1]

    async def _settle_in(self) -> None:
        """Make the stage ours again, if another task was in it meanwhile."""
        if self._left is None:
            return
        self._tools = self._seat.tools
        self._attempts.move(self._tools)
        await self._tools.workspace.prepare(self._order.tree, cache_dirs=self._tools.cache_dirs)
        self._tools.workspace.write(self._left)
        self._left = None

    def _stage_path(self, name: str) -> str:
        """The output that an edited file of the question stands for."""
        path = self._attempts.shown_path(name)
        if path is None:
            raise OssatureError(f"{name} is not a staged file of {self._order.task.id}")
        return path

    def _fail(self, reason: str, hint: str, *, verdict: str = "") -> None:
        self._tools.channel.emit(
            ev.TaskFailed(task=self._order.task.id, reason=reason, hint=hint, verdict=verdict)
        )

    def _close(self, outcome: Literal["skipped", "aborted"], reason: str) -> JobEnd:
        self._tools.channel.emit(ev.TaskSkipped(task=self._order.task.id, reason=reason))
        return JobEnd(outcome, reason=reason, is_failure=False)

    def _note(self, text: str) -> None:
        self._tools.channel.emit(ev.Noticed(level="info", text=text))


def _ending(answer: Decision) -> Literal["skipped", "aborted"] | None:
    match answer:
        case Skip():
            return "skipped"
        case Abort():
            return "aborted"
        case _:
            return None
