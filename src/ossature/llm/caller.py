"""One model call with everything that is kept of it: folder, prompt, response, record, events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ossature.digest import digest_bytes
from ossature.domain.event import ModelCalled, ModelFailed, ModelReplied, ReplySource, Role
from ossature.domain.record import Channel
from ossature.domain.redaction import Redactor
from ossature.llm import retry
from ossature.llm.budget import Budget, Budgeted
from ossature.llm.choose import Models
from ossature.llm.client import ModelError, Reply, Request, Usage
from ossature.llm.patience import Patience
from ossature.llm.prompt import USER_LINE, estimate_tokens
from ossature.store.disk import disk_errors
from ossature.store.exchange import Exchanges
from ossature.store.tasklog import AttemptLog, list_attempts, open_attempt, utf8

WRITES_FILES: frozenset[Role] = frozenset({"implement", "fix", "fix_escalation"})
"""Roles whose replies are taken letter by letter; what others say is used as it is kept, without secrets."""
_FLUSH_S = 0.05
"""A reader sees text this late at most while it comes in; every piece by itself would be a write each."""
_TAKEN_OVER = "interrupted"
"""Verdict of an attempt whose reply a later one went on with."""


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A prompt that was answered."""

    text: str
    folder: Path
    log: AttemptLog
    source: ReplySource
    finish: str = "stop"
    """`length` where the reply was cut at the token limit: half of something, not to be used."""
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    note: str = ""

    @property
    def is_cut(self) -> bool:
        return self.finish == "length"


