"""Short texts that every prompt may start with: what the project is, what each spec is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ossature.analysis.desk import Desk, Inquiry
from ossature.analysis.texts import (
    PROJECT_BRIEF,
    all_specs,
    architecture_text,
    brief_name,
    origin_path,
    read_origin,
    spec_inputs,
    spec_text,
    tree_inputs,
)
from ossature.digest import digest_json, digest_text
from ossature.domain import event as ev
from ossature.domain.finding import SpecAudit
from ossature.domain.spec import SpecTree
from ossature.store.disk import write_atomic


async def write_briefs(desk: Desk, tree: SpecTree, audits: Mapping[str, SpecAudit]) -> None:
    """Write the briefs whose specs changed. Raises ModelError, OssatureError."""
    findings = "\n".join(
        f"- {finding.spec}: {finding.issue}" for audit in audits.values() for finding in audit.findings
    )
    settings = desk.project.settings
    inquiries = [
        (
            PROJECT_BRIEF,
            Inquiry(
                "brief",
                "",
                "brief_project",
                {"project": settings.name, "specs": all_specs(tree), "findings": findings},
                tree_inputs(tree) | {"findings": digest_text(findings)},
            ),
        )
    ]
    for spec_id in tree.specs:
        values = {
            "project": settings.name,
            "spec_id": spec_id,
            "spec_text": spec_text(tree, spec_id),
            "architecture_text": architecture_text(tree, spec_id),
        }
        inquiry = Inquiry("brief", spec_id, "brief_spec", values, spec_inputs(tree, spec_id))
        inquiries.append((brief_name(spec_id), inquiry))
    for name, inquiry in inquiries:
        path = desk.project.brief_dir / name
        made_from = digest_json(dict(inquiry.inputs))
        is_cached = read_origin(path) == made_from and path.exists()
        if not is_cached:
            text = await desk.ask_text(inquiry)
            write_with_origin(path, text, made_from)
            desk.keep("brief")
        desk.channel.emit(
            ev.BriefWritten(spec=inquiry.spec, path=desk.project.relative(path), is_cached=is_cached)
        )


def write_with_origin(path: Path, text: str, made_from: str) -> None:
    """Write *text*, then beside it the digest of what it was made from: the second vouches for the first."""
    write_atomic(path, text.encode())
    note = {"made_from": made_from, "text": digest_text(text)}
    write_atomic(origin_path(path), (json.dumps(note) + "\n").encode())
