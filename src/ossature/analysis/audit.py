"""Review specs for contradictions and gaps: one by one, then across."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

from ossature.analysis.desk import Desk, Inquiry
from ossature.analysis.rulings import Bench
from ossature.analysis.texts import (
    all_specs,
    architecture_text,
    interface_of_architecture,
    spec_inputs,
    spec_text,
    tree_inputs,
    upstream_text,
)
from ossature.digest import digest_json
from ossature.domain import event as ev
from ossature.domain.finding import Finding, SpecAudit
from ossature.domain.spec import SpecTree
from ossature.spec.refs import Resolved, resolve_arch_ref, resolve_spec_ref
from ossature.store.disk import write_atomic
from ossature.store.findings import read_audits, write_audit
from ossature.store.rulings import read_rulings

_ORDER: Mapping[str, int] = {"error": 0, "warning": 1, "info": 2}


class _Remark(BaseModel):
    """A finding as a model writes it."""

    spec: str = ""
    severity: Literal["error", "warning", "info"]
    place: str = ""
    issue: str = Field(min_length=1)
    suggestion: str = ""


class _Remarks(BaseModel):
    findings: list[_Remark]


@dataclass(frozen=True, slots=True)
class _Job:
    """One audit to be made or found done."""

    spec: str
    inputs: Mapping[str, str]
    inquiry: Inquiry


async def audit_specs(desk: Desk, tree: SpecTree) -> dict[str, SpecAudit]:
    """Audit what changed since its stored audit; returns all audits by spec id ('' across specs).

    Each audit is stored as soon as it is there, so an interrupted run pays for none of them again.
    Raises ModelError, OssatureError.
    """
    stored = read_audits(desk.project.audit_dir)
    bench = Bench(tree, read_rulings(desk.project.rulings_path))
    audits: dict[str, SpecAudit] = {}
    for job in _jobs(desk, tree):
        known = stored.get(job.spec)
        is_cached = known is not None and known.inputs_digest == digest_json(dict(job.inputs))
        found = known if known is not None and is_cached else await _audit(desk, tree, job)
        audits[job.spec] = found
        desk.channel.emit(ev.SpecAudited(spec=job.spec, findings=found.findings, is_cached=is_cached))
        write_report(desk, audits, bench)
    return audits


async def audit_spec(desk: Desk, tree: SpecTree, spec: str) -> SpecAudit:
    """Audit one spec, if it changed; what is stored of others stays. Raises as `audit_specs` does."""
    job = next(job for job in _jobs(desk, tree) if job.spec == spec)
    stored = read_audits(desk.project.audit_dir)
    known = stored.get(spec)
    is_cached = known is not None and known.inputs_digest == digest_json(dict(job.inputs))
    found = known if known is not None and is_cached else await _audit(desk, tree, job)
    desk.channel.emit(ev.SpecAudited(spec=spec, findings=found.findings, is_cached=is_cached))
    write_report(desk, {**stored, spec: found}, Bench(tree, read_rulings(desk.project.rulings_path)))
    return found


def open_errors(audits: Mapping[str, SpecAudit]) -> list[Finding]:
    """Findings that keep a plan from being made, of audits without what is settled."""
    return [finding for audit in audits.values() for finding in audit.open_errors]


def write_report(desk: Desk, audits: Mapping[str, SpecAudit], bench: Bench) -> None:
    """`audit/report.md`: all findings, for people."""
    settings = desk.project.settings
    lines = [f"# Audit of {settings.name}", ""]
    for spec, audit in audits.items():
        lines += [f"## {spec or 'Across specs'}", ""]
        if not audit.findings:
            lines += ["No findings.", ""]
        for finding in audit.findings:
            place = f"{finding.path}:{finding.line}" if finding.line else finding.path
            name = " · ".join(part for part in (finding.place, place) if part)
            lines += [f"### {finding.severity}: {name or finding.spec or 'general'}", "", finding.issue, ""]
            if finding.suggestion:
                lines += [f"**Suggestion:** {finding.suggestion}", ""]
            ruling = bench.judge(finding).ruling
            if ruling:
                reason = f": {ruling.reason}" if ruling.reason else ""
                lines += [f"**{ruling.kind.capitalize()}**{reason}", ""]
    write_atomic(desk.project.audit_dir / "report.md", "\n".join(lines).encode())


def _jobs(desk: Desk, tree: SpecTree) -> list[_Job]:
    interfaces = {spec: interface_of_architecture(tree, spec) for spec in tree.specs}
    jobs: list[_Job] = []
    for spec_id in tree.specs:
        inputs = spec_inputs(tree, spec_id)
        for name in tree.upstream(spec_id):
            inputs |= spec_inputs(tree, name)
        values = {
            "project": desk.project.settings.name,
            "spec_id": spec_id,
            "spec_text": spec_text(tree, spec_id),
            "architecture_text": architecture_text(tree, spec_id),
            "upstream": upstream_text(tree, spec_id, interfaces),
        }
        jobs.append(_Job(spec_id, inputs, Inquiry("audit", spec_id, "audit", values, inputs)))
    if len(tree.specs) > 1:
        inputs = tree_inputs(tree)
        values = {"project": desk.project.settings.name, "specs": all_specs(tree)}
        jobs.append(_Job("", inputs, Inquiry("cross_audit", "", "cross_audit", values, inputs)))
    return jobs


async def _audit(desk: Desk, tree: SpecTree, job: _Job) -> SpecAudit:
    answer = await desk.ask_json(job.inquiry, _Remarks, check=lambda found: _unknown_specs(found, tree, job))
    findings = [_placed(remark, tree, job.spec) for remark in answer.findings]
    audit = SpecAudit(
        spec=job.spec,
        inputs_digest=digest_json(dict(job.inputs)),
        findings=tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity])),
        at=desk.now(),
        run=desk.run,
    )
    write_audit(desk.project.audit_dir, audit)
    desk.keep(job.inquiry.role)
    return audit


def _unknown_specs(found: _Remarks, tree: SpecTree, job: _Job) -> str:
    if job.spec:
        return ""
    strangers = sorted({remark.spec for remark in found.findings} - set(tree.specs) - {""})
    return f"no such spec: {', '.join(strangers)}; use one of {', '.join(tree.specs)}" if strangers else ""


def _placed(remark: _Remark, tree: SpecTree, spec_id: str) -> Finding:
    """Tie a remark to a line where its place names a section."""
    spec = spec_id or remark.spec
    path, line = "", 0
    if spec in tree.specs:
        path = tree.specs[spec].path
        found = resolve_spec_ref(tree, spec, remark.place) if remark.place else None
        if not isinstance(found, Resolved) and remark.place:
            found = resolve_arch_ref(tree, spec, remark.place)
        if isinstance(found, Resolved):
            path, line = found.path, found.line
    return Finding(
        spec=spec,
        severity=remark.severity,
        place=remark.place,
        issue=remark.issue.strip(),
        suggestion=remark.suggestion.strip(),
        path=path,
        line=line,
    )
