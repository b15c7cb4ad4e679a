"""Tasks without a model on their way: files of the context folder into the output folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ossature.build.conflict import Conflicts
from ossature.build.copying import copied_files
from ossature.build.order import JobEnd, Order, land_files
from ossature.build.slots import Seat
from ossature.domain import event as ev
from ossature.domain.decision import Abort, Decision, Proposal, Question, Side, Skip, Verb
from ossature.errors import Exit, OssatureError


class CopyJob:
    """Copies need no model and no verify; edits of people are asked about as everywhere."""

    def __init__(self, seat: Seat, order: Order) -> None:
        self._seat = seat
        self._tools = seat.tools
        self._order = order
        self._files: dict[str, bytes] = {}
        self._of_person: set[str] = set()
        self.asked = order.asked
        """Questions about the task in this run."""

    async def run(self) -> JobEnd:
        """Copy, settle conflicts, land. Raises DiskError; a source that is not there is a failure."""
        task = self._order.task
        self._tools.channel.emit(
            ev.TaskStarted(task=task.id, lineage=self._order.lineage, reason=self._order.reason, mode="copy")
        )
        try:
            copies = copied_files(task, self._tools.project.context_root)
        except OssatureError as error:
            return self._fail(JobEnd("failed", reason=str(error)), error.hint)
        self._files = dict(copies)
        conflicts = Conflicts(self._tools, self._order, self, self._ask)
        said = await conflicts.settle(self._files)
        if isinstance(said, Skip | Abort):
            reason = f"an output of {task.id} that was edited by hand stands in the way"
            outcome: Literal["aborted", "failed"] = "aborted" if isinstance(said, Abort) else "failed"
            end = JobEnd(outcome, exit_code=Exit.DRIFT, reason=reason)
            return self._fail(end, "see `ossature status`; or mark the task manual in the plan")
        generated = conflicts.generated(self._files, {path: copies[path] for path in self._of_person})
        return land_files(
            self._order,
            self._tools,
            self._files,
            attempt=0,
            generated=generated,
            seen=conflicts.seen,
        )

    def edit(self, path: str, content: str | bytes) -> None:
        """Let a person's version land."""
        self._files[path] = content.encode("utf-8") if isinstance(content, str) else content
        self._of_person.add(path)

    def is_of_person(self, path: str) -> bool:
        """A person's version is to land."""
        return path in self._of_person

    def _fail(self, end: JobEnd, hint: str) -> JobEnd:
        failed = ev.TaskFailed(task=self._order.task.id, reason=end.reason, hint=hint)
        self._tools.channel.emit(failed)
        return end

    async def _ask(
        self,
        subject: str,
        verbs: tuple[Verb, ...],
        *,
        sides: tuple[Side, ...],
        detail: str,
        files: Mapping[str, str],
        proposals: tuple[Proposal, ...],
    ) -> Decision:
        self.asked += 1
        task = self._order.task
        question = Question(
            id=f"{task.id}-conflict-{self.asked}",
            gate="conflict",
            subject=subject,
            detail=detail,
            verbs=verbs,
            sides=sides,
            task=task.id,
            spec=task.spec,
            files=tuple(files),
            digests=tuple(files.values()),
            proposals=proposals,
        )
        return await self._seat.wait_for(self._tools.channel.ask(question), leave=None)
