"""An edit, and exactly what a build does about it: the table behind docs/reference/invalidation.md.

`python -m tests.runs.invalidation` writes that page anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.runs.kit import APP, LIB, Kit, block, five_tasks, plan_text, task

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "invalidation.md"


@dataclass
class Case:
    """One row of the table."""

    name: str
    edit: Callable[[Kit], object]
    ran: dict[str, str] = field(default_factory=dict)
    """Task -> `mode: reason`; nothing else may run."""
    paid: list[str] = field(default_factory=list)
    """Model calls."""
    given: Callable[[Kit], object] = lambda kit: None
    """What is different already before the first build."""


def edited(name: str, old: str, new: str) -> Callable[[Kit], object]:
    return lambda kit: kit.edit(name, old, new)


def planned(**by_id: dict) -> Callable[[Kit], object]:
    """The plan with some keys of some tasks changed: `t002={"title": …}`."""

    def change(kit: Kit) -> None:
        tasks = five_tasks()
        for one in tasks:
            one.update(by_id.get(f"t{one['id']}", {}))
        kit.plan(tasks)

    return change


def renumbered(kit: Kit) -> None:
    ids = {"001": "010", "002": "004", "003": "001", "004": "020", "005": "005"}
    tasks = five_tasks()
    for one in tasks:
        one["id"] = ids[one["id"]]
        if "depends_on" in one:
            one["depends_on"] = [ids[name] for name in one["depends_on"]]
    kit.plan(tasks)


def rewritten(kit: Kit) -> None:
    kit.write(
        ".ossature/plan.toml",
        "# mine\n\n"
        + plan_text(five_tasks(), head='[meta]\nwho = "me"').replace(
            "[[task]]", '# one\n[[task]]\nmood = "good"'
        ),
    )


def without_architecture(kit: Kit) -> None:
    """A model reads LIB's interface from its code; the label that it lands next is another one."""
    (kit.root / "specs" / "lib.amd").unlink()
    kit.model.says("003", block("label.txt", "first"), block("label.txt", "second"))
    planned(t001={"arch_refs": []})(kit)


def moved_output(kit: Kit) -> None:
    kit.edit("ossature.toml", 'dir = "output"', 'dir = "generated"')
    (kit.root / "output").rename(kit.root / "generated")


