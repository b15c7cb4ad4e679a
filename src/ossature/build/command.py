"""Runs one shell command to its end, and leaves no process of it behind."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol

from ossature.domain.redaction import Redactor

HEAD_BYTES = 256 * 1024
TAIL_BYTES = 768 * 1024
LOG_CAP_BYTES = 10 * 1024 * 1024
GRACE_S = 2.0
"""Between TERM and KILL."""
DRAIN_S = 2.0
"""How long output is still read after the end, when a process that we could not kill holds the pipe."""
MARK = "OSSATURE_ACTION"
"""Variable that finds processes which left the group: a daemon keeps its environment."""

_CHUNK_BYTES = 64 * 1024
_ENVIRON_BYTES = 32 * 1024
"""How much of a process's environment is searched; a scrubbed one has about 1 KiB."""
_POLL_S = 0.02
_GONE_POLLS = 50
_REAP_S = 1.0


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

    def with_text(self, change: Callable[[str], str]) -> Finished:
        """The same end with *change* made to head and tail."""
        return replace(self, head=change(self.head), tail=change(self.tail))


class Executor(Protocol):
    """Where actions run."""

    async def run(self, action: Action) -> Finished:
        """Run to the end or to the time limit; on cancellation the processes are dead before it re-raises."""


class LocalExecutor:
    """Runs actions on this machine with the rights of its user: no sandbox.

    The only resource limit is that no core files are written; the others belong to a sandbox. What outlives
    the shell is killed: its process group, and (Linux only) whatever has the action's mark in its
    environment. A process that leaves the group and clears its environment gets away.
    """

    def __init__(self, redactor: Redactor | None = None) -> None:
        """*redactor* takes secrets out of the output before anybody sees it."""
        self._redactor = redactor or Redactor()

    async def run(self, action: Action) -> Finished:
        """Run *action*; a command that cannot be started is a value, with the reason in `note`."""
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        log = _Log(action, self._redactor)
        mark = secrets.token_hex(8)
        try:
            process, pipe = _spawn(action, mark)
        except (OSError, ValueError) as error:
            log.close(_Kept())
            return _not_started(action, error)
        output = _Output(pipe, log, self._redactor)
        try:
            try:
                is_timed_out = await _until_end(process, output, action.timeout_s)
            finally:
                killed = _kill_all(process, mark)
            await output.drained()
            if killed:
                await _gone(mark)
        finally:
            output.close()
            log.close(output.kept)
        head, tail = output.kept.texts()
        return Finished(
            exit_status=process.returncode,
            is_timed_out=is_timed_out,
            seconds=loop.time() - started_s,
            head=head,
            tail=tail,
            total_bytes=output.kept.total_bytes,
            log_path=action.log_path,
            note=log.note,
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
            self._redacting.add(chunk)
        else:
            self._loop.remove_reader(self._pipe)
            self.ended.set()


def _spawn(action: Action, mark: str) -> tuple[subprocess.Popen[bytes], int]:
    """The shell, leader of a new session, and the pipe that it writes to."""
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            # On the command's own line, so that the shell's messages keep their line numbers.
            ["/bin/sh", "-c", f"ulimit -c 0; {action.command}"],
            cwd=action.cwd,
            env={**action.environ, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return process, reading


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


async def _until_end(process: subprocess.Popen[bytes], output: _Output, timeout_s: float) -> bool:
    """Wait for the shell; True when it had to be asked to end because its time was up."""
    try:
        async with asyncio.timeout(timeout_s):
            await _ended(process)
    except TimeoutError:
        await _ask_to_end(process, output)
        return True
    return False


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Return once the shell is dead, without reaping it where the system allows that."""
    pidfd = _pidfd(process.pid)
    if pidfd is None:
        while process.poll() is None:  # noqa: ASYNC110  # without a pidfd there is no event to wait for
            await asyncio.sleep(_POLL_S)
        return
    loop = asyncio.get_running_loop()
    dead = asyncio.Event()
    loop.add_reader(pidfd, dead.set)
    try:
        await dead.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


def _pidfd(pid: int) -> int | None:
    """A handle that becomes readable when *pid* ends; None where there is no such thing."""
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


async def _ask_to_end(process: subprocess.Popen[bytes], output: _Output) -> None:
    """TERM to the group, and GRACE_S for its last words; a stopped process has to be woken to hear it."""
    _signal_group(process.pid, signal.SIGTERM)
    _signal_group(process.pid, signal.SIGCONT)
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_S):
            await _ended(process)
            await output.ended.wait()


def _kill_all(process: subprocess.Popen[bytes], mark: str) -> set[int]:
    """Kill whatever is left of an action and reap the shell; the processes that were found to be left."""
    # Before the shell is reaped, where the system allows that: until then no other group can get its number.
    _signal_group(process.pid, signal.SIGKILL)
    killed: set[int] = set()
    while fresh := _marked(mark) - killed:
        for pid in fresh:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= fresh
    # A process that hangs in the kernel outlives KILL; its exit status stays None.
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_REAP_S)
    return killed


def _signal_group(group: int, number: int) -> None:
    # macOS answers PermissionError for a group of which only zombies are left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _marked(mark: str) -> set[int]:
    """Processes that have the action's mark in their environment; nothing where there is no /proc."""
    needle = f"{MARK}={mark}".encode()
    found: set[int] = set()
    with suppress(OSError):
        for entry in os.scandir("/proc"):
            if entry.name.isdigit() and needle in _environ_of(entry.path):
                found.add(int(entry.name))
    return found


def _environ_of(process_dir: str) -> bytes:
    # With plain system calls: this is done for every process of the machine after every command.
    try:
        environ = os.open(f"{process_dir}/environ", os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(environ, _ENVIRON_BYTES)
    except OSError:
        return b""
    finally:
        os.close(environ)


async def _gone(mark: str) -> None:
    """Wait until the killed can no longer write to the stage; a zombie has no environment, so it counts."""
    for _ in range(_GONE_POLLS):
        if not _marked(mark):
            return
        await asyncio.sleep(_POLL_S)


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
