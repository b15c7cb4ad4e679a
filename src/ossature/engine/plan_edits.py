"""What can be done to the plan, as values: each says what a person wants, not how the text changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from ossature.domain.plan import Intent, Task

Field = Literal[
    "title",
    "description",
    "notes",
    "outputs",
    "verify",
    "spec_refs",
    "arch_refs",
    "inject_files",
    "context_files",
    "model",
    "status",
]
"""Keys of a task that a form offers."""
Value: TypeAlias = str | tuple[str, ...]
Side = Literal["first", "second", "both"]
SharedKey = Literal[
    "outputs", "byproducts", "spec_refs", "arch_refs", "verify", "inject_files", "context_files"
]
"""Lists of a task whose items go to either part when it is split."""


@dataclass(frozen=True, slots=True)
class SetFields:
    """Keys of one task get other values; an empty one takes the key out."""

    task: str
    fields: tuple[tuple[Field, Value], ...]


@dataclass(frozen=True, slots=True)
class SetStatus:
    """A task is skipped, written by hand, or neither."""

    task: str
    intent: Intent


@dataclass(frozen=True, slots=True)
class ChangeEdges:
    """A task waits for more, or for less."""

    task: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """A task goes one place up or down in the order in which tasks are shown."""

    task: str
    step: Literal[-1, 1]


@dataclass(frozen=True, slots=True)
class Share:
    """Where one item of a list goes when its task is split."""

    key: SharedKey
    item: str
    side: Side


@dataclass(frozen=True, slots=True)
class Split:
    """One task becomes two: the first keeps id and block, the second waits for it."""

    task: str
    title: str
    second_title: str
    shares: tuple[Share, ...]
    """Items that are not named: outputs and byproducts stay with the first, others go to both."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Two tasks become one, in the place and under the id of the first."""

    task: str
    other: str
    title: str


@dataclass(frozen=True, slots=True)
class AddTask:
    """A new task behind another, or at the end; it gets the next free id, whatever its own says."""

    task: Task
    after: str = ""


@dataclass(frozen=True, slots=True)
class RemoveTask:
    """A task goes out of the plan."""

    task: str


@dataclass(frozen=True, slots=True)
class ReplaceBlock:
    """The lines of a task, with the comment above it, as a person wrote them anew."""

    task: str
    lines: str


PlanEdit: TypeAlias = (
    SetFields | SetStatus | ChangeEdges | Move | Split | Merge | AddTask | RemoveTask | ReplaceBlock
)


def describe(edit: PlanEdit, *, made: str = "") -> str:
    """What was done, in a few words that follow a colon or stand alone; *made* is the id of a new task."""
    match edit:
        case SetFields():
            return f"{edit.task}: {listed([key.replace('_', ' ') for key, _ in edit.fields])} changed"
        case SetStatus():
            words = {"pending": "to be built", "skipped": "skipped", "manual": "written by you (manual)"}
            return f"{edit.task}: {words[edit.intent]}"
        case ChangeEdges():
            more = [f"waits for {listed(edit.added)}"] if edit.added else []
            less = [f"no longer waits for {listed(edit.removed)}"] if edit.removed else []
            return f"{edit.task} {', '.join(more + less)}"
        case Move():
            return f"{edit.task} moved {'up' if edit.step < 0 else 'down'}"
        case Split():
            return f"{edit.task} split, {made} is its second part"
        case Merge():
            return f"{edit.other} merged into {edit.task}"
        case AddTask():
            return f"{made} added"
        case RemoveTask():
            return f"{edit.task} deleted"
        case ReplaceBlock():
            return f"{edit.task}: block changed"
        case _:
            assert_never(edit)


def listed(names: list[str] | tuple[str, ...]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
