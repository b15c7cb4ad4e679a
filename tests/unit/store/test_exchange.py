from pathlib import Path

import pytest

from ossature.digest import digest_text
from ossature.errors import UnsafePath
from ossature.store.exchange import Exchanges
from ossature.store.tasklog import AttemptLog, open_attempt

ONE, TWO = digest_text("one"), digest_text("two")


def attempt(tasks: Path, digest: str, number: int, *, lineage: str = "l-0000", run: str = "r1") -> AttemptLog:
    log = open_attempt(tasks, lineage, run, number, "implement")
    log.finish_response("response")
    log.write_meta({"request_digest": digest})
    return log


@pytest.fixture
def exchanges(tmp_path: Path) -> Exchanges:
    return Exchanges(tmp_path / "exchanges", tmp_path / "tasks")


def test_attempts_are_found_by_their_request_oldest_first(exchanges: Exchanges):
    first = attempt(exchanges.tasks_dir, ONE, 1)
    second = attempt(exchanges.tasks_dir, ONE, 2)
    other = attempt(exchanges.tasks_dir, TWO, 3)
    for digest, log in ((ONE, first), (ONE, second), (TWO, other), (ONE, first)):
        exchanges.record(digest, f"{log.folder.parent.name}/{log.folder.name}")
    assert exchanges.find(ONE) == [first.folder, second.folder]
    assert exchanges.find(TWO) == [other.folder]
    assert exchanges.find(digest_text("three")) == []


def test_a_folder_may_be_named_from_any_root(exchanges: Exchanges):
    log = attempt(exchanges.tasks_dir, ONE, 1)
    exchanges.record(ONE, log.folder)
    exchanges.record(ONE, f".ossature/tasks/{log.folder.parent.name}/{log.folder.name}")
    assert exchanges.find(ONE) == [log.folder]


def test_an_attempt_that_is_not_whole_is_not_found(exchanges: Exchanges):
    logs = [attempt(exchanges.tasks_dir, ONE, number) for number in (1, 2, 3)]
    for log in logs:
        exchanges.record(ONE, log.folder)
    logs[0].response_path.unlink()
    logs[1].meta_path.unlink()
    assert exchanges.find(ONE) == [logs[2].folder]


def test_a_recording_is_found_without_an_index(exchanges: Exchanges):
    log = attempt(exchanges.tasks_dir, ONE, 1)
    assert exchanges.find(ONE) == [log.folder]
    assert not exchanges.folder.exists()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"attempts":7}', b'{"attempts":["../../x"]}', b"\xff"]
)
def test_a_damaged_index_file_does_not_lose_a_recording(exchanges: Exchanges, content: bytes):
    log = attempt(exchanges.tasks_dir, ONE, 1)
    exchanges.record(ONE, log.folder)
    (index,) = exchanges.folder.iterdir()
    index.write_bytes(content)
    assert exchanges.find(ONE) == [log.folder]


def test_the_index_is_made_anew_from_the_attempts(exchanges: Exchanges):
    second = attempt(exchanges.tasks_dir, ONE, 10)
    first = attempt(exchanges.tasks_dir, ONE, 9)
    other = attempt(exchanges.tasks_dir, TWO, 1, lineage="m-0000")
    attempt(exchanges.tasks_dir, "", 11)
    open_attempt(exchanges.tasks_dir, "l-0000", "r1", 12, "fix")
    (exchanges.tasks_dir / "README").write_bytes(b"")
    exchanges.record(digest_text("gone"), "l-0000/r0-1-implement")
    (exchanges.folder / "other.txt").write_bytes(b"")
    assert exchanges.rebuild() == 2
    assert sorted(path.name for path in exchanges.folder.iterdir()) == sorted(
        [f"{ONE}.json", f"{TWO}.json", "other.txt"]
    )
    assert exchanges.find(ONE) == [first.folder, second.folder]
    assert exchanges.find(TWO) == [other.folder]


def test_a_killed_run_is_noted_late(exchanges: Exchanges):
    kept = attempt(exchanges.tasks_dir, ONE, 1)
    other = attempt(exchanges.tasks_dir, TWO, 2, lineage="m-0000")
    exchanges.record(ONE, kept.folder)
    attempt(exchanges.tasks_dir, "", 3)
    open_attempt(exchanges.tasks_dir, "l-0000", kept.name.run, 12, "fix")
    assert exchanges.find(TWO) == []
    exchanges.record_run(kept.name.run)
    assert exchanges.find(ONE) == [kept.folder]
    assert exchanges.find(TWO) == [other.folder]
    exchanges.record_run("another")


def test_rebuilding_nothing_gives_nothing(exchanges: Exchanges):
    assert exchanges.rebuild() == 0


@pytest.mark.parametrize("digest", ["../x", "a/b", "", "..", "a\0"])
def test_a_digest_from_outside_cannot_leave(exchanges: Exchanges, digest: str, tmp_path: Path):
    for act in (lambda: exchanges.find(digest), lambda: exchanges.record(digest, "l/r-1-fix")):
        with pytest.raises(UnsafePath):
            act()
    assert list(tmp_path.rglob("*.json")) == []


@pytest.mark.parametrize("folder", ["..", "a/..", "../..", "", "a/\0"])
def test_an_attempt_folder_from_outside_cannot_leave(exchanges: Exchanges, folder: str):
    with pytest.raises(UnsafePath):
        exchanges.record(ONE, folder)


def test_a_forgotten_attempt_is_no_longer_noted(exchanges: Exchanges):
    logs = [attempt(exchanges.tasks_dir, ONE, number) for number in (1, 2)]
    for log in logs:
        exchanges.record(ONE, log.folder)
    exchanges.forget(ONE, logs[0].folder)
    exchanges.forget(TWO, logs[1].folder)
    assert exchanges.find(ONE) == [logs[1].folder]
    exchanges.forget(ONE, logs[1].folder)
    exchanges.forget(ONE, logs[1].folder)
    assert list(exchanges.folder.iterdir()) == []
