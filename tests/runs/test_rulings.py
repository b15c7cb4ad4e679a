"""What a person decides about a finding: where it holds, and where it falls."""

from __future__ import annotations

import json

import pytest

from ossature.cli.main import main
from ossature.domain.event import SpecAudited
from ossature.domain.ruling import Judged, RulingKind
from ossature.engine.ruling import rule
from ossature.errors import UsageError
from ossature.store.rulings import read_rulings
from tests.runs.kit import Kit

ISSUE = "It is not said what a shelf is."


def remarks(*issues: str, place: str = "Requirements > Count", severity: str = "error") -> str:
    found = [{"severity": severity, "place": place, "issue": issue} for issue in issues]
    return json.dumps({"findings": found})


@pytest.fixture
def audited(kit: Kit) -> Kit:
    """An audit that left an error open."""
    kit.model.says("audit LIB", remarks(ISSUE))
    run = kit.own("audit")
    assert (run.code, "`--accept ID`" in run.end.hint) == (1, True)
    return kit


def only(kit: Kit) -> Judged:
    (found,) = kit.look().findings
    return found


def decide(kit: Kit, kind: RulingKind, reason: str = "") -> Judged:
    rule(kit.project, only(kit), kind, reason=reason, by="test")
    return only(kit)


def test_a_settled_error_stands_in_no_way_and_an_open_one_does(audited: Kit):
    with pytest.raises(UsageError, match="for a reason"):
        decide(audited, "dismissed", " ")
    assert decide(audited, "dismissed", "everybody knows").ruling.reason == "everybody knows"
    run = audited.own("audit")
    assert (run.code, "audit LIB" in run.asked) == (0, False)
    brief = next(call for call in audited.model.calls if (call.role, call.spec) == ("brief", ""))
    assert ISSUE not in brief.prompt
    report = (audited.root / ".ossature" / "audit" / "report.md").read_text("utf-8")
    assert "**Dismissed**: everybody knows" in report
    assert decide(audited, "open").is_open
    assert audited.own("audit").code == 1


def test_a_ruling_holds_for_the_same_finding_and_falls_when_its_place_changes(audited: Kit):
    assert not decide(audited, "accepted").is_open
    # Elsewhere in the file, and again in other letters: it is the same finding, four lines further down.
    before = only(audited).finding.line
    audited.edit("specs/lib.smd", "Counts parcels.\n", "Counts parcels.\n\nAll of them.\n\nAlways.\n")
    audited.model.says("audit LIB", remarks("it is NOT said, what a shelf is"))
    run = audited.own("audit")
    assert run.of(SpecAudited)[0].is_cached is False
    assert (run.code, only(audited).is_open, only(audited).finding.line) == (0, False, before + 4)
    audited.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts parcels on any shelf.")
    assert only(audited).is_open
    assert audited.own("audit").code == 1


def test_rulings_are_lines_that_people_may_merge_and_damage(audited: Kit):
    decide(audited, "accepted")
    path = audited.project.rulings_path
    path.write_bytes(path.read_bytes().rstrip(b"\n") + b"\n<<<<<<< ours\n" + path.read_bytes().rstrip(b"\n"))
    found = read_rulings(path)
    assert (len(found), [item.place.line for item in found.warnings]) == (1, [2])
    assert any(item.code == "ruling-unusable" for item in audited.look().unusable)
    assert decide(audited, "open").is_open
    assert not decide(audited, "accepted").is_open
    assert b"rulings.jsonl merge=union" in (audited.root / ".ossature" / ".gitattributes").read_bytes()


def test_the_command_line_lists_and_settles(audited: Kit, capsys: pytest.CaptureFixture[str]):
    def said(*arguments: str, code: int = 0) -> str:
        assert main(["-C", str(audited.root), *arguments]) == code
        shown = capsys.readouterr()
        return shown.err if code else shown.out

    (finding,) = json.loads(said("audit", "--list", "--json"))["findings"]
    assert (finding["issue"], finding["ruling"]) == (ISSUE, None)
    assert "audit: 1 error (" in said("status")
    settled = said("audit", "--dismiss", finding["id"], "--reason", "everybody knows")
    assert "is dismissed" in settled
    assert "everybody knows" in said("audit", "--list")
    assert "audit: 1 settled" in said("status")
    assert "names no finding" in said("audit", "--accept", "zz", code=2)
    assert "--reason goes with" in said("audit", "--reason", "x", code=2)
