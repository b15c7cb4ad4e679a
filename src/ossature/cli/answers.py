"""Turns words into the decision that a question asks for."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from ossature.cli.reviewing import marks_without, parse_numbers
from ossature.digest import digest_bytes
from ossature.domain.decision import (
    Abort,
    Approve,
    Decision,
    Depend,
    Edit,
    Mark,
    Question,
    Retry,
    Side,
    Skip,
    Take,
    Verb,
)
from ossature.domain.review import reviewed_side
from ossature.errors import UsageError
from ossature.project import Project

VERBS: tuple[Verb, ...] = get_args(Verb)
SIDES: tuple[Side, ...] = get_args(Side)
SIDE_MEANINGS: Mapping[Side, str] = {
    "mine": "your version counts, once it is verified",
    "merged": "both versions, merged and verified",
    "theirs": "the other version; yours is kept as a blob",
    "aside": "the same, and yours is listed as set aside",
}
BY = "cli"
_WITHOUT = re.compile(r"without\s+([\d, -]*\d)\s*(?::\s*(.*))?", re.IGNORECASE | re.DOTALL)
"""How hunks are refused in a typed line: `approve without 2,5: use a heap`."""
_BEGINS = re.compile(r"without\b", re.IGNORECASE)
_NAMES_ONE = re.compile(r"without\b[\s:,#(]*(?:(?:hunks?|numbers?|nos?\.?)[\s#:]*)?\d+\b", re.IGNORECASE)
_NUMBERS_ONLY = re.compile(
    r"(?:(?:all|everything|only|just|but|except|excluding|minus|not|w[\w/]*|for|hunks?|numbers?)\b[\s:]*)*"
    r"[#-]?\d[\d\s,.;&#-]*(?:(?:and|or)\s+#?\d[\d\s,.;&#-]*)*(?::.*)?",
    re.IGNORECASE | re.DOTALL,
)
"""`all but 2`, `1, 3`, `w/o hunk 4`: a choice among hunks rather than a word to a model."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said, before it is checked against the question."""

    verb: str
    feedback: str = ""
    side: str = ""
    path: str = ""
    """Which of the question's files `edit` replaces; empty means the only one."""
    content: str | None = None
    """The new text of that file."""
    without: tuple[int, ...] = ()
    """Numbers of hunks that are refused."""


def parse_answer(line: str, question: Question) -> Answer:
    """A typed line: a verb or its first letters, and what it takes; raises UsageError for anything else."""
    word, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    if word in SIDES and "take" in question.verbs:
        return _parse_take(f"{word} {rest}")
    found = [verb for verb in question.verbs if word and verb.startswith(word.lower())]
    if len(found) != 1:
        raise UsageError(f"say one of: {', '.join(question.verbs)}")
    match found[0]:
        case "approve" | "retry":
            without = _WITHOUT.fullmatch(rest)
            if without is None:
                return Answer(found[0], feedback=rest)
            return Answer(found[0], feedback=without[2] or "", without=parse_numbers(without[1]))
        case "take":
            return _parse_take(rest)
        case "edit":
            return Answer("edit", path=rest)
        case _:
            if rest:
                raise UsageError(f"{found[0]} takes no more words")
            return Answer(found[0])


def _parse_take(text: str) -> Answer:
    side, _, rest = text.strip().partition(" ")
    if not rest:
        return Answer("take", side=side)
    without = _WITHOUT.fullmatch(rest.strip())
    if without is None:
        raise UsageError(f"say it like: take {side} without 2,5: words")
    return Answer("take", side=side, feedback=without[2] or "", without=parse_numbers(without[1]))


def decision_for(answer: Answer, question: Question, project: Project) -> Decision:
    """The decision to send, under an id of its own; raises UsageError for what is missing or not offered."""
    if answer.verb not in question.verbs:
        offered = ", ".join(question.verbs)
        raise UsageError(f"[{question.id}] does not offer {answer.verb}", hint=f"it offers: {offered}")
    asked, token = question.id, uuid.uuid4().hex
    marks = _marks(answer, question)
    match answer.verb:
        case "approve":
            return Approve(question_id=asked, by=BY, id=token, feedback=answer.feedback, marks=marks)
        case "retry":
            return Retry(question_id=asked, by=BY, id=token, feedback=answer.feedback, marks=marks)
        case "skip":
            return Skip(question_id=asked, by=BY, id=token)
        case "abort":
            return Abort(question_id=asked, by=BY, id=token)
        case "depend":
            return Depend(question_id=asked, by=BY, id=token)
        case "take":
            side = _side(answer.side, question)
            return Take(question_id=asked, by=BY, id=token, side=side, marks=marks)
        case _:
            if answer.content is None:
                raise UsageError("edit needs the new content", hint="give it with --file PATH")
            path = editable_path(answer, question)
            base = _base_digest(path, question, project)
            return Edit(
                question_id=asked,
                by=BY,
                id=token,
                path=path,
                base_digest=base,
                content=answer.content,
            )


def editable_path(answer: Answer, question: Question) -> str:
    """Which file of the question an edit is about; raises UsageError where that is not clear."""
    if answer.path:
        for name in question.files:
            if answer.path in (name, question.title(name)):
                return name
    if answer.path or len(question.files) != 1:
        titles = ", ".join(map(question.title, question.files))
        raise UsageError("say which file to edit", hint=f"one of: {titles}" if titles else "")
    return question.files[0]


def _marks(answer: Answer, question: Question) -> tuple[Mark, ...]:
    """The hunks that are refused; raises UsageError where the answer is one about the whole, or where it
    seems to refuse hunks and does not say which in a way that is understood."""
    if not answer.without:
        if question.proposals and _means_hunks(answer):
            raise UsageError(
                f"it is not clear which hunks {answer.verb} is to leave out",
                hint=f"say it like: {answer.verb} without 2,5: words",
            )
        return ()
    side = reviewed_side(question)
    if answer.verb not in ("approve", "retry") and (answer.verb, answer.side) != ("take", side):
        takes = [verb for verb in ("approve", "retry") if verb in question.verbs]
        ways = [*takes, *([f"take {side}"] if "take" in question.verbs else [])]
        raise UsageError(
            f"{answer.verb} {answer.side}".strip() + " cannot leave out hunks",
            hint=f"what can: {', '.join(ways)}" if ways else "",
        )
    words = answer.feedback if answer.verb == "take" else ""
    return marks_without(question, answer.without, words=words)


def _means_hunks(answer: Answer) -> bool:
    """What was said beside the verb seems to be a choice among hunks."""
    said = answer.feedback.strip()
    match answer.verb:
        case "approve" | "take":
            # Taken for words, it would let everything through.
            return any((_BEGINS.match(said), _NAMES_ONE.search(said), _NUMBERS_ONLY.fullmatch(said)))
        case "retry":
            return _NAMES_ONE.match(said) is not None
        case _:
            return False


def _side(word: str, question: Question) -> Side:
    for side in question.sides:
        if word == side:
            return side
    what = f"[{question.id}] does not offer {word}" if word else "take needs a side"
    meant = "; ".join(f"{side}: {SIDE_MEANINGS[side]}" for side in question.sides)
    raise UsageError(what, hint=meant)


def _base_digest(path: str, question: Question, project: Project) -> str:
    known = dict(zip(question.files, question.digests, strict=False))
    return known[path] if path in known else digest_bytes((project.root / path).read_bytes())
