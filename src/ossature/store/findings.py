"""What the audits found, one file per spec."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from ossature.domain.finding import SpecAudit
from ossature.domain.paths import relative_parts
from ossature.errors import Diagnostic, Place, UnsafePath
from ossature.store.disk import disk_errors, read_bytes, write_atomic

_ACROSS = "_project"
"""File name of the audit across specs, whose spec id is empty."""

_PLANNED = "planned.json"
"""Lies in the same folder: what the plan was made from."""


class Audits(dict[str, SpecAudit]):
    """Spec id -> its audit; the empty id is the audit across specs."""

    warnings: tuple[Diagnostic, ...] = ()
    """Files that cannot be used; their specs count as not audited."""


def write_audit(folder: Path, audit: SpecAudit) -> None:
    """Replace what is stored of one spec; raises DiskError, and UnsafePath for an id that is no file name."""
    write_atomic(_path(folder, audit.spec), audit.model_dump_json(indent=2).encode("utf-8") + b"\n")


def read_audits(folder: Path) -> Audits:
    """Everything stored; raises DiskError."""
    audits = Audits()
    warnings: list[Diagnostic] = []
    with disk_errors(folder, "read"):
        paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    for path in paths:
        try:
            audit = SpecAudit.model_validate_json(read_bytes(path))
        except ValidationError:
            if path.name != _PLANNED:
                warnings.append(_unusable(path, "is damaged"))
            continue
        if path.stem == (audit.spec or _ACROSS):
            audits[audit.spec] = audit
        else:
            warnings.append(_unusable(path, f"says it is about {audit.spec!r}"))
    audits.warnings = tuple(warnings)
    return audits


def _path(folder: Path, spec: str) -> Path:
    parts = relative_parts(f"{spec or _ACROSS}.json")
    if len(parts) != 1 or spec == _ACROSS or spec.startswith("."):
        raise UnsafePath(f"the spec id {spec!r} is no file name")
    return folder / parts[0]


def _unusable(path: Path, what: str) -> Diagnostic:
    return Diagnostic(
        "audit-unusable",
        "warning",
        Place(str(path)),
        f"the stored audit {what} and does not count",
        "the next `ossature audit` reviews its spec again",
    )
