import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.domain.decision import LETTER, Approve, Edit, Letter, Pause, Retry, Stop
from ossature.errors import DiskError
from ossature.store.inbox import collect, drop, read_draft, save_draft

LETTERS = (
    Letter(message=Approve(question_id="q1", by="tui")),
    Letter(message=Stop(mode="now", by="cli")),
    Letter(message=Retry(question_id="q2", by="tui", feedback="naïve ✓\n", id="x")),
    Letter(message=Edit(question_id="q3", by="cli", path="a", base_digest="d", content="c")),
    Letter(message=Pause()),
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_letters_arrive_once_and_in_order(tmp_path: Path):
    inbox = tmp_path / "run" / "inbox"
    for letter in LETTERS * 20:
        drop(inbox, letter)
    assert collect(inbox) == list(LETTERS * 20)
    assert collect(inbox) == []
    assert names(inbox) == []


def test_an_inbox_that_is_not_there_is_empty(tmp_path: Path):
    assert collect(tmp_path / "none") == []


def test_a_letter_comes_after_those_that_wait_even_if_the_clock_was_set_back(tmp_path: Path):
    later = f"{9 * 10**18:020d}-00000000.json"
    (tmp_path / later).write_bytes(LETTER.dump_json(LETTERS[0]))
    drop(tmp_path, LETTERS[1])
    assert collect(tmp_path) == [LETTERS[0], LETTERS[1]]


def test_letters_of_many_processes_all_arrive(tmp_path: Path):
    script = """
import sys
from pathlib import Path
from ossature.domain.decision import Approve, Letter
from ossature.store.inbox import drop
for number in range(40):
    drop(Path(sys.argv[1]), Letter(message=Approve(question_id=f"{sys.argv[2]}-{number}", by="t")))
"""
    children = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name]) for name in "abcd"]
    found: list[str] = []
    while any(child.poll() is None for child in children):
        found += [letter.message.question_id for letter in collect(tmp_path)]  # type: ignore[union-attr]
    found += [letter.message.question_id for letter in collect(tmp_path)]  # type: ignore[union-attr]
    assert sorted(found) == sorted(f"{name}-{number}" for name in "abcd" for number in range(40))
    for name in "abcd":
        mine = [one for one in found if one.startswith(name)]
        assert mine == [f"{name}-{number}" for number in range(40)]
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"message":{"verb":"approve"}}',
        b'{"message":{"verb":"destroy","question_id":"q","by":"x"}}',
        b'{"message":{"command":"stop","mode":"later"}}',
        b"\xff\xfe",
        b'{"message":{"verb":"approve","question_id":"\\ud800","by":"x"}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_letter_is_set_aside(tmp_path: Path, content: bytes):
    (tmp_path / "x.json").write_bytes(content)
    drop(tmp_path, LETTERS[0])
    assert collect(tmp_path) == [LETTERS[0]]
    assert names(tmp_path) == ["x.bad"]
    assert (tmp_path / "x.bad").read_bytes() == content
    assert collect(tmp_path) == []


def test_what_is_no_file_is_set_aside_and_never_waited_for(tmp_path: Path):
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "fifo.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").write_bytes(LETTER.dump_json(LETTERS[0]))
    assert collect(tmp_path) == []
    assert names(tmp_path) == ["fifo.bad", "folder.bad", "link.bad", "outside"]


def test_foreign_files_stay(tmp_path: Path):
    foreign = [".DS_Store", ".hidden.json", "README", "a.json.swp", "x.bad"]
    for name in foreign:
        (tmp_path / name).write_bytes(b"?")
    assert collect(tmp_path) == []
    assert names(tmp_path) == sorted(foreign)


def test_a_letter_of_any_name_counts(tmp_path: Path):
    (tmp_path / "by-hand.json").write_bytes(LETTER.dump_json(LETTERS[1]))
    assert collect(tmp_path) == [LETTERS[1]]


def test_a_file_in_the_place_of_the_inbox_is_a_disk_error(tmp_path: Path):
    (tmp_path / "inbox").write_bytes(b"")
    with pytest.raises(DiskError):
        collect(tmp_path / "inbox")
    with pytest.raises(DiskError):
        drop(tmp_path / "inbox", LETTERS[0])


def test_a_draft_is_kept_per_question(tmp_path: Path):
    folder = tmp_path / "drafts"
    assert read_draft(folder, "q1") == ""
    save_draft(folder, "q1", "try\nagain")
    save_draft(folder, "q2", "other")
    assert read_draft(folder, "q1") == "try\nagain"
    assert read_draft(folder, "q2") == "other"
    save_draft(folder, "q1", "")
    save_draft(folder, "q1", "")
    assert read_draft(folder, "q1") == ""
    assert len(names(folder)) == 1


@settings(deadline=None, max_examples=60)
@given(question_id=st.text(max_size=300), text=st.text(min_size=1, alphabet=st.characters(codec="utf-8")))
def test_a_draft_of_any_question_stays_in_its_folder(
    question_id: str, text: str, tmp_path_factory: pytest.TempPathFactory
):
    world = tmp_path_factory.mktemp("drafts")
    save_draft(world / "drafts", question_id, text)
    assert read_draft(world / "drafts", question_id) == text
    assert names(world) == ["drafts"]
    assert len(names(world / "drafts")) == 1
