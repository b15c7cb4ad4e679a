from pathlib import Path

import pytest

from ossature.domain.finding import Finding, SpecAudit
from ossature.errors import UnsafePath
from ossature.store.findings import read_audits, write_audit


def audit(spec: str, digest: str = "d") -> SpecAudit:
    finding = Finding(spec=spec, severity="warning", issue="unclear ✓", path="specs/a.smd", line=3)
    return SpecAudit(spec=spec, inputs_digest=digest, findings=(finding,), at="2026-05-04T12:00:00Z", run="r")


def test_audits_come_back_by_spec(tmp_path: Path):
    folder = tmp_path / "audit"
    assert read_audits(folder) == {}
    for spec in ("TIDES", "MOON", ""):
        write_audit(folder, audit(spec))
    write_audit(folder, audit("MOON", "newer"))
    found = read_audits(folder)
    assert found == {"TIDES": audit("TIDES"), "MOON": audit("MOON", "newer"), "": audit("")}
    assert found.warnings == ()
    assert sorted(path.name for path in folder.iterdir()) == ["MOON.json", "TIDES.json", "_project.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"spec":"MOON"}', b"\xff", b"[" * 100_000])
def test_a_damaged_file_counts_as_absent_and_is_named(tmp_path: Path, content: bytes):
    write_audit(tmp_path, audit("TIDES"))
    (tmp_path / "MOON.json").write_bytes(content)
    (tmp_path / "report.md").write_bytes(b"")
    (tmp_path / "planned.json").write_bytes(b'{"plan_digest": "d", "specs": null}')
    found = read_audits(tmp_path)
    assert list(found) == ["TIDES"]
    (warning,) = found.warnings
    assert warning.place.path.endswith("MOON.json")
    assert warning.severity == "warning"


def test_a_file_about_another_spec_does_not_count(tmp_path: Path):
    write_audit(tmp_path, audit("TIDES"))
    (tmp_path / "TIDES.json").rename(tmp_path / "MOON.json")
    found = read_audits(tmp_path)
    assert found == {}
    assert "TIDES" in found.warnings[0].message


@pytest.mark.parametrize("spec", ["../x", "a/b", "/x", "\0", "_project", "."])
def test_a_spec_id_that_is_no_file_name_is_refused(tmp_path: Path, spec: str):
    with pytest.raises(UnsafePath):
        write_audit(tmp_path / "audit", audit(spec))
    assert list(tmp_path.iterdir()) == []
