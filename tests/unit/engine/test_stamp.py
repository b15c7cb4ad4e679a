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


def test_a_lease_that_was_not_given_back_sends_to_the_long_way(project):
    stamp(project)
    lease = project.state_dir / "lease"
    lease.write_text("")
    assert read_stamp(str(project.root)) == 3
    lease.write_text("{}")
    assert read_stamp(str(project.root)) is None


@pytest.mark.parametrize(
    "name",
    [
        "ossature.toml",
        "specs/a.smd",
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


PLAN = '''\
# mine
[[task]]
id = "001"
notes = """
# no comment

"""
verify = [
    "a#b",  # why
    'c',
]
'''


def with_plan(project, text):
    project.plan_path.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.mark.parametrize(
    "text",
    [
        PLAN,
        PLAN.replace("# mine\n", ""),
        PLAN.replace("# mine", "# yours\n\n\n   # and mine"),
        PLAN.replace("# why", "# why not"),
        PLAN.replace("  # why", ""),
        PLAN.replace('id = "001"', '  id = "001"   '),
        PLAN.replace('id = "001"', 'id = "001" # [[task]]'),
        PLAN.replace("    'c'", "\n# x\n\t'c'"),
        PLAN + "\n\n# end",
        PLAN.rstrip("\n"),
        "\ufeff" + PLAN,
    ],
)
def test_plan_that_says_the_same_in_another_shape_is_no_change(project, text):
    with_plan(project, PLAN)
    stamp(project)
    with_plan(project, text)
    assert read_stamp(str(project.root)) == 3
    (project.root / "specs" / "a.smd").write_text("# B\n")
    assert read_stamp(str(project.root)) is None


@pytest.mark.parametrize(
    "text",
    [
        PLAN.replace("001", "002"),
        PLAN.replace("# no comment\n", ""),
        PLAN.replace("# no comment\n\n", "# no comment\n"),
        PLAN.replace("a#b", "a"),
        PLAN.replace("# why", "# \x01"),
        PLAN.replace("\n", "\r\n"),
        PLAN.encode().replace(b"# mine", b"#\xff"),
        PLAN.replace("'c'", "'c"),
        PLAN.replace("[[task]]", "[[task]] x"),
        "",
    ],
)
def test_plan_that_says_something_else_or_may_be_broken_is_seen(project, text):
    with_plan(project, PLAN)
    stamp(project)
    with_plan(project, text)
    assert read_stamp(str(project.root)) is None


def test_stamp_is_brought_up_to_date_once_the_plan_has_settled(project, monkeypatch):
    with_plan(project, PLAN)
    stamp(project)
    path = project.work_dir / "up-to-date.json"
    before = path.read_bytes()
    with_plan(project, PLAN + "# end\n")
    monkeypatch.setattr("ossature.engine.stamp._SETTLED_NS", 10**15)
    assert read_stamp(str(project.root)) == 3
    assert path.read_bytes() == before
    monkeypatch.setattr("ossature.engine.stamp._SETTLED_NS", -(10**15))
    assert read_stamp(str(project.root)) == 3
    assert path.read_bytes() != before
    monkeypatch.setattr("ossature.engine.stamp._says_the_same", lambda root, stamp: False)
    assert read_stamp(str(project.root)) == 3
