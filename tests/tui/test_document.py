"""Text of any size is read piece by piece, and gives what reading it whole would give."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.tui.text import index
from ossature.tui.text.document import Document, FileDocument
from ossature.tui.text.index import LINE_BYTES, SLICE, STRIDE_BYTES, Piece

MEGABYTE = 1 << 20


class CountingDocument(FileDocument):
    """Counts what is read of the file."""

    bytes_read = 0

    def read(self, offset: int, size: int) -> bytes:
        block = super().read(offset, size)
        self.bytes_read += len(block)
        return block


def counted(document: Document) -> Document:
    while document.advance():
        pass
    return document


def texts(document: Document) -> list[str]:
    return [piece.text for piece in document.lines(0, document.count)]


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 MB of numbered lines."""
    path = tmp_path_factory.mktemp("huge") / "verify.log"
    with path.open("wb") as file:
        number = 0
        while file.tell() < 200 * MEGABYTE:
            file.write(b"".join(b"%012d %s\n" % (n, b"x" * 86) for n in range(number, number + 10_000)))
            number += 10_000
    return path


@pytest.fixture
def small_strides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds, slices and marks within a few bytes, so that little text has all of them."""
    for name, size in (("LINE_BYTES", 16), ("SLICE", 64), ("STRIDE_BYTES", 40), ("STRIDE_ROWS", 5)):
        monkeypatch.setattr(index, name, size)
    monkeypatch.setattr(index, "BLOCK_STRIDES", 2)


BITS = st.sampled_from(
    [
        b"a",
        b"b b",
        b"\n",
        b"\n\n",
        b"\r\n",
        b"\t",
        b"x" * 15,
        b"x" * 37,
        "é€😀".encode(),
        "e\u0301字".encode(),
    ]
)
JUNK = st.sampled_from([b"\xff", b"\x80\x80\x80\x80\x80", b"\x00\x1b[0m", b"\xe2\x82"])


def pieces_of(content: bytes) -> list[tuple[bytes, int, bool]]:
    """What the index has to find, by splitting: bytes, number of the line, whether it begins there."""
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [
        (line[start : start + 16], number, start == 0)
        for number, line in enumerate(lines, 1)
        for start in range(0, max(len(line), 1), 16)
    ]


@pytest.mark.usefixtures("small_strides")
@settings(deadline=None, max_examples=60)
@given(content=st.lists(BITS | JUNK, max_size=120).map(b"".join), data=st.data())
def test_any_window_is_what_splitting_gives(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "random.log"
    path.write_bytes(content)
    document = counted(FileDocument(path))
    wanted = pieces_of(content)
    assert document.count == len(wanted)
    assert document.counted == 1.0
    first = data.draw(st.integers(0, len(wanted)))
    last = data.draw(st.integers(first, len(wanted) + 2))
    window = document.lines(first, last)
    assert [(one.row, one.number, one.is_first) for one in window] == [
        (first + offset, number, is_first) for offset, (_, number, is_first) in enumerate(wanted[first:last])
    ]
    whole: list[str] = []
    for one in document.lines(0, document.count):
        whole[len(whole) if one.is_first else -1 :] = [one.text if one.is_first else whole[-1] + one.text]
    if not any(byte in content for byte in (b"\r", b"\xff", b"\x80" * 5)) and is_text(content):
        assert whole == content.decode().removesuffix("\n").split("\n")[: len(whole)]
    # Where a line is longer than what is read of the end, its folds are not known.
    assert "".join(texts(document)).endswith("".join(one.text for one in document.tail(1)))


def is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_the_first_screen_and_the_end_of_a_huge_file_read_little(huge: Path) -> None:
    document = CountingDocument(huge)
    assert document.advance()
    assert document.lines(0, 50)[49].text.startswith("000000000049 ")
    assert document.counted < 0.01
    last = document.tail(50)
    assert len(last) == 50
    assert last[-1].text.startswith(f"{huge.stat().st_size // 100 - 1:012d} ")
    assert last[-1].number == 0
    assert document.bytes_read <= SLICE + 4 * STRIDE_BYTES


def test_the_index_reads_a_huge_file_once_and_keeps_little(huge: Path) -> None:
    document = CountingDocument(huge)
    tracemalloc.start()
    counted(document)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = huge.stat().st_size
    assert document.count == size // 100
    assert document.bytes_read <= size * 1.02
    assert kept < MEGABYTE
    assert peak < 8 * MEGABYTE
    before = document.bytes_read
    assert document.lines(1_500_000, 1_500_040)[0] == Piece(
        "000001500000 " + "x" * 86, 1_500_000, 1_500_001, True
    )
    assert document.bytes_read - before <= 3 * STRIDE_BYTES


def odd_files() -> Iterator[tuple[str, bytes, int]]:
    yield "one long line", b"y" * (64 * LINE_BYTES), 64
    yield "empty lines", b"\n" * 300_000, 300_000
    yield "CRLF", b"one\r\ntwo\r\n" * 50_000, 100_000
    yield "binary", bytes(range(256)) * 1000, 1001
    yield "wide", "字e\u0301\t".encode() * LINE_BYTES, 7


@pytest.mark.parametrize(
    ("content", "rows"), [one[1:] for one in odd_files()], ids=[one[0] for one in odd_files()]
)
def test_odd_files_are_counted_and_their_ends_found(tmp_path: Path, content: bytes, rows: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    document = counted(CountingDocument(path))
    assert document.count == rows
    document.bytes_read = 0
    middle = document.lines(rows // 2, rows // 2 + 1)
    assert [one.row for one in middle] == [rows // 2]
    assert document.bytes_read <= 3 * STRIDE_BYTES
    end = document.lines(rows - 3, rows)
    assert [one.text for one in document.tail(3)] == [one.text for one in end]


def test_a_file_grows_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntw")
    document = FileDocument(path)
    document.advance()
    assert texts(document) == ["one", "tw"]
    with path.open("ab") as file:
        file.write(b"o\nthree\n")
    document.advance()
    assert texts(document) == ["one", "two", "three"]
    assert not document.advance()
    assert document.changed() == ""


def test_what_happens_to_a_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    document = FileDocument(path)
    document.advance()
    path.write_bytes(b"o\n")
    assert document.changed() == "the file was cut: read anew"
    path.write_bytes(b"other\nlines\n")
    assert document.changed() == "the file was written anew"
    path.rename(tmp_path / "old")
    assert document.changed() == "the file is gone: this is what it was"
    path.write_bytes(b"one\ntwo\nthree\n")
    assert document.changed() == "another file has taken its place"
    again = document.reopened()
    assert texts(counted(again)) == ["one", "two", "three"]
