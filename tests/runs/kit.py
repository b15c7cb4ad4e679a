"""A project, a scripted model and a way to run the engine on both: what the tests of whole runs share."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ossature.domain.event import Event, QuestionAsked, TaskBlocked, TaskLanded, TaskStarted, TaskUpToDate
from ossature.domain.record import Record
from ossature.engine.owner import own
from ossature.engine.preview import ProjectView, look
from ossature.engine.session import Attachment, RunRequest, run_ids, spawn
from ossature.llm.client import OnText, Reply, Request
from ossature.project import Project, load_project

OPEN = "danger-full-access"
DEADLINE_S = 60.0
CONFIG = """\
[project]
name = "parcels"

[output]
dir = "output"
language = "text"

[llm]
model = {model}
"""
LIB = """\
---
id: LIB
status: draft
priority: low
depends: []
---

# Library

## Overview

Counts parcels.

## Requirements

### Count {#count}

Counts parcels on a shelf.

**Returns:** a number

### Weigh {#weigh}

Weighs one parcel.

**Returns:** grams

## Constraints

- Whole numbers only
"""
APP = """\
---
id: APP
status: draft
depends: [LIB]
---

# Application

## Overview

Shows counts.

## Requirements

### Show {#show}

Prints the count.

**Returns:** a line

### Help {#help}

Prints a help text.

**Returns:** a text
"""
LIB_AMD = """\
---
spec: LIB
status: draft
---

# Architecture: Library

## Overview

One shelf.

## Components

### Shelf

@path: shelf.txt

Holds parcels.

**Interface:**

```
count() -> number
```

**Contracts:**

- Never negative

**Depends on:** none

### Scale

@path: scale.txt

Weighs parcels.

**Depends on:** Shelf
"""


def task(task_id: str, output: str, /, **keys: Any) -> dict[str, Any]:
    """A `[[task]]` as a table; `verify` looks whether the output is there unless it is given."""
    base: dict[str, Any] = {
        "id": task_id,
        "spec": "LIB",
        "title": f"Write {output}",
        "outputs": [output],
        "spec_refs": ["Count"],
        "verify": [f"test -s {output}"],
    }
    return {key: value for key, value in {**base, **keys}.items() if value is not None}


def five_tasks() -> list[dict[str, Any]]:
    """LIB: shelf, scale (shows shelf), label (waits for shelf). APP: show (uses LIB), help (after show)."""
    return [
        task("001", "shelf.txt", arch_refs=["Components > Shelf"]),
        task("002", "scale.txt", spec_refs=["Weigh"], depends_on=["001"], inject_files=["shelf.txt"]),
        task("003", "label.txt", spec_refs=["Constraints"], depends_on=["001"]),
        task("004", "show.txt", spec="APP", spec_refs=["Show"], cross_spec_interfaces=["LIB"]),
        task(
            "005", "help.txt", spec="APP", spec_refs=["Help"], depends_on=["004"], context_files=["rates.csv"]
        ),
    ]


def plan_text(tasks: list[dict[str, Any]], *, head: str = "") -> str:
    """A plan file; JSON strings and lists are TOML, too."""
    blocks = [head] if head else []
    for one in tasks:
        blocks.append("\n".join(["[[task]]", *(f"{key} = {json.dumps(one[key])}" for key in one)]))
    return "\n\n".join(blocks) + "\n"


def block(path: str, content: str) -> str:
    return f'<file path="{path}">\n{content}\n</file>'


Script = str | Exception | Callable[[Request], str]


@dataclass
class Call:
    """One model call as the model saw it."""

    role: str
    task: str
    spec: str
    attempt: int
    prompt: str
    model: str


class FakeModel:
    """Answers from a script; what it has no script for writes one plain line into each output."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.script: dict[str, list[Script]] = {}

    def says(self, key: str, *replies: Script) -> None:
        """What to answer `001`, `fix 001`, `audit LIB`, `plan LIB`…; the last one is repeated."""
        self.script[key] = list(replies)

    def answer(self, request: Request) -> str:
        who = request.task or request.spec
        self.calls.append(
            Call(
                request.role,
                request.task,
                request.spec,
                request.attempt,
                f"{request.system}\n\n{request.prompt}",
                request.model,
            )
        )
        key = who if request.role == "implement" else f"{request.role} {who}".strip()
        queue = self.script.get(key)
        if not queue:
            return self._plain(request)
        said = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(said, Exception):
            raise said
        return said(request) if callable(said) else said

    @property
    def asked(self) -> list[str]:
        return [f"{call.role} {call.task or call.spec}".strip() for call in self.calls]

    @staticmethod
    def _plain(request: Request) -> str:
        match request.role:
            case "audit" | "cross_audit":
                return '{"findings": []}'
            case "plan":
                name = f"{request.spec.lower()}.txt"
                return json.dumps({"tasks": [planned("main", name, request.spec)]})
            case "implement" | "fix":
                outputs = request.prompt.split("Outputs, ")[1].split("\n\n")[0].splitlines()[1:]
                return "\n".join(block(path.removeprefix("- "), "plain") for path in outputs)
            case _:
                return f"{request.role} of {request.spec or 'all'}"