SHELF_SAYS_MORE = lambda kit: (  # noqa: E731
    kit.model.says("001", block("shelf.txt", "more")),
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all parcels on a shelf."),
)
SPECS = [
    Case("nothing", lambda kit: None),
    Case(
        "text of a requirement, same bytes come out",
        edited("specs/lib.smd", "Counts parcels on a shelf.", "Counts all parcels on a shelf."),
        {"001": "generate: spec LIB:Requirements > Count changed"},
        ["implement 001"],
    ),
    Case(
        "text of a requirement, other bytes come out: shown to 002, below 003, 004 and 005",
        SHELF_SAYS_MORE,
        {
            "001": "generate: spec LIB:Requirements > Count changed",
            "002": "generate: file shelf.txt changed",
            "003": "verify: input tree changed",
            "004": "verify: input tree changed",
            "005": "verify: input tree changed",
        },
        ["implement 001", "implement 002"],
    ),
    Case(
        "text of a requirement that a middle task shows",
        edited("specs/lib.smd", "Weighs one parcel.", "Weighs a parcel."),
        {"002": "generate: spec LIB:Requirements > Weigh changed"},
        ["implement 002"],
    ),
    Case(
        "another section of the spec",
        edited("specs/lib.smd", "- Whole numbers only", "- Numbers only"),
        {"003": "generate: spec LIB:Constraints changed"},
        ["implement 003"],
    ),
    Case(
        "a section that no task shows", edited("specs/lib.smd", "Counts parcels.\n\n## R", "Counts.\n\n## R")
    ),
    Case("status", edited("specs/lib.smd", "status: draft", "status: approved")),
    Case("priority", edited("specs/lib.smd", "priority: low", "priority: high")),
    Case("comment in the metadata", edited("specs/lib.smd", "status: draft", "status: draft  # soon")),
    Case("comment before the title", edited("specs/lib.smd", "# Library", "<!-- mine -->\n\n# Library")),
    Case("white space between sections", edited("specs/lib.smd", "## Constraints", "\n\n\n## Constraints")),
    Case("white space at the end", lambda kit: kit.write("specs/lib.smd", LIB + "\n\n\n")),
    Case("white space at the ends of lines", edited("specs/lib.smd", "a number\n", "a number  \n")),
    Case("line ends", lambda kit: kit.write("specs/lib.smd", LIB.replace("\n", "\r\n"))),
    Case("order of two requirements", lambda kit: kit.write("specs/app.smd", swapped(APP))),
    Case("a new spec", lambda kit: kit.write("specs/new.smd", APP.replace("id: APP", "id: NEW"))),
    Case(
        "a version and an author in the metadata",
        edited("specs/lib.smd", "status: draft", "status: draft\nversion: 2.0\nauthor: me"),
    ),
    Case(
        "an empty line within a section",
        edited("specs/lib.smd", "a shelf.\n", "a shelf.\n\n"),
        {"001": "generate: spec LIB:Requirements > Count changed"},
        ["implement 001"],
    ),
    Case(
        "a new section that no task shows",
        edited("specs/lib.smd", "## Constr", "## Goals\n\nFew.\n\n## Constr"),
    ),
    Case(
        "a new requirement",
        edited(
            "specs/lib.smd", "## Constr", "### Sort\n\nSorts parcels.\n\n**Returns:** a list\n\n## Constr"
        ),
    ),
    Case(
        "a new requirement in a section that a task shows whole",
        edited(
            "specs/lib.smd", "## Constr", "### Sort\n\nSorts parcels.\n\n**Returns:** a list\n\n## Constr"
        ),
        {"003": "generate: spec LIB:Requirements changed"},
        ["implement 003"],
        given=planned(t003={"spec_refs": ["Requirements"]}),
    ),
]
ARCHITECTURE = [
    Case(
        "description of a component",
        edited("specs/lib.amd", "Holds parcels.", "Holds many parcels."),
        {"001": "generate: arch LIB:Components > Shelf changed"},
        ["implement 001"],
    ),
    Case(
        "component that is shown for its path alone",
        edited("specs/lib.amd", "Weighs parcels.", "Weighs things."),
        {"002": "generate: arch LIB:Components > Scale changed"},
        ["implement 002"],
    ),
    Case("overview of the architecture", edited("specs/lib.amd", "One shelf.", "A shelf.")),
    Case("status of the architecture", edited("specs/lib.amd", "status: draft", "status: review")),
    Case(
        "interface: its own task, and what shows the interface across specs",
        edited("specs/lib.amd", "count() -> number", "count(all) -> number"),
        {
            "001": "generate: arch LIB:Components > Shelf changed",
            "004": "generate: interface LIB changed",
        },
        ["implement 001", "implement 004"],
    ),
    Case(
        "code of a spec without an architecture, its interface as before",
        edited("specs/lib.smd", "- Whole numbers only", "- Numbers only"),
        {
            "003": "generate: spec LIB:Constraints changed",
            "004": "verify: input tree changed",
            "005": "verify: input tree changed",
        },
        ["implement 003", "interface LIB"],
        given=without_architecture,
    ),
    Case(
        "code of a spec without an architecture, and with it its interface",
        lambda kit: (
            kit.model.says("interface LIB", "count(all)"),
            kit.edit("specs/lib.smd", "- Whole numbers only", "- Numbers only"),
        ),
        {
            "003": "generate: spec LIB:Constraints changed",
            "004": "generate: interface LIB changed",
            "005": "verify: input tree changed",
        },
        ["implement 003", "interface LIB", "implement 004"],
        given=without_architecture,
    ),
]
PLAN = [
    Case(
        "title",
        planned(t002={"title": "Weigh"}),
        {"002": "generate: task title changed"},
        ["implement 002"],
    ),
    Case(
        "description",
        planned(t003={"description": "Short."}),
        {"003": "generate: task description changed"},
        ["implement 003"],
    ),
    Case(
        "notes", planned(t005={"notes": "Trap."}), {"005": "generate: task notes changed"}, ["implement 005"]
    ),
    Case(
        "verify",
        planned(t002={"verify": ["test -f scale.txt"]}),
        {"002": "verify: verify commands changed"},
    ),
    Case(
        "verify and title",
        planned(t002={"verify": ["test -f scale.txt"], "title": "Weigh"}),
        {"002": "generate: task title changed"},
        ["implement 002"],
    ),
    Case(
        "one more dependency, whose files the prompt does not show",
        planned(t003={"depends_on": ["001", "002"]}),
        {
            "003": "verify: input tree changed",
            "004": "verify: input tree changed",
            "005": "verify: input tree changed",
        },
    ),
    Case(
        "one dependency less",
        planned(t003={"depends_on": []}),
        {
            "003": "verify: input tree changed",
            "004": "verify: input tree changed",
            "005": "verify: input tree changed",
        },
    ),
    Case(
        "one more section",
        planned(t003={"spec_refs": ["Constraints", "Weigh"]}),
        {"003": "generate: spec LIB:Requirements > Weigh changed"},
        ["implement 003"],
    ),
    Case(
        "the same sections, named otherwise",
        planned(t001={"spec_refs": ["LIB:Requirements > Count", "#count"]}, t002={"spec_refs": ["#weigh"]}),
    ),
    Case(
        "one more file to show",
        planned(t003={"inject_files": ["shelf.txt"]}),
        {"003": "generate: file shelf.txt changed"},
        ["implement 003"],
    ),
    Case("other ids and another order", renumbered),
    Case("order of the tasks", lambda kit: kit.plan([five_tasks()[i] for i in (3, 4, 1, 2, 0)])),
    Case("comments, unknown keys and a head", rewritten),
    Case(
        "skip",
        planned(t005={"status": "skipped"}),
    ),
    Case("manual", planned(t005={"status": "manual"})),
    Case(
        "status words of other tools",
        planned(t001={"status": "done"}, t002={"status": "failed"}, t003={"status": "pending"}),
    ),
    Case(
        "a new task",
        lambda kit: kit.plan([*five_tasks(), task("006", "new.txt")]),
        {
            "006": "generate: never built",
            "004": "verify: input tree changed",
            "005": "verify: input tree changed",
        },
        ["implement 006"],
    ),
    Case("a task less", lambda kit: kit.plan(five_tasks()[:4])),
    Case(
        "one more output",
        planned(t003={"outputs": ["label.txt", "more.txt"]}),
        {
            "003": "generate: task outputs changed",
            "004": "verify: input tree changed",
            "005": "verify: input tree changed",
        },
        ["implement 003"],
    ),
    Case(
        "one output less",
        planned(),
        {
            "003": "generate: task outputs changed",
            "004": "verify: input tree changed",
            "005": "verify: input tree changed",
        },
        ["implement 003"],
        given=planned(t003={"outputs": ["label.txt", "more.txt"]}),
    ),
    Case(
        "one file less to show",
        planned(t002={"inject_files": []}),
        {"002": "generate: file shelf.txt changed"},
        ["implement 002"],
    ),
    Case(
        "what a verify makes and lands with the task",
        planned(t003={"byproducts": ["made.txt"], "verify": ["touch made.txt"]}),
        {
            "003": "verify: verify commands changed and 1 more",
            "004": "verify: input tree changed",
            "005": "verify: input tree changed",
        },
    ),
    Case("the task's own model", planned(t003={"model": "other"})),
    Case("the task's time limit", planned(t003={"timeout_s": 9})),
    Case("what a task covers", planned(t003={"covers": ["LIB"]})),
]
FILES = [
    Case(
        "context file",
        edited("context/rates.csv", "1", "2"),
        {"005": "generate: context rates.csv changed"},
        ["implement 005"],
    ),
    Case("context file that nobody shows", lambda kit: kit.write("context/other.csv", "1")),
    Case(
        "output gone",
        lambda kit: (kit.output / "scale.txt").unlink(),
        {"002": "restore: scale.txt is gone"},
    ),
    Case(
        "all outputs gone",
        lambda kit: shutil.rmtree(kit.output),
        {
            f"00{n}": f"restore: {name}.txt is gone"
            for n, name in enumerate(("shelf", "scale", "label", "show", "help"), 1)
        },
    ),
    Case(
        "attempts and exchanges gone",
        lambda kit: [
            shutil.rmtree(kit.root / ".ossature" / n) for n in ("tasks", "exchanges", "work", "runs")
        ],
    ),
    Case("a file that no task owns", lambda kit: kit.write("output/mine.txt", "mine")),
    Case(
        "a file of yours that a prompt shows",
        lambda kit: kit.write("output/mine.txt", "other\n"),
        {"003": "generate: file mine.txt changed"},
        ["implement 003"],
        given=lambda kit: (
            kit.write("output/mine.txt", "mine\n"),
            planned(t003={"inject_files": ["mine.txt"]})(kit),
        ),
    ),
    Case("the brief of the project", lambda kit: kit.write(".ossature/context/brief.md", "Parcels.\n")),
    Case("stage and caches gone", lambda kit: shutil.rmtree(kit.root / ".ossature" / "work")),
    Case(
        "all blobs gone",
        lambda kit: shutil.rmtree(kit.root / ".ossature" / "blobs"),
    ),
]
CONFIG = [
    Case("the output folder under another name", moved_output),
    Case("another model", lambda kit: kit.config(model="other")),
    Case("a setting of fixes", lambda kit: kit.config("[build]\nmax_fix_attempts = 9\ntimeout_s = 99\n")),
    Case(
        "language",
        edited("ossature.toml", 'language = "text"', 'language = "prose"'),
        {f"00{n}": "generate: project language changed" for n in range(1, 6)},
        [f"implement 00{n}" for n in range(1, 6)],
    ),
    Case(
        "the project's own prompt template",
        lambda kit: kit.write(
            "prompts/implement.md", "Do.\n---user---\n{{task_title}}\n\nOutputs, \n{{outputs}}\n\n"
        ),
        {f"00{n}": "generate: template implement changed" for n in range(1, 6)},
        [f"implement 00{n}" for n in range(1, 6)],
    ),
    Case(
        "framework",
        edited("ossature.toml", 'language = "text"', 'language = "text"\nframework = "plain"'),
        {f"00{n}": "generate: project framework changed" for n in range(1, 6)},
        [f"implement 00{n}" for n in range(1, 6)],
    ),
    Case("name and version of the project", edited("ossature.toml", '"parcels"', '"boxes"\nversion = "9"')),
    Case(
        "verify of the whole: it runs once, no task does",
        lambda kit: kit.config('[build]\nverify = "true"\n'),
    ),
    Case(
        "the project's own template for fixes",
        lambda kit: kit.write("prompts/fix.md", "Fix.\n---user---\n{{task_title}}\n"),
    ),
]
GROUPS = {
    "Specs": SPECS,
    "Architecture and interfaces": ARCHITECTURE,
    "Plan": PLAN,
    "Files": FILES,
    "Config, model, prompts": CONFIG,
}
TABLE = [case for cases in GROUPS.values() for case in cases]


