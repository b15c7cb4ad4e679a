"""What all events have in common: their base, and the closed sets of words in them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Goal = Literal["audit", "plan", "build", "accept", "spec_fix", "all"]
Preset = Literal["default", "tui", "step", "auto"]
Role = Literal[
    "audit",
    "cross_audit",
    "spec_fix",
    "brief",
    "interface",
    "plan",
    "implement",
    "fix",
    "fix_escalation",
    "review",
]
AttemptKind = Role
Outcome = Literal["succeeded", "failed", "stopped", "crashed"]
VerdictName = Literal[
    "ok",
    "failed",
    "timed_out",
    "command_not_found",
    "environment",
    "undeclared_dependency",
    "flaky",
    "cancelled",
]
ReplySource = Literal["live", "replayed", "slot", "recorded", "exec"]
"""live: a provider; replayed: exact by request digest; slot: by role, task and attempt; recorded: left by an
interrupted attempt of this project; exec: a command of the user's."""


class Fact(BaseModel):
    """Base of every event."""

    model_config = ConfigDict(frozen=True, extra="ignore")
