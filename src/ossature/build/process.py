"""One started command and all that it starts: wait for its end, ask it to end, kill what is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ossature.build.supervisor import ASK

MARK = "OSSATURE_ACTION"
"""Variable that finds processes which left the group: a daemon keeps its environment."""

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_ENVIRON_BYTES = 32 * 1024
"""How much of a process's environment is searched; a scrubbed one has about 1 KiB."""
_POLL_S = 0.02
_GONE_POLLS = 50
_REAP_S = 1.0
_SUPERVISOR_REAP_S = 5.0
"""A little more than it gives itself."""
_FATAL = frozenset({4, 5, 6, 7, 8, 9, 11, 13, 14, 15, 24, 25, 31})
"""Signals by which programs die; `git` and others use 129 and 130 for something else."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a command."""

    argv: Sequence[str]
    cwd: Path
    environ: Mapping[str, str]
    options: Sequence[str] = ()
    """For the supervisor: limits and restrictions."""
    fds: Sequence[int] = ()
    """Open descriptors that *argv* names; closed once it has started."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Folder as the command sees it -> how it reads in any sandbox."""

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)


class Process(Protocol):
    """What an executor needs of a started command."""

    @property
    def exit_status(self) -> int | None:
        """Negative for a signal; None while it runs, or where it would not die."""

    @property
    def trouble(self) -> str:
        """Why the command was never started, known at its end; else empty."""

    async def ended(self) -> None:
        """Return once the command has ended."""

    def ask_to_end(self) -> None:
        """TERM to its group."""

    def kill(self) -> bool:
        """Kill whatever is left, and reap; True when some of it may not be gone yet."""

    async def gone(self) -> None:
        """Wait until the killed can no longer write to the stage."""


def start(launch: Launch, mark: str, interpreter: Path | None) -> tuple[Process, int]:
    """Start *launch* as leader of a new session; the process, and the pipe that it writes to.

    With *interpreter*, a Python, it runs below a supervisor; that needs Linux. Raises OSError and ValueError
    for what cannot be started.
    """
    reading, writing = os.pipe()
    try:
        process = (
            _Supervised(launch, mark, writing, interpreter)
            if interpreter
            else _Grouped(launch, mark, writing)
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
        launch.close()
    return process, reading


class _Supervised:
    """A command below `supervisor.py`, which ends with all its processes, and when we end."""

    def __init__(self, launch: Launch, mark: str, output: int, interpreter: Path) -> None:
        lifeline, self._lifeline = os.pipe()
        self._status, status = os.pipe()
        options = [f"lifeline={lifeline}", f"status={status}", *launch.options]
        try:
            self._process = _spawn(
                [str(interpreter), "-I", "-S", str(_SUPERVISOR), *options, "--", *launch.argv],
                launch,
                mark,
                output,
                (lifeline, status, *launch.fds),
            )
        except BaseException:
            os.close(self._lifeline)
            os.close(self._status)
            raise
        finally:
            os.close(lifeline)
            os.close(status)
        self._mark = mark
        self.trouble = ""

    @property
    def exit_status(self) -> int | None:
        code = self._process.returncode
        if code is None or code < 0:
            return code
        return 128 - code if code - 128 in _FATAL else code

    async def ended(self) -> None:
        await _ended(self._process)

    def ask_to_end(self) -> None:
        with suppress(BrokenPipeError):
            os.write(self._lifeline, ASK)

    def kill(self) -> bool:
        os.close(self._lifeline)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_SUPERVISOR_REAP_S)
        os.set_blocking(self._status, False)
        with suppress(BlockingIOError):
            self.trouble = os.read(self._status, 4096).decode("utf-8", "replace")
        os.close(self._status)
        if self._process.returncode is not None and self._process.returncode >= 0:
            return False
        return bool(_kill_marked(self._process, self._mark))

    async def gone(self) -> None:
        await _gone(self._mark)


class _Grouped:
    """A command in a process group of its own, for systems where nobody can adopt what it leaves."""

    trouble = ""

    def __init__(self, launch: Launch, mark: str, output: int) -> None:
        self._process = _spawn(launch.argv, launch, mark, output, launch.fds)
        self._mark = mark

    @property
    def exit_status(self) -> int | None:
        code = self._process.returncode
        return 128 - code if code is not None and code - 128 in _FATAL else code

    async def ended(self) -> None:
        await _ended(self._process)

    def ask_to_end(self) -> None:
        # A stopped process has to be woken to hear it.
        signal_group(self._process.pid, signal.SIGTERM)
        signal_group(self._process.pid, signal.SIGCONT)

    def kill(self) -> bool:
        return bool(_kill_marked(self._process, self._mark))

    async def gone(self) -> None:
        await _gone(self._mark)


def _spawn(
    argv: Sequence[str], launch: Launch, mark: str, output: int, fds: Sequence[int]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        cwd=launch.cwd,
        env={**launch.environ, MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        pass_fds=fds,
    )


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Return once the process is dead, without reaping it where the system allows that."""
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


def _kill_marked(process: subprocess.Popen[bytes], mark: str) -> set[int]:
    """Kill the group and all that has the mark, and reap; the processes that were found to be left."""
    # Before the leader is reaped, where the system allows that: until then no other group can get its number.
    signal_group(process.pid, signal.SIGKILL)
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


def signal_group(group: int, number: int) -> None:
    """Send a signal to a process group, if there is one."""
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
    # With plain system calls: this is done for every process of the machine.
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
    """Wait for the killed; a zombie has no environment, so it counts as gone."""
    for _ in range(_GONE_POLLS):
        if not _marked(mark):
            return
        await asyncio.sleep(_POLL_S)
