"""The change of one file as hunks, which can be kept or refused one by one.

Lines are bytes with their ends, so that what is put together again is exact: CRLF, a missing last line end,
bytes that are no UTF-8. None stands for a file that is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ossature.digest import digest_bytes, digest_json
from ossature.domain.matching import LineMatcher

TOO_BIG = 400_000
"""Bytes; nobody reviews a larger file line by line, so it is one hunk."""
_LONG_LINES = 12
"""Lines that only come, or only go, are one hunk up to here, and one for each block where there are more."""
_NEAR_LINES = 2
"""Changes are one hunk where no more lines stand between them, none of them with a letter or a digit."""
_DIGITS = 16
"""Of a hunk's digest: enough among the hunks of one question."""


class HunkSpan(NamedTuple):
    """Line numbers from 0, each end not included."""

    start: int
    end: int
    """Of the file before: lines that go."""
    after_start: int
    after_end: int
    """Of the file after: lines that come."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that go, and lines that take their place."""

    span: HunkSpan
    before: tuple[bytes, ...]
    after: tuple[bytes, ...]
    digest: str
    """Names this hunk of this change of this file: any other content before or after makes it another one."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file before and after, and how it gets from one to the other."""

    before: bytes | None
    after: bytes | None
    hunks: tuple[Hunk, ...]

    def without(self, refused: Collection[str]) -> bytes | None:
        """The file with all hunks but those with a digest in *refused*."""
        kept = [hunk for hunk in self.hunks if hunk.digest not in refused]
        if not kept:
            return self.before
        if len(kept) == len(self.hunks):
            return self.after
        lines = lines_of(self.before)
        pieces: list[bytes] = []
        position = 0
        for hunk in kept:
            pieces += lines[position : hunk.span.start]
            pieces += hunk.after
            position = hunk.span.end
        return b"".join([*pieces, *lines[position:]])


def split(before: bytes | None, after: bytes | None) -> FileChange:
    """The change as hunks, in the order of the file; none where both are the same."""
    return cut(before, after, _spans(before, after))


def cut(before: bytes | None, after: bytes | None, spans: Sequence[HunkSpan]) -> FileChange:
    """The change with the hunks that *spans* say."""
    old, new = lines_of(before), lines_of(after)
    names = name_of(before), name_of(after)
    hunks = tuple(
        Hunk(
            span,
            tuple(old[span.start : span.end]),
            tuple(new[span.after_start : span.after_end]),
            hunk_digest(*names, span),
        )
        for span in spans
    )
    return FileChange(before, after, hunks)


def name_of(content: bytes | None) -> str:
    """Digest of a file's content; empty where there is no file."""
    return "" if content is None else digest_bytes(content)


def hunk_digest(before: str, after: str, span: HunkSpan) -> str:
    """Of the hunk at *span* of the change between contents of these digests."""
    return digest_json([before, after, list(span)])[:_DIGITS]


def lines_of(content: bytes | None) -> list[bytes]:
    """Lines with their ends, as git and patch see them: only a line feed ends one."""
    if not content:
        return []
    lines = content.split(b"\n")
    ended = [line + b"\n" for line in lines[:-1]]
    return [*ended, lines[-1]] if lines[-1] else ended


def is_text(content: bytes | None) -> bool:
    """Lines of it mean something to a person."""
    return content is None or b"\0" not in content


def _spans(before: bytes | None, after: bytes | None) -> list[HunkSpan]:
    if before == after:
        return []
    old, new = lines_of(before), lines_of(after)
    whole = HunkSpan(0, len(old), 0, len(new))
    is_big = max(len(before or b""), len(after or b"")) > TOO_BIG
    if after is None or is_big or not (is_text(before) and is_text(after)):
        return [whole]
    changed = [
        HunkSpan(i1, i2, j1, j2)
        for tag, i1, i2, j1, j2 in LineMatcher(old, new).get_opcodes()
        if tag != "equal"
    ]
    spans = [piece for span in _joined(changed, old) for piece in _parted(span, old, new)]
    # An empty file comes where none was.
    return spans or [whole]


def _joined(spans: Sequence[HunkSpan], old: Sequence[bytes]) -> list[HunkSpan]:
    joined: list[HunkSpan] = []
    for span in spans:
        last = joined[-1] if joined else None
        between = old[last.end : span.start] if last else ()
        if last and len(between) <= _NEAR_LINES and not any(_says_something(line) for line in between):
            joined[-1] = HunkSpan(last.start, span.end, last.after_start, span.after_end)
        else:
            joined.append(span)
    return joined


def _says_something(line: bytes) -> bool:
    return any(char.isalnum() for char in line.decode("utf-8", "replace"))


def _parted(span: HunkSpan, old: Sequence[bytes], new: Sequence[bytes]) -> list[HunkSpan]:
    """Many lines that only come or only go, block by block."""
    start, end, after_start, after_end = span
    if start == end and after_end - after_start > _LONG_LINES:
        edges = _edges(new, after_start, after_end)
        return [HunkSpan(start, end, *edge) for edge in edges]
    if after_start == after_end and end - start > _LONG_LINES:
        return [HunkSpan(*edge, after_start, after_end) for edge in _edges(old, start, end)]
    return [span]


def _edges(lines: Sequence[bytes], start: int, end: int) -> list[tuple[int, int]]:
    """Blocks: each begins after a blank line, with a line that is not indented and opens something."""
    starts = [start]
    for number in range(start + 1, end):
        line = lines[number]
        is_head = bool(line.strip()) and line[:1] not in b" \t})]"
        if is_head and not lines[number - 1].strip():
            starts.append(number)
    return list(zip(starts, [*starts[1:], end], strict=True))
