"""Which answers a question takes, and how the bar says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from ossature.domain.decision import Question, Side
from ossature.domain.plain_text import clean_line
from ossature.domain.plain_text import count as plural
from ossature.tui.keys.keymap import DEFAULT_KEYS, KeyTable
from ossature.tui.look.spans import Span, width_of, wrap

Answer = Literal[
    "approve", "hint", "retry", "skip", "edit", "mine", "merged", "theirs", "aside", "depend", "abort"
]

_APPROVALS: Mapping[str, str] = {
    "trust": "trust and go on",
    "spec_edit": "apply edit",
    "plan": "approve plan",
    "prompt": "send",
    "fix": "approve fix",
    "landing": "land",
    "task_failed": "land unverified",
    "conflict": "approve",
    "budget": "go on",
}
SUBJECT_LINES = 3
"""At most, where there is room for details, too."""
_HINTABLE = ("fix", "prompt")


def hunk_draft_id(question: Question) -> str:
    """Under what the marks of its review are kept as a draft."""
    return f"{question.id} hunks"


class Offer(NamedTuple):
    """One answer that a question takes."""

    answer: Answer
    label: str


_SIDES: Mapping[Side, Offer] = {
    "mine": Offer("mine", "keep mine"),
    "merged": Offer("merged", "merge both"),
    "theirs": Offer("theirs", "take theirs"),
    "aside": Offer("aside", "set mine aside"),
}


def offers(question: Question) -> list[Offer]:
    """In the order in which the bar shows them."""
    found: list[Offer] = []
    for verb in question.verbs:
        match verb:
            case "approve":
                found.append(Offer("approve", _APPROVALS[question.gate]))
                if question.gate in _HINTABLE:
                    found.append(Offer("hint", f"{_APPROVALS[question.gate]} with a hint"))
            case "retry":
                found.append(Offer("retry", "retry with feedback"))
            case "skip":
                found.append(Offer("skip", "skip"))
            case "edit":
                found.append(Offer("edit", "edit file"))
            case "take":
                found += [_SIDES[side] for side in question.sides]
            case "depend":
                found.append(Offer("depend", f"depend on {clean_line(question.dependency)}"))
            case "abort":
                found.append(Offer("abort", "abort run"))
    return found


def question_lines(
    question: Question,
    *,
    index: int,
    count: int,
    width: int,
    details: int,
    is_offered: bool = True,
    table: KeyTable = DEFAULT_KEYS,
) -> list[list[Span]]:
    """The question, at most *details* lines of its detail, and the keys, over as many lines as they need.

    Without *is_offered* it is somebody else's to answer, and there are no keys.
    """
    place = f"{index + 1} of {count} ({table.key('next-question')})  " if count > 1 else ""
    pieces = wrap(place + clean_line(question.subject), max(width - 3, 10))
    room = SUBJECT_LINES if details else SUBJECT_LINES - 1
    if len(pieces) > room:
        pieces = [*pieces[: room - 1], f"{pieces[room - 1][: max(width - 6, 8)].rstrip()} …"]
    lines = [
        [Span("   " if number else " ? ", "ask"), Span(text, "ask")] for number, text in enumerate(pieces)
    ]
    lines += [[Span("   "), Span(text, "plain")] for text in _details(question, width, details)]
    if not is_offered:
        return [*lines, [Span("   waits for whoever runs it", "quiet")]]
    return lines + _key_lines(_keys(question), width, table)


def _details(question: Question, width: int, room: int) -> list[str]:
    """At most *room* lines, but for what is to be trusted: all of it, or where all of it can be seen."""
    texts = [clean_line(line) for line in question.detail.splitlines()]
    if question.gate != "trust":
        return [text for text in texts if _is_telling(text, question)][:room]
    wrapped = [piece for text in texts for piece in wrap(text, max(width - 3, 10))]
    if len(wrapped) <= room:
        return wrapped
    kept = wrapped[: max(room - 1, 0)]
    return [*kept, f"not all of it fits here: see `ossature trust --show` first ({len(texts)} things)"]


def _is_telling(line: str, question: Question) -> bool:
    """Words, and not those of the subject again: rules of `====` and rows of dots are no use in a bar."""
    text = line.strip()
    return sum(char.isalpha() for char in text) > len(text) // 3 and text not in question.subject


def action_of(offer: Offer) -> str:
    """The id of the action that gives this answer."""
    return "edit" if offer.answer == "edit" else f"answer-{offer.answer}"


def _keys(question: Question) -> list[tuple[str, str]]:
    """Id and label of what can be done about it: the review behind the first answer."""
    keys = [(action_of(offer), offer.label) for offer in offers(question)]
    total = sum(len(proposal.spans) for proposal in question.proposals)
    return [*keys[:1], ("review", f"review {plural(total, 'hunk')}"), *keys[1:]] if total else keys


def _key_lines(found: Sequence[tuple[str, str]], width: int, table: KeyTable) -> list[list[Span]]:
    lines: list[list[Span]] = [[Span("   ")]]
    for action_id, label in found:
        piece = [Span(table.key(action_id), "key"), Span(f" {label}   ", "plain")]
        if width_of(lines[-1]) + width_of(piece) - 3 > width and len(lines[-1]) > 1:
            lines.append([Span("   ")])
        lines[-1] += piece
    for line in lines:
        # The space after the last one would be cut, with an ellipsis for it.
        line[-1] = Span(line[-1].text.rstrip() or line[-1].text, line[-1].tone)
    return lines
