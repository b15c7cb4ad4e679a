"""What the plan on disk was made from, so that a person's edits and changed specs are told apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ossature.digest import digest_bytes
from ossature.project import Project
from ossature.store.disk import write_atomic


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known about a plan that we wrote."""

    plan_digest: str = ""
    """Of the file as we wrote it; another digest on disk means that a person edited it."""
    specs: Mapping[str, str] | None = None
    """Spec id -> digest of what its tasks were planned from; None where nothing is known."""


def read_provenance(project: Project) -> Provenance:
    """Of the plan, or of the proposal where a person has put that in its place.

    Nothing is known where the note is missing or damaged.
    """
    note = _read(project)
    proposed = _provenance(note.get("proposed"))
    if proposed.plan_digest and proposed.plan_digest == digest_of_plan(project):
        return proposed
    return _provenance(note)


def write_provenance(project: Project, provenance: Provenance) -> None:
    """Note what the plan, as it is on disk from now on, was made from."""
    _write(project, _fields(provenance))


def write_proposal(project: Project, proposal: Provenance) -> None:
    """Note what the proposal beside the plan was made from; what is known of the plan stays."""
    _write(project, {**_fields(read_provenance(project)), "proposed": _fields(proposal)})


def digest_of_plan(project: Project) -> str:
    """Of the plan file; empty where there is none."""
    return digest_bytes(project.plan_path.read_bytes()) if project.plan_path.exists() else ""


def is_edited(project: Project) -> bool:
    """A person changed the plan since we wrote it (or wrote it in the first place)."""
    found = digest_of_plan(project)
    return bool(found) and found != read_provenance(project).plan_digest


def _fields(provenance: Provenance) -> dict[str, Any]:
    specs = None if provenance.specs is None else dict(provenance.specs)
    return {"plan_digest": provenance.plan_digest, "specs": specs}


def _provenance(note: Any) -> Provenance:
    if not isinstance(note, dict) or not isinstance(note.get("specs"), dict):
        return Provenance()
    specs = {str(spec): str(digest) for spec, digest in note["specs"].items()}
    return Provenance(str(note.get("plan_digest", "")), specs)


def _read(project: Project) -> dict[str, Any]:
    try:
        note = json.loads((project.audit_dir / "planned.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _write(project: Project, note: Mapping[str, Any]) -> None:
    write_atomic(project.audit_dir / "planned.json", (json.dumps(note, indent=1) + "\n").encode())
