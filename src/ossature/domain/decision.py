"""What the engine asks, what a person or policy answers, and what a person may ask of a run unasked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Gate = Literal["trust", "spec_edit", "plan", "prompt", "fix", "landing", "task_failed", "conflict", "budget"]
Verb = Literal["approve", "retry", "skip", "edit", "abort", "take", "depend"]
Side = Literal["mine", "theirs", "merged", "aside"]
"""mine: what a person wrote; theirs: what was generated; merged: both; aside: theirs, and mine is listed by
`ossature accept --list`."""


Span = tuple[int, int, int, int]
"""Lines of a hunk, from 0 and without the end: of the file before, then of the file after."""


class Proposal(BaseModel):
    """The change of one file that a question is about, in hunks. Both contents are blobs."""

    model_config = ConfigDict(frozen=True)

    path: str
    """As people call the file."""
    before: str
    """Digest; empty where there is no such file yet."""
    after: str
    """Digest; empty where the file goes."""
    spans: tuple[Span, ...]


class Mark(BaseModel):
    """What a person says of one hunk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    hunk: str
    """Its digest, which binds the mark to the contents before and after."""
    is_refused: bool = True
    words: str = ""
    """For the model that is called next, if one is."""


class Question(BaseModel):
    """An open gate. It stays open until a decision names it; it has no timeout."""

    model_config = ConfigDict(frozen=True)

    id: str
    gate: Gate
    subject: str
    """One line for people: what is asked."""
    detail: str = ""
    """More of it: the failing lines, the files in conflict."""
    verbs: tuple[Verb, ...]
    task: str = ""
    spec: str = ""
    files: tuple[str, ...] = ()
    """Project-relative files that `edit` may replace or `take` decides about, or that show the matter."""
    digests: tuple[str, ...] = ()
    """Of `files`, as they were when the question was asked."""
    titles: tuple[str, ...] = ()
    """What people call `files`, where those are copies; empty where their names say it."""

    def title(self, name: str) -> str:
        """What people call *name*, one of `files`."""
        return dict(zip(self.files, self.titles, strict=False)).get(name, name)

    dependency: str = ""
    """Id of the task that `depend` adds to what this one waits for."""
    sides: tuple[Side, ...] = ("mine", "theirs")
    """Versions that `take` may name here."""
    proposals: tuple[Proposal, ...] = ()
    """What can be answered by hunk."""


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    question_id: str
    by: str
    """Who answered: `tui`, `cli`, `policy:auto`…"""
    id: str = ""
    """Random, given by the sender, so that sending twice is harmless."""


class Approve(_Reply):
    """Go on, with a word to the model where one is called next; with marks, without the refused hunks."""

    verb: Literal["approve"] = "approve"
    feedback: str = ""
    marks: tuple[Mark, ...] = ()


class Retry(_Reply):
    """Try once more, with a word to the model."""

    verb: Literal["retry"] = "retry"
    feedback: str = ""
    model: str = ""
    """Another model for this try; empty keeps the configured one."""
    marks: tuple[Mark, ...] = ()
    """What the model shall know of hunks of the version that is given up."""


class Skip(_Reply):
    """Leave this task out for this run."""

    verb: Literal["skip"] = "skip"


class Edit(_Reply):
    """Use this content instead of the file that was asked about."""

    verb: Literal["edit"] = "edit"
    path: str
    base_digest: str
    """Digest of the content that was edited; a decision made on an older one is refused."""
    content: str


class Abort(_Reply):
    """End the run; what has landed stays."""

    verb: Literal["abort"] = "abort"


class Take(_Reply):
    """Settle a conflict by one version of all the files that it is about.

    With marks, a person's version stays in place of the refused hunks.
    """

    verb: Literal["take"] = "take"
    side: Side
    marks: tuple[Mark, ...] = ()


class Depend(_Reply):
    """Let the task wait for the one that the question names: the plan is edited, and the task runs again."""

    verb: Literal["depend"] = "depend"


Decision = Annotated[Approve | Retry | Skip | Edit | Abort | Take | Depend, Field(discriminator="verb")]


class Stop(BaseModel):
    """End the run: `drain` lets work in flight finish, `now` interrupts it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    command: Literal["stop"] = "stop"
    mode: Literal["drain", "now"] = "drain"
    by: str = ""


class Pause(BaseModel):
    """Start nothing new; what runs goes on."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    command: Literal["pause"] = "pause"
    by: str = ""


class Resume(BaseModel):
    """Take up a paused run."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    command: Literal["resume"] = "resume"
    by: str = ""


class SetPreset(BaseModel):
    """Change which gates ask from now on."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    command: Literal["set_preset"] = "set_preset"
    preset: Literal["default", "tui", "step", "auto"] = "default"
    by: str = ""


class Requeue(BaseModel):
    """Build a task once more in this run, whatever came of it so far."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    command: Literal["requeue"] = "requeue"
    task: str
    feedback: str = ""
    """A word to the model."""
    model: str = ""
    """Another model for this try; empty keeps the configured one."""
    by: str = ""


Command = Annotated[Stop | Pause | Resume | SetPreset | Requeue, Field(discriminator="command")]


class Letter(BaseModel):
    """One file in a run's inbox: a decision or a command."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    message: Decision | Command


LETTER: TypeAdapter[Letter] = TypeAdapter(Letter)
