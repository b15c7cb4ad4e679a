"""Files land as one step, and what a crash cut in two is finished or left to the person."""

from pathlib import Path
from typing import NamedTuple

import pytest

from ossature.build.landing import edited_outputs, land, recover
from ossature.digest import digest_bytes
from ossature.errors import DiskError, UnsafePath
from ossature.store.blobs import Blobs
from ossature.store.ledger import Landing, Ledger
from ossature.store.safe_root import SafeRoot


class Place(NamedTuple):
    folder: Path
    ledger: Ledger
    blobs: Blobs
    output: SafeRoot

    def stores(self) -> dict:
        return {"ledger": self.ledger, "blobs": self.blobs, "output": self.output}


@pytest.fixture
def place(tmp_path: Path):
    ledger = Ledger.open(tmp_path / "ledger.jsonl")
    yield Place(tmp_path / "out", ledger, Blobs(tmp_path / "blobs"), SafeRoot(tmp_path / "out"))
    ledger.close()


def landing(**files: bytes) -> Landing:
    digests = {name: digest_bytes(content) for name, content in files.items()}
    return Landing("one", "001", "LIB", "One", tuple(files), "", "", files=digests)


def put(place: Place, **files: bytes) -> int:
    return land(landing(**files), files, **place.stores()).changed


def test_files_and_ledger_agree(place: Place):
    assert put(place, a=b"1", b=b"2") == 2
    assert (place.folder / "a").read_bytes() == b"1"
    assert Ledger(place.ledger.path).landings["one"].files == landing(a=b"1", b=b"2").files
    assert place.ledger.open_intents == ()


def test_same_bytes_count_as_unchanged(place: Place):
    put(place, a=b"1", b=b"2")
    assert put(place, a=b"1", b=b"3") == 1


def test_hidden_file_is_recorded_and_not_written(place: Place):
    files = {"a": b"1", "b": b"2"}
    assert land(landing(**files), files, **place.stores(), hidden={"b"}) == (1, ())
    assert not (place.folder / "b").exists()
    assert place.blobs.get(digest_bytes(b"2")) == b"2"


def test_link_in_the_way_lands_nothing(place: Place, tmp_path: Path):
    place.folder.mkdir()
    (tmp_path / "theirs").write_bytes(b"theirs")
    (place.folder / "b").symlink_to(tmp_path / "theirs")
    with pytest.raises(UnsafePath):
        put(place, a=b"1", b=b"2")
    assert not (place.folder / "a").exists()
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    assert place.ledger.landings == {}


def half_landed(place: Place, **before: bytes | None) -> None:
    """The intent is written, the files are not."""
    files = {"a": b"1", "b": b"2"}
    for name, content in files.items():
        place.blobs.put(content)
        if before.get(name) is not None:
            place.output.write(name, before[name])
    shown = {name: None if before.get(name) is None else digest_bytes(before[name]) for name in files}
    place.ledger.append_intent(landing(**files), shown)


def test_recovery_writes_what_is_missing(place: Place):
    half_landed(place)
    place.output.write("a", b"1")
    found = recover(**place.stores())
    assert found == (("001",), ())
    assert (place.folder / "b").read_bytes() == b"2"
    assert list(place.ledger.landings) == ["one"]
    assert recover(**place.stores()) == ((), ())


def test_recovery_replaces_what_was_there_before(place: Place):
    half_landed(place, a=b"old", b=b"old")
    recover(**place.stores())
    assert (place.folder / "a").read_bytes() == b"1"


def test_recovery_leaves_what_changed_since(place: Place):
    half_landed(place, a=b"old")
    place.output.write("a", b"mine")
    assert recover(**place.stores()) == (("001",), ("a",))
    assert (place.folder / "a").read_bytes() == b"mine"
    assert (place.folder / "b").read_bytes() == b"2"


def test_recovery_leaves_a_link(place: Place, tmp_path: Path):
    half_landed(place)
    place.folder.mkdir(exist_ok=True)
    (tmp_path / "theirs").write_bytes(b"theirs")
    (place.folder / "a").symlink_to(tmp_path / "theirs")
    assert recover(**place.stores()).conflicts == ("a",)
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


def test_recovery_without_the_blob_says_so_and_can_be_tried_again(place: Place):
    half_landed(place)
    blob = place.blobs.folder / digest_bytes(b"2")[:2] / digest_bytes(b"2")[2:]
    blob.rename(blob.with_name("away"))
    with pytest.raises(DiskError):
        recover(**place.stores())
    assert len(Ledger(place.ledger.path).open_intents) == 1
    blob.with_name("away").rename(blob)
    assert recover(**place.stores()).finished == ("001",)


def test_file_that_changed_after_it_was_looked_at_stays(place: Place):
    place.output.write("a", b"saved since")
    place.output.write("b", b"seen")
    files = {"a": b"1", "b": b"2", "c": b"3"}
    seen = {"a": digest_bytes(b"seen"), "b": digest_bytes(b"seen"), "c": digest_bytes(b"deleted since")}
    assert land(landing(**files), files, **place.stores(), seen=seen) == (1, ("a", "c"))
    assert (place.folder / "a").read_bytes() == b"saved since"
    assert (place.folder / "b").read_bytes() == b"2"
    assert not (place.folder / "c").exists()
    assert place.ledger.landings["one"].files == landing(**files).files


def test_file_that_changes_while_the_ledger_is_written_stays(place: Place, monkeypatch):
    place.output.write("a", b"before")
    append = place.ledger.append_intent

    def slow(*args, **kwargs):
        place.output.write("a", b"mine")
        return append(*args, **kwargs)

    monkeypatch.setattr(place.ledger, "append_intent", slow)
    assert land(landing(a=b"1"), {"a": b"1"}, **place.stores()) == (0, ("a",))
    assert (place.folder / "a").read_bytes() == b"mine"


def test_edited_is_what_differs_from_its_landing(place: Place):
    place.output.write("a", b"a")
    place.output.write("b", b"mine")
    shown = {name: digest_bytes(name.encode()) for name in "abc"}
    found = edited_outputs(["a", "b", "c", "d"], shown=shown, output=place.output, hidden=())
    assert found == ["b"]
    assert edited_outputs(["b"], shown=shown, output=place.output, hidden={"b"}) == []
