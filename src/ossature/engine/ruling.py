"""Keep what a person decides about a finding."""

from __future__ import annotations

from datetime import UTC, datetime

from ossature.domain.ruling import Judged, Ruling, RulingKind
from ossature.errors import UsageError
from ossature.project import Project
from ossature.store.layout import prepare_state_dir
from ossature.store.rulings import append_ruling


def rule(project: Project, judged: Judged, kind: RulingKind, *, reason: str = "", by: str) -> None:
    """Write the ruling down; no run is needed, and none is disturbed. Raises UsageError, DiskError."""
    if kind == "dismissed" and not reason.strip():
        raise UsageError("a finding is dismissed for a reason", hint="say why in a few words")
    prepare_state_dir(project)
    finding = judged.finding
    append_ruling(
        project.rulings_path,
        Ruling(
            key=judged.key,
            kind=kind,
            reason=reason.strip(),
            by=by,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            spec=finding.spec,
            place=finding.place,
            severity=finding.severity,
            issue=finding.issue,
        ),
    )
