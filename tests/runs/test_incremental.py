"""Whatever was edited in whatever order: a build ends in the tree that a build from nothing gives."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from ossature.digest import digest_text, short
from ossature.errors import ConfigError
from ossature.llm.client import Request
from tests.runs.kit import Kit, block, plan_text, task
from tests.runs.test_invalidation import step
from tests.support.sampling import some

_ASIDE = re.compile(
    r"What this task wrote the last time.*(?=Write the outputs\.)|Verify commands, .*?\n\n", re.DOTALL
)
"""Shown, but for another version of them alone nothing is generated anew."""
SECTIONS = ("One", "Two", "Three", "Four")


def faithful(request: Request) -> str:
    """Files whose content hangs on all that the fingerprint of a task is made from."""
    shown = _ASIDE.sub("", request.prompt)
    outputs = [line[2:] for line in shown.split("Outputs, ")[1].split("\n\n")[0].splitlines()[1:]]
    # Some changes change nothing: a third of the wordings come out the same.
    text = re.sub(r"wording \d+", lambda found: f"wording {int(found[0].split()[1]) // 3}", shown)
    return "\n".join(block(path, f"{path} {short(digest_text(text + path))}") for path in outputs)


class World:
    """A project that is edited at random."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.words = dict.fromkeys(SECTIONS, 0)
        self.context = 0
        self.tasks: list[dict[str, Any]] = []
        self.number = 0
        for _ in range(self.rng.randint(4, 9)):
            self.add()

    def add(self) -> None:
        self.number += 1
        name = f"{self.number:03d}"
        earlier = [one["id"] for one in self.tasks]
        waits = self.rng.sample(earlier, min(len(earlier), self.rng.randint(0, 2)))
        above = {path for one in self.tasks if one["id"] in waits for path in one["outputs"]}
        shows = [path for path in sorted(above) if self.rng.random() < 0.5]
        made = task(
            name,
            f"{name}.txt",
            outputs=[f"{name}.txt", *([f"{name}.more.txt"] if self.rng.random() < 0.3 else [])],
            spec_refs=sorted(self.rng.sample(SECTIONS, self.rng.randint(1, 2))),
            depends_on=waits,
            inject_files=shows,
            context_files=["note.txt"] if self.rng.random() < 0.2 else [],
            verify=["true"],
        )
        # Some write the main file, too, each after the last one that does.
        if self.rng.random() < 0.4:
            writers = [one["id"] for one in self.tasks if "main.txt" in one["outputs"]]
            made["outputs"].append("main.txt")
            made["depends_on"] = sorted({*waits, *writers})
        self.tasks.append(made)

    def write(self, kit: Kit) -> None:
        parts = [f"### {name}\n\nThe wording {number}.\n" for name, number in self.words.items()]
        head = "---\nid: LIB\nstatus: draft\ndepends: []\n---\n\n# Library\n\n## Requirements\n\n"
        kit.write("specs/lib.smd", head + "\n".join(parts))
        kit.write("context/note.txt", f"note {self.context}\n")
        kit.write(".ossature/plan.toml", plan_text(self.tasks))

    def edit(self, kit: Kit) -> str:
        """One edit; its name."""
        one = self.rng.choice(self.tasks)
        what = self.rng.choice(
            [
                "word",
                "word",
                "word",
                "title",
                "verify",
                "refs",
                "order",
                "context",
                "gone",
                "add",
                "drop",
                "rename",
                "unrelated",
            ]
        )
        match what:
            case "word":
                self.words[self.rng.choice(SECTIONS)] += 1
            case "title":
                one["title"] += "!"
            case "verify":
                one["verify"] = [*one["verify"], "true"]
            case "refs":
                # In one order: another one shows the same sections, so nothing is generated anew.
                one["spec_refs"] = sorted(self.rng.sample(SECTIONS, self.rng.randint(1, 3)))
            case "order":
                self.rng.shuffle(self.tasks)
            case "context":
                self.context += 1
            case "gone":
                for path in one["outputs"]:
                    (kit.output / path).unlink(missing_ok=True)
            case "add":
                self.add()
            case "drop":
                self.drop()
            case "rename":
                self.rename(one)
            case "unrelated":
                kit.write("ossature.toml", (kit.root / "ossature.toml").read_text("utf-8") + "# more\n")
        return f"{what} {one['id']}"

    def rename(self, one: dict[str, Any]) -> None:
        """Give the first output of a task another name, or take the main file from it."""
        shown = {path for other in self.tasks for path in other["inject_files"]}
        if "main.txt" in one["outputs"] and "main.txt" not in shown and self.rng.random() < 0.5:
            one["outputs"].remove("main.txt")
        elif one["outputs"][0] not in shown and one["outputs"][0] != "main.txt":
            self.number += 1
            one["outputs"][0] = f"{self.number:03d}.renamed.txt"

    def drop(self) -> None:
        """Take out a task for which nobody waits."""
        awaited = {name for one in self.tasks for name in one["depends_on"]}
        free = [one for one in self.tasks if one["id"] not in awaited]
        if free and len(self.tasks) > 2:
            self.tasks.remove(free[-1])


def from_nothing(kit: Kit, folder: Path) -> dict[str, bytes]:
    shutil.copytree(kit.root, folder, ignore=shutil.ignore_patterns(".ossature", "output"))
    fresh = Kit(folder, kit.model)
    fresh.write(".ossature/plan.toml", kit.plan_path.read_bytes())
    assert fresh.own().code == 0
    return fresh.tree()


@pytest.mark.parametrize("seed", range(some(5, 14)))
def test_edited_project_builds_to_what_a_fresh_one_does(kit: Kit, seed: int, tmp_path: Path, monkeypatch):
    kit.model._plain = faithful  # type: ignore[method-assign]
    for name in ("lib.amd", "app.smd"):
        (kit.root / "specs" / name).unlink()
    world = World(seed)
    world.write(kit)
    assert kit.own().code == 0
    done: list[str] = []
    for number in range(6):
        done += [world.edit(kit) for _ in range(world.rng.randint(1, 3))]
        world.write(kit)
        run = step(kit)
        assert run.code == 0, done
        assert kit.own().ran == {}, f"not at rest after {done}"
        if number % 2:
            fresh = from_nothing(kit, tmp_path / f"fresh{number}")
            # Files of tasks that are gone stay, as nobody's.
            assert {path: raw for path, raw in kit.tree().items() if path in fresh} == fresh, done


@pytest.mark.parametrize(("how", "is_shown"), [("update", True), ("fresh", False)])
def test_a_task_generated_anew_is_shown_its_earlier_files_or_not(kit: Kit, how: str, is_shown: bool):
    kit.plan([task("001", "shelf.txt")])
    kit.model.says("001", block("shelf.txt", "an earlier shelf"))
    assert kit.own().code == 0
    kit.config(f'[build]\nregenerate = "{how}"\n')
    assert kit.own().ran == {}
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all parcels on a shelf.")
    assert kit.own().landed == ["001"]
    assert ("an earlier shelf" in kit.model.calls[-1].prompt) is is_shown
    assert "Counts all parcels" in kit.model.calls[-1].prompt


def test_another_word_for_it_is_refused(kit: Kit):
    kit.config('[build]\nregenerate = "never"\n')
    with pytest.raises(ConfigError, match='has to be "update" or "fresh"'):
        kit.own()
