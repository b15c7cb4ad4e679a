"""Answers by hunk: what a task's questions put up for review, and what is left of it in the stage."""

from __future__ import annotations

from collections.abc import Collection

from ossature.build.attempt import Attempts
from ossature.build.order import Order
from ossature.build.tools import Tools
from ossature.build.verdict import Verdict
from ossature.domain import event as ev
from ossature.domain.decision import Decision, Gate, Proposal, Question
from ossature.domain.review import marks_of, numbered, summary, told
from ossature.store.proposals import kept_files, propose, read_changes


class Parts:
    """The latest question of one task, and what its answer left out."""

    def __init__(self, tools: Tools, order: Order, attempts: Attempts) -> None:
        self._tools = tools
        self._order = order
        self._attempts = attempts
        self._proposals: tuple[Proposal, ...] = ()
        self._agreed: dict[str, str] = {}
        """Path -> digest of outputs that a person wants to land once they are verified."""

    def propose(self, gate: Gate) -> tuple[Proposal, ...]:
        """What a question at that gate shows: a red attempt against what was there before it, a green one
        against what is on disk. Raises DiskError."""
        if gate not in ("fix", "task_failed", "landing") or not self._tools.asks(gate):
            return ()
        files = self._attempts.collect()[1]
        staged = {path: files[path] for path in self._attempts.staged if path in files}
        if gate == "landing":
            return propose({path: self._landed(path) for path in staged}, staged, self._tools.blobs)
        before = self._attempts.changed
        return propose(before, {path: files.get(path) for path in before}, self._tools.blobs)

    def hear(self, question: Question, answer: Decision) -> None:
        """Keep for the next prompt what was said of single hunks. Raises DiskError."""
        self._proposals = question.proposals
        if marks := marks_of(answer):
            changes = read_changes(question.proposals, self._tools.blobs)
            text = told(changes, marks, self._tools.caller.redactor)
            self._attempts.refusals = "\n\n".join(filter(None, (self._attempts.refusals, text)))

    def take_back(self, answer: Decision, *, before_landing: bool) -> list[str] | None:
        """Undo in the stage what the answer to the latest question refused.

        None: nothing was. Else the outputs that are gone with it, which somebody has to write anew.
        """
        marks = marks_of(answer)
        left = kept_files(self._proposals, marks, self._tools.blobs)
        if not left:
            return None
        self._attempts.put(left, is_kept=before_landing)
        self._agreed = dict(self._attempts.staged) if before_landing else {}
        total = len(numbered(self._proposals))
        follows = "; verifying again" if before_landing else ""
        text = f"{self._order.task.id}: {summary(marks, total)}{follows}"
        self._tools.channel.emit(ev.Noticed(level="info", text=text))
        return [path for path, content in left.items() if content is None]

    def is_agreed(self) -> bool:
        """What is staged is what a person left of it, to the byte."""
        return bool(self._agreed) and self._agreed == self._attempts.digests()

    def _landed(self, path: str) -> bytes | None:
        """What the output is now, for this task."""
        order, tools = self._order, self._tools
        if path not in order.hidden:
            return tools.output.read(path) if tools.output_digest(path) is not None else None
        landed = order.previous.files.get(path) if order.previous else None
        return tools.blobs.get(landed) if landed else None


def refused_whole(paths: Collection[str]) -> Verdict:
    """What a fixer is told where a person refused all of an output that was not there before."""
    names = ", ".join(paths)
    return Verdict(
        "failed",
        1,
        " && ".join(f"test -f {path}" for path in paths),
        summary=f"{names} was refused",
        excerpt=f"A person refused all of {names}: it was deleted, and is to be written in another way.",
    )
