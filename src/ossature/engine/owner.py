"""Own a run: hold the lease, work the pipeline, take answers, and close the journal whatever happens."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import signal
import socket
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ossature import __version__
from ossature.analysis.desk import Desk, Drained
from ossature.build.cage import base_interpreter
from ossature.build.languages import language_named
from ossature.build.sandbox import (
    SandboxChoice,
    make_python_dir,
    scrubbed_environ,
)
from ossature.build.tools import Tools
from ossature.build.workspace import Workspace
from ossature.domain import event as ev
from ossature.domain.decision import Command, Pause, Requeue, Resume, Stop
from ossature.domain.record import Record
from ossature.domain.redaction import Redactor, secrets_in
from ossature.domain.state import RunState
from ossature.engine.closing import close_crashed, interrupted
from ossature.engine.controls import Controls
from ossature.engine.gate import Gate
from ossature.engine.pipeline import Pipeline, RunEnd
from ossature.engine.preview import page_of
from ossature.engine.restoring import finish_crashed
from ossature.engine.sandboxing import announced, chosen, executor_of
from ossature.engine.session import RunRequest, run_ids
from ossature.engine.spending import budget_of
from ossature.engine.sweeping import sweep
from ossature.engine.trusting import TrustedExecutor, trust_for
from ossature.errors import Exit, OssatureError
from ossature.llm.caller import Caller
from ossature.llm.choose import Models
from ossature.llm.replay_client import ReplayClient
from ossature.project import Project
from ossature.store import inbox
from ossature.store.blobs import Blobs
from ossature.store.disk import need_descriptors
from ossature.store.exchange import Exchanges
from ossature.store.journal import Journal
from ossature.store.layout import prepare_state_dir, refuse_links
from ossature.store.lease import Lease, LeaseInfo
from ossature.store.ledger import Ledger
from ossature.store.safe_root import SafeRoot

_INBOX_POLL_S = 0.05
_DESCRIPTORS = 3
"""What an event loop opens before it runs."""
_RUN_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{4}")


def own(
    project: Project,
    request: RunRequest,
    *,
    ready: Callable[[str], None] | None = None,
    on_record: Callable[[Record], None] | None = None,
) -> int:
    """Run *request* in this process to its end; returns the exit code.

    `ready` gets the run id once the journal is open; `on_record` every record. Raises OssatureError for
    what keeps the run from beginning: another owner, no sandbox, a disk that refuses.
    """
    if request.model:
        project = replace(project, settings=replace(project.settings, model=request.model, models={}))
    choice = chosen(project, request) if request.goal in ("build", "accept", "all") else None
    replay = _replay(project, request)
    refuse_links(project)
    run = new_run_id(run_ids(project))
    lease = Lease(project.lease_path)
    lease.acquire(LeaseInfo(pid=os.getpid(), host=socket.gethostname(), since=utc_now(), run=run))
    try:
        prepare_state_dir(project)
        has_crashed = bool(close_crashed(project, except_run=run)) or lease.was_left
        with Ledger.open(project.ledger_path) as ledger:
            if has_crashed:
                sweep(project, ledger)
            owner = _Owner(
                project,
                request,
                run,
                ledger,
                on_record=on_record or (lambda _record: None),
                replay=replay,
                sandbox=choice,
            )
            need_descriptors(project.root, _DESCRIPTORS)
            return asyncio.run(owner.run(ready or (lambda _run: None)))
    finally:
        lease.release()


def _replay(project: Project, request: RunRequest) -> ReplayClient | None:
    if not request.replay:
        return None
    folder = project.root / request.replay
    if not folder.is_dir():
        raise OssatureError(f"there are no recordings in {folder}", exit_code=Exit.REPLAY_MISS)
    return ReplayClient(folder, by_slot=request.matches_slots, chars_per_s=request.chars_per_s)


def new_run_id(earlier: Sequence[str] = ()) -> str:
    """`<UTC time>-<4 random hex digits>`; sorts after *earlier* ids, also within a second."""
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    newest = max((run for run in earlier if _RUN_ID.fullmatch(run)), default="")
    if newest < now:
        return f"{now}-{secrets.token_hex(2)}"
    stamp, _, last = newest.rpartition("-")
    left = 0xFFFF - int(last, 16)
    if not left:
        later = datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=UTC) + timedelta(seconds=1)
        return f"{later:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    # A small step, so that many runs fit into a second; random, so that two owners hardly take the same.
    return f"{stamp}-{0xFFFF - left + 1 + secrets.randbelow(min(left, 64)):04x}"


def utc_now() -> str:
    """UTC, ISO 8601, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class _Owner:
    """The parts of a run, wired."""

    def __init__(
        self,
        project: Project,
        request: RunRequest,
        run: str,
        ledger: Ledger,
        *,
        on_record: Callable[[Record], None],
        replay: ReplayClient | None,
        sandbox: SandboxChoice | None,
    ) -> None:
        self._project = project
        self._request = request
        self._run = run
        self._ledger = ledger
        self._replay = replay
        self._sandbox = sandbox
        self._folder = project.runs_dir / run
        self._redactor = Redactor(secrets_in(os.environ))
        self._journal = Journal(self._folder / "events.jsonl", redact=self._redactor.text)
        self._state = RunState()
        self._stop_code = Exit.INT
        self._work: asyncio.Task[RunEnd] | None = None
        self._controls = Controls()
        self._stops_now = False
        self._broken: OssatureError | None = None
        self._gate = Gate(
            self._journal,
            self._state,
            preset=request.preset,
            is_headless=request.is_headless,
            keeps_going=request.keeps_going,
            edits=request.edits or project.settings.edits,
            on_record=on_record,
            on_command=self._obey,
        )

        self._trust = trust_for(
            project, request, channel=self._gate, environ=os.environ, redact=self._redactor.text
        )

    async def run(self, ready: Callable[[str], None]) -> int:
        """Work to the end; the journal ends in `run_finished` unless the disk refuses or we are killed."""
        self._gate.emit(self._started())
        ready(self._run)
        if self._sandbox is not None:
            for event in announced(self._sandbox):
                self._gate.emit(event)
        with self._signals():
            end = await self._to_end()
            # Still within: a signal that arrives now must not end us before the journal has its end.
            self._close(end)
        self._journal.close()
        return int(end.exit_code)

    def _close(self, end: RunEnd) -> None:
        """Say how it ended, with no question open and no task in flight."""
        self._gate.void()
        for task in interrupted(self._state):
            self._gate.emit(ev.TaskInterrupted(task=task))
        self._gate.emit(
            ev.RunFinished(
                outcome=end.outcome, exit_code=int(end.exit_code), reason=end.reason, hint=end.hint
            )
        )

    async def _to_end(self) -> RunEnd:
        models = Models(
            self._project.settings,
            replay=self._replay,
            root=self._project.root,
            redact=self._redactor.text,
            may_run=self._trust.clear_model,
        )
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._watch_inbox())
                self._work = group.create_task(self._worked(models))
                await asyncio.wait({self._work})
                watching.cancel()
            # Stopped before its first step, the work had no chance to say so itself.
            end = self._cut_short() if self._work.cancelled() else None
            return end or self._work.result()
        finally:
            await models.close()

    async def _worked(self, models: Models) -> RunEnd:
        """The pipeline with every ending as a value."""
        try:
            finish_crashed(self._project, self._ledger, self._gate)
            return await self._pipeline(models).run()
        except asyncio.CancelledError:
            end = self._cut_short()
            if end is None:
                raise
            return end
        except Drained as error:
            return RunEnd("stopped", self._stop_code, str(error), error.hint)
        except OssatureError as error:
            return RunEnd("failed", error.exit_code, str(error), error.hint)
        except Exception:  # noqa: BLE001  # the task boundary
            # A bug of ours ends this run with a message and leaves its journal whole; the details are kept.
            path = self._folder / "crash.log"
            with suppress(OSError):
                path.write_text(self._redactor.text(traceback.format_exc()), "utf-8")
            name = self._project.relative(path)
            return RunEnd("failed", Exit.FAILED, f"internal error; details are in {name}", "please report it")

    def _cut_short(self) -> RunEnd | None:
        """Why the work was cancelled; None where it was not by us."""
        if self._broken is not None:
            return RunEnd("failed", self._broken.exit_code, str(self._broken), self._broken.hint)
        if not self._stops_now:
            return None
        return RunEnd(
            "stopped", self._stop_code, "interrupted", "what landed stays; `ossature build` goes on"
        )

    def _pipeline(self, models: Models) -> Pipeline:
        project = self._project
        caller = Caller(
            models,
            tasks_dir=project.tasks_dir,
            root=project.root,
            run=self._run,
            exchanges=Exchanges(project.exchanges_dir, project.tasks_dir),
            channel=self._gate,
            max_calls=self._request.max_calls or project.settings.max_parallel_calls,
            budget=budget_of(
                project,
                self._gate,
                is_replay=self._replay is not None,
                allows_unpriced=self._request.allows_unpriced,
            ),
            redactor=self._redactor,
        )
        desk = Desk(
            project=project,
            run=self._run,
            channel=self._gate,
            caller=caller,
            pace=self._controls,
            now=utc_now,
        )
        return Pipeline(
            project=project,
            request=self._request,
            channel=self._gate,
            desk=desk,
            tools_of=lambda slot: self._tools(caller, slot),
            controls=self._controls,
            trust=self._trust,
        )

    def _tools(self, caller: Caller, slot: int) -> Tools:
        project = self._project
        blobs = Blobs(project.blobs_dir)
        workspace = Workspace(project.work_dir / str(slot), blobs)
        python_dir = make_python_dir(workspace.python_dir, base_interpreter())
        environ = scrubbed_environ(
            os.environ, home=workspace.home_dir, temp_dir=workspace.temp_dir, python_dir=python_dir
        )
        return Tools(
            project=project,
            run=self._run,
            channel=self._gate,
            caller=caller,
            executor=TrustedExecutor(executor_of(self._sandbox, self._redactor), self._trust),
            workspace=workspace,
            blobs=blobs,
            ledger=self._ledger,
            output=SafeRoot(project.output_root),
            page=page_of(project, blobs),
            environ=environ,
            cache_dirs=language_named(project.settings.language).cache_dirs,
            on_path=lambda name: shutil.which(name, path=environ["PATH"]) is not None,
            edits=self._request.edits or project.settings.edits,
            is_attended=not self._request.is_headless and self._request.preset != "auto",
            now=utc_now,
            asks=self._gate.asks,
        )

    def _started(self) -> ev.RunStarted:
        return ev.RunStarted(
            run=self._run,
            goal=self._request.goal,
            pid=os.getpid(),
            host=socket.gethostname(),
            project=self._project.settings.name,
            version=__version__,
            preset=self._request.preset,
            model=self._project.settings.model,
            replay=self._request.replay,
        )

    async def _watch_inbox(self) -> None:
        folder = self._folder / "inbox"
        while True:
            self._guarded(lambda: self._take_letters(folder))
            await asyncio.sleep(_INBOX_POLL_S)

    def _take_letters(self, folder: Path) -> None:
        for letter in inbox.collect(folder):
            self._gate.take(letter.message)

    def _guarded(self, act: Callable[[], object]) -> None:
        """Do what nobody waits for; a disk that refuses it ends the run as any other refusal does."""
        try:
            act()
        except OssatureError as error:
            self._broken = self._broken or error
            if self._work is not None:
                self._work.cancel()

    def _obey(self, command: Command) -> None:
        match command:
            case Pause():
                self._controls.pause()
            case Resume():
                self._controls.resume()
            case Requeue():
                self._controls.requeue(command)
            case Stop(mode="drain") if not self._state.questions or self._controls.is_building:
                self._gate.is_draining = True
                self._controls.drain()
            case Stop():
                self._stop_now()
            case _:
                pass

    def _stop_now(self) -> None:
        self._stops_now = self._gate.is_stopping = True
        self._controls.resume()
        if self._work is not None:
            self._work.cancel()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """INT drains, a second one and TERM stop at once; HUP (a terminal went) changes nothing."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._on_signal, signal.SIGINT)
        loop.add_signal_handler(signal.SIGTERM, self._on_signal, signal.SIGTERM)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _on_signal(self, number: signal.Signals) -> None:
        self._stop_code = Exit(128 + number)
        is_first = number == signal.SIGINT and not self._controls.is_draining
        stop = Stop(mode="drain" if is_first else "now", by=number.name)
        self._guarded(lambda: self._gate.command(stop))
