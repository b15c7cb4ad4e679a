"""What the plan on disk was made from."""

from pathlib import Path

import pytest

from ossature.analysis.provenance import (
    Provenance,
    is_edited,
    read_provenance,
    write_proposal,
    write_provenance,
)
from ossature.digest import digest_bytes
from ossature.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.state_dir.mkdir()
    return made


def write(project: Project, text: str) -> str:
    project.plan_path.write_text(text)
    return digest_bytes(text.encode())


def test_plan_that_we_wrote_is_not_edited_until_a_byte_changes(project: Project):
    assert not is_edited(project)
    write_provenance(project, Provenance(write(project, "ours"), {"LIB": "1"}))
    assert not is_edited(project)
    write(project, "ours ")
    assert is_edited(project)


def test_plan_by_hand_is_edited_and_nothing_is_known_of_it(project: Project):
    write(project, "mine")
    assert is_edited(project)
    assert read_provenance(project) == Provenance()


def test_proposal_that_takes_the_plans_place_is_known(project: Project):
    write_provenance(project, Provenance(write(project, "ours"), {"LIB": "1"}))
    proposed = Provenance(digest_bytes(b"theirs"), {"LIB": "2"})
    write_proposal(project, proposed)
    assert read_provenance(project).specs == {"LIB": "1"}
    write(project, "theirs")
    assert read_provenance(project) == proposed
    assert not is_edited(project)


@pytest.mark.parametrize("junk", ["", "{", "[]", "null", '{"specs": 3}', '{"plan_digest": 1}'])
def test_damaged_note_is_no_knowledge(project: Project, junk: str):
    path = project.audit_dir / "planned.json"
    path.parent.mkdir(parents=True)
    path.write_text(junk)
    assert read_provenance(project) == Provenance()
