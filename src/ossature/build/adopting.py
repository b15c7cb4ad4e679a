"""Takes what a person wrote over a task's outputs as those outputs, once its verify is green."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ossature.build.attempt import Attempts
from ossature.build.landing import land
from ossature.build.order import JobEnd, Order
from ossature.build.slots import Seat
from ossature.build.verdict import Verdict
from ossature.digest import digest_bytes
from ossature.domain import event as ev
from ossature.domain.decision import Abort, Approve, Question
from ossature.domain.wording import words
from ossature.errors import Exit
from ossature.store.ledger import Landing


class Adoption:
    """One task's edited outputs on their way. Nothing of it writes to the output folder."""

    def __init__(self, seat: Seat, order: Order, paths: Collection[str], *, lands_red: bool = False) -> None:
        """*paths* are taken from the disk, other outputs as they landed last.

        `lands_red`: it is known beforehand that a red verify is to be no obstacle.
        """
        assert order.previous is not None
        self._seat = seat
        self._tools = seat.tools
        self._order = order
        self._previous = order.previous
        self._paths = tuple(paths)
        self._lands_red = lands_red
        self._attempts = Attempts(seat.tools, order)
        self.asked = order.asked
        """Questions about the task in this run."""

    @property
    def tried(self) -> int:
        """Attempts on the task in this run."""
        return self._attempts.number

    async def run(self) -> JobEnd:
        """Stage, verify, and land what is green. Raises DiskError."""
        task = self._order.task
        what = ", ".join(self._paths)
        reason = f"your version of {what}" if what else "landed without a green verify"
        self._tools.channel.emit(
            ev.TaskStarted(task=task.id, lineage=self._order.lineage, reason=reason, mode="accept")
        )
        files = {path: self._tools.blobs.get(digest) for path, digest in self._previous.files.items()}
        mine = {path: self._tools.output.read(path) for path in self._paths}
        await self._tools.workspace.prepare(self._order.tree, cache_dirs=self._tools.cache_dirs)
        self._attempts.start_verify(files)
        for path, content in mine.items():
            self._attempts.edit(path, content)
        verdict = await self._attempts.verify()
        if not verdict.is_green and not self._lands_red:
            end = await self._ask(verdict)
            if end is not None:
                return end
        return self._land({**files, **mine}, is_verified=verdict.is_green)

    async def _ask(self, verdict: Verdict) -> JobEnd | None:
        """A red version of a person's: it stays on disk as it is; None where it is to land all the same."""
        task = self._order.task
        status = f"exit {verdict.exit_status}" if verdict.exit_status is not None else words(verdict.name)
        reason = f"{task.id} with your edits is red ({status}): {verdict.summary}"
        self.asked += 1
        question = Question(
            id=f"{task.id}-accept-{self.asked}",
            gate="task_failed",
            subject=f"{reason}. Land it unverified?",
            detail=verdict.excerpt,
            verbs=("approve", "skip", "abort"),
            task=task.id,
            spec=task.spec,
        )
        answer = await self._seat.wait_for(self._tools.channel.ask(question), leave=None)
        if isinstance(answer, Approve):
            return None
        hint = f"mend it on disk, or land it as it is: `ossature accept {task.id} --unverified`"
        self._tools.channel.emit(ev.TaskFailed(task=task.id, reason=reason, hint=hint, verdict=verdict.name))
        return JobEnd(
            "aborted" if isinstance(answer, Abort) else "failed", exit_code=Exit.FAILED, reason=reason
        )

    def _land(self, files: dict[str, bytes], *, is_verified: bool) -> JobEnd:
        """Record exactly the bytes that were verified; whatever is on disk by now stays there."""
        task = self._order.task
        digests = {path: digest_bytes(content) for path, content in files.items()}
        bases = {path: self._previous.base(path) for path in files}
        landing = self._landing(
            files=digests,
            generated={path: base for path, base in bases.items() if base != digests[path]},
            is_verified=is_verified,
        )
        tools = self._tools
        land(landing, files, ledger=tools.ledger, blobs=tools.blobs, output=tools.output, hidden=tuple(files))
        tools.channel.emit(
            ev.TaskLanded(task=task.id, attempt=self._attempts.number, files=tuple(files), changed=0)
        )
        if not is_verified:
            text = f"{task.id} landed unverified, as asked: its verify is red"
            tools.channel.emit(ev.Noticed(level="warning", text=text))
        return JobEnd("landed", landing=landing)

    def _landing(self, *, files: dict[str, str], generated: dict[str, str], is_verified: bool) -> Landing:
        """What the model saw is not what the person wrote from: a task that is stale stays so."""
        material = self._order.material
        return replace(
            self._previous,
            task=self._order.task.id,
            verify=material.verify,
            verify_leaves=material.verify_leaves,
            files=files,
            generated=generated,
            is_verified=is_verified,
            run=self._tools.run,
            attempt=self._attempts.number,
            at=self._tools.now(),
        )