def swapped(spec: str) -> str:
    head, first, second = spec.split("### ")
    return f"{head}### {second.rstrip()}\n\n### {first.rstrip()}\n"


INTRO = """\
# What rebuilds what

Exactly these tasks run after an edit, and nothing else. A test builds the project below, makes the edit,
builds again and compares; this page is written from its table (`python -m tests.runs.invalidation`).

Spec LIB: 001 writes `shelf.txt`; 002 waits for 001 and its prompt shows `shelf.txt`; 003 waits for 001.
Spec APP: 004 shows LIB's interface, so it waits for all of LIB; 005 waits for 004 and shows the context file
`rates.csv`.

*generate*: a model is asked anew. *verify*: the files that landed are verified again, no model is asked
unless that is red. *restore*: files are put back. The last column is every model call of that build. Where
new files come out with the same bytes as before, nobody who waits for them runs.
"""


def render_page() -> str:
    """The whole page, as it has to be on disk."""
    parts = [INTRO]
    for title, cases in GROUPS.items():
        rows = ["| you change | runs, and why | model calls |", "|---|---|---|", *map(_row, cases)]
        parts.append(f"## {title}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(case: Case) -> str:
    ran = "<br>".join(f"{name} {why}" for name, why in _merged(case.ran).items())
    return f"| {case.name} | {ran or 'nothing'} | {', '.join(case.paid) or 'none'} |"


def _merged(ran: dict[str, str]) -> dict[str, str]:
    """Tasks that run for the same reason in one line."""
    by_reason: dict[str, list[str]] = {}
    for name, why in ran.items():
        by_reason.setdefault(why, []).append(name)
    return {", ".join(names): why for why, names in by_reason.items()}


if __name__ == "__main__":
    PAGE.write_text(render_page(), "utf-8")
