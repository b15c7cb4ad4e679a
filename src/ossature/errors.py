"""What went wrong, where it went wrong, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Severity = Literal["error", "warning", "info"]


class Exit(IntEnum):
    """Exit codes of the program; the same meaning in every command."""

    OK = 0
    FAILED = 1
    """A task failed, a spec has an error, or an audit error is open."""
    USAGE = 2
    NO_PLAN = 3
    """There is no plan, or it has errors that `build` refuses."""
    BUDGET = 4
    DRIFT = 5
    """Files changed by hand stand in the way and nobody is there to decide."""
    NO_SANDBOX = 6
    REPLAY_MISS = 7
    BUSY = 8
    """Another run owns the project."""
    HUP = 129
    INT = 130
    TERM = 143


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a file that a person can open; line and column count from 1, 0 means the whole file."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.path
        return f"{self.path}:{self.line}:{self.column}" if self.column else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem that a reader of the user's files found."""

    code: str
    """Stable, lower-case, e.g. `smd-missing-title`; tests and filters go by it."""
    severity: Severity
    place: Place
    message: str
    hint: str = ""
    """What to do, or the closest match; empty where the message says it all."""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.place}: {self.severity}: {self.message}{hint} [{self.code}]"


class OssatureError(Exception):
    """A failure that a person can act on: shown as one message, never as a traceback."""

    exit_code: Exit = Exit.FAILED

    def __init__(
        self, message: str, *, place: Place | None = None, hint: str = "", exit_code: Exit | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.message}"


class UsageError(OssatureError):
    """The command line asks for something that does not exist or does not fit."""

    exit_code = Exit.USAGE


class ConfigError(OssatureError):
    """`ossature.toml` or the user's config cannot be used."""

    exit_code = Exit.USAGE


class PlanError(OssatureError):
    """There is no plan, or the plan is not one that can be built."""

    exit_code = Exit.NO_PLAN


class UnsafePath(OssatureError):
    """A path would leave the root it belongs to, or goes through a link."""


class BusyError(OssatureError):
    """Another run owns the project."""

    exit_code = Exit.BUSY


class DiskError(OssatureError):
    """The disk refused a read or a write (full, read-only, no permission)."""