class Caller:
    """Asks the models of one run.

    Whoever asks has to `mark` what came of the reply: one without a verdict counts as interrupted, and the
    same request of a later run takes it up instead of asking again.
    """

    def __init__(
        self,
        models: Models,
        *,
        tasks_dir: Path,
        root: Path,
        run: str,
        exchanges: Exchanges,
        channel: Channel,
        max_calls: int = 0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        budget: Budget | None = None,
        patience: Patience | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        """*max_calls* is how many models are asked at a time; 0 sets no limit.

        Without a *budget* nothing is counted: replies that are played back cost nothing. *redactor* takes
        secrets out of what is kept, not out of what a model is sent.
        """
        self._models: retry.Answers = Budgeted(models, budget) if budget else models
        self._patience = patience or Patience(channel)
        self._tasks_dir = tasks_dir
        self._root = root
        self._run = run
        self._exchanges = exchanges
        self._channel = channel
        self._calls = asyncio.Semaphore(max_calls) if max_calls else nullcontext()
        self._clock = clock
        self._now = now
        self.redactor = redactor or Redactor()

    async def ask(self, request: Request, *, takes_up: bool = True, within_run: bool = False) -> Exchange:
        """Answer *request*; raises ModelError when no try brought a reply, DiskError when it cannot be kept,
        BudgetError and ProvidersDown where the run is to end.

        *takes_up* uses a reply that an earlier run got and came to no verdict about; where a person asked for
        a new one, a model is called all the same. *within_run* also takes up one of this very run.
        Cancelled, it leaves what came in so far in the attempt's folder and re-raises.
        """
        earlier = self._interrupted(request, within_run=within_run) if takes_up else None
        if earlier:
            return await self._ask(request, earlier)
        async with self._calls:
            return await self._ask(request, None)

    async def _ask(self, request: Request, earlier: AttemptLog | None) -> Exchange:
        log = open_attempt(
            self._tasks_dir,
            request.lineage,
            self._run,
            request.attempt,
            request.role,
            redact=self.redactor.text,
        )
        log.write_prompt(readable(request))
        self._channel.emit(
            ModelCalled(
                role=request.role,
                spec=request.spec,
                task=request.task,
                lineage=request.lineage,
                attempt=request.attempt,
                model=request.model,
                folder=self._relative(log),
                prompt_tokens=estimate_tokens(request.system) + estimate_tokens(request.prompt),
            )
        )
        started_at = self._clock()
        if earlier:
            # The run that got it may have come to its end before it could note it.
            self._exchanges.record(request.request_digest, earlier.folder)
        reply = _recorded_reply(earlier) if earlier else await self._complete(request, log)
        exchange = self._keep(request, log, reply, seconds=self._clock() - started_at)
        if earlier:
            _update(earlier, verdict=_TAKEN_OVER)
        return exchange

    def mark(
        self,
        exchange: Exchange,
        verdict: str,
        *,
        landed: bool = False,
        landing: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down what came of a reply: a verdict's name, `refused`, `ok`…; raises DiskError.

        *landing* is the ledger's record of it where it landed: should the ledger be lost, it is found there.
        """
        record = {} if landing is None else {"landing": dict(landing)}
        _update(exchange.log, verdict=verdict, landed=landed or landing is not None, **record)

    async def _complete(self, request: Request, log: AttemptLog) -> Reply:
        stream = _Stream(log, self._clock, self.redactor)

        def on_wait(error: ModelError, wait_s: float) -> None:
            stream.restart()
            self._fail(request, error, retry_in_s=wait_s)

        try:
            reply = await self._patiently(request, stream, on_wait)
        except ModelError as error:
            stream.end()
            log.write_meta({**self._meta(request), "error": error.kind, "message": str(error)})
            self._fail(request, error, retry_in_s=None)
            raise
        except asyncio.CancelledError:
            stream.end()
            log.write_meta({**self._meta(request), "error": "cancelled"})
            raise
        # All of it, in one write: a kill from here on finds it, once the record says that it was all.
        stream.end()
        return reply

    async def _patiently(
        self, request: Request, stream: _Stream, on_wait: Callable[[ModelError, float], None]
    ) -> Reply:
        """Try, and again where a person says so; raises the last ModelError, BudgetError, ProvidersDown."""
        await self._patience.go_on()
        while True:
            try:
                return await retry.complete(
                    self._models, request, stream.add, on_wait=on_wait, patience=self._patience
                )
            except ModelError as error:
                if not await self._patience.go_on(error):
                    raise
                stream.restart()

    def _keep(self, request: Request, log: AttemptLog, reply: Reply, *, seconds: float) -> Exchange:
        digest = request.request_digest
        usage = reply.usage
        kept = self.redactor.text(reply.text)
        is_code = request.role in WRITES_FILES
        # Before the response: once that is there, the attempt counts as whole.
        log.write_meta(
            {
                **self._meta(request),
                "source": reply.source,
                "usage": {name: getattr(usage, name) for name in Usage.__slots__},
                "cost_usd": reply.cost_usd,
                "finish": reply.finish,
                "note": reply.note,
                "seconds": round(seconds, 3),
                # What is kept of such a reply is not the reply: nothing may be made from it later.
                **({"is_redacted": True} if is_code and kept != reply.text else {}),
                "response_digest": _text_digest(kept),
                "sample": len(self._exchanges.find(digest)),
            }
        )
        log.finish_response(reply.text)
        self._exchanges.record(digest, log.folder)
        self._channel.emit(
            ModelReplied(
                role=request.role,
                spec=request.spec,
                task=request.task,
                lineage=request.lineage,
                attempt=request.attempt,
                folder=self._relative(log),
                source=reply.source,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cached_tokens=usage.cached_tokens,
                cost_usd=reply.cost_usd,
                seconds=seconds,
                note=reply.note,
            )
        )
        return Exchange(
            text=reply.text if is_code else kept,
            folder=log.folder,
            log=log,
            source=reply.source,
            finish=reply.finish,
            usage=usage,
            cost_usd=reply.cost_usd,
            note=reply.note,
        )

    def _meta(self, request: Request) -> dict[str, Any]:
        return {
            "run": self._run,
            "role": request.role,
            "spec": request.spec,
            "task": request.task,
            "lineage": request.lineage,
            "attempt": request.attempt,
            "model": request.model,
            "request_digest": request.request_digest,
            "inputs_digest": request.inputs_digest,
            "inputs": dict(request.inputs),
            "at": self._now().isoformat(timespec="seconds"),
            "verdict": None,
            "landed": False,
        }

    def _interrupted(self, request: Request, *, within_run: bool) -> AttemptLog | None:
        """The newest attempt of an earlier run that got this very request answered and came to no verdict."""
        digest = request.request_digest
        for log in reversed(list_attempts(self._tasks_dir, request.lineage, redact=self.redactor.text)):
            name = log.name
            if name is None or name.kind != request.role or (name.run == self._run and not within_run):
                continue
            meta = log.read_meta() or {}
            is_same = meta.get("request_digest") == digest and not meta.get("verdict")
            if is_same and not meta.get("is_redacted") and _is_sound(log, meta):
                return log
        return None

    def _fail(self, request: Request, error: ModelError, *, retry_in_s: float | None) -> None:
        self._channel.emit(
            ModelFailed(
                role=request.role,
                spec=request.spec,
                task=request.task,
                attempt=request.attempt,
                reason=str(error),
                retry_in_s=retry_in_s,
            )
        )

    def _relative(self, log: AttemptLog) -> str:
        return log.folder.relative_to(self._root).as_posix()


class _Stream:
    """The response as it comes in, written in pieces worth a write."""

    def __init__(self, log: AttemptLog, clock: Callable[[], float], redactor: Redactor) -> None:
        self._redactor = redactor
        self._log = log
        self._redacting = redactor.stream(self._write)
        self._clock = clock
        self._waiting: list[str] = []
        self._flushed_at = float("-inf")

    def add(self, text: str) -> None:
        self._waiting.append(text)
        if self._clock() - self._flushed_at >= _FLUSH_S:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self._redacting.add("".join(self._waiting).encode("utf-8", "replace"))
            self._waiting.clear()
        self._flushed_at = self._clock()

    def end(self) -> None:
        """Nothing more comes in."""
        self.flush()
        self._redacting.end()

    def restart(self) -> None:
        """The reply begins anew."""
        self._waiting.clear()
        self._redacting = self._redactor.stream(self._write)
        with disk_errors(self._log.part_path, "delete"):
            self._log.part_path.unlink(missing_ok=True)

    def _write(self, content: bytes) -> None:
        self._log.append_response(content.decode("utf-8", "replace"))


def readable(request: Request) -> str:
    """A request as `prompt.md` keeps it."""
    return f"{request.system}\n\n{USER_LINE}\n\n{request.prompt}"


def _is_sound(log: AttemptLog, meta: Mapping[str, Any]) -> bool:
    """Whether the response is there, and as it came in where that is known."""
    digest = meta.get("response_digest")
    text = log.read_response()
    if text is None and (part := log.read_part()) is not None and _text_digest(part) == digest:
        # The record of it was made and the response was not: a kill came between.
        log.finish_response(part)
        return True
    return text is not None and digest in (None, _text_digest(text))


def _text_digest(text: str) -> str:
    """Of a response as its file keeps it."""
    return digest_bytes(utf8(text))


def _recorded_reply(log: AttemptLog) -> Reply:
    meta = log.read_meta() or {}
    counted = meta.get("usage") or {}
    return Reply(
        log.read_response() or "",
        source="recorded",
        usage=Usage(**{name: int(counted.get(name) or 0) for name in Usage.__slots__}),
        cost_usd=0.0,
        finish=str(meta.get("finish") or "stop"),
        note=f"left by {log.folder.name}",
    )


def _update(log: AttemptLog, **changes: Any) -> None:
    """Not durably: a reply whose verdict is lost is taken up by the next run, which says the same of it."""
    log.write_meta({**(log.read_meta() or {}), **changes}, is_durable=False)
