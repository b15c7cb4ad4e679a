"""The stamp of a project in which nothing is to do."""

from __future__ import annotations

import os
import time

import pytest

from ossature.engine.stamp import Stamping, read_stamp
from ossature.project import load_project

OLD_S = time.time() - 60


@pytest.fixture
def project(tmp_path):
    for name, text in {
        "ossature.toml": '[llm]\nmodel = "exec:true"\n',
        "specs/a.smd": "# A\n",
        ".ossature/plan.toml": "",
        ".ossature/ledger.jsonl": "",
        "output/a.txt": "a\n",
        "context/c.txt": "c\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return load_project(tmp_path, {})


def stamp(project):
    """As if everything had been written a minute before the look."""
    stamping = Stamping(project)
    stamping._at_ns = time.time_ns() + 60_000_000_000
    stamping.write(3, ["a.txt"], ["c.txt"])


def test_nothing_changed_tells_how_many_tasks(project):
    assert read_stamp(str(project.root)) is None
    stamp(project)
    assert read_stamp(str(project.root)) == 3


@pytest.mark.parametrize(
    "name",
    [
        "ossature.toml",
        "specs/a.smd",
        ".ossature/plan.toml",
        ".ossature/ledger.jsonl",
        "output/a.txt",
        "context/c.txt",
    ],
)
def test_a_changed_file_is_seen_even_with_size_and_mtime_kept(project, name):
    stamp(project)
    path = project.root / name
    before = path.stat()
    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_stamp(str(project.root)) is None


@pytest.mark.parametrize("name", ["specs/b.smd", "specs/sub/b.smd", "prompts/implement.md", "context/d.txt"])
def test_a_new_file_is_seen(project, name):
    stamp(project)
    path = project.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("new")
    assert read_stamp(str(project.root)) is None


def test_a_file_that_is_gone_is_seen(project):
    stamp(project)
    (project.root / "output/a.txt").unlink()
    assert read_stamp(str(project.root)) is None


def test_files_that_changed_just_before_the_look_leave_no_stamp(project):
    Stamping(project).write(3, ["a.txt"], [])
    assert read_stamp(str(project.root)) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version": 1}', b'{"version": "0.1.0", "tasks": "x"}']
)
def test_a_damaged_stamp_is_none(project, content):
    stamp(project)
    (project.work_dir / "up-to-date.json").write_bytes(content)
    assert read_stamp(str(project.root)) is None
