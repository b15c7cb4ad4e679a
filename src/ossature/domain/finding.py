"""Findings: what an audit says about a spec."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FindingSeverity = Literal["error", "warning", "info"]


class Finding(BaseModel):
    """One remark of an auditor, tied to a place in a spec."""

    model_config = ConfigDict(frozen=True)

    spec: str = ""
    severity: FindingSeverity
    place: str = ""
    """As the auditor named it, e.g. `Requirements > Add an expense`."""
    issue: str = Field(min_length=1)
    suggestion: str = ""
    path: str = ""
    line: int = 0
    """Where the place was found in the file; 0 when it names no section."""


class SpecAudit(BaseModel):
    """What the audit of one spec (or of all together) found, and what it was made from."""

    model_config = ConfigDict(frozen=True)

    spec: str
    """Spec id; empty for the audit across specs."""
    inputs_digest: str
    findings: tuple[Finding, ...] = ()
    at: str = ""
    run: str = ""

    @property
    def open_errors(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity == "error")
