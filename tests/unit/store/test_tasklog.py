import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossature.errors import DiskError, UnsafePath
from ossature.store.tasklog import (
    AttemptLog,
    AttemptName,
    lineage_name,
    list_attempts,
    open_attempt,
    parse_name,
    slug,
)

RUN = "20260504T120000-ab12"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_everything_of_an_attempt_is_kept(tmp_path: Path):
    log = open_attempt(tmp_path, "encoder-1a2b", RUN, 1, "implement")
    assert log.folder == tmp_path / "encoder-1a2b" / f"{RUN}-1-implement"
    log.write_prompt("prompt\r\nnaïve ✓")
    log.append_response("half")
    log.append_response(" of it")
    assert log.part_path.read_text() == "half of it"
    assert log.read_response() is None
    log.finish_response("all\nof it")
    log.write_changes("--- a\n+++ b\n")
    log.write_meta({"role": "implement", "title": "naïve", "cost": None})
    log.verify_log.write_bytes(b"output")
    assert names(log.folder) == ["attempt.json", "changes.diff", "prompt.md", "response.md", "verify.log"]
    assert log.read_prompt() == "prompt\r\nnaïve ✓"
    assert log.read_response() == "all\nof it"
    assert log.read_meta() == {"role": "implement", "title": "naïve", "cost": None}
    assert '"title": "naïve"' in log.meta_path.read_text("utf-8")


def test_a_response_that_was_not_streamed_is_kept_too(tmp_path: Path):
    log = open_attempt(tmp_path, "l", RUN, 1, "fix")
    log.finish_response("")
    assert log.read_response() == ""


def test_an_attempt_never_overwrites_another(tmp_path: Path):
    logs = [open_attempt(tmp_path, "l", RUN, 1, "fix") for _ in range(12)]
    assert len({log.folder for log in logs}) == 12
    assert logs[1].folder.name == f"{RUN}-1-fix-2"
    assert [log.folder for log in list_attempts(tmp_path, "l")] == [log.folder for log in logs]


def test_attempts_are_listed_oldest_first(tmp_path: Path):
    made = [
        open_attempt(tmp_path, "l", "20260101T000000-ffff", 9, "implement"),
        open_attempt(tmp_path, "l", "20260101T000000-ffff", 10, "fix"),
        open_attempt(tmp_path, "l", "20260102T000000-0000", 1, "implement"),
        open_attempt(tmp_path, "l", "20260102T000000-0000", 2, "fix_escalation"),
    ]
    (tmp_path / "l" / "note.txt").write_bytes(b"")
    (tmp_path / "l" / "by-hand").mkdir()
    found = list_attempts(tmp_path, "l")
    assert [log.folder for log in found[1:]] == [log.folder for log in made]
    assert found[0].folder.name == "by-hand"
    assert found[0].name is None
    assert found[-1].name == AttemptName("20260102T000000-0000", 2, 1, "fix_escalation")


def test_a_task_without_attempts_has_none(tmp_path: Path):
    assert list_attempts(tmp_path, "never") == []
    assert list_attempts(tmp_path / "no" / "tasks", "never") == []


@pytest.mark.parametrize("lineage", ["..", "../x", "", "/etc", "a\0", ".git"])
def test_a_lineage_from_outside_cannot_leave(tmp_path: Path, lineage: str):
    with pytest.raises(UnsafePath):
        open_attempt(tmp_path / "tasks", lineage, RUN, 1, "fix")
    with pytest.raises(UnsafePath):
        list_attempts(tmp_path / "tasks", lineage)
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_a_record_that_cannot_be_read_is_as_good_as_missing(tmp_path: Path, content: bytes | None):
    log = AttemptLog(tmp_path)
    if content is not None:
        log.meta_path.write_bytes(content)
    assert log.read_meta() is None


def test_half_a_surrogate_pair_is_kept_as_a_replacement(tmp_path: Path):
    log = AttemptLog(tmp_path)
    log.write_prompt("a\ud800")
    log.append_response("b\udfff")
    assert log.part_path.read_text("utf-8") == "b\ufffd"
    log.finish_response("c\ud800")
    log.write_meta({"x": "\ud800"})
    assert log.read_prompt() == "a\ufffd"
    assert log.read_response() == "c\ufffd"
    assert log.read_meta() == {"x": "\ufffd"}


def test_bytes_that_are_no_text_do_not_stop_a_reader(tmp_path: Path):
    (tmp_path / "response.md").write_bytes(b"a\xffb")
    assert AttemptLog(tmp_path).read_response() == "a\ufffdb"


def test_a_file_in_the_place_of_a_lineage_is_a_disk_error(tmp_path: Path):
    (tmp_path / "l").write_bytes(b"")
    with pytest.raises(DiskError):
        open_attempt(tmp_path, "l", RUN, 1, "fix")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("QOI encoder: write chunks", "qoi-encoder-write-chunks"),
        ("Überprüfung der Größe", "uberprufung-der-groe"),
        ("日本語", "task"),
        ("", "task"),
        ("--- [/x] ---", "x"),
        ("a" * 300, "a" * 40),
        ("x" * 39 + " yz", "x" * 39),
        ("../../etc/passwd", "etc-passwd"),
        ("\x1b[2J\u202e", "2j"),
    ],
)
def test_a_slug_is_short_and_plain(title: str, expected: str):
    assert slug(title) == expected


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_a_lineage_is_always_a_plain_folder_name(title: str, spec: str, outputs: list[str]):
    name = lineage_name(title, spec, outputs)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{4}", name)
    assert len(name) <= 45
    assert name == lineage_name(title, spec, reversed(outputs))


def test_a_lineage_depends_on_title_spec_and_outputs():
    base = lineage_name("T", "S", ["a"])
    assert lineage_name("T", "S", ["b"]) != base
    assert lineage_name("T", "R", ["a"]) != base
    assert lineage_name("T!", "S", ["a"]) != base


def test_names_are_taken_apart():
    assert parse_name(f"{RUN}-12-cross_audit-3") == AttemptName(RUN, 12, 3, "cross_audit")
    assert parse_name(f"{RUN}-1-fix") == AttemptName(RUN, 1, 1, "fix")
    for name in ("", "x", "1-fix", "run-fix", "run-1-Fix"):
        assert parse_name(name) is None
