"""The findings pane: what the checks and the audit say, by severity and spec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from textual.message import Message

from ossature.analysis.rulings import Bench
from ossature.domain.plain_text import clean_line
from ossature.domain.ruling import Judged, Ruling
from ossature.domain.spec import SpecTree
from ossature.domain.state import RunState
from ossature.engine.preview import ProjectView
from ossature.errors import Diagnostic
from ossature.tui.keys.actions import bindings
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.widgets.bar import title
from ossature.tui.widgets.rows import Row, RowList

_ORDER = ("error", "warning", "info")
_TONES: Mapping[str, str] = {"error": "bad", "warning": "warn", "info": "quiet"}
_WORDS: Mapping[str, str] = {"error": "Errors", "warning": "Warnings", "info": "Notes"}
_SETTLED = "settled"
"""Heading of what a person has ruled, whatever its severity."""


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
    judged: Judged | None = None
    """What a finding of the audit is ruled by; None for a check's, which are mended in their file."""

    @property
    def ruling(self) -> Ruling | None:
        """None while it is open."""
        return self.judged.ruling if self.judged else None

    @property
    def is_open(self) -> bool:
        return self.ruling is None

    @property
    def tone(self) -> str:
        return _TONES[self.severity] if self.is_open else "quiet"


def remarks_of(state: RunState, view: ProjectView | None) -> list[Remark]:
    """Open ones first, worst first, then by spec; findings of the run that is shown win over stored ones."""
    if view is None:
        bench = Bench(SpecTree(), {})
        return _sorted(_of_finding(item) for item in bench.judge_all(state.findings))
    audits = {spec: audit.findings for spec, audit in view.audits.items()} | state.findings
    found = [_of_finding(item) for item in view.bench.judge_all(audits)]
    spec_of = {spec.path: name for name, spec in view.tree.specs.items()}
    known = dict.fromkeys((*view.tree.diagnostics, *view.diagnostics, *view.unusable))
    found += [_of_diagnostic(item, spec_of.get(item.place.path, "")) for item in known]
    return _sorted(found)


def _sorted(remarks: Iterable[Remark]) -> list[Remark]:
    return sorted(remarks, key=lambda r: (not r.is_open, _ORDER.index(r.severity), r.spec, r.path, r.line))


def _of_finding(judged: Judged) -> Remark:
    finding = judged.finding
    return Remark(
        key=f"audit:{judged.key}",
        severity=finding.severity,
        spec=finding.spec,
        text=finding.issue,
        suggestion=finding.suggestion,
        place=finding.place,
        path=finding.path,
        line=finding.line,
        judged=judged,
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
    )


class FindingsPane(RowList):
    """Headings by severity, a row for each remark; what is settled comes last."""

    BINDINGS = bindings("findings")

    class RulingWanted(Message):
        """A person rules the finding under the cursor."""

        def __init__(self, kind: Literal["accepted", "dismissed"]) -> None:
            super().__init__()
            self.kind = kind

    class FixWanted(Message):
        """A person wants an edit of the spec that settles the finding under the cursor."""

    def __init__(self, *, glyphs: Glyphs) -> None:
        super().__init__(id="findings", classes="pane", glyphs=glyphs, empty="no findings")
        self._remarks: dict[str, Remark] = {}

    def show(self, remarks: list[Remark]) -> None:
        self._remarks = {remark.key: remark for remark in remarks}
        self.set_rows(finding_rows(remarks, self.glyphs))
        self.border_title = title("2 Findings")
        self.border_subtitle = title(f"/{self.filter}" if self.filter else _tally(remarks))

    @property
    def selected(self) -> Remark | None:
        return self._remarks.get(self.key)

    def action_accept(self) -> None:
        self.post_message(self.RulingWanted("accepted"))

    def action_fix(self) -> None:
        self.post_message(self.FixWanted())

    def action_dismiss(self) -> None:
        self.post_message(self.RulingWanted("dismissed"))


def finding_rows(remarks: list[Remark], glyphs: Glyphs) -> list[Row]:
    rows: list[Row] = []
    heading = ""
    for remark in remarks:
        name = remark.severity if remark.is_open else _SETTLED
        if name != heading:
            heading = name
            count = str(_count(remarks, heading))
            word = _WORDS.get(heading, "Settled")
            rows.append(
                Row(f"heading:{heading}", (Span(word, "label"),), (Span(f"{count} ", "quiet"),), True)
            )
        rows.append(_row(remark, glyphs))
    return rows


def _row(remark: Remark, glyphs: Glyphs) -> Row:
    spec = f"{clean_line(remark.spec)} " if remark.spec else ""
    ruling = remark.ruling
    sign = glyphs.severity[remark.severity]
    if ruling:
        sign = glyphs.status["done" if ruling.kind == "accepted" else "skipped"]
    left = (
        Span(f" {sign} ", remark.tone),
        Span(spec, "quiet"),
        Span(clean_line(remark.text), "plain" if remark.is_open else "quiet"),
    )
    return Row(remark.key, left, (Span(f"{ruling.kind} ", "quiet"),) if ruling else ())


def remark_text(remark: Remark) -> str:
    """Everything about it, for the text tab."""
    where = f"{remark.path}:{remark.line}" if remark.line else remark.path
    lines = [f"# {remark.severity}: {remark.text}", ""]
    fields = (
        ("Spec", remark.spec),
        ("Place", remark.place),
        ("File", f"{where}  (e opens it there)" if where else ""),
        ("Found by", "the audit" if remark.judged else "ossature validate"),
        ("Id", remark.judged.id if remark.judged else ""),
    )
    lines += [f"{label + ':':<10} {text}" for label, text in fields if text]
    if remark.suggestion:
        lines += ["", "Suggestion:", *remark.suggestion.splitlines()]
    if remark.ruling:
        who = f" by {remark.ruling.by}" if remark.ruling.by else ""
        lines += ["", f"{remark.ruling.kind.capitalize()}{who} {remark.ruling.at}".rstrip()]
        lines += [f"Reason: {remark.ruling.reason}"] if remark.ruling.reason else []
    return "\n".join(lines)


def _tally(remarks: list[Remark]) -> str:
    """The worst of what is open, of how many; short, since it is sent again with every switch to the pane."""
    for severity in _ORDER:
        count = _count(remarks, severity)
        if count:
            word = _WORDS[severity].lower().removesuffix("s" if count == 1 else "")
            total = sum(1 for remark in remarks if remark.is_open)
            return f"{count} {word}" if count == total else f"{count} {word} of {total}"
    return "all settled" if remarks else ""


def _count(remarks: list[Remark], heading: str) -> int:
    return sum(1 for remark in remarks if heading == (remark.severity if remark.is_open else _SETTLED))
