"""The findings pane: what the checks and the audit say, by severity and spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ossature.domain.finding import Finding
from ossature.domain.plain_text import clean_line
from ossature.domain.state import RunState
from ossature.engine.preview import ProjectView
from ossature.errors import Diagnostic
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.widgets.bar import title
from ossature.tui.widgets.rows import Row, RowList

_ORDER = ("error", "warning", "info")
_TONES: Mapping[str, str] = {"error": "bad", "warning": "warn", "info": "quiet"}
_WORDS: Mapping[str, str] = {"error": "Errors", "warning": "Warnings", "info": "Notes"}


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding of the audit or a problem that a check found."""

    key: str
    severity: str
    spec: str
    text: str
    suggestion: str
    place: str
    """As people read it."""
    path: str
    line: int
    origin: str
    """`audit` or `check`."""

    @property
    def tone(self) -> str:
        return _TONES[self.severity]


def remarks_of(state: RunState, view: ProjectView | None) -> list[Remark]:
    """Worst first, then by spec; findings of the run that is shown win over stored ones."""
    found: list[Remark] = []
    audits = {spec: audit.findings for spec, audit in view.audits.items()} if view else {}
    audits.update(state.findings)
    for spec, findings in audits.items():
        found += [_of_finding(item, spec, number) for number, item in enumerate(findings)]
    if view:
        spec_of = {spec.path: name for name, spec in view.tree.specs.items()}
        known = dict.fromkeys((*view.tree.diagnostics, *view.diagnostics))
        found += [_of_diagnostic(item, spec_of.get(item.place.path, "")) for item in known]
    return sorted(found, key=lambda r: (_ORDER.index(r.severity), r.spec, r.path, r.line))


def _of_finding(finding: Finding, spec: str, number: int) -> Remark:
    return Remark(
        key=f"audit:{spec}:{number}",
        severity=finding.severity,
        spec=finding.spec or spec,
        text=finding.issue,
        suggestion=finding.suggestion,
        place=finding.place,
        path=finding.path,
        line=finding.line,
        origin="audit",
    )


def _of_diagnostic(item: Diagnostic, spec: str) -> Remark:
    return Remark(
        key=f"check:{item.code}:{item.place}:{item.message}",
        severity=item.severity,
        spec=spec,
        text=item.message,
        suggestion=item.hint,
        place=str(item.place),
        path=item.place.path,
        line=item.place.line,
        origin="check",
    )


class FindingsPane(RowList):
    """Headings by severity, a row for each remark."""

    def __init__(self, *, glyphs: Glyphs) -> None:
        super().__init__(id="findings", classes="pane", glyphs=glyphs, empty="no findings")
        self._remarks: dict[str, Remark] = {}

    def show(self, remarks: list[Remark]) -> None:
        self._remarks = {remark.key: remark for remark in remarks}
        self.set_rows(finding_rows(remarks, self.glyphs))
        self.border_title = title("2 Findings")
        numbers = [(s, _count(remarks, s)) for s in _ORDER]
        counts = [f"{n} {_WORDS[s].lower().removesuffix('s' if n == 1 else '')}" for s, n in numbers if n]
        self.border_subtitle = title(f"/{self.filter}" if self.filter else ", ".join(counts))

    @property
    def selected(self) -> Remark | None:
        return self._remarks.get(self.key)


def finding_rows(remarks: list[Remark], glyphs: Glyphs) -> list[Row]:
    rows: list[Row] = []
    heading = ""
    for remark in remarks:
        if remark.severity != heading:
            heading = remark.severity
            count = str(_count(remarks, heading))
            rows.append(
                Row(
                    f"heading:{heading}",
                    (Span(_WORDS[heading], "label"),),
                    (Span(f"{count} ", "quiet"),),
                    True,
                )
            )
        spec = f"{clean_line(remark.spec)} " if remark.spec else ""
        rows.append(
            Row(
                remark.key,
                (
                    Span(f" {glyphs.severity[remark.severity]} ", remark.tone),
                    Span(spec, "quiet"),
                    Span(clean_line(remark.text)),
                ),
            )
        )
    return rows


def remark_text(remark: Remark) -> str:
    """Everything about it, for the text tab."""
    where = f"{remark.path}:{remark.line}" if remark.line else remark.path
    lines = [f"# {remark.severity}: {remark.text}", ""]
    fields = (
        ("Spec", remark.spec),
        ("Place", remark.place),
        ("File", f"{where}  (e opens it there)" if where else ""),
        ("Found by", "the audit" if remark.origin == "audit" else "ossature validate"),
    )
    lines += [f"{label + ':':<10} {text}" for label, text in fields if text]
    if remark.suggestion:
        lines += ["", "Suggestion:", *remark.suggestion.splitlines()]
    return "\n".join(lines)


def _count(remarks: list[Remark], severity: str) -> int:
    return sum(1 for remark in remarks if remark.severity == severity)