def planned(local: str, output: str, spec: str, **keys: Any) -> dict[str, Any]:
    """A task as a planner writes it."""
    ref = {"LIB": "Count", "APP": "Show"}.get(spec, "Overview")
    return {
        "id": local,
        "title": f"Write {output}",
        "outputs": [output],
        "spec_refs": [ref],
        "verify": [f"test -s {output}"],
        **keys,
    }


class FakeModels:
    """Takes the place of the router over models in an owner of this process."""

    def __init__(self, model: FakeModel, settings: Any) -> None:
        self._model = model
        self._settings = settings

    async def complete(self, request: Request, on_text: OnText) -> Reply:
        text = self._model.answer(request)
        on_text(text)
        return Reply(text, source="exec")

    async def close(self) -> None:
        """Nothing is open."""

    def model_for(self, role: str) -> str:
        return self._settings.model_for(role)


@dataclass
class Run:
    """What became of a run in this process."""

    code: int
    events: list[Event]
    asked: list[str] = field(default_factory=list)
    """`implement 001`…: the model calls of this run only."""

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def ran(self) -> dict[str, str]:
        """Task -> `mode: reason`."""
        return {event.task: f"{event.mode}: {event.reason}" for event in self.of(TaskStarted)}

    @property
    def landed(self) -> list[str]:
        return [event.task for event in self.of(TaskLanded)]

    @property
    def rest(self) -> list[str]:
        """Tasks that were up to date."""
        return [event.task for event in self.of(TaskUpToDate)]

    @property
    def blocked(self) -> list[str]:
        return [event.task for event in self.of(TaskBlocked)]

    @property
    def end(self) -> Any:
        return self.events[-1]


class Kit:
    """One project folder."""

    def __init__(self, root: Path, model: FakeModel) -> None:
        self.root = root
        self.model = model

    @property
    def project(self) -> Project:
        return load_project(self.root, {})

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def plan_path(self) -> Path:
        return self.root / ".ossature" / "plan.toml"

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the first *old*, which has to be there."""
        text = (self.root / name).read_text("utf-8")
        assert old in text, f"{old!r} is not in {name}"
        self.write(name, text.replace(old, new, 1))

    def config(self, extra: str = "", *, model: str = "fake") -> None:
        self.write("ossature.toml", CONFIG.format(model=json.dumps(model)) + extra)

    def plan(self, tasks: list[dict[str, Any]] | None = None) -> None:
        self.write(".ossature/plan.toml", plan_text(five_tasks() if tasks is None else tasks))

    def own(
        self, goal: str = "build", *, hear: Callable[[Record], None] = lambda _record: None, **request: Any
    ) -> Run:
        """Own a run in this process, headless unless told otherwise."""
        events: list[Event] = []
        before = len(self.model.calls)

        def on_record(record: Record) -> None:
            events.append(record.event)
            hear(record)

        wanted = {"is_headless": True, "preset": "auto", "sandbox": OPEN, **request}
        code = own(self.project, RunRequest(goal=goal, **wanted), on_record=on_record)
        return Run(code, events, self.model.asked[before:])

    def answering(self, *answers: Callable[[Attachment, Any], None], **request: Any) -> Run:
        """Own a run that asks; each question goes to the next of *answers*, through the inbox."""
        left = list(answers)

        def hear(record: Record) -> None:
            if isinstance(record.event, QuestionAsked):
                question = record.event.question
                assert left, f"an unforeseen question: {question.subject}"
                holder = run_ids(self.project)[-1]
                left.pop(0)(Attachment(self.project, holder), question)

        run = self.own(hear=hear, **{"is_headless": False, "preset": "default", **request})
        assert not left, f"{len(left)} questions were never asked"
        return run

    def look(self) -> ProjectView:
        return look(self.project)

    def tree(self) -> dict[str, bytes]:
        return tree_of(self.output)

    def attempts(self) -> list[Path]:
        return sorted((self.root / ".ossature" / "tasks").glob("*/*"))


def tree_of(folder: Path) -> dict[str, bytes]:
    """Path -> bytes of every file below *folder*."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


