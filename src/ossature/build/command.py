"""Runs one shell command to its end, and leaves no process of it behind."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Literal, Protocol

from ossature.build.cage import Cage, Limits, OpenCage, base_interpreter
from ossature.build.process import Process, start
from ossature.domain.redaction import Redactor

HEAD_BYTES = 256 * 1024
TAIL_BYTES = 768 * 1024
LOG_CAP_BYTES = 10 * 1024 * 1024
GRACE_S = 2.0
"""Between TERM and KILL."""
DRAIN_S = 2.0
"""How long output is still read after the end, when a process that we could not kill holds the pipe."""

_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Action:
    """A command to run, and all that it may depend on."""

    command: str
    """For `/bin/sh -c`."""
    cwd: Path
    environ: Mapping[str, str]
    """The whole environment; nothing of ours is added but a random mark."""
    timeout_s: float
    log_path: Path
    """Appended to, so that the commands of one verify share a log."""
    log_cap_bytes: int = LOG_CAP_BYTES
    """For this command's part of the log."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended and what it wrote, stdout and stderr as one."""

    exit_status: int | None
    """Negative for a signal; None when the command could not be started, or would not die."""
    is_timed_out: bool
    seconds: float
    head: str
    """The first 256 KiB of the output; bytes that are not UTF-8 are replaced."""
    tail: str
    """The last 768 KiB of what follows the head."""
    total_bytes: int
    log_path: Path
    note: str = ""
    """Why the command could not be started, or why its log is not whole; else empty."""
    idle_s: float = 0.0
    """Seconds without output for which it was ended; 0 when it was not ended for that."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Folder as the command saw it -> how it reads in any sandbox, and without one."""

    def with_text(self, change: Callable[[str], str]) -> Finished:
        """The same end with *change* made to head and tail."""
        return replace(self, head=change(self.head), tail=change(self.tail))


class Executor(Protocol):
    """Where actions run."""

    async def run(self, action: Action) -> Finished:
        """Run to the end or to the time limit; on cancellation the processes are dead before it re-raises."""


class LocalExecutor:
    """Runs actions on this machine, in *cage*.

    On Linux a command runs below a supervisor, which kills all that it leaves, also when the owner is killed.
    Elsewhere its process group is killed, and a process that leaves the group gets away.
    """

    def __init__(
        self,
        cage: Cage | None = None,
        *,
        limits: Limits | None = None,
        interpreter: Path | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        """*cage*: none at all by default. *interpreter*: runs the supervisor; by default ours.

        *redactor* takes secrets out of the output before anybody sees it.
        """
        self._limits = limits or Limits()
        self._cage = cage or OpenCage(self._limits)
        self._supervisor = (interpreter or base_interpreter()) if sys.platform == "linux" else None
        self._redactor = redactor or Redactor()

    async def run(self, action: Action) -> Finished:
        """Run *action*; a command that cannot be started is a value, with the reason in `note`."""
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        log = _Log(action, self._redactor)
        try:
            launch = self._cage.enter(action.command, cwd=action.cwd, environ=action.environ)
            process, pipe = start(launch, secrets.token_hex(8), self._supervisor)
        except (OSError, ValueError) as error:
            log.close(_Kept())
            return _not_started(action, error)
        output = _Output(pipe, log, self._redactor)
        try:
            try:
                ended = await _until_end(process, output, action.timeout_s, self._limits.idle_timeout_s)
            finally:
                is_left = process.kill()
            await output.drained()
            if is_left:
                await process.gone()
        finally:
            output.close()
            log.close(output.kept)
        head, tail = output.kept.texts()
        was_started = not process.trouble or ended != "by itself"
        return Finished(
            exit_status=process.exit_status if was_started else None,
            is_timed_out=ended != "by itself",
            seconds=loop.time() - started_s,
            head=head,
            tail=tail,
            total_bytes=output.kept.total_bytes,
            log_path=action.log_path,
            note=log.note if was_started else process.trouble,
            idle_s=self._limits.idle_timeout_s if ended == "silent" else 0.0,
            names=launch.names,
        )


class _Kept:
    """The head and the tail of an output, in bounded memory."""

    def __init__(self) -> None:
        self.total_bytes = 0
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, chunk: bytes) -> None:
        self.total_bytes += len(chunk)
        room = HEAD_BYTES - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        self._tail += chunk
        if len(self._tail) > 2 * TAIL_BYTES:
            del self._tail[:-TAIL_BYTES]

    def last(self, count: int) -> bytes:
        """The last *count* bytes, at most TAIL_BYTES."""
        return bytes(self._head + self._tail)[-count:] if count > 0 else b""

    def texts(self) -> tuple[str, str]:
        """Head and tail; where nothing is missing between them, no character is cut in two."""
        head, tail = bytes(self._head), bytes(self._tail[-TAIL_BYTES:])
        if self.total_bytes == len(head) + len(tail):
            cut = _whole_characters(head)
            head, tail = head[:cut], head[cut:] + tail
        return head.decode("utf-8", "replace"), tail.decode("utf-8", "replace")


