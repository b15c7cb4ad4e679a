"""Text of any size is read piece by piece."""

from __future__ import annotations

import os
import re
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossature.tui.text.document import LINE_BYTES, SLICE, STRIDE, FileDocument, TextDocument, search

MEGABYTE = 1 << 20


class CountingDocument(FileDocument):
    """Counts what is read of the file."""

    bytes_read = 0

    def read(self, offset: int, size: int) -> bytes:
        block = super().read(offset, size)
        self.bytes_read += len(block)
        return block


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


def test_the_first_screen_of_a_huge_file_reads_little(huge: Path) -> None:
    document = CountingDocument(huge)
    assert document.advance()
    assert document.lines(0, 50)[49].startswith("000000000049 ")
    assert document.bytes_read <= SLICE + STRIDE * LINE_BYTES
    document.close()


def test_the_index_reads_a_huge_file_once_and_keeps_little(huge: Path) -> None:
    document = CountingDocument(huge)
    tracemalloc.start()
    while document.advance():
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = huge.stat().st_size
    assert document.count == size // 100
    assert document.bytes_read <= size * 1.02
    assert peak < 16 * MEGABYTE
    before = document.bytes_read
    assert document.lines(1_500_000, 1_500_040)[0].startswith("000001500000 ")
    assert document.bytes_read - before <= STRIDE * LINE_BYTES + 8 * LINE_BYTES
    document.close()


def test_a_file_grows_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntw")
    document = FileDocument(path)
    document.advance()
    assert (document.count, document.lines(0, 9)) == (2, ["one", "tw"])
    with path.open("ab") as file:
        file.write(b"o\nthree\n")
    document.advance()
    assert (document.count, document.lines(0, 9)) == (3, ["one", "two", "three"])
    assert not document.advance()
    document.close()


def test_a_line_without_end_is_folded_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    text = "€" * (3 * LINE_BYTES)
    path.write_text(text + "\nnext\n", encoding="utf-8")
    document = FileDocument(path)
    while document.advance():
        pass
    lines = document.lines(0, document.count)
    assert lines[-1] == "next"
    assert "".join(lines[:-1]) == text
    document.close()


@given(
    st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), max_size=40), max_size=300),
    st.data(),
)
def test_any_window_is_what_splitting_gives(texts: list[str], data: st.DataObject) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"ossature-test-{os.getpid()}.log"
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    document = FileDocument(path)
    try:
        while document.advance():
            pass
        assert document.count == len(texts)
        first = data.draw(st.integers(0, max(len(texts), 1)))
        last = data.draw(st.integers(first, len(texts) + 2))
        assert document.lines(first, last) == texts[first:last]
    finally:
        document.close()
        path.unlink()


def test_bytes_that_are_no_text_are_shown_as_such(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\xff\xfe\x00binary\n")
    document = FileDocument(path)
    document.advance()
    assert "binary" in document.lines(0, 1)[0]
    document.close()


@pytest.mark.parametrize(
    ("start", "step", "wanted"), [(0, 1, 10), (11, 1, 500), (501, 1, 10), (499, -1, 10), (9, -1, 500)]
)
def test_search_goes_round(start: int, step: int, wanted: int) -> None:
    document = TextDocument("\n".join("hit" if n in (10, 500) else "line" for n in range(700)))
    found = [n for n in search(document, re.compile("hit"), start=start, step=step) if n is not None]
    assert found == [wanted]


def test_search_ends_where_nothing_matches() -> None:
    document = TextDocument("\n".join("line" for _ in range(700)))
    assert all(n is None for n in search(document, re.compile("hit"), start=3, step=-1))
    assert list(search(TextDocument(), re.compile("x"), start=0, step=1)) == []
