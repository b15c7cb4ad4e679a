"""Findings and what people decided about them: which ruling belongs to which finding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ossature.digest import digest_json
from ossature.domain.finding import Finding, SpecAudit
from ossature.domain.ruling import Judged, Ruling
from ossature.domain.spec import SpecTree
from ossature.spec.refs import Refs, Resolved

_WORD = re.compile(r"\w+")
_KEY_LENGTH = 16


class Bench:
    """Judges findings by the specs as they are now and by the rulings that hold."""

    def __init__(self, tree: SpecTree, rulings: Mapping[str, Ruling], *, refs: Refs | None = None) -> None:
        self._tree = tree
        self._rulings = rulings
        self._refs = refs or Refs(tree)

    def judge(self, finding: Finding) -> Judged:
        """With the line where its place is now."""
        found = self._resolved(finding)
        if found is not None:
            finding = finding.model_copy(update={"path": found.path, "line": found.line})
        key = finding_key(finding, found.name if found else "", found.text if found else self._whole(finding))
        return Judged(finding=finding, key=key, ruling=self._rulings.get(key))

    def judge_all(self, audits: Mapping[str, Sequence[Finding]]) -> list[Judged]:
        """All findings, audit by audit; what two audits say in the same words is there once."""
        judged = (self.judge(finding) for findings in audits.values() for finding in findings)
        return list({item.key: item for item in judged}.values())

    def unsettled(self, audits: Mapping[str, SpecAudit]) -> dict[str, SpecAudit]:
        """The audits without what is settled, for the brief, the plan and the way to it."""
        return {
            name: audit.model_copy(
                update={"findings": tuple(f for f in audit.findings if self.judge(f).is_open)}
            )
            for name, audit in audits.items()
        }

    def _resolved(self, finding: Finding) -> Resolved | None:
        if not finding.place or finding.spec not in self._tree.specs:
            return None
        found = self._refs.spec(finding.spec, finding.place)
        if not isinstance(found, Resolved):
            found = self._refs.architecture(finding.spec, finding.place)
        return found if isinstance(found, Resolved) else None

    def _whole(self, finding: Finding) -> str:
        """Where no section is named, all that the finding may be about has to stay as it is."""
        spec = self._tree.specs.get(finding.spec)
        return spec.digest if spec else digest_json([other.digest for other in self._tree.specs.values()])


def finding_key(finding: Finding, place: str, text: str) -> str:
    """What a ruling goes by: where it is, what is written there, and what is said of it.

    Case, punctuation and blanks of the issue do not count, nor do severity and suggestion.
    """
    said = " ".join(_WORD.findall(finding.issue.casefold()))
    return digest_json(["finding", finding.spec, place or finding.place, text.rstrip(), said])[:_KEY_LENGTH]


def find_judged(judged: Iterable[Judged], name: str) -> list[Judged]:
    """Those whose id begins with *name*."""
    return [item for item in judged if name and item.key.startswith(name.casefold())]
