"""A review on its way: what was said so far of the hunks of a question, and what the answer would do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ossature.domain.decision import Approve, Decision, Mark, Question, Retry, Take, Verb
from ossature.domain.hunks import FileChange
from ossature.domain.plain_text import count
from ossature.domain.review import Numbered, numbered, reviewed_side
from ossature.domain.wish import Wish

Spot = tuple[str, str]
"""Path and digest of a hunk."""


@dataclass(frozen=True, slots=True)
class Review:
    """One question with its hunks; every change of mind is another value."""

    question: Question
    changes: Mapping[str, FileChange]
    marks: Mapping[Spot, Mark] = field(default_factory=dict)

    @property
    def hunks(self) -> list[Numbered]:
        """All of them, in order."""
        return numbered(self.question.proposals)

    @property
    def total(self) -> int:
        return sum(len(proposal.spans) for proposal in self.question.proposals)

    @property
    def kept(self) -> int:
        return self.total - sum(1 for mark in self.marks.values() if mark.is_refused)

    @property
    def verb(self) -> Verb | None:
        """What the answer says: the first of these that the question takes."""
        ways: tuple[Verb, ...] = ("approve", "take", "retry")
        return next((verb for verb in ways if verb in self.question.verbs), None)

    def mark(self, path: str, digest: str) -> Mark:
        return self.marks.get((path, digest)) or Mark(path=path, hunk=digest, is_refused=False)

    def is_refused(self, path: str, digest: str) -> bool:
        return self.mark(path, digest).is_refused

    def spots(self, path: str = "", digest: str = "") -> list[Spot]:
        """One hunk, all of a file, or all."""
        return [
            (hunk.path, hunk.digest)
            for hunk in self.hunks
            if (not path or hunk.path == path) and (not digest or hunk.digest == digest)
        ]

    def toggled(self, path: str, digest: str = "") -> Review:
        """A hunk kept that was refused, and the other way; of a file, all refused unless they are."""
        spots = self.spots(path, digest)
        refuses = not all(self.is_refused(*spot) for spot in spots)
        return self._with(spots, is_refused=refuses)

    def all_marked(self, *, is_refused: bool) -> Review:
        return self._with(self.spots(), is_refused=is_refused)

    def with_words(self, path: str, digest: str, words: str) -> Review:
        """Words on one hunk; empty ones take them back."""
        said = self.mark(path, digest).model_copy(update={"words": words.strip()})
        return replace(self, marks=_tidy({**self.marks, (path, digest): said}))

    def decision(self, *, by: str, is_retry: bool = False, wish: Wish | None = None) -> Decision:
        """The answer to send."""
        asked, marks = self.question.id, tuple(self.marks.values())
        wanted = wish or Wish("")
        if is_retry or self.verb == "retry":
            return Retry(question_id=asked, by=by, feedback=wanted.feedback, model=wanted.model, marks=marks)
        if self.verb == "take":
            return Take(question_id=asked, by=by, side=reviewed_side(self.question), marks=marks)
        return Approve(question_id=asked, by=by, feedback=wanted.feedback, marks=marks)

    def deed(self) -> str:
        """What the answer would do."""
        if self.verb == "retry":
            return f"generate anew, {self._told()}"
        is_whole, is_nothing = self.kept == self.total, self.kept == 0
        part = f"{self.kept} of {count(self.total, 'hunk')}"
        match self.question.gate:
            case "landing":
                if is_whole:
                    return f"land all of it ({count(self.total, 'hunk')})"
                return f"land {'none' if is_nothing else part}, verify again"
            case "fix":
                gone = self.total - self.kept
                undo = "" if is_whole else f"undo {gone} of {count(self.total, 'hunk')}, "
                return f"{undo}call the fixer, {self._told()}"
            case "conflict":
                side = "the merge" if reviewed_side(self.question) == "merged" else "the new version"
                if is_whole:
                    return f"take {side}"
                return "keep yours, verify it" if is_nothing else f"take {part} of {side}, verify it"
            case _:
                return "apply nothing" if is_nothing else "apply all of it" if is_whole else f"apply {part}"

    def saved(self) -> str:
        """As a draft; empty where nothing was said."""
        return json.dumps([mark.model_dump() for mark in self.marks.values()]) if self.marks else ""

    def restored(self, draft: str) -> Review:
        """With the marks of a draft that are about these very hunks."""
        marks = {(mark.path, mark.hunk): mark for mark in _marks_in(draft)}
        known = set(self.spots())
        return replace(self, marks=_tidy({spot: mark for spot, mark in marks.items() if spot in known}))

    def _told(self) -> str:
        said = sum(1 for mark in self.marks.values() if mark.is_refused or mark.words)
        return f"which is told of {count(said, 'hunk')}" if said else "which is told nothing more"

    def _with(self, spots: list[Spot], *, is_refused: bool) -> Review:
        said = {spot: self.mark(*spot).model_copy(update={"is_refused": is_refused}) for spot in spots}
        return replace(self, marks=_tidy({**self.marks, **said}))


def _tidy(marks: Mapping[Spot, Mark]) -> dict[Spot, Mark]:
    """Without marks that say nothing."""
    return {spot: mark for spot, mark in marks.items() if mark.is_refused or mark.words}


def _marks_in(draft: str) -> Iterator[Mark]:
    """A draft that another version wrote, or nobody, holds none."""
    try:
        for one in json.loads(draft or "[]"):
            yield Mark.model_validate(one)
    except (ValueError, TypeError):
        return
