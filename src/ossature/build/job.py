"""One task on its way from ready to landed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal

from ossature.build.attempt import Attempts, ReplyFailure
from ossature.build.landing import edited_outputs, foreign_changes
from ossature.build.order import JobEnd, Order, land_files
from ossature.build.slots import Seat
from ossature.build.verdict import Verdict, missing_path_hint
from ossature.domain import event as ev
from ossature.domain.decision import Abort, Approve, Decision, Edit, Gate, Question, Retry, Skip, Take, Verb
from ossature.domain.wording import words
from ossature.errors import Exit, OssatureError
from ossature.llm.client import ModelError


class Job:
    """Generate, verify, fix, land: each step goes by what the last one said."""

    def __init__(self, seat: Seat, order: Order) -> None:
        self._seat = seat
        self._tools = seat.tools
        self._order = order
        self._attempts = Attempts(
            seat.tools,
            order.task,
            order.lineage,
            order.material,
            takes_up=not order.is_forced,
            tried=order.tried,
        )
        self._left: dict[str, bytes] | None = None
        """What the stage held when the slot went to another task."""
        self._fixes = 0
        self._fingerprints: list[str] = []
        self._settled: dict[str, str] = {}
        """Path -> digest of a file on disk that a person gave up for the generated one."""
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
                end = await (self._finish() if verdict.name == "ok" else self._after_red(verdict))
        except ModelError as error:
            if error.kind != "replay_miss":
                raise
            self._fail(str(error), error.hint)
            self._attempts.settle(has_landed=False)
            raise
        self._attempts.settle(has_landed=end.outcome == "landed")
        return end

    async def _begin(self) -> JobEnd | None:
        """Fill the stage; None when it can be verified."""
        order = self._order
        edited = edited_outputs(
            order.task.outputs, shown=order.shown, output=self._tools.output, hidden=order.hidden
        )
        if edited and not self._tools.is_attended:
            # Nobody can choose once the other version is there, so it is not paid for.
            settled = await self._settle(edited)
            if settled != "theirs":
                return settled
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
        feedback = self._order.feedback or (answer.feedback if isinstance(answer, Approve) else "")
        return await self._generate(feedback, model="")

    async def _generate(self, feedback: str, *, model: str) -> JobEnd | None:
        await self._tools.workspace.prepare(self._order.tree, cache_dirs=self._tools.cache_dirs)
        self._fingerprints.clear()
        try:
            await self._attempts.implement(self._order.previous, feedback=feedback, model=model)
        except ReplyFailure as failure:
            return await self._give_up(str(failure), failure.hint, verdict="")
        except ModelError as error:
            if error.kind == "replay_miss":
                raise
            return await self._give_up(str(error), error.hint, verdict="")
        return None

    async def _fix(self, verdict: Verdict, feedback: str) -> JobEnd | None:
        self._fixes += 1
        try:
            await self._attempts.fix(verdict, feedback=feedback)
        except ReplyFailure as failure:
            return await self._give_up(str(failure), failure.hint, verdict="")
        except ModelError as error:
            if error.kind == "replay_miss":
                raise
            return await self._give_up(str(error), error.hint, verdict="")
        return None

    async def _after_red(self, verdict: Verdict) -> JobEnd | None:
        """Decide what follows a red verify; None when the stage has changed and is to be verified again."""
        status = f"exit {verdict.exit_status}" if verdict.exit_status is not None else words(verdict.name)
        subject = f"{self._order.task.id} verify failed ({status}): {verdict.summary}"
        self._fingerprints.append(verdict.fingerprint)
        self._hint_dependency(verdict.excerpt)
        is_stuck = self._fingerprints[-2:].count(verdict.fingerprint) == 2
        limit = self._tools.project.settings.max_fix_attempts
        if verdict.name not in ("failed", "timed_out"):
            return await self._give_up(subject, _environment_hint(verdict), verdict=verdict.name)
        if is_stuck or self._fixes >= limit:
            why = "the fixer changed nothing about it" if is_stuck else f"{limit} fixes did not help"
            return await self._give_up(f"{subject} ({why})", "", verdict=verdict.name)
        verbs: tuple[Verb, ...] = ("approve", "retry", "edit", "skip", "abort")
        answer = await self._ask("fix", f"{subject}. Call the fixer?", verbs, detail=verdict.excerpt)
        match answer:
            case Approve(feedback=feedback):
                return await self._fix(verdict, feedback)
            case _:
                return await self._follow(answer, subject, is_failure=True)

    def _hint_dependency(self, output: str) -> None:
        """A failure about something that a task writes which this one does not wait for: say which."""
        missing = missing_path_hint(output, self._order.strangers(), dependencies=())
        if missing is not None:
            self._tools.channel.emit(
                ev.Noticed(
                    level="warning",
                    text=f"{self._order.task.id} misses {missing.path}, which {missing.task} writes",
                    hint=f'if it needs it, add "{missing.task}" to its depends_on in the plan',
                )
            )

    async def _give_up(self, reason: str, hint: str, *, verdict: str) -> JobEnd | None:
        """Nothing more can be tried by itself: ask, or end as the policy says."""
        verbs: tuple[Verb, ...] = ("retry", "edit", "skip", "abort")
        if not self._attempts.has_stage:
            verbs = ("retry", "skip", "abort")
        answer = await self._ask("task_failed", reason, verbs, detail=hint)
        if isinstance(answer, Retry):
            self._fixes = 0
        end = await self._follow(answer, reason, is_failure=True, hint=hint, verdict=verdict)
        return end

    async def _follow(
        self, answer: Decision, reason: str, *, is_failure: bool, hint: str = "", verdict: str = ""
    ) -> JobEnd | None:
        """Act on an answer that is not `approve`."""
        match answer:
            case Retry(feedback=feedback, model=model):
                return await self._generate(feedback, model=model)
            case Edit(path=path, content=content):
                self._attempts.edit(self._stage_path(path), content)
                return None
            case Skip() | Abort() if is_failure:
                self._fail(reason, hint, verdict=verdict)
                return JobEnd("aborted" if isinstance(answer, Abort) else "failed", reason=reason)
            case Skip() | Abort():
                return self._close(_ending(answer) or "skipped", "left out by " + answer.by)
            case _:
                raise AssertionError(f"a gate let through {answer.verb}")

    async def _finish(self) -> JobEnd | None:
        """Green: pass the landing gate, settle conflicts, land."""
        strays = self._tools.workspace.clean_stray({*self._order.tree, *self._order.task.outputs})
        if strays:
            self._note(f"{self._order.task.id}: left out what its verify made: {', '.join(strays[:10])}")
        missing, files = self._attempts.collect()
        if missing:
            reason = f"the verify removed {', '.join(missing)}"
            return await self._give_up(reason, "an output has to be there after its verify", verdict="failed")
        subject = f"land {', '.join(files)}?"
        answer = await self._ask("landing", subject, ("approve", "retry", "edit", "skip", "abort"))
        if not isinstance(answer, Approve):
            return await self._follow(answer, subject, is_failure=False)
        changed = foreign_changes(
            files,
            shown={**self._order.shown, **self._settled},
            output=self._tools.output,
            hidden=self._order.hidden,
        )
        if changed:
            end = await self._settle(changed)
            if end != "theirs":
                return end
        return self._land(files)

    async def _settle(self, changed: list[str]) -> JobEnd | Literal["theirs"] | None:
        """Files that a person changed on disk stand where generated ones land, or would."""
        names = ", ".join(changed)
        asked = {path: self._tools.output_digest(path) or "" for path in changed}
        answer = await self._ask(
            "conflict",
            f"{names} changed on disk since the last landing; take mine (the disk's) or theirs (the new)?",
            ("take", "skip", "abort"),
            files=asked,
        )
        if isinstance(answer, Take) and any(self._tools.output_digest(path) != asked[path] for path in asked):
            self._note(f"{names} changed again while the question was open")
            return await self._settle(changed)
        match answer:
            case Take(side="theirs"):
                for path in changed:
                    self._settled[path] = self._tools.blobs.put(self._tools.output.read(path))
                    self._note(f"{path} as it was on disk is kept as blob {self._settled[path]}")
                return "theirs"
            case Take():
                for path in changed:
                    self._attempts.edit(path, self._tools.output.read(path))
                return None
            case _:
                reason = f"{names} changed by hand stands in the way"
                hint = "take it into the specs, move it away, or answer in `ossature tui`"
                self._fail(reason, hint)
                outcome: Literal["aborted", "failed"] = "aborted" if isinstance(answer, Abort) else "failed"
                return JobEnd(outcome, exit_code=Exit.DRIFT, reason=reason)

    def _land(self, files: Mapping[str, bytes]) -> JobEnd:
        return land_files(
            self._order,
            self._tools,
            files,
            attempt=self._attempts.number,
            seconds=time.monotonic() - self._began,
        )

    async def _ask(
        self,
        gate: Gate,
        subject: str,
        verbs: tuple[Verb, ...],
        *,
        detail: str = "",
        files: Mapping[str, str] | None = None,
    ) -> Decision:
        """Open a gate. It shows *files* of the output folder, else what is staged where that matters."""
        self.asked += 1
        project = self._tools.project
        shown: dict[str, str] = {}
        if files is not None:
            shown = {project.relative(project.output_root / path): files[path] for path in files}
        elif gate in ("fix", "landing", "task_failed") and self._tools.asks(gate):
            shown = self._attempts.show_staged()
        question = Question(
            id=f"{self._order.task.id}-{gate}-{self.asked}",
            gate=gate,
            subject=subject,
            detail=detail,
            verbs=verbs,
            task=self._order.task.id,
            spec=self._order.task.spec,
            files=tuple(shown),
            digests=tuple(shown.values()),
        )
        # Steps that a person takes one after another keep the slot: the next task's would come in between.
        leave = None if gate in ("prompt", "landing") else self._leave
        answer = await self._seat.wait_for(self._tools.channel.ask(question), leave=leave)
        await self._settle_in()
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


def _environment_hint(verdict: Verdict) -> str:
    match verdict.name:
        case "command_not_found":
            return "install it, or change the task's verify in the plan; no fixer was paid for this"
        case "environment":
            return "the machine could not run the command; no fixer was paid for this"
        case _:
            return ""
