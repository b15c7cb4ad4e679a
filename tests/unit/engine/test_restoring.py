"""A lost ledger is made anew from the attempts, where that is certain."""

from dataclasses import asdict
from pathlib import Path

import pytest

from ossature.engine.restoring import restore_landings
from ossature.store.blobs import Blobs
from ossature.store.ledger import Landing, Ledger
from ossature.store.tasklog import open_attempt


class Folder:
    def __init__(self, root: Path) -> None:
        self.tasks_dir = root / "tasks"
        self.blobs = Blobs(root / "blobs")
        self.path = root / "ledger.jsonl"

    def landed(
        self, lineage: str, content: bytes, *, run: str = "r1", changes: dict | None = None
    ) -> Landing:
        digest = self.blobs.put(content)
        files = {f"{lineage}.txt": digest}
        landing = Landing(
            lineage, lineage[:3], "S", "T", tuple(files), "g", "v", files=files, run=run, at=run
        )
        log = open_attempt(self.tasks_dir, lineage, run, 1, "implement")
        log.write_meta({"landed": True, "landing": {**asdict(landing), **(changes or {})}})
        return landing

    def restore(self) -> tuple[str, ...]:
        with Ledger.open(self.path) as ledger:
            return restore_landings(ledger, self.tasks_dir, self.blobs)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_newest_landing_of_each_task_is_known_again_in_order(folder: Folder):
    folder.landed("aaa-0000", b"old", run="r1")
    newest = folder.landed("aaa-0000", b"new", run="r3")
    other = folder.landed("bbb-0000", b"b", run="r2")
    open_attempt(folder.tasks_dir, "ccc-0000", "r1", 1, "implement").write_meta({"landed": False})
    assert folder.restore() == ("bbb", "aaa")
    assert list(Ledger(folder.path).landings.values()) == [other, newest]
    assert Ledger(folder.path).open_intents == ()


def test_whole_ledger_is_left_alone(folder: Folder):
    folder.landed("aaa-0000", b"a")
    Ledger.open(folder.path).close()
    assert folder.restore() == ()
    assert not Ledger(folder.path).landings


def test_what_a_torn_ledger_still_knows_or_was_told_to_drop_stays(folder: Folder):
    older = folder.landed("aaa-0000", b"old")
    with Ledger.open(folder.path) as ledger:
        ledger.append_landed(ledger.append_intent(older, {}))
        ledger.append_dropped("bbb-0000")
    folder.path.write_bytes(folder.path.read_bytes() + b"0badc0de {")
    folder.landed("aaa-0000", b"new", run="r2")
    folder.landed("bbb-0000", b"b")
    folder.landed("ccc-0000", b"c")
    assert folder.restore() == ("ccc",)
    assert Ledger(folder.path).landings["aaa-0000"] == older


@pytest.mark.parametrize("change", [{"files": 3}, {"lineage": "bbb-0000"}, {"outputs": None}, {"title": 4}])
def test_record_that_cannot_be_used_is_passed_over(folder: Folder, change: dict):
    folder.landed("aaa-0000", b"a", changes=change)
    assert folder.restore() == ()


def test_landing_whose_content_is_lost_or_damaged_is_passed_over(folder: Folder):
    digest = folder.landed("aaa-0000", b"a").files["aaa-0000.txt"]
    path = folder.blobs.folder / digest[:2] / digest[2:]
    path.write_bytes(b"b")
    assert folder.restore() == ()
    path.unlink()
    assert folder.restore() == ()
