"""A command of the user's as the model: the prompt on its stdin, the reply on its stdout."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import shlex
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, cast

from ossature.llm.client import MAX_REPLY_BYTES, ModelError, OnText, Reply, Request

PREFIX = "exec:"
_KILL_AFTER_S = 2.0
"""From TERM to KILL."""
_DRAIN_S = 2.0
"""How long stdout may stay open (in a grandchild) once the command itself is gone."""
_STDERR_TAIL = 4096


class ExecClient:
    """Answers `exec:command args`; the command is split like a shell would, but no shell runs it."""

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        cwd: Path | None = None,
        redact: Callable[[str], str] = str,
    ) -> None:
        """*redact* takes secrets out of what the command says on stderr, before it is cut short."""
        self._redact = redact
        self._environ = os.environ if environ is None else environ
        self._cwd = cwd

    async def complete(self, request: Request, on_text: OnText) -> Reply:
        """Run the command once; raises ModelError of kind `exec`, `timeout`, `too_long` or `bad_reply`."""
        words = _split(request.model)
        transport, conversation = await self._start(words, request)
        try:
            async with asyncio.timeout(request.timeout_s):
                reply = await _listen(conversation, on_text)
                await conversation.exited.wait()
            status = transport.get_returncode() or 0
            if not conversation.has_eof:
                _signal(transport, signal.SIGKILL)
            said = self._redact(conversation.stderr.decode("utf-8", "replace")).strip()
            return _judge(words[0], status, reply, said)
        except TimeoutError as error:
            await _end(transport, conversation)
            raise ModelError(
                f"`{words[0]}` did not finish within {request.timeout_s:g} s",
                kind="timeout",
                hint="raise `[llm] timeout_s`, or see why the command hangs",
                is_retryable=False,
            ) from error
        except BaseException:
            await _end(transport, conversation)
            raise
        finally:
            transport.close()

    async def close(self) -> None:
        """Nothing outlives a call."""

    async def _start(
        self, words: list[str], request: Request
    ) -> tuple[asyncio.SubprocessTransport, _Conversation]:
        loop = asyncio.get_running_loop()
        environment = {
            **self._environ,
            "OSSATURE_ROLE": request.role,
            "OSSATURE_SPEC": request.spec,
            "OSSATURE_TASK": request.task,
            "OSSATURE_ATTEMPT": str(request.attempt),
        }
        try:
            transport, conversation = await loop.subprocess_exec(
                _Conversation, *words, env=environment, cwd=self._cwd, start_new_session=True
            )
        except (OSError, ValueError) as error:
            _refuse_start(words[0], error)
        stdin = cast(asyncio.WriteTransport, transport.get_pipe_transport(0))
        stdin.write(f"{request.system}\n\n{request.prompt}".encode("utf-8", "replace"))
        stdin.close()  # after what is buffered has been written
        return transport, conversation


class _Conversation(asyncio.SubprocessProtocol):
    """Collects what a command says; reading is left to the one who waits for it."""

    def __init__(self) -> None:
        self.chunks: asyncio.Queue[bytes] = asyncio.Queue()
        """Of stdout; an empty one is the end."""
        self.exited = asyncio.Event()
        self.has_eof = False
        self.stderr = b""

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self.chunks.put_nowait(data)
        else:
            self.stderr = (self.stderr + data)[-_STDERR_TAIL:]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self.has_eof = True
            self.chunks.put_nowait(b"")

    def process_exited(self) -> None:
        self.exited.set()
        asyncio.get_running_loop().call_later(_DRAIN_S, self.chunks.put_nowait, b"")


async def _listen(conversation: _Conversation, on_text: OnText) -> Reply:
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    lenient = codecs.getincrementaldecoder("utf-8")("replace")
    pieces: list[str] = []
    size = 0
    is_valid = True
    is_open = True
    while is_open:
        chunk = await conversation.chunks.get()
        is_open = bool(chunk)
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            raise ModelError(f"the command wrote more than {MAX_REPLY_BYTES >> 20} MiB", kind="too_long")
        is_valid = is_valid and _decodes(decoder, chunk)
        text = lenient.decode(chunk, final=not is_open)
        if text:
            pieces.append(text)
            on_text(text)
    note = "" if is_valid else "the command wrote bytes that are not UTF-8; they were replaced"
    return Reply("".join(pieces), source="exec", note=note)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    try:
        decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError:
        return False
    return True


def _judge(command: str, status: int, reply: Reply, said: str) -> Reply:
    # The end of it: a traceback names the error last.
    last = " ".join(said.split())[-200:]
    if status:
        how = f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"
        raise ModelError(
            f"`{command}` {how}" + (f": {last}" if last else ""),
            kind="exec",
            hint="run the command by hand with a prompt on its stdin",
        )
    if not reply.text.strip():
        raise ModelError(
            f"`{command}` wrote nothing to its stdout" + (f": {last}" if last else ""),
            kind="bad_reply",
            hint="the command has to write the reply to its stdout",
            is_retryable=False,
        )
    return reply


async def _end(transport: asyncio.SubprocessTransport, conversation: _Conversation) -> None:
    """TERM for the whole group, KILL for what is left after a moment (at once, if cancelled again)."""
    try:
        _signal(transport, signal.SIGTERM)
        async with asyncio.timeout(_KILL_AFTER_S):
            await conversation.exited.wait()
    except TimeoutError:
        pass
    finally:
        _signal(transport, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_KILL_AFTER_S):
            await conversation.exited.wait()


def _signal(transport: asyncio.SubprocessTransport, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(transport.get_pid(), number)


def _split(model: str) -> list[str]:
    try:
        words = shlex.split(model.removeprefix(PREFIX))
    except ValueError as error:
        raise ModelError(
            f"model {model!r} cannot be split into words: {error}", kind="exec", hint="close the quote"
        ) from error
    if not words:
        raise ModelError(f"model {model!r} names no command", kind="exec", hint='write "exec:command args"')
    return words


def _refuse_start(command: str, error: OSError | ValueError) -> NoReturn:
    hint = 'the command of `[llm] model = "exec:…"` has to be on PATH, or a path'
    match error:
        case FileNotFoundError():
            message = f"command `{command}` was not found"
        case PermissionError():
            message, hint = f"command `{command}` may not be run", f"make it executable: chmod +x {command}"
        case OSError():
            message = f"command `{command}` cannot be run: {error.strerror}"
        case _:
            message = f"command `{command}` cannot be run: {error}"
    raise ModelError(message, kind="exec", hint=hint) from error
