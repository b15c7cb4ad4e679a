"""The fact that a run wrote into a file of the specs."""

from __future__ import annotations

from typing import Literal

from ossature.domain.fact import Fact


class SpecEdited(Fact):
    """An edit that a person approved is in its file now."""

    kind: Literal["spec_edited"] = "spec_edited"
    spec: str
    path: str
    """Project-relative."""
    digest: str
    """Of the whole text as specs are read, so that a face knows the save for the run's own."""
