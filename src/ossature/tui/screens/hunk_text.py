"""The files and hunks of a review as rows of a list, and as one text beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ossature.domain.hunks import FileChange, Hunk, is_text, lines_of
from ossature.domain.plain_text import clean_line
from ossature.domain.review import place_of
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span, text_of, wrap
from ossature.tui.screens.marking import Review
from ossature.tui.text.paint import shown
from ossature.tui.text.pairs import Pair, paint_pair, pair_lines
from ossature.tui.widgets.rows import Row

CONTEXT_LINES = 3
MAX_LINES = 3_000
"""Of one hunk; nobody reads more of it here."""


@dataclass
class HunkText:
    """All hunks under each other, and where each begins."""

    lines: list[list[Span]] = field(default_factory=list)
    heads: dict[int, tuple[int, str, Hunk]] = field(default_factory=dict)
    """Line -> number, path and hunk that begins there."""
    starts: dict[str, int] = field(default_factory=dict)
    """Key of a row -> its line."""

    @property
    def text(self) -> str:
        return "\n".join(text_of(line) for line in self.lines)


def key_of(path: str, digest: str = "") -> str:
    """Of the row of a file or of one of its hunks."""
    return f"{digest}:{path}"


def hunk_rows(review: Review, glyphs: Glyphs) -> list[Row]:
    """Each file, and below it its hunks."""
    rows: list[Row] = []
    number = 0
    for path, change in review.changes.items():
        kept = sum(1 for hunk in change.hunks if not review.is_refused(path, hunk.digest))
        right = (Span(f"{kept}/{len(change.hunks)} kept ", "quiet" if kept == len(change.hunks) else "warn"),)
        rows.append(Row(key_of(path), (Span(clean_line(path), "strong"),), right))
        for hunk in change.hunks:
            number += 1
            rows.append(_hunk_row(review, path, hunk, number, glyphs))
    return rows


def hunk_text(review: Review, width: int, *, is_wide: bool) -> HunkText:
    """In two columns where *is_wide* and the file has two sides, else lines that go above those that come."""
    found = HunkText()
    number = 0
    for path, change in review.changes.items():
        found.starts[key_of(path)] = len(found.lines)
        found.lines.append([Span(f"{clean_line(path)}{_kind(change)}", "strong")])
        end = 0
        before = lines_of(change.before) if is_text(change.before) else []
        following = [*(hunk.span.start for hunk in change.hunks[1:]), len(before)]
        for hunk, stop in zip(change.hunks, following, strict=True):
            number += 1
            found.starts[key_of(path, hunk.digest)] = len(found.lines)
            found.heads[len(found.lines)] = number, path, hunk
            found.lines.append([Span(f"{number} {place_of(hunk)}", "hunk")])
            pairs, end = _pairs(change, hunk, before, range(end, stop))
            has_sides = is_wide and change.before is not None and change.after is not None
            found.lines += _columns(pairs, width) if has_sides else _unified(pairs)
        found.lines.append([Span("")])
    return found


def head_of(review: Review, head: tuple[int, str, Hunk], glyphs: Glyphs, *, is_current: bool) -> list[Span]:
    """The line above a hunk: which it is, whether it is kept, and what was said of it."""
    number, path, hunk = head
    mark = review.mark(path, hunk.digest)
    sign = Span(glyphs.cursor if is_current else " ", "active")
    words = [Span(f"  {clean_line(mark.words)}", "ask")] if mark.words else []
    place = Span(f"{number} of {review.total}  {place_of(hunk)}  ", "hunk")
    return [sign, place, verdict_of(is_refused=mark.is_refused, glyphs=glyphs), *words]


def verdict_of(*, is_refused: bool, glyphs: Glyphs) -> Span:
    if is_refused:
        return Span(f"{glyphs.status['failed']} refused", "bad")
    return Span(f"{glyphs.status['landed']} kept", "good")


def _hunk_row(review: Review, path: str, hunk: Hunk, number: int, glyphs: Glyphs) -> Row:
    mark = review.mark(path, hunk.digest)
    verdict = verdict_of(is_refused=mark.is_refused, glyphs=glyphs)
    words = [Span(f" {clean_line(mark.words)}", "ask")] if mark.words else []
    place = Span(f" {place_of(hunk)}", "quiet")
    left = (Span(f" {number:>2} ", "label"), Span(f"{verdict.text:<9}", verdict.tone), place, *words)
    return Row(key_of(path, hunk.digest), left, (Span(f"+{len(hunk.after)} -{len(hunk.before)} ", "faint"),))


def _kind(change: FileChange) -> str:
    if change.before is None:
        return "  (new)"
    return "  (deleted)" if change.after is None else ""


def _pairs(change: FileChange, hunk: Hunk, before: Sequence[bytes], between: range) -> tuple[list[Pair], int]:
    """The hunk with the lines around it, and up to where the file before has been shown.

    *before* are its lines; those *between* the hunks on both sides may be shown.
    """
    if not (is_text(change.before) and is_text(change.after)):
        sizes = f"{len(change.before or b'')} -> {len(change.after or b'')} bytes"
        return [Pair(None, None, f"(binary: {sizes})")], 0
    stop = min(hunk.span.end + CONTEXT_LINES, between.stop)
    first = max(between.start, hunk.span.start - CONTEXT_LINES)
    above = before[first : hunk.span.start]
    below = before[hunk.span.end : stop]
    pairs = [Pair(line, line) for line in map(_text, above)]
    pairs += _changed(hunk)
    pairs += [Pair(line, line) for line in map(_text, below)]
    return pairs, max(stop, between.start)


def _changed(hunk: Hunk) -> list[Pair]:
    gone, come = ([_text(line) for line in side[:MAX_LINES]] for side in (hunk.before, hunk.after))
    if gone == come:
        # Only the line ends differ.
        gone, come = ([repr(line)[2:-1] for line in side[:MAX_LINES]] for side in (hunk.before, hunk.after))
    pairs = list(pair_lines(gone, come))
    left_out = max(len(hunk.before), len(hunk.after)) - MAX_LINES
    if left_out > 0:
        pairs.append(Pair(None, None, f"({left_out} more lines)"))
    return pairs


def _text(line: bytes) -> str:
    text = line.decode("utf-8", "replace")
    if not text.endswith("\n"):
        return f"{text} (no line end)"
    return text.removesuffix("\n").removesuffix("\r")


def _columns(pairs: Sequence[Pair], width: int) -> list[list[Span]]:
    return [line for pair in pairs for line in paint_pair(pair, width)]


def _unified(pairs: Sequence[Pair]) -> list[list[Span]]:
    lines: list[list[Span]] = []
    come: list[str] = []
    for pair in pairs:
        if pair.is_same or pair.whole is not None:
            lines += _come(come)
            come = []
            lines.append([Span(f" {shown(pair.before or pair.whole or '')}")])
            continue
        if pair.before is not None:
            lines.append([Span(f"-{shown(pair.before)}", "del")])
        if pair.after is not None:
            come.append(pair.after)
    return lines + _come(come)


def _come(lines: Sequence[str]) -> list[list[Span]]:
    return [[Span(f"+{shown(line)}", "add")] for line in lines]


def deed_lines(text: str, keys: Sequence[tuple[str, str]], width: int) -> list[list[Span]]:
    """What the answer would do, and under which keys it is sent or is another one."""
    pieces = wrap(text, max(width - 3, 10))[:2]
    lines = [
        [Span(" ? " if not number else "   ", "ask"), Span(piece, "ask")]
        for number, piece in enumerate(pieces)
    ]
    return [
        *lines,
        [Span("   "), *(span for key, label in keys for span in (Span(key, "key"), Span(f" {label}   ")))],
    ]
