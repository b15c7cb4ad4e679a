"""Undo and redo of edits of the plan: each takes back its own change and keeps what others wrote since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

from ossature.build.merging import merge
from ossature.errors import PlanError
from ossature.store.plan_text import load_exact, tables_of

_MOST_STEPS = 100
_MOST_CHARACTERS = 32 * 1024 * 1024
_SINCE = "the plan was changed on disk since"
_BY_HAND = "edit it by hand (e)"


@dataclass(frozen=True, slots=True)
class Step:
    """One edit that was written, as the two texts on either side of it."""

    done: str
    """In a few words."""
    before: str
    after: str
    task: str
    """Whose row a person was on."""


class Taken(NamedTuple):
    """What comes of undo or redo."""

    text: str
    step: Step
    history: PlanHistory


@dataclass(frozen=True, slots=True)
class PlanHistory:
    """Edits in the order in which they were made. A new one takes the place of what was undone."""

    steps: tuple[Step, ...] = ()
    undone: tuple[Step, ...] = ()
    """The next to be redone comes last."""

    def did(self, step: Step) -> PlanHistory:
        """With *step*; the oldest ones are forgotten where they are too many, or their texts too long."""
        if self.steps and self.steps[-1].after == step.before:
            # The plan was read anew: one copy of the text is enough.
            step = replace(step, before=self.steps[-1].after)
        steps = (*self.steps, step)[-_MOST_STEPS:]
        sizes = accumulate(len(one.before) + len(one.after) for one in reversed(steps))
        fitting = sum(size <= _MOST_CHARACTERS for size in sizes)
        return PlanHistory(steps[-max(fitting, 1) :])

    def undo(self, text: str) -> Taken:
        """*text* without the last edit. Raises PlanError where there is none, or others built on it."""
        if not self.steps:
            raise PlanError("there is nothing to undo", hint="only edits of this session can be taken back")
        step = self.steps[-1]
        new = _without(text, step, f"“{step.done}” cannot be undone")
        back = step if text == step.after else replace(step, before=new, after=text)
        return Taken(new, step, PlanHistory(self.steps[:-1], (*self.undone, back)))

    def redo(self, text: str) -> Taken:
        """The plan *text* with the edit that was undone last. Raises PlanError."""
        if not self.undone:
            raise PlanError("there is nothing to redo")
        step = self.undone[-1]
        turned = replace(step, before=step.after, after=step.before)
        new = _without(text, turned, f"“{step.done}” cannot be redone")
        again = step if text == step.before else replace(step, before=text, after=new)
        return Taken(new, step, PlanHistory((*self.steps, again), self.undone[:-1]))


def _without(text: str, step: Step, failure: str) -> str:
    """*text* with the change from `before` to `after` taken back."""
    if text == step.after:
        return step.before
    return merge_plans(step.after, text, step.before, failure)


def merge_plans(base: str, mine: str, theirs: str, failure: str) -> str:
    """Both changes of *base*, proven key by key. Raises PlanError that begins with *failure*."""
    wanted = _both(_flat(base), _flat(mine), _flat(theirs), failure)
    made = merge(base.encode(), mine.encode(), theirs.encode())
    if made is None:
        raise PlanError(f"{failure}: {_SINCE}", hint="git is needed to merge both")
    if not made.is_clean:
        raise PlanError(f"{failure}: {_SINCE}, close to it", hint=_BY_HAND)
    text = made.content.decode()
    if _flat(text) != wanted:
        raise PlanError(f"{failure}: {_SINCE}", hint=_BY_HAND)
    return text


_Flat: TypeAlias = Mapping[tuple[str, str], Any]
"""(task id, key) or (table, key) -> value; what else there is has an empty first part."""


def _flat(text: str) -> _Flat:
    """Raises PlanError for a text that is no TOML, or in which tasks cannot be told apart."""
    document = load_exact(text)
    tables = tables_of(document)
    ids = [str(task.get("id")) for task in tables]
    if len(set(ids)) < len(ids):
        raise PlanError("two tasks have one id", hint=_BY_HAND)
    found: dict[tuple[str, str], Any] = {
        (task_id, key): item for task_id, task in zip(ids, tables, strict=True) for key, item in task.items()
    }
    for name, value in document.items():
        if name == "task":
            continue
        if isinstance(value, dict):
            found |= {(f"[{name}]", key): item for key, item in value.items()}
        else:
            found["", name] = value
    return found


def _both(base: _Flat, mine: _Flat, theirs: _Flat, failure: str) -> _Flat:
    """Every value that only one side has changed, as it is there."""
    merged: dict[tuple[str, str], Any] = {}
    for place in dict.fromkeys((*base, *mine, *theirs)):
        old, one, two = base.get(place), mine.get(place), theirs.get(place)
        if old != one and old != two and one != two:
            raise PlanError(f"{failure}: {' '.join(place)} was changed on disk since", hint=_BY_HAND)
        value = two if old == one else one
        if value is not None:
            merged[place] = value
    return merged
