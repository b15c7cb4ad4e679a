"""What `build -n` says holds: over random plans and random edits, nothing else runs and all of it does."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from ossature.engine.forecast import Forecast, foretell
from ossature.llm.client import Request
from tests.runs.kit import Kit, Run, block, task
from tests.support.sampling import some

SEEDS = some(8, 12)
STEPS = 10
"""Edits in a row on each plan; together, of all seeds, 120 builds that were foretold."""
REFS = {"LIB": ["Count", "Weigh", "Constraints"], "APP": ["Show", "Help"]}
Table = dict[str, Any]


class World:
    """One project that is edited at random; an edit that the plan's checks refuse is taken back."""

    def __init__(self, kit: Kit, seed: int) -> None:
        self.kit = kit
        self.random = random.Random(seed)
        self.tasks: list[Table] = []
        self.count = 0
        self.edits: list[str] = []
        kit.model._plain = self.reply  # type: ignore[method-assign]
        if self.random.random() < 0.5:
            (kit.root / "specs" / "lib.amd").unlink()
        if self.random.random() < 0.3:
            kit.config('[build]\nisolation = "tree"\n')
        for _ in range(self.random.randint(3, 7)):
            self.add()
            kit.plan(self.tasks)
            if any(found.severity == "error" for found in kit.look().diagnostics):
                self.tasks.pop()
        kit.plan(self.tasks)

    def reply(self, request: Request) -> str:
        """Often what it said the last time, so that some builds come out with the same bytes."""
        said = self.random.choice(("plain", "plain", "other"))
        if request.role == "implement":
            found = next(one for one in self.tasks if one["id"] == request.task)
            return "\n".join(block(path, said) for path in found["outputs"])
        return f"{request.role} {said}"

    def above(self, one: Table) -> list[Table]:
        """What a task waits for, in the order of the list."""
        by_id = {other["id"]: other for other in self.tasks}
        found: set[str] = set()
        waiting = [one]
        while waiting:
            now = waiting.pop()
            needs = [*now.get("depends_on", ())]
            for spec in now.get("cross_spec_interfaces", ()):
                needs += [other["id"] for other in self.tasks if other["spec"] == spec]
            waiting += [by_id[name] for name in needs if name in by_id and name not in found]
            found.update(needs)
        return [other for other in self.tasks if other["id"] in found]

    def add(self) -> None:
        self.count += 1
        spec = self.random.choice(("LIB", "LIB", "APP"))
        before = [other for other in self.tasks if other["spec"] == spec]
        one = task(f"{self.count:03d}", f"f{self.count}.txt", spec=spec, verify=["true"])
        one["spec_refs"] = [self.random.choice(REFS[spec])]
        one["depends_on"] = [o["id"] for o in before if self.random.random() < 0.4]
        if spec == "APP" and self.random.random() < 0.6:
            one["cross_spec_interfaces"] = ["LIB"]
        if self.random.random() < 0.3:
            one["context_files"] = ["rates.csv"]
        files = [path for other in self.above(one) for path in other["outputs"]]
        one["inject_files"] = [path for path in dict.fromkeys(files) if self.random.random() < 0.4]
        if files and self.random.random() < 0.25:
            one["outputs"] = [*one["outputs"], self.random.choice(files)]
        self.tasks.append(one)

    def edit(self) -> None:
        """Change something, and keep the plan valid."""
        kinds: list[Callable[[], object]] = [
            self.edit_text,
            self.edit_text,
            self.edit_task,
            self.edit_task,
            self.edit_needs,
            self.edit_needs,
            self.edit_files,
            self.delete_output,
            self.renumber,
            self.remove,
            self.add,
            self.move_output,
            self.leave_out,
        ]
        saved = [dict(one) for one in self.tasks]
        kind = self.random.choice(kinds)
        kind()
        self.kit.plan(self.tasks)
        view = self.kit.look()
        written = {path for one in self.tasks for path in one["outputs"]}
        # What no task writes any more is there until the build that withdraws it.
        is_lost = any(not written.issuperset(one.get("inject_files", ())) for one in self.tasks)
        if is_lost or any(found.severity == "error" for found in view.diagnostics):
            self.tasks = saved
            self.kit.plan(self.tasks)
        else:
            self.edits.append(kind.__name__)

    def edit_text(self) -> None:
        words = {
            "specs/lib.smd": ("Counts parcels on", "Weighs one", "- Whole", "Counts parcels.\n", "status:"),
            "specs/app.smd": ("Prints the", "Prints a", "Shows counts", "depends:"),
            "context/rates.csv": ("1",),
        }
        name = self.random.choice(list(words))
        word = self.random.choice(words[name])
        path = self.kit.root / name
        text = path.read_text("utf-8")
        mark = self.random.choice((" surely", " # so")) if word.endswith(":") is False else ""
        change = text.replace(word, f"{word.rstrip()}{mark}\n" if word.endswith("\n") else f"{word}{mark}", 1)
        path.write_text(change if mark else f"{text}\n", "utf-8")

    def edit_task(self) -> None:
        one = self.random.choice(self.tasks)
        key = self.random.choice(("title", "description", "notes", "verify", "spec_refs", "model"))
        if key == "verify":
            one[key] = [f"true {self.random.randint(0, 2)}"]
        elif key == "spec_refs":
            one[key] = [self.random.choice(REFS[one["spec"]])]
        else:
            one[key] = f"{one.get(key, '')[:20]}{self.random.choice('ab')}"

    def edit_needs(self) -> None:
        one = self.random.choice(self.tasks)
        others = [o["id"] for o in self.tasks[: self.tasks.index(one)] if o["spec"] == one["spec"]]
        if others:
            name = self.random.choice(others)
            needs = one.get("depends_on", [])
            one["depends_on"] = [n for n in needs if n != name] if name in needs else [*needs, name]

    def edit_files(self) -> None:
        one = self.random.choice(self.tasks)
        files = [path for other in self.above(one) for path in other["outputs"]]
        shown = one.get("inject_files", [])
        if files:
            path = self.random.choice(files)
            one["inject_files"] = [p for p in shown if p != path] if path in shown else [*shown, path]

    def delete_output(self) -> None:
        path = self.random.choice([path for one in self.tasks for path in one["outputs"]])
        (self.kit.output / path).unlink(missing_ok=True)

    def renumber(self) -> None:
        names = [one["id"] for one in self.tasks]
        new = dict(zip(names, self.random.sample(range(100, 999), len(names)), strict=True))
        for one in self.tasks:
            one["depends_on"] = [f"{new[name]}" for name in one.get("depends_on", ())]
            one["id"] = f"{new[one['id']]}"
        if self.random.random() < 0.5:
            self.random.shuffle(self.tasks)

    def remove(self) -> None:
        if len(self.tasks) > 2:
            gone = self.tasks.pop(self.random.randrange(len(self.tasks)))
            for one in self.tasks:
                one["depends_on"] = [name for name in one.get("depends_on", ()) if name != gone["id"]]

    def move_output(self) -> None:
        """A task writes under another name, or one more file."""
        one = self.random.choice(self.tasks)
        self.count += 1
        kept = one["outputs"] if self.random.random() < 0.5 else []
        one["outputs"] = [*kept, f"f{self.count}.txt"]

    def leave_out(self) -> None:
        one = self.random.choice(self.tasks)
        one["status"] = "" if one.get("status") else "skipped"

    def foretell_and_build(self) -> Run:
        """Sometimes of a part of the plan only, sometimes with a task asked for anew."""
        names = [one["id"] for one in self.tasks]
        draw = self.random.random()
        only = (self.random.choice(names),) if draw < 0.25 else ()
        forced = (self.random.choice(names),) if 0.2 < draw < 0.35 else ()
        said = foretell(self.kit.look(), only=only, forced=forced)
        run = self.kit.own(tasks=only, forced=forced)
        self.check(said, run, f"only {only}, forced {forced}")
        return run

    def check(self, said: Forecast, run: Run, what: str) -> None:
        will, may, ran = set(said.will_run), set(said.may_run), set(run.ran)
        story = f"{what} after {self.edits}: will {said.will_run}, may {said.may_run}, ran {run.ran}"
        assert run.code == 0, story
        assert will <= ran, f"promised and did not run: {sorted(will - ran)}; {story}"
        assert ran <= will | may, f"ran unforeseen: {sorted(ran - will - may)}; {story}"
        for name, foreseen in said.will_run.items():
            mode = run.ran[name].split(":")[0]
            assert mode == foreseen.mode or (name in ran and foreseen.mode in ("verify", "restore")), story


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_runs_was_foretold(kit: Kit, seed: int):
    world = World(kit, seed)
    world.check(kit.look().forecast, kit.own(), "at first")
    for _ in range(STEPS):
        world.edit()
        world.foretell_and_build()
    world.check(kit.look().forecast, kit.own(), "at last")
    assert kit.look().forecast.is_empty, world.edits
