"""What every sandbox has in common: what a command may reach, its limits, and how it is started."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from ossature.build.process import Launch
from ossature.settings import SandboxMode

STAGE = "/workspace"
HOME = "/home/sandbox"
TEMP = "/tmp"
TOOLS = "/run/ossature/bin"
"""Where a command finds its folders in a sandbox that can put them anywhere; elsewhere they read so."""

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Resources of one command; 0 is no limit."""

    file_mib: int = 256
    """Of one file that it writes."""
    open_files: int = 1024
    """Of one process."""
    memory_mib: int = 4096
    """In use by the whole command. Looked at now and then: a limit on what is reserved breaks sanitizers."""
    processes: int = 512
    """Of the whole command. For root, whom the system does not limit, looked at now and then, too."""
    idle_timeout_s: float = 0.0
    """Ended after so long without output."""

    def options(self) -> list[str]:
        """For the supervisor, all but what `process_limit` gives."""
        wanted = (
            (resource.RLIMIT_CORE, 0, True),
            (resource.RLIMIT_FSIZE, self.file_mib * _MIB, self.file_mib > 0),
            (resource.RLIMIT_NOFILE, self.open_files, self.open_files > 0),
        )
        watched = [f"most_processes={self.processes}", f"most_memory={self.memory_mib * _MIB}"]
        return [*(f"rlimit={kind}:{limit}" for kind, limit, is_set in wanted if is_set), *watched]


@dataclass(frozen=True, slots=True)
class Policy:
    """What commands may do."""

    mode: SandboxMode = "workspace-write"
    has_network: bool = False
    hidden: tuple[Path, ...] = ()
    """Never to be seen, even where they lie in what is: the project, the user's home."""
    limits: Limits = Limits()


class Cage(Protocol):
    """A way to shut a command in."""

    def enter(self, command: str, *, cwd: Path, environ: Mapping[str, str]) -> Launch:
        """How to start `/bin/sh -c` *command* in the stage *cwd*.

        HOME and TMPDIR of *environ* are folders of its own. Raises OSError where what it needs is missing.
        """


class Folders(NamedTuple):
    """The folders of one command on this machine."""

    stage: Path
    home: Path
    temp: Path
    tools: Path | None
    """Where `python` is; first in its PATH."""


def folders_of(cwd: Path, environ: Mapping[str, str]) -> Folders:
    """From what an action says."""
    first = Path(environ.get("PATH", "").split(os.pathsep)[0] or "/")
    home, temp = (Path(environ[name]) if name in environ else cwd for name in ("HOME", "TMPDIR"))
    return Folders(cwd, home, temp, first if first.parent == cwd.parent else None)


def neutral_names(folders: Folders) -> dict[str, str]:
    """For a command that sees its folders where they are; longest path first."""
    named = [(folders.temp, TEMP), (folders.home, HOME), (folders.tools, TOOLS)]
    return {
        str(folders.stage): ".",
        **{str(path): name for path, name in named if path is not None and path != folders.stage},
    }


class OpenCage:
    """No cage: the user's rights, with limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def enter(self, command: str, *, cwd: Path, environ: Mapping[str, str]) -> Launch:
        return Launch(
            # On the command's own line, so that the shell's messages keep their line numbers.
            argv=["/bin/sh", "-c", f"ulimit -c 0; {command}"],
            cwd=cwd,
            environ=environ,
            options=[*self._limits.options(), *process_limit(self._limits)],
            names=neutral_names(folders_of(cwd, environ)),
        )


WITHOUT_PTRACE: Mapping[str, str] = {"ASAN_OPTIONS": "detect_leaks=0", "LSAN_OPTIONS": "detect_leaks=0"}
"""For an environment without tracing: looking for leaks needs it, and fails the program otherwise."""


def process_limit(limits: Limits) -> list[str]:
    """For the supervisor: where the system counts all processes of the user, those of before come on top."""
    return [f"processes={limits.processes}"] if limits.processes else []


def base_interpreter() -> Path:
    """The interpreter below ours: outside of any virtual environment, so our own packages are not seen."""
    # `_base_executable` is what the venv module itself goes by; resolving alone misses `venv --copies`.
    name = getattr(sys, "_base_executable", None) or sys.executable
    return Path(name).resolve()