EXEC_MODEL = """\
import os, pathlib, sys, time
sys.stdin.buffer.read()
here = pathlib.Path(__file__).parent
role, task, spec = (os.environ["OSSATURE_" + name] for name in ("ROLE", "TASK", "SPEC"))
with open(here / "calls.log", "a") as log:
    log.write(f"{role} {task or spec}\\n")
key = f"{role}-{task or spec}"
gate = here / f"{key}.gate"
while gate.exists():
    time.sleep(0.005)
for name in (f"{key}-{os.environ['OSSATURE_ATTEMPT']}.reply", f"{key}.reply", f"{role}.reply"):
    if (here / name).exists():
        sys.stdout.buffer.write((here / name).read_bytes())
        break
"""


class ScriptedKit(Kit):
    """A project whose model is a command: for owners in processes of their own."""

    @property
    def folder(self) -> Path:
        return self.root / "model"

    def prepare(self) -> None:
        path = self.write("model/model.py", EXEC_MODEL)
        self.config(model=f"exec:{shlex.quote(sys.executable)} -I -S {shlex.quote(str(path))}")

    def says(self, key: str, text: str | bytes) -> None:
        """What the command answers `implement-001`, `fix-001-2`, `plan-LIB`…"""
        self.write(f"model/{key}.reply", text)

    def hold(self, key: str) -> Path:
        """The command waits in that call until the file is deleted."""
        return self.write(f"model/{key}.gate", "")

    def calls(self) -> list[str]:
        log = self.folder / "calls.log"
        return log.read_text("utf-8").splitlines() if log.exists() else []


def environ(**extra: str) -> dict[str, str]:
    """What a command of ours runs in: warnings are errors there, too."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OSSATURE_") or name == "OSSATURE_TRUSTED_PATHS"
    }
    return {**kept, "NO_COLOR": "1", "PYTHONWARNINGS": "error", "COLUMNS": "100", **extra}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ossature", *arguments]


def cli(root: Path, *arguments: str, timeout: float = DEADLINE_S) -> subprocess.CompletedProcess[str]:
    """Run `ossature` to its end."""
    done = subprocess.run(
        command(*arguments),
        cwd=root,
        env=environ(),
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
    )
    refuse_traceback(done.stdout + done.stderr)
    return done


def build(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return cli(root, "build", "--sandbox", OPEN, *arguments)


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `ossature` in a session of its own."""
    return subprocess.Popen(
        command(*arguments),
        cwd=root,
        env=environ(),
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def refuse_traceback(text: str) -> None:
    for sign in ("Traceback (most recent call last)", "internal error", "Exception in callback"):
        assert sign not in text, text[-4000:]


def until(claim: Callable[[], Any], *, what: str = "") -> Any:
    """Poll until *claim* holds, and give back what it returned."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := claim()):
        assert time.monotonic() < deadline, f"it never came to this: {what or claim}"
        time.sleep(0.005)
    return found


class Live:
    """A run whose owner is a process of its own, seen through an attachment."""

    def __init__(self, kit: Kit, **request: Any) -> None:
        wanted = {"sandbox": OPEN, "preset": "default", **request}
        os.environ.pop("OSSATURE_MODEL", None)
        self.project = kit.project
        self.run = spawn(self.project, RunRequest(**wanted))
        self.attachment = Attachment(self.project, self.run)
        self.events: list[Any] = []

    @property
    def state(self) -> Any:
        return self.attachment.state

    def poll(self) -> None:
        self.events += [record.event for record in self.attachment.poll()]

    def wait(self, claim: Callable[[], Any], *, what: str = "") -> Any:
        def seen() -> Any:
            self.poll()
            return claim()

        return until(seen, what=what)

    def question(self, gate: str) -> Any:
        """The open question of that gate, once it is there."""
        return self.wait(
            lambda: next((q for q in self.state.questions.values() if q.gate == gate), None), what=gate
        )

    def event(self, kind: type, **fields: Any) -> Any:
        """The first event of that kind and with those fields, once it is there."""

        def found() -> Any:
            return next(
                (
                    event
                    for event in self.events
                    if isinstance(event, kind) and all(getattr(event, k) == v for k, v in fields.items())
                ),
                None,
            )

        return self.wait(found, what=kind.__name__)

    def end(self) -> int:
        """Wait for the end; the exit code."""
        self.wait(lambda: self.state.is_over, what="the end of the run")
        until(lambda: not self.attachment.is_owned, what="the owner to go")
        return int(self.state.exit_code or 0)

    def kill(self) -> None:
        self.poll()
        if self.attachment.is_owned and self.state.pid:
            with suppress(ProcessLookupError):
                os.kill(self.state.pid, signal.SIGKILL)
            until(lambda: not self.attachment.is_owned, what="the owner to die")
