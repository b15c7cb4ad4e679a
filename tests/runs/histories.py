"""Random lives of a project: a model and a person write the same files, and some runs are cut short."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ossature.build.command import Action, Finished
from ossature.domain.decision import Abort, Approve, Edit, Question, Skip, Take
from ossature.llm.client import Request
from ossature.store.ledger import Ledger
from tests.runs.kit import Kit, block, task

HAND = re.compile(rb"hand-\d+")
FILES = ("a.txt", "b.txt", "c.txt", "d.txt")
_WRITES = ("write", "rename", "replace", "unlink", "fsync", "fdatasync", "mkdir", "ftruncate")


class Killed(BaseException):
    """Stands for `kill -9`: nothing of ours runs on, and nothing is written any more."""


class Kill:
    """Counts calls that change the disk and cuts the process short before one of them.

    With *at* 0 nothing is cut. A write that is cut may have written a part.
    """

    def __init__(self, at: int, *, tears: bool = False) -> None:
        self._left = at
        self._tears = tears
        self.is_dead = False
        self._is_paused = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is counted meanwhile."""
        self._is_paused = True
        yield
        self._is_paused = False

    @contextmanager
    def armed(self) -> Iterator[None]:
        real = {name: getattr(os, name) for name in _WRITES}
        for name, call in real.items():
            setattr(os, name, self._wrapped(name, call))
        try:
            yield
        finally:
            for name, call in real.items():
                setattr(os, name, call)

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def checked(*args: Any, **kwargs: Any) -> Any:
            if self.is_dead:
                raise Killed
            if self._left and not self._is_paused:
                self._left -= 1
                if not self._left:
                    self.is_dead = True
                    if name == "write" and self._tears and len(args[1]) > 1:
                        call(args[0], bytes(args[1])[: len(args[1]) // 2])
                    raise Killed
            return call(*args, **kwargs)

        return checked


class Instant:
    """An executor without processes: red where a staged file says so."""

    async def run(self, action: Action) -> Finished:
        texts = [path.read_bytes() for path in sorted(action.cwd.glob("*.txt"))]
        is_red = any(b"RED" in text for text in texts)
        action.log_path.write_bytes(b"red\n" if is_red else b"")
        return Finished(int(is_red), False, 0.0, "red" if is_red else "", "", 3, action.log_path)


@dataclass
class History:
    """One project and what a person did in it."""

    kit: Kit
    source: random.Random
    steps: list[str] = field(default_factory=list)
    alive: set[bytes] = field(default_factory=set)
    """Lines that the person wrote and has not taken away."""
    tasks: list[dict[str, Any]] = field(default_factory=list)
    _typed: set[bytes] = field(default_factory=set)
    _count: int = 0
    _notes: int = 0
    kill: Kill = field(default_factory=lambda: Kill(0))

    def begin(self) -> None:
        self.tasks = [
            task("001", "a.txt", verify=["check"]),
            task("002", "b.txt", outputs=["b.txt", "c.txt"], depends_on=["001"], verify=["check"]),
            task("003", "a.txt", title="Again", depends_on=["001"], verify=["check"], spec_refs=["Weigh"]),
        ]
        if self.source.random() < 0.5:
            self.tasks.pop()
        self.kit.plan(self.tasks)
        for number in range(1, 7):
            self.kit.model.says(f"{number:03d}", self._reply)
            self.kit.model.says(f"fix {number:03d}", self._reply)
        self.build()

    def step(self) -> None:
        """Do one thing at random."""
        acts = [self.edit] * 9 + [self.build] * 6 + [self.accept] * 2 + [self.change_plan] * 3
        acts += [self.delete, self.rename, self.write_unowned]
        self.source.choice(acts)()

    def end(self) -> None:
        """A last build that nobody disturbs."""
        self.kill = Kill(0)
        self._own("build", edits="set-aside", is_headless=True)

    # --- the person

    def edit(self) -> None:
        """Insert a line, replace one, or take one away, in a file that is there."""
        paths = self._on_disk()
        if not paths:
            return
        path = self.source.choice(paths)
        lines = path.read_bytes().splitlines(keepends=True)
        at = self.source.randint(0, len(lines))
        how = self.source.choice(["insert", "insert", "replace", "remove"])
        gone = [] if how == "insert" else lines[at : at + 1]
        new = [] if how == "remove" else [self._line()]
        if self.source.random() < 0.1:
            new = [line.replace(b"hand", b"RED hand") for line in new]
        path.write_bytes(b"".join([*lines[:at], *new, *lines[at + len(gone) :]]))
        self._took_away(b"".join(gone))
        self._note(f"{how} line {at} of {path.name}: -{gone} +{new}")

    def delete(self) -> None:
        if paths := self._on_disk():
            path = self.source.choice(paths)
            self._took_away(path.read_bytes())
            path.unlink()
            self._note(f"delete {path.name}")

    def rename(self) -> None:
        if paths := self._on_disk():
            path = self.source.choice(paths)
            target = path.with_name(self.source.choice([*FILES, "e.txt", "f.txt"]))
            if not target.exists():
                path.rename(target)
                self._note(f"rename {path.name} -> {target.name}")

    def write_unowned(self) -> None:
        path = self.kit.output / self.source.choice([*FILES, "e.txt"])
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._line())
            self._note(f"write {path.name}")

    def change_plan(self) -> None:
        """Make a task stale, or change whose a file is."""
        self._notes += 1
        chosen = self.source.choice(self.tasks)
        how = self.source.choice([*["notes"] * 6, "intent", "outputs", "drop", "add", "title"])
        match how:
            case "notes":
                chosen["notes"] = f"note {self._notes}"
            case "title":
                chosen["title"] = f"Title {self._notes}"
            case "intent":
                chosen["status"] = self.source.choice(["pending", "pending", "manual", "skipped"])
            case "outputs":
                free = [name for name in FILES if not any(name in one["outputs"] for one in self.tasks)]
                chosen["outputs"] = self.source.choice(
                    [chosen["outputs"][:1], [*chosen["outputs"], *free[:1]]]
                )
            case "drop" if len(self.tasks) > 1:
                self.tasks.remove(chosen)
                for one in self.tasks:
                    one["depends_on"] = [name for name in one.get("depends_on", []) if name != chosen["id"]]
            case "add":
                self._add_task()
        self.kit.plan(self.tasks)
        self._note(f"plan: {how} of {chosen['id']} -> {[(t['id'], t['outputs']) for t in self.tasks]}")

    def _add_task(self) -> None:
        """One more writer at the end of everything."""
        free = [f"{n:03d}" for n in range(1, 7) if f"{n:03d}" not in {one["id"] for one in self.tasks}]
        if free:
            after = [one["id"] for one in self.tasks]
            path = self.source.choice(FILES)
            self.tasks.append(
                task(free[0], path, title=f"More {self._notes}", depends_on=after, verify=["check"])
            )

    # --- runs

    def build(self) -> None:
        edits = self.source.choice(["ask"] * 8 + ["accept"] * 3 + ["set-aside", "revert", "stop"])
        is_headless = self.source.random() < 0.2
        forced = (self.source.choice(self.tasks)["id"],) if self.source.random() < 0.2 else ()
        self._run("build", edits=edits, is_headless=is_headless, forced=forced, keeps_going=self._chance())

    def accept(self) -> None:
        chosen = self.source.choice(["*", self.source.choice(self.tasks)["id"]])
        self._run("accept", tasks=(chosen,), lands_red=self._chance(), keeps_going=self._chance())

    def _run(self, goal: str, **request: Any) -> None:
        at = self.source.randint(1, 120) if self.source.random() < 0.35 else 0
        self.kill = Kill(at, tears=self._chance())
        self._own(goal, **request)

    def _own(self, goal: str, **request: Any) -> None:
        wanted = {"preset": "default", "is_headless": True, **request}
        try:
            with self.kill.armed():
                run = self.kit.own(goal, **wanted)
            self._note(f"{goal} {request} -> {run.code} {run.landed}")
        except (Killed, BaseExceptionGroup):
            assert self.kill.is_dead
            self._note(f"{goal} {request} -> killed")
        # What was typed at a gate counts once it is in a file; until then it is in the attempt's folder.
        landed = HAND.findall(b"".join(path.read_bytes() for path in self._on_disk()))
        self.alive |= self._typed.intersection(landed)
        self._typed.clear()

    def _reply(self, request: Request) -> str:
        """A whole file or two; of what the prompt shows, some lines are kept and some are forgotten."""
        self.meddle(0.15)
        names = next(one["outputs"] for one in self.tasks if one["id"] == request.task)
        return "\n".join(block(name, self._content(name)) for name in names)

    def _content(self, name: str) -> str:
        path = self.kit.output / name
        shown = path.read_bytes().decode().splitlines() if path.is_file() else []
        lines = [line for line in shown if self.source.random() < 0.9]
        for _ in range(self.source.randint(1, 3) if shown else 8):
            self._count += 1
            lines.insert(self.source.randint(0, len(lines)), f"model-{self._count}")
        return "\n".join(line for line in lines if "RED" not in line)

    def answer(self, question: Question, policy: Any) -> Any:
        """What the person says where no policy has an answer; comes at once, so that histories are quick."""
        if policy is not None:
            return policy
        self.meddle(0.1)
        said: dict[str, Any] = {"question_id": question.id, "by": "person"}
        decision: Any
        weights = [{"take": 6, "edit": 2}.get(verb, 1) for verb in question.verbs]
        match self.source.choices(question.verbs, weights)[0]:
            case "take":
                decision = Take(side=self.source.choice(question.sides), **said)
            case "edit" if question.gate == "conflict":
                decision = self._edited(question, said)
            case "approve":
                decision = Approve(**said)
            case "skip":
                decision = Skip(**said)
            case _:
                decision = Abort(**said)
        what = getattr(decision, "side", "")
        self._note(f"  [{question.id}] {question.subject[:70]}: {decision.verb} {what}")
        return decision

    def meddle(self, chance: float) -> None:
        """The person is at work while a run is."""
        if self.source.random() < chance and not self.kill.is_dead:
            self.edit()

    def _edited(self, question: Question, said: dict[str, Any]) -> Edit:
        """Both sides' lines, with the markers taken out by hand."""
        name, digest = question.files[0], question.digests[0]
        lines = (self.kit.root / name).read_bytes().splitlines(keepends=True)
        marks = (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")
        self._count += 1
        typed = b"hand-%d" % self._count
        self._typed.add(typed)
        text = b"".join(line for line in lines if not line.startswith(marks)) + typed + b"\n"
        return Edit(path=name, base_digest=digest, content=text.decode(), **said)

    # --- what has to hold

    def lost(self) -> set[bytes]:
        """Lines that are neither on disk nor in a version that `accept --list` names."""
        kept = b"".join(path.read_bytes() for path in self._on_disk())
        ledger = Ledger(self.kit.project.ledger_path)
        digests = [aside.digest for aside in ledger.asides]
        for lineage, landing in ledger.landings.items():
            if lineage.startswith("origin."):
                digests += landing.files.values()
        for digest in digests:
            kept += (self.kit.root / ".ossature" / "blobs" / digest[:2] / digest[2:]).read_bytes()
        return self.alive - set(HAND.findall(kept))

    def _on_disk(self) -> list[Path]:
        return sorted(self.kit.output.glob("*.txt"))

    def _line(self) -> bytes:
        self._count += 1
        line = b"hand-%d" % self._count
        self.alive.add(line)
        return line + b"\n"

    def _took_away(self, content: bytes) -> None:
        self.alive -= set(HAND.findall(content))

    def _chance(self) -> bool:
        return self.source.random() < 0.5

    def _note(self, text: str) -> None:
        self.steps.append(text)
