import shutil
import subprocess
from pathlib import Path

import pytest

from ossature.project import Project
from ossature.settings import Settings
from ossature.store.layout import prepare_state_dir


def test_the_state_folder_says_what_git_keeps(tmp_path: Path):
    prepare_state_dir(Project(root=tmp_path))
    ignored = (tmp_path / ".ossature" / ".gitignore").read_text().splitlines()
    assert {"work/", "lease", "runs/", "tasks/", "exchanges/"} <= set(ignored)
    attributes = (tmp_path / ".ossature" / ".gitattributes").read_text()
    assert attributes == "* -text\nledger.jsonl merge=union\nrulings.jsonl merge=union\n"
    (tmp_path / ".ossature" / ".gitattributes").write_text("* -text\nledger.jsonl merge=union\n")
    prepare_state_dir(Project(root=tmp_path))
    assert (tmp_path / ".ossature" / ".gitattributes").read_text() == attributes


def test_a_project_that_keeps_its_history_commits_it(tmp_path: Path):
    prepare_state_dir(Project(root=tmp_path, settings=Settings(keeps_history=True)))
    ignored = (tmp_path / ".ossature" / ".gitignore").read_text().splitlines()
    assert {"work/", "lease", "runs/"} <= set(ignored)
    assert not {"tasks/", "exchanges/"} & set(ignored)


def test_files_that_are_there_stay(tmp_path: Path):
    folder = tmp_path / ".ossature"
    folder.mkdir()
    (folder / ".gitignore").write_text("mine\n")
    prepare_state_dir(Project(root=tmp_path))
    prepare_state_dir(Project(root=tmp_path))
    assert (folder / ".gitignore").read_text() == "mine\n"
    assert sorted(path.name for path in folder.iterdir()) == [".gitattributes", ".gitignore"]


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_sees_the_plan_and_the_ledger_only(tmp_path: Path):
    prepare_state_dir(Project(root=tmp_path))
    state = tmp_path / ".ossature"
    for name in (
        "plan.toml",
        "ledger.jsonl",
        "blobs/ab/cd",
        "lease",
        "work/0/x",
        "runs/r/events.jsonl",
        "tasks/l/a/prompt.md",
        ".ossature-0123456789abcdef.tmp",
        "blobs/ab/.ossature-0123456789abcdef.tmp",
    ):
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_bytes(b"")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    listed = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    assert sorted(line[3:] for line in listed.splitlines()) == [
        ".ossature/.gitattributes",
        ".ossature/.gitignore",
        ".ossature/blobs/ab/cd",
        ".ossature/ledger.jsonl",
        ".ossature/plan.toml",
    ]
