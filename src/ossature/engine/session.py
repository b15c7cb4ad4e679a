"""The one way for a face to reach a run: start it, find it, follow it, answer it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ossature.domain.decision import Command, Decision, Letter
from ossature.domain.event import Goal, Preset
from ossature.domain.record import Record, UnknownRecord
from ossature.domain.state import RunState
from ossature.errors import Exit, OssatureError, UsageError
from ossature.project import Project
from ossature.settings import Edits, SandboxMode
from ossature.store import inbox
from ossature.store.journal import Follower, follow, read_records
from ossature.store.lease import LeaseInfo, read_holder


class RunRequest(BaseModel):
    """What a run is asked to do; passed whole to the owner process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    goal: Goal = "build"
    preset: Preset = "default"
    is_headless: bool = False
    """Nobody can be asked: what a gate would ask is answered by the careful choice."""
    jobs: int = 0
    """Tasks at a time; 0 leaves it to the project's config."""
    max_calls: int = 0
    """Model calls at a time; 0 leaves it to the project's config."""
    keeps_going: bool = False
    """After a failure, go on with what does not depend on it."""
    findings: tuple[str, ...] = ()
    """`spec_fix`: ids of the findings to settle."""
    tasks: tuple[str, ...] = ()
    """Build only these and what they need; empty means all."""
    forced: tuple[str, ...] = ()
    """Generate these anew even if nothing changed; `*` means all."""
    refreshes_prompts: bool = False
    """Generate anew what was made with another version of our prompt templates."""
    feedback: str = ""
    """A word to the model for the forced tasks."""
    forced_model: str = ""
    """For the forced tasks alone, before what plan, config and `model` say."""
    model: str = ""
    """For every role, in place of the configured ones; empty keeps those."""
    edits: Edits | None = None
    """What becomes of outputs that people edited, from a flag; None leaves it to the config."""
    paths: tuple[str, ...] = ()
    """`accept`: outputs to take from the disk, beside those of `tasks`; relative to the output folder."""
    lands_red: bool = False
    """`accept`: land what is red, too, as unverified."""
    sandbox: SandboxMode | None = None
    """From a flag; None leaves it to the user's config."""
    replay: str = ""
    """Folder of recorded attempts; empty calls models."""
    matches_slots: bool = False
    """Recordings may also match by role, task and attempt (examples)."""
    chars_per_s: float = 0.0
    """How fast recorded replies are played; 0 is at once."""
    replans: bool = False
    """Plan anew even if nothing changed."""
    plans_anyway: bool = False
    """Plan although the audit left errors open."""
    is_demo: bool = False
    allows_unpriced: bool = False
    """Calls of a model whose price nobody knows count as free."""


class Attachment:
    """A run as a face sees it, whoever owns it: records in, decisions out."""

    def __init__(self, project: Project, run: str) -> None:
        self.project = project
        self.run = run
        self.folder = project.runs_dir / run
        self.state = RunState()
        self._follower = Follower(self.folder / "events.jsonl")

    def poll(self) -> list[Record | UnknownRecord]:
        """Records that are new since the last call; `state` is advanced by them. Never blocks."""
        records = self._follower.poll()
        for record in records:
            self.state.apply(record)
        return records

    async def follow(self) -> AsyncIterator[Record | UnknownRecord]:
        """Every record from the first one on, waiting for more until the run is over."""
        async for record in follow(self.folder / "events.jsonl", after=self.state.seq):
            self.state.apply(record)
            yield record

    @property
    def is_owned(self) -> bool:
        """A process is there that runs it."""
        holder = read_holder(self.project.lease_path)
        return holder is not None and holder.run == self.run

    def decide(self, decision: Decision) -> None:
        """Send an answer; raises OssatureError where nobody is left to receive it."""
        self._send(Letter(message=decision.model_copy(update={"id": decision.id or uuid.uuid4().hex})))

    def command(self, command: Command) -> None:
        """Send a command; raises OssatureError where nobody is left to receive it."""
        self._send(Letter(message=command))

    def _send(self, letter: Letter) -> None:
        if not self.is_owned:
            raise OssatureError(
                f"run {self.run} has no owner any more", hint="start it again with `ossature build`"
            )
        inbox.drop(self.folder / "inbox", letter)


def spawn(project: Project, request: RunRequest) -> str:
    """Start an owner process that outlives this one; returns its run id once the run has begun.

    Raises what kept it from starting (another owner, no sandbox…) as OssatureError with its exit code.
    """
    reader, writer = os.pipe()
    # -P: a module that lies in the project folder is not ours to import.
    argv = [sys.executable, "-P", "-m", "ossature", "own", "--project", str(project.root)]
    argv += ["--request", request.model_dump_json(), "--ready-fd", str(writer)]
    try:
        # A shell in between, which ends at once: the owner is no child of ours, so that a face which stays
        # open for days collects no dead ones.
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "ossature", *argv],
            pass_fds=(writer,),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=project.root,
            check=True,
        )
    finally:
        os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    try:
        word = json.loads(said)
    except ValueError as error:
        raise OssatureError(
            "the owner process ended before the run began",
            hint="run the same command with `--foreground` to see why",
        ) from error
    if "error" in word:
        raise OssatureError(word["error"], hint=word.get("hint", ""), exit_code=Exit(word["exit_code"]))
    return str(word["run"])


def live_holder(project: Project) -> LeaseInfo | None:
    """Who owns the project now."""
    return read_holder(project.lease_path)


def run_ids(project: Project) -> list[str]:
    """Ids of all runs, oldest first."""
    if not project.runs_dir.is_dir():
        return []
    return sorted(folder.name for folder in project.runs_dir.iterdir() if (folder / "events.jsonl").exists())


def latest_run(project: Project) -> str | None:
    """The run to attach to: the live one, else the newest."""
    holder = live_holder(project)
    if holder and holder.run and (project.runs_dir / holder.run).is_dir():
        return holder.run
    ids = run_ids(project)
    return ids[-1] if ids else None


def find_run(project: Project, name: str) -> str:
    """The run with that id, unique beginning of an id, or number; raises UsageError."""
    ids = run_ids(project)
    if name in ids:
        return name
    if name.isdecimal() and 1 <= int(name) <= len(ids):
        return ids[int(name) - 1]
    found = [run for run in ids if run.startswith(name)]
    if len(found) != 1:
        what = "names more than one run" if found else "names no run"
        raise UsageError(f"{name!r} {what}", hint="see `ossature runs`")
    return found[0]


def fold(folder: Path) -> RunState:
    """The state of the run in *folder*, from its whole journal."""
    state = RunState()
    for record in read_records(folder / "events.jsonl"):
        state.apply(record)
    return state
