"""Crash a build at a chosen change of the disk, build again, and look whether all is well."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import shutil
import subprocess
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ossature.build.command import Action, Finished
from ossature.digest import digest_bytes
from ossature.domain.event import RunFinished
from ossature.domain.state import RunState
from ossature.engine.session import run_ids
from ossature.errors import OssatureError
from ossature.llm.client import Request
from ossature.store.exchange import Exchanges
from ossature.store.journal import read_records
from ossature.store.lease import read_holder
from ossature.store.ledger import Ledger
from tests.faults.scenarios import Scenario
from tests.runs.kit import FakeModel, Kit, Run
from tests.support.disk_faults import REAL, Faults, Strike

FLYING = ("running", "verifying", "fixing", "waiting")


class LoggingModel(FakeModel):
    """Answers the same to the same request, whichever process asks, and writes down who asked for what."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self.log = log
        self.version = "one"
        self.on_answer: Callable[[], object] = lambda: None
        """Called when a reply is complete."""

    def answer(self, request: Request) -> str:
        self._note("asked", request)
        text = self._said(request)
        self._note("answered", request)
        self.on_answer()
        return text

    def _said(self, request: Request) -> str:
        key = f"{request.role} {request.task or request.spec}".removeprefix("implement ").strip()
        replies = self.script.get(key)
        if replies is None:
            return self._plain(request).replace("\nplain\n", f"\n{request.task} {self.version}\n")
        # By attempt, so that a new process goes on where a dead one was.
        first = 1 if request.role == "implement" else 3
        said = replies[min(max(request.attempt - first, 0), len(replies) - 1)]
        assert isinstance(said, str)
        return said

    def _note(self, what: str, request: Request) -> None:
        line = json.dumps([what, request.request_digest, f"{request.role} {request.task or request.spec}"])
        fd = REAL["open"](self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        REAL["write"](fd, f"{line}\n".encode())
        os.close(fd)

    def noted(self) -> Counter[str]:
        """Request digest -> how often it was asked."""
        if not self.log.exists():
            return Counter()
        lines = (json.loads(line) for line in self.log.read_text("utf-8").splitlines())
        return Counter(f"{who} {digest[:12]}" for what, digest, who in lines if what == "asked")


class Lab:
    """One scenario, ready to be crashed again and again."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.folder = folder
        self.inspected = 2
        self._made = 0
        begun = self.kit("begun")
        use(begun.model)
        scenario.begin(begun)
        self._begun = begun
        # A child that collects garbage would copy every page of its parent.
        gc.collect()
        gc.freeze()
        self.files = copied(begun.root)
        # What an undisturbed build, the person's edit and another build come to.
        kit = self.fresh()
        faults = Faults()
        self.answers: list[int] = []
        """How many changes came before each reply."""
        kit.model.on_answer = lambda: self.answers.append(faults.count)
        with faults.on():
            run = self.own(kit)
        assert run.code == 0, run.end
        self.calls = faults.calls
        scenario.between(kit)
        again = kit.own()
        assert again.code == 0, again.end
        self.tree = kit.tree()
        self.landings = landings(kit)
        self.plan = plan_of(kit)
        assert not inspect(self, kit)

    def kit(self, name: str) -> Kit:
        (self.folder / name).mkdir()
        return Kit(self.folder / name / "parcels", LoggingModel(self.folder / name / "calls.log"))

    def fresh(self) -> Kit:
        """The project as it is when the build begins that will crash."""
        self._made += 1
        kit = self.kit(str(self._made))
        put(kit.root, self.files)
        model = self._begun.model
        kit.model.script, kit.model.version = model.script, model.version
        use(kit.model)
        return kit

    def own(self, kit: Kit) -> Run:
        return kit.own(**self.scenario.request)

    def in_child(self, kit: Kit, strike: Strike, *, between: bool = False) -> int:
        """Run the build in a process of its own; its exit code, or minus the signal that ended it.

        *between*: what a person does after a crash is done first.
        """
        if between:
            self.scenario.between(kit)
        pid = os.fork()
        if pid:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        code = 99
        try:
            gc.disable()
            faults = Faults(strike)
            try:
                with faults.on():
                    code = self.own(kit).code
            except OssatureError as error:
                code = error.exit_code
                (kit.root.parent / "refused.txt").write_text(f"{error}\n{error.hint}\n")
            if faults.synced_again:
                kit.write("synced-again.txt", "\n".join(faults.synced_again))
        except BaseException:  # noqa: BLE001  # whatever it is, the parent has to hear of it
            (kit.root.parent / "crash.txt").write_text(traceback.format_exc())
        finally:
            os._exit(code)

    def said(self, kit: Kit) -> str:
        """What is known of a child that ended otherwise than by a signal."""
        path = kit.root.parent / "crash.txt"
        return path.read_text() if path.exists() else "it ended without a traceback"

    def why(self, kit: Kit) -> str:
        """What a run that failed in a child says of it, in its journal or in the error that ended it."""
        refused = kit.root.parent / "refused.txt"
        texts = [refused.read_text()] if refused.exists() else []
        for run in run_ids(kit.project):
            for record in read_records(kit.project.runs_dir / run / "events.jsonl"):
                if isinstance(record.event, RunFinished):
                    texts.append(record.event.reason)
        return "\n".join(texts)

    def recover(self, kit: Kit, *, has_been_between: bool = False) -> list[str]:
        """Build without disturbance and say what is not as it has to be."""
        paid = self.recorded(kit)
        if not has_been_between:
            self.scenario.between(kit)
        run = self.own(kit)
        problems = [] if run.code == 0 else [f"the next build ends with {run.code}: {run.end}"]
        return [*problems, *self.asked_again(kit, paid), *inspect(self, kit)]

    def recorded(self, kit: Kit) -> Counter[str]:
        """Requests whose response is on the disk, and how often they have been asked so far."""
        asked = kit.model.noted()
        return Counter({who: asked[who] for who in recorded_requests(kit)})

    def asked_again(self, kit: Kit, paid: Counter[str]) -> list[str]:
        """Which of *paid* requests have been asked since."""
        asked = kit.model.noted()
        return [f"{who} was recorded and is asked again" for who in paid if asked[who] > paid[who]]

    def drop(self, kit: Kit) -> None:
        shutil.rmtree(kit.root.parent)


class PlainExecutor:
    """Runs a command and nothing else: looking for its survivors reads all of /proc, each time."""

    def __init__(self, *_parts: Any) -> None:
        """Takes whatever the real one takes."""

    async def run(self, action: Action) -> Finished:
        # Other tasks get their turn, as they do while a command runs.
        await asyncio.sleep(0)
        done = subprocess.run(  # noqa: ASYNC221  # nothing else waits in these builds
            ["/bin/sh", "-c", action.command],
            cwd=action.cwd,
            env=dict(action.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        with contextlib.suppress(OSError), action.log_path.open("ab", buffering=0) as log:
            log.write(done.stdout)
        said = done.stdout.decode()
        return Finished(done.returncode, False, 0.0, said, "", len(said), action.log_path)


_MODEL: list[Any] = [None]


def use(model: FakeModel) -> None:
    """What the engine asks from now on."""
    _MODEL[0] = model


def current_model() -> FakeModel:
    return _MODEL[0]


def copied(root: Path) -> list[tuple[str, bytes | str | None, int]]:
    """A folder as values: bytes of files, targets of links, None for folders."""
    found: list[tuple[str, bytes | str | None, int]] = []
    for path in sorted(root.rglob("*")):
        rel = path.relative_to(root).as_posix()
        mode = path.lstat().st_mode & 0o777
        if path.is_symlink():
            found.append((rel, str(path.readlink()), mode))
        else:
            found.append((rel, None if path.is_dir() else path.read_bytes(), mode))
    return found


def put(root: Path, files: list[tuple[str, bytes | str | None, int]]) -> None:
    """The folder again, under another name."""
    root.mkdir()
    for rel, content, mode in files:
        path = root / rel
        if content is None:
            path.mkdir()
        elif isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)
            path.chmod(mode)


def landings(kit: Kit) -> dict[str, Any]:
    """By task: a lineage is kept by a task that was retitled only if it had landed before."""
    ledger = Ledger(kit.project.ledger_path)
    return {
        entry.task or name: (dict(entry.files), entry.generate, entry.verify)
        for name, entry in ledger.landings.items()
    }


def plan_of(kit: Kit) -> list[str]:
    lines = kit.plan_path.read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("generated_at")]


def recorded_requests(kit: Kit) -> set[str]:
    """Requests whose response is on the disk."""
    found: set[str] = set()
    for folder in kit.attempts():
        if (folder / "response.md").exists():
            meta = json.loads((folder / "attempt.json").read_bytes())
            found.add(f"{meta['role']} {meta['task'] or meta['spec']} {meta['request_digest'][:12]}")
    return found


def inspect(lab: Lab, kit: Kit) -> list[str]:
    """Everything that is not as after an undisturbed build."""
    lab.inspected += 1
    return [
        *_different("the tree", kit.tree(), lab.tree),
        *_different("the landings", landings(kit), lab.landings),
        *([] if plan_of(kit) == lab.plan else ["the plan differs"]),
        *_unended(kit),
        *_left_over(kit),
        *_unsound(kit),
        # Dear, so every third time: what is left to do shows in the landings, too.
        *(_not_done(kit) if lab.inspected % 3 == 0 else ()),
    ]


def _different(what: str, found: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    for name in sorted({*found, *wanted}):
        if found.get(name) != wanted.get(name):
            yield f"{what}: {name} is {found.get(name)!r}, should be {wanted.get(name)!r}"


def _unended(kit: Kit) -> Iterator[str]:
    if (holder := read_holder(kit.project.lease_path)) is not None:
        yield f"{holder} still holds the lease"
    for run in run_ids(kit.project):
        state, numbers = RunState(), []
        for record in read_records(kit.project.runs_dir / run / "events.jsonl"):
            state.apply(record)
            numbers.append(record.seq)
        flying = [one.row.id for one in state.tasks.values() if one.status in FLYING]
        if not state.is_over or state.questions or flying:
            yield f"{run} is not over: {list(state.questions)} {flying}"
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{run} counts {numbers}"


def _left_over(kit: Kit) -> Iterator[str]:
    for folder, _, names in os.walk(kit.root):
        for name in names:
            if name.endswith((".tmp", ".new")) or name.startswith(".up-to-date"):
                yield f"{folder}/{name} is left over"


def _unsound(kit: Kit) -> Iterator[str]:
    """What the store cannot give back."""
    project = kit.project
    ledger = Ledger(project.ledger_path)
    yield from (f"ledger: {item.message}" for item in ledger.diagnostics)
    yield from (f"{intent.landing.task} is landed by half" for intent in ledger.open_intents)
    known = set()
    for path in project.blobs_dir.glob("*/[!.]*"):
        known.add(path.parent.name + path.name)
        if digest_bytes(path.read_bytes()) != path.parent.name + path.name:
            yield f"blob {path.name} is damaged"
    for entry in ledger.landings.values():
        wanted = {*entry.files.values(), *([entry.texts] if entry.texts else [])}
        yield from (f"{entry.task} has lost the blob {digest}" for digest in wanted - known)
    exchanges = Exchanges(project.exchanges_dir, project.tasks_dir)
    for folder in kit.attempts():
        if (folder / "response.md").exists():
            meta = json.loads((folder / "attempt.json").read_bytes())
            if folder not in exchanges.find(meta["request_digest"]):
                yield f"{folder.name} is not in the index"


def _not_done(kit: Kit) -> Iterator[str]:
    view = kit.look()
    if view.will_run or view.may_run or not view.is_verified:
        yield f"still to do: {view.will_run} {view.may_run}"
    if any(shown.edited for shown in view.tasks):
        yield "files count as edited by hand"
