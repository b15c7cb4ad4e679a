from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.digest import digest_bytes
from ossature.errors import DiskError
from ossature.store.blobs import Blobs


def test_content_comes_back_by_its_digest(tmp_path: Path):
    blobs = Blobs(tmp_path)
    digest = blobs.put(b"hello")
    assert digest == digest_bytes(b"hello")
    assert blobs.get(digest) == b"hello"
    assert (tmp_path / digest[:2] / digest[2:]).read_bytes() == b"hello"


@settings(deadline=None, max_examples=40)
@given(content=st.binary(max_size=300))
def test_any_bytes_come_back(content: bytes, tmp_path_factory: pytest.TempPathFactory):
    blobs = Blobs(tmp_path_factory.mktemp("blobs"))
    assert blobs.get(blobs.put(content)) == content


def test_what_is_there_is_not_written_again(tmp_path: Path):
    blobs = Blobs(tmp_path)
    digest = blobs.put(b"abc")
    path = tmp_path / digest[:2] / digest[2:]
    before = path.stat()
    blobs.put(b"abc")
    assert path.stat().st_ino == before.st_ino
    assert [other.name for other in path.parent.iterdir()] == [digest[2:]]


def test_has_knows_what_is_there(tmp_path: Path):
    blobs = Blobs(tmp_path)
    assert not blobs.has(digest_bytes(b"abc"))
    assert blobs.has(blobs.put(b"abc"))


def test_a_missing_blob_says_what_to_do(tmp_path: Path):
    with pytest.raises(DiskError, match="is missing") as caught:
        Blobs(tmp_path).get(digest_bytes(b"abc"))
    assert "--force" in caught.value.hint


@pytest.mark.parametrize("damage", [b"", b"abd", b"abcabc"])
def test_a_damaged_blob_is_never_given_and_heals_when_put_again(tmp_path: Path, damage: bytes):
    blobs = Blobs(tmp_path)
    digest = blobs.put(b"abc")
    (tmp_path / digest[:2] / digest[2:]).write_bytes(damage)
    with pytest.raises(DiskError, match="is damaged"):
        blobs.get(digest)
    blobs.put(b"abc")
    assert blobs.get(digest) == b"abc"


@pytest.mark.parametrize(
    "digest", ["", "..", "../../etc/passwd", "a" * 63, "A" * 64, "ab/" + "c" * 61, "a" * 64 + "\n"]
)
def test_a_digest_from_outside_cannot_name_a_path(tmp_path: Path, digest: str):
    blobs = Blobs(tmp_path)
    for ask in (blobs.get, blobs.has):
        with pytest.raises(DiskError, match="is not a digest"):
            ask(digest)


def test_blobs_are_listed_with_their_sizes_and_removed(tmp_path: Path):
    blobs = Blobs(tmp_path / "blobs")
    assert list(blobs.sizes()) == []
    sizes = {blobs.put(content): len(content) for content in (b"", b"a", b"bc" * 50)}
    (tmp_path / "blobs" / "README").write_bytes(b"x")
    (tmp_path / "blobs" / "ab").mkdir(exist_ok=True)
    (tmp_path / "blobs" / "ab" / ".ossature-0000000000000000.tmp").write_bytes(b"x")
    assert list(blobs.sizes()) == sorted(sizes.items())
    gone = min(sizes)
    blobs.remove(gone)
    blobs.remove(gone)
    assert dict(blobs.sizes()) == {digest: size for digest, size in sizes.items() if digest != gone}