class _Log:
    """The copy of an output on disk: what comes first as it comes, the tail at the end."""

    def __init__(self, action: Action, redactor: Redactor) -> None:
        self.note = ""
        self._file: IO[bytes] | None = None
        self._tail_bytes = min(TAIL_BYTES, action.log_cap_bytes // 2)
        self._body_bytes = action.log_cap_bytes - self._tail_bytes
        self._room = self._body_bytes
        try:
            action.log_path.parent.mkdir(parents=True, exist_ok=True)
            self._file = action.log_path.open("ab", buffering=0)
        except OSError as error:
            self._give_up(error)
        shown = action.command.replace("\n", "\n> ")
        self._write(redactor.content(f"$ {shown}\n".encode("utf-8", "replace")))

    def add(self, chunk: bytes) -> None:
        """Append as much of *chunk* as the cap allows before the end of the output is known."""
        if self._room > 0:
            self._write(chunk[: self._room])
            self._room -= len(chunk)

    def close(self, kept: _Kept) -> None:
        """Append the end of the output and a newline if it has none."""
        late_bytes = kept.total_bytes - self._body_bytes
        left_out = late_bytes - self._tail_bytes
        if left_out > 0:
            self._write(f"\n… {left_out} bytes left out …\n".encode())
        self._write(kept.last(min(late_bytes, self._tail_bytes)))
        if kept.total_bytes and kept.last(1) != b"\n":
            self._write(b"\n")
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, content: bytes) -> None:
        rest = memoryview(content)
        try:
            while self._file is not None and rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """A full disk ends the log, not the command."""
        self.note = f"the log is not whole: {error.strerror}"
        if self._file is not None:
            self._file.close()
            self._file = None


class _Output:
    """The reading end of a command's pipe, read as the event loop finds time."""

    def __init__(self, pipe: int, log: _Log, redactor: Redactor) -> None:
        self.kept = _Kept()
        self.ended = asyncio.Event()
        """Set when the last process that could write has closed its end."""
        self.spoke_s = asyncio.get_running_loop().time()
        """When something was last written, on the event loop's clock."""
        self._pipe = pipe
        self._redacting = redactor.stream(self.kept.add, log.add)
        self._loop = asyncio.get_running_loop()
        os.set_blocking(pipe, False)
        self._loop.add_reader(pipe, self._read)

    async def drained(self) -> None:
        """Wait for the end of the output, at most DRAIN_S."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self.ended.wait()

    def close(self) -> None:
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)
        self._redacting.end()

    def _read(self) -> None:
        try:
            chunk = os.read(self._pipe, _CHUNK_BYTES)
        except BlockingIOError:
            return
        if chunk:
            self.spoke_s = self._loop.time()
            self._redacting.add(chunk)
        else:
            self._loop.remove_reader(self._pipe)
            self.ended.set()


def _not_started(action: Action, error: OSError | ValueError) -> Finished:
    reason = str(error.strerror) if isinstance(error, OSError) else str(error)
    return Finished(
        exit_status=None,
        is_timed_out=False,
        seconds=0.0,
        head="",
        tail="",
        total_bytes=0,
        log_path=action.log_path,
        note=f"the command cannot be started: {reason}",
    )


_Ending = Literal["by itself", "out of time", "silent"]


async def _until_end(process: Process, output: _Output, timeout_s: float, idle_timeout_s: float) -> _Ending:
    """Wait for the command; ask it to end when its time is up or nothing has come from it for too long."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    while True:
        idle_until_s = output.spoke_s + idle_timeout_s if idle_timeout_s else deadline_s
        try:
            async with asyncio.timeout_at(min(deadline_s, idle_until_s)):
                await process.ended()
        except TimeoutError:
            now_s = loop.time()
            is_silent = bool(idle_timeout_s) and now_s >= output.spoke_s + idle_timeout_s
            if now_s < deadline_s and not is_silent:
                continue
            await _ask_to_end(process, output)
            return "silent" if now_s < deadline_s else "out of time"
        return "by itself"


async def _ask_to_end(process: Process, output: _Output) -> None:
    """Give it GRACE_S for its last words."""
    process.ask_to_end()
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            await process.ended()
            await output.ended.wait()


def _whole_characters(content: bytes) -> int:
    """Length of *content* without a UTF-8 character that is cut off at its end."""
    for back in range(1, min(4, len(content)) + 1):
        byte = content[-back]
        if byte >= 0xC0:
            width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(content) - back if width > back else len(content)
        if byte < 0x80:
            break
    return len(content)
