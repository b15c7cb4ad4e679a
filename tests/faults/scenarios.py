"""What is being built when a crash comes, what was built before, and what a person did since."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.runs.kit import APP, LIB, LIB_AMD, Kit, block, planned, task

GREEN = "grep -q green"


def nothing(_kit: Kit) -> None:
    """A scenario without this step."""


@dataclass(frozen=True)
class Scenario:
    """A story in which every change of the disk can be the last one."""

    name: str
    begin: Callable[[Kit], None]
    """Makes the project and builds what was built before; undisturbed."""
    between: Callable[[Kit], None] = nothing
    """What a person does after the crash, before the next build."""
    request: dict[str, Any] = field(default_factory=dict)
    is_plain: bool = True
    """Verify commands run without what looks for their survivors."""
    varies: bool = False
    """Tasks run side by side, so that not every run makes the same number of changes."""


def specs(kit: Kit) -> None:
    kit.config()
    kit.write("specs/lib.smd", LIB)
    kit.write("specs/app.smd", APP)
    kit.write("specs/lib.amd", LIB_AMD)
    kit.write("context/rates.csv", "1\n")
    # Nobody's: no build may touch them.
    kit.write("output/by-hand.md", "mine\n")
    kit.write("output/notes/by-hand.md", "mine, too\n")


def first(kit: Kit) -> None:
    """Two tasks that land for the first time, one with files in folders."""
    specs(kit)
    kit.plan(
        [
            task("001", "shelf.txt", outputs=["shelf.txt", "deep/er/shelf.txt"]),
            task("002", "scale.txt", spec_refs=["Weigh"], depends_on=["001"], inject_files=["shelf.txt"]),
        ]
    )


def fixes(kit: Kit) -> None:
    """A refused reply, then a red one, a fix that is red, and one that is green."""
    specs(kit)
    kit.plan([task("001", "shelf.txt", verify=[f"cat shelf.txt; {GREEN} shelf.txt"])])
    kit.model.says("001", "no file at all", block("shelf.txt", "red"))
    kit.model.script["fix 001"] = [block("shelf.txt", "blue"), block("shelf.txt", "green")]


def edits(kit: Kit) -> None:
    """A first build; while it lies dead, the plan gets another task, other outputs and an order."""
    first(kit)


def edit_plan(kit: Kit) -> None:
    kit.plan(
        [
            task("001", "shelf.txt", outputs=["shelf.txt", "deep/box.txt"]),
            task("007", "scale.txt", spec_refs=["Weigh"], depends_on=["001"], verify=["test -f scale.txt"]),
            task("009", "label.txt", spec_refs=["Constraints"], depends_on=["007"]),
        ]
    )


def chain(kit: Kit) -> None:
    """Three writers of one file; all have landed, and the spec of the first changes."""
    specs(kit)
    kit.plan(
        [
            task("001", "main.txt", spec_refs=["Count"], outputs=["main.txt", "one.txt"]),
            task("002", "main.txt", title="Go on", spec_refs=["Weigh"], depends_on=["001"]),
            task("003", "main.txt", title="End", spec_refs=["Constraints"], depends_on=["002"]),
        ]
    )
    build(kit)
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts parcels on two shelves.")
    kit.model.version = "two"


def rebuild(kit: Kit) -> None:
    """Everything has landed; a section, a verify command and a context file change, an output is gone."""
    specs(kit)
    kit.plan()
    build(kit)
    kit.edit("specs/lib.smd", "Weighs one parcel.", "Weighs a parcel.")
    kit.edit(".ossature/plan.toml", "test -s label.txt", "test -f label.txt")
    kit.write("context/rates.csv", "2\n")
    (kit.output / "show.txt").unlink()
    kit.model.version = "two"


def by_hand(kit: Kit) -> None:
    """A file of a person's under an output, a manual task, a copied file, a task that drops an output."""
    specs(kit)
    kit.plan([task("001", "shelf.txt", outputs=["shelf.txt", "gone.txt"])])
    build(kit)
    kit.write("output/own.txt", "by hand\n")
    kit.write("output/over.txt", "before\n")
    kit.plan(
        [
            task("001", "shelf.txt"),
            task("002", "own.txt", intent="manual"),
            task("003", "rates.csv", source=["rates.csv"], verify=[], spec_refs=[]),
            task("004", "over.txt", spec_refs=["Weigh"], depends_on=["002"]),
        ]
    )
    kit.model.version = "two"


def whole(kit: Kit) -> None:
    """From specs: audit, briefs, plan, build, and the project's own verify."""
    kit.write("specs/lib.smd", LIB)
    kit.write("output/by-hand.md", "mine\n")
    kit.config('\n[build]\nverify = ["test -f lib.txt"]\n')
    reply = {"tasks": [planned("main", "lib.txt", "LIB")]}
    kit.model.says("plan LIB", json.dumps(reply))


def side_by_side(kit: Kit) -> None:
    """Tasks that need nothing of each other, built three at a time, and one that needs them all."""
    specs(kit)
    apart = [task(f"00{number}", f"{name}.txt") for number, name in enumerate(("one", "two", "three"), 1)]
    kit.plan([*apart, task("004", "all.txt", depends_on=["001", "002", "003"], spec_refs=["Weigh"])])


def build(kit: Kit) -> None:
    run = kit.own()
    assert run.code == 0, run.end


SCENARIOS = (
    Scenario("first", first, is_plain=False),
    Scenario("fixes", fixes),
    Scenario("edits", edits, between=edit_plan),
    Scenario("chain", chain),
    Scenario("rebuild", rebuild),
    Scenario("by_hand", by_hand),
    Scenario("side_by_side", side_by_side, request={"jobs": 3}, varies=True),
    Scenario("whole", whole, request={"goal": "all"}),
)
