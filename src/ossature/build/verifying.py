"""Runs the verify of a task: a red one again, as often as the settings say, before it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ossature.build.command import LOG_CAP_BYTES, Action
from ossature.build.order import Order
from ossature.build.tools import Tools
from ossature.build.verdict import SUMMARY_CHARS, Verdict, judge, missing_path_hint
from ossature.domain import event as ev
from ossature.store.disk import disk_errors
from ossature.store.tasklog import AttemptLog

FIXABLE = frozenset({"failed", "timed_out", "undeclared_dependency"})
"""Red verdicts that another version of the files might turn green."""


class _Run(NamedTuple):
    verdict: Verdict
    seconds: float


@dataclass
class Verifying:
    """One task's commands, run in its stage."""

    tools: Tools
    order: Order
    _runs: list[_Run] = field(default_factory=list)

    async def run(self, attempt: int, log: AttemptLog) -> Verdict:
        """Run until green, until red as often as allowed, or until it is nobody's fault. Raises DiskError.

        Every run appends to the attempt's log, and where there were several, `attempt.json` lists them.
        """
        name = self.tools.project.relative(log.verify_log)
        task = self.order.task
        self.tools.channel.emit(
            ev.VerifyStarted(task=task.id, attempt=attempt, commands=task.verify, log=name)
        )
        before = self._outputs() if self._limit > 1 else {}
        self._runs = [await self._once(log)]
        while (red := self._runs[-1].verdict).name in FIXABLE and len(self._runs) < self._limit:
            self.tools.channel.emit(
                ev.VerifyRepeated(
                    task=task.id,
                    attempt=attempt,
                    verdict=red.name,
                    summary=red.summary,
                    runs=len(self._runs),
                    limit=self._limit,
                )
            )
            await self._reset(before)
            self._part(log)
            self._runs.append(await self._once(log))
        self._note(log)
        verdict = self._verdict()
        self._report(verdict, attempt, name)
        return verdict

    @property
    def _limit(self) -> int:
        return self.order.task.verify_attempts or self.tools.project.settings.verify_attempts

    async def _once(self, log: AttemptLog) -> _Run:
        """All commands in order, until one is red."""
        verdict, seconds = Verdict.green(), 0.0
        for command in self.order.task.verify:
            finished = await self.tools.executor.run(
                Action(
                    command=command,
                    cwd=self.tools.workspace.folder,
                    environ=self.tools.environ,
                    timeout_s=self.order.task.timeout_s or self.tools.project.settings.verify_timeout_s,
                    log_path=log.verify_log,
                    log_cap_bytes=LOG_CAP_BYTES // self._limit,
                )
            )
            seconds += finished.seconds
            verdict = judge(
                command,
                finished,
                on_path=self.tools.on_path,
                stage_files=self.order.task.outputs,
                stage_root=str(self.tools.workspace.folder),
            )
            if verdict.name != "ok":
                break
        return _Run(self._with_dependency(verdict), seconds)

    def _with_dependency(self, verdict: Verdict) -> Verdict:
        """A failure about something that a task writes which this one does not wait for says which."""
        if verdict.name != "failed":
            return verdict
        missing = missing_path_hint(verdict.excerpt, self.order.strangers(), dependencies=())
        if missing is None:
            return verdict
        summary = f"undeclared dependency on {missing.task}: {missing.path} is missing ({verdict.summary})"
        return replace(
            verdict, name="undeclared_dependency", summary=summary[:SUMMARY_CHARS], missing=missing
        )

    def _outputs(self) -> dict[str, bytes]:
        workspace = self.tools.workspace
        return {path: workspace.read(path) for path in self.order.task.outputs if workspace.exists(path)}

    async def _reset(self, outputs: Mapping[str, bytes]) -> None:
        """Make the stage what it was before the run: what one run left would change the next."""
        workspace = self.tools.workspace
        await workspace.prepare(self.order.tree, cache_dirs=self.tools.cache_dirs, kept=outputs)
        workspace.write(outputs)

    def _part(self, log: AttemptLog) -> None:
        with disk_errors(log.verify_log, "write"), log.verify_log.open("ab") as file:
            file.write(f"\n── run {len(self._runs) + 1} of {self._limit} ──\n".encode())

    def _note(self, log: AttemptLog) -> None:
        """List several runs in the record of a model's attempt; others have no record."""
        meta = log.read_meta() if len(self._runs) > 1 else None
        if meta is not None:
            log.write_meta({**meta, "verify_runs": [_listed(run) for run in self._runs]})

    def _verdict(self) -> Verdict:
        """What the runs together came to; a change from red to green is `flaky`."""
        last = self._runs[-1].verdict
        count = len(self._runs)
        if last.name != "ok" or count == 1:
            return replace(last, runs=count)
        red = self._runs[-2].verdict
        summary = f"red in {count - 1} of {count} runs of the same files: {red.summary}"
        return replace(red, name="flaky", exit_status=0, summary=summary[:SUMMARY_CHARS], runs=count)

    def _report(self, verdict: Verdict, attempt: int, log: str) -> None:
        is_ok = verdict.name == "ok"
        self.tools.channel.emit(
            ev.VerifyFinished(
                task=self.order.task.id,
                attempt=attempt,
                verdict=verdict.name,
                exit_status=verdict.exit_status,
                command="" if is_ok else verdict.command,
                summary="" if is_ok else verdict.summary,
                seconds=round(sum(run.seconds for run in self._runs), 3),
                log=log,
                runs=verdict.runs,
                dependency=verdict.missing.task if verdict.missing else "",
            )
        )


def _listed(run: _Run) -> dict[str, Any]:
    return {
        "verdict": run.verdict.name,
        "exit_status": run.verdict.exit_status,
        "command": run.verdict.command,
        "summary": run.verdict.summary,
        "seconds": round(run.seconds, 3),
    }
