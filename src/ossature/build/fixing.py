"""Decides what follows a red verify: a fix, one by a stronger model, or the end; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from ossature.build.verdict import Verdict
from ossature.digest import digest_json
from ossature.domain.wording import words

Act = Literal["fix", "escalate", "stop"]


class Step(NamedTuple):
    """What is to be done, and for `escalate` and `stop` why."""

    act: Act
    why: str = ""
    what: Literal["", "failure", "reply"] = ""
    """What came again; empty where nothing did."""


class FixLoop:
    """Counts the fixes of one task and notices when they get nowhere."""

    def __init__(self, *, limit: int, can_escalate: bool) -> None:
        self._limit = limit
        self._can_escalate = can_escalate
        self._fixes = 0
        self._last = ""
        """Fingerprint of the latest failure."""
        self._red: set[str] = set()
        """Stages that are known to be red."""
        self._has_escalated = False

    def restart(self) -> None:
        """Something was generated or edited: what failed before says nothing about it."""
        self._last = ""
        self._red.clear()
        self._has_escalated = False

    def refill(self) -> None:
        """A person asked for another try: as many fixes again."""
        self._fixes = 0

    def started(self, act: Act) -> None:
        """A fix is asked for."""
        self._fixes += 1
        self._has_escalated = self._has_escalated or act == "escalate"

    def after_red(self, fingerprint: str, stage: Mapping[str, str]) -> Step:
        """What follows a failure with that fingerprint of that stage (path -> digest)."""
        is_same = bool(fingerprint) and fingerprint == self._last
        self._last = fingerprint
        self._red.add(_digest(stage))
        if is_same:
            return self._stuck("the fixer changed nothing about it", "failure")
        if self._has_escalated:
            return Step("stop", "the stronger model did not help either")
        if self._fixes >= self._limit:
            return Step("stop", f"{self._limit} fixes did not help")
        return Step("fix")

    def after_reply(self, stage: Mapping[str, str]) -> Step | None:
        """None where a reply made a stage that is worth a verify; else what follows instead."""
        if _digest(stage) not in self._red:
            return None
        return self._stuck("the fixer gave what is known to fail", "reply")

    def _stuck(self, why: str, what: Literal["failure", "reply"]) -> Step:
        if self._has_escalated:
            return Step("stop", f"{why}, nor did the stronger model" if what == "failure" else why, what)
        return Step("escalate" if self._can_escalate else "stop", why, what)


def _digest(stage: Mapping[str, str]) -> str:
    return digest_json(sorted(stage.items()))


def subject_of(task_id: str, verdict: Verdict) -> str:
    """A red verify in one line."""
    status = f"exit {verdict.exit_status}" if verdict.exit_status is not None else words(verdict.name)
    return f"{task_id} verify failed ({status}): {verdict.summary}"


def hint_on(verdict: Verdict) -> str:
    """What a person can do about a verdict that no fixer is paid for; empty for others."""
    match verdict.name:
        case "command_not_found":
            return "install it, or change the task's verify in the plan; no fixer was paid for this"
        case "environment":
            return "the machine could not run the command; no fixer was paid for this"
        case _:
            return ""
