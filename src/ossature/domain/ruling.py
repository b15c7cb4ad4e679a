"""Rulings: what a person decided about a finding."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from ossature.domain.finding import Finding

RulingKind = Literal["accepted", "dismissed", "open"]
"""accepted: the spec is right as it is; dismissed: the finding is wrong or does not matter, for a reason;
open: an earlier ruling is taken back."""


class Ruling(BaseModel):
    """One line of the file of rulings. It holds as long as the place that it is about says the same."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    """Of the finding: digest of its place, the text there, and what it says."""
    kind: RulingKind
    reason: str = ""
    by: str = ""
    at: str = ""
    spec: str = ""
    """As for the rest below, for who reads the file; the key alone counts."""
    place: str = ""
    severity: str = ""
    issue: str = ""


class Judged(BaseModel):
    """A finding, where it is now, and what a person decided about it."""

    model_config = ConfigDict(frozen=True)

    finding: Finding
    key: str
    ruling: Ruling | None = None
    """None while it is open."""

    @property
    def is_open(self) -> bool:
        return self.ruling is None

    @property
    def id(self) -> str:
        """What people call it."""
        return self.key[:ID_LENGTH]


ID_LENGTH = 6
