"""Answers by hunk at the command line: the hunks of a question under their numbers, and which were meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ossature.cli.terminal import Terminal
from ossature.domain.decision import Mark, Question
from ossature.domain.hunks import FileChange, Hunk
from ossature.domain.plain_text import count
from ossature.domain.review import numbered, place_of
from ossature.errors import UsageError
from ossature.project import Project
from ossature.store.blobs import Blobs
from ossature.store.proposals import read_changes

CONTEXT_LINES = 2
_DIGITS = 5
"""Of the number of a hunk: nobody reviews more, and a range is counted out."""


def show_hunks(question: Question, project: Project, terminal: Terminal) -> None:
    """Every hunk with its number, place and lines. Raises UsageError where there is none, DiskError."""
    if not question.proposals:
        raise UsageError(f"[{question.id}] shows no change that could be taken by hunk")
    changes = read_changes(question.proposals, Blobs(project.blobs_dir))
    number = 0
    for path, change in changes.items():
        for hunk in change.hunks:
            number += 1
            terminal.spans([("ask", f"{number:>3}  "), ("strong", path), ("quiet", f", {place_of(hunk)}")])
            for tone, text in _lines(change, hunk):
                terminal.line(f"     {text}", tone=tone)


def hunks_line(question: Question) -> str:
    """How many hunks there are, and how they are shown; empty where there are none."""
    total = len(numbered(question.proposals))
    return f"{count(total, 'hunk')}: `ossature answer {question.id} --show` lists them" if total else ""


def parse_numbers(text: str) -> tuple[int, ...]:
    """`2,5-7` as numbers, at least one; raises UsageError for anything else."""
    hint = "write it like 2,5 or 2,5-7"
    found: list[int] = []
    for piece in text.replace(",", " ").split():
        first, dash, last = piece.partition("-")
        if (
            not first.isdecimal()
            or (dash and not last.isdecimal())
            or len(max(first, last, key=len)) > _DIGITS
        ):
            raise UsageError(f"{piece!r} is no number of a hunk", hint=hint)
        numbers = range(int(first), int(last or first) + 1)
        if not numbers:
            raise UsageError(f"{piece!r} runs backwards", hint=hint)
        found += numbers
    if not found:
        raise UsageError("no number of a hunk is given", hint=hint)
    return tuple(found)


def marks_without(question: Question, numbers: Sequence[int], *, words: str = "") -> tuple[Mark, ...]:
    """Marks that refuse the hunks of these numbers; raises UsageError for one that is not there."""
    by_number = {hunk.number: hunk for hunk in numbered(question.proposals)}
    for number in numbers:
        if number not in by_number:
            shown = f"1 to {len(by_number)}" if by_number else "it can only be answered as a whole"
            raise UsageError(f"[{question.id}] has no hunk {number}", hint=shown)
    chosen = [by_number[number] for number in dict.fromkeys(numbers)]
    return tuple(Mark(path=hunk.path, hunk=hunk.digest, words=words) for hunk in chosen)


def _lines(change: FileChange, hunk: Hunk) -> Iterator[tuple[str, str]]:
    before = (change.before or b"").split(b"\n")
    first, last = hunk.span.start, hunk.span.end
    for line in before[max(first - CONTEXT_LINES, 0) : first]:
        yield "quiet", f" {_text(line)}"
    for line in hunk.before:
        yield "bad", f"-{_text(line)}"
    for line in hunk.after:
        yield "good", f"+{_text(line)}"
    for line in before[last : last + CONTEXT_LINES]:
        yield "quiet", f" {_text(line)}"


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n").expandtabs(4)
