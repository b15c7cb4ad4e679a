"""The stamp that says that nothing is to do."""

from pathlib import Path

import pytest

from ossature.engine.stamp import Stamping, read_stamp
from ossature.project import Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Project:
    monkeypatch.setattr("ossature.engine.stamp._SETTLED_NS", -(10**12))
    made = Project(tmp_path)
    for name in (
        "ossature.toml",
        ".ossature/plan.toml",
        ".ossature/ledger.jsonl",
        "specs/a.smd",
        "output/x",
        "context/c/d",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    Stamping(made).write(3, ["x"], [])
    assert read_stamp(made) == 3
    return made


@pytest.mark.parametrize(
    "name",
    [
        "ossature.toml",
        ".ossature/plan.toml",
        ".ossature/ledger.jsonl",
        "specs/a.smd",
        "specs/new.smd",
        "specs/deep/new.smd",
        "output/x",
        "context/c/d",
        "context/c/new",
        "prompts/implement.md",
        ".ossature/context/interfaces/LIB.md",
    ],
)
def test_written_file_voids_it(project: Project, name: str):
    path = project.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("2")
    assert read_stamp(project) is None


@pytest.mark.parametrize("name", ["specs/a.smd", "output/x", ".ossature/plan.toml", "context/c/d"])
def test_deleted_file_voids_it(project: Project, name: str):
    (project.root / name).unlink()
    assert read_stamp(project) is None


def test_file_with_the_same_bytes_and_time_by_another_inode_voids_it(project: Project):
    path = project.root / "output" / "x"
    copy = path.with_name("y")
    copy.write_text("1")
    copy.rename(path)
    assert read_stamp(project) is None


def test_damaged_stamp_is_none(project: Project):
    stamp = project.work_dir / "up-to-date.json"
    for junk in ("", "{", "[]", '{"version": 1}', "null"):
        stamp.write_text(junk)
        assert read_stamp(project) is None


def test_fresh_change_is_not_trusted(tmp_path: Path):
    project = Project(tmp_path)
    (tmp_path / "ossature.toml").write_text("1")
    Stamping(project).write(1, [], [])
    assert read_stamp(project) is None
