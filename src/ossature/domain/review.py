"""What a person says of the hunks of a question: which they are, what is left, what a model is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ossature.domain.decision import Approve, Decision, Mark, Proposal, Question, Retry, Side, Take
from ossature.domain.hunks import FileChange, Hunk, HunkSpan, cut, hunk_digest, name_of, split
from ossature.domain.plain_text import count
from ossature.domain.redaction import Redactor

MAX_TOLD_LINES = 120
"""Of one hunk: what a model is shown of what was refused."""


class Numbered(NamedTuple):
    """A hunk of a question under the number that people use, from 1 over all its files."""

    number: int
    path: str
    digest: str


def proposal_of(path: str, before: bytes | None, after: bytes | None) -> Proposal:
    """The change of *path* as a question puts it up for review."""
    change = split(before, after)
    return Proposal(
        path=path,
        before=name_of(before),
        after=name_of(after),
        spans=tuple(hunk.span for hunk in change.hunks),
    )


def change_of(proposal: Proposal, before: bytes | None, after: bytes | None) -> FileChange:
    """The hunks of *proposal*, as they were cut when it was made."""
    return cut(before, after, [HunkSpan(*span) for span in proposal.spans])


def numbered(proposals: Iterable[Proposal]) -> list[Numbered]:
    """All hunks in order."""
    found: list[Numbered] = []
    for proposal in proposals:
        for span in proposal.spans:
            digest = hunk_digest(proposal.before, proposal.after, HunkSpan(*span))
            found.append(Numbered(len(found) + 1, proposal.path, digest))
    return found


def marks_of(decision: Decision | None) -> tuple[Mark, ...]:
    """What was said of single hunks; empty for an answer that speaks of the whole."""
    return decision.marks if isinstance(decision, Approve | Retry | Take) else ()


def fits(decision: Decision, question: Question) -> bool:
    """Every hunk that is spoken of is one that the question shows, with the content it was seen with."""
    marks = marks_of(decision)
    if marks and isinstance(decision, Take) and decision.side != reviewed_side(question):
        return False
    shown = {(hunk.path, hunk.digest) for hunk in numbered(question.proposals)} if marks else set()
    return all((mark.path, mark.hunk) in shown for mark in marks)


def reviewed_side(question: Question) -> Side:
    """Which version of a conflict its hunks lead to from the person's own."""
    return "merged" if "merged" in question.sides else "theirs"


def refused(marks: Iterable[Mark], path: str) -> frozenset[str]:
    """Digests of the hunks of *path* that shall not be."""
    return frozenset(mark.hunk for mark in marks if mark.is_refused and mark.path == path)


def kept(changes: Mapping[str, FileChange], marks: Sequence[Mark]) -> dict[str, bytes | None]:
    """What is left of the files (path -> content) in which a hunk was refused."""
    without = {path: refused(marks, path) for path in changes}
    return {path: change.without(without[path]) for path, change in changes.items() if without[path]}


def told(changes: Mapping[str, FileChange], marks: Sequence[Mark], redactor: Redactor) -> str:
    """What a model is told: each hunk that was refused or spoken of, as a diff, with the person's words.

    Lines that go may be a person's own and hold a key, of which a hunk need not show all.
    """
    said = {(mark.path, mark.hunk): mark for mark in marks if mark.is_refused or mark.words.strip()}
    pieces: list[str] = []
    for path, change in changes.items():
        if not any((path, hunk.digest) in said for hunk in change.hunks):
            continue
        before, after = (side and redactor.lines(side) for side in (change.before, change.after))
        clean = cut(before, after, [hunk.span for hunk in change.hunks])
        for hunk, shown in zip(change.hunks, clean.hunks, strict=True):
            mark = said.get((path, hunk.digest))
            if mark is not None:
                pieces.append("\n".join([_head(path, hunk, mark), *_shown(shown)]))
    return redactor.text("\n\n".join(pieces))


def summary(marks: Iterable[Mark], total: int) -> str:
    """A review in a few words: `3 of 5 hunks kept`."""
    left = total - sum(1 for mark in marks if mark.is_refused)
    return f"{left} of {count(total, 'hunk')} kept"


def place_of(hunk: Hunk) -> str:
    """Where the hunk is, in lines of the new file, or of the old one where lines only go."""
    span = hunk.span
    first, last = (span.after_start, span.after_end) if hunk.after else (span.start, span.end)
    if last - first < 2:
        return f"line {first + 1}"
    return f"lines {first + 1}-{last}"


def _head(path: str, hunk: Hunk, mark: Mark) -> str:
    verdict = "refused" if mark.is_refused else "kept"
    words = " ".join(mark.words.split())
    return f"{path}, {place_of(hunk)}, {verdict}{': ' + words if words else ''}"


def _shown(hunk: Hunk) -> list[str]:
    lines = [*_signed("-", hunk.before), *_signed("+", hunk.after)]
    if len(lines) <= MAX_TOLD_LINES:
        return lines
    return [*lines[:MAX_TOLD_LINES], f"[… {len(lines) - MAX_TOLD_LINES} lines left out …]"]


def _signed(sign: str, lines: Sequence[bytes]) -> Iterator[str]:
    for line in lines:
        yield sign + line.decode("utf-8", "replace").rstrip("\r\n")
