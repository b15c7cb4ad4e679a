"""Answers that are given before any person is asked."""

from __future__ import annotations

from collections.abc import Mapping

from ossature.domain.decision import Abort, Approve, Decision, Gate, Question, Side, Skip, Take
from ossature.domain.event import Preset
from ossature.settings import Edits

ASKED: Mapping[Preset, frozenset[Gate]] = {
    "default": frozenset({"trust", "task_failed", "conflict", "budget", "plan", "spec_edit"}),
    "tui": frozenset({"trust", "task_failed", "conflict", "budget", "plan", "spec_edit", "fix"}),
    "step": frozenset(
        {"trust", "task_failed", "conflict", "budget", "plan", "spec_edit", "fix", "prompt", "landing"}
    ),
    "auto": frozenset(),
}
"""Which gates are put to a person."""
_ROUTINE: frozenset[Gate] = frozenset({"prompt", "fix", "landing"})
"""Steps of an ordinary build: where nobody wants to be asked, they are simply taken."""


def is_asked(gate: Gate, *, preset: Preset, is_headless: bool) -> bool:
    """Questions of *gate* are put to people. Headless never passes one on."""
    return gate in ASKED[preset] and not is_headless


def is_routine(gate: Gate) -> bool:
    """A gate that an answer of the policy does not deserve a line for."""
    return gate in _ROUTINE


def answer(
    question: Question, *, preset: Preset, is_headless: bool, keeps_going: bool, edits: Edits = "ask"
) -> Decision | None:
    """The policy's answer; None passes the question on to people. Headless never passes one on.

    `edits` was given for this very run and comes before the preset.
    """
    if question.gate == "conflict" and (said := _about_edits(question, edits)) is not None:
        return said
    # A fixer cannot mend a plan, so where a person is there, it is not paid before they have looked.
    has_choice = bool(question.dependency) and preset != "auto" and not is_headless
    if has_choice or is_asked(question.gate, preset=preset, is_headless=is_headless):
        return None
    by = f"policy:{'headless' if is_headless and preset != 'auto' else preset}"
    if question.gate in _ROUTINE:
        return Approve(question_id=question.id, by=by)
    if question.gate in ("task_failed", "conflict") and keeps_going and "skip" in question.verbs:
        return Skip(question_id=question.id, by=by)
    if question.gate == "plan":
        return Skip(question_id=question.id, by=by)
    return Abort(question_id=question.id, by=by)


def _about_edits(question: Question, edits: Edits) -> Decision | None:
    """What was said of edited outputs before the run; None where that does not settle this question."""
    by = f"policy:--edits {edits}"
    if edits == "stop":
        return Abort(question_id=question.id, by=by)
    side = _side(question, edits)
    if side is None or side not in question.sides:
        return None
    return Take(question_id=question.id, by=by, side=side)


def _side(question: Question, edits: Edits) -> Side | None:
    match edits:
        case "accept" if "merged" in question.sides:
            return "merged"
        case "accept":
            # Where `edit` is offered both sides changed the same lines: to keep either drops the other's.
            return None if "edit" in question.verbs else "mine"
        case "set-aside":
            return "aside"
        case "revert":
            return "theirs"
        case _:
            return None
