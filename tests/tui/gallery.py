"""Every view of the screen: the scene that it is seen in, the keys that lead there, and what it must show.

Snapshots, pictures and their tests walk the same routes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from textual.pilot import Pilot

from ossature.domain.decision import Question
from ossature.store.blobs import Blobs
from ossature.store.proposals import propose
from ossature.tui.app import OssatureApp, make_app
from ossature.tui.hints import hints, write_seen
from ossature.tui.keys.keymap import DEFAULT_KEYS
from tests.tui.scene import Scene, at_fix_gate, owned, while_running
from tests.tui.stage import screen, until

SIZES = ((120, 40), (80, 24))
PLAIN = {
    "LC_ALL": "C.UTF-8",
    "TERM": "xterm-256color",
    "COLORTERM": "truecolor",
    "EDITOR": "vi",
    "TZ": "UTC",
}
"""All that the screen sees of the environment, beside folders of its own."""


class View(NamedTuple):
    """One thing to see on a route."""

    name: str
    contains: tuple[str, ...]
    """The first is waited for, the others have to be there with it."""
    keys: tuple[str, ...] = ()
    """From the view before."""
    back: tuple[str, ...] = ()
    """Pressed when it has been seen."""
    has_picture: bool = False


class Route(NamedTuple):
    """A scene, and the views that are walked through in it."""

    name: str
    set_up: Callable[[Scene], None]
    views: tuple[View, ...]
    is_live: bool = True
    environ: tuple[tuple[str, str], ...] = ()
    is_first: bool = False
    """The person has not been here before."""


def built(scene: Scene) -> None:
    """Everything is there, one task after a fix, and the run is about to end."""
    scene.audit()
    scene.begin()
    scene.build("001", "002", "003", "004", "005")
    scene.start("006")
    scene.call("006")
    scene.reply("006")
    scene.verified("006", is_ok=False)
    scene.call("006", 2, "fix")
    scene.reply("006", 2, "fix")
    scene.verified("006", 2, "fix")
    scene.land("006", 2)
    scene.build("007", "008")


def failed(scene: Scene) -> None:
    """A run that ended red, after one that was stopped."""
    scene.audit()
    scene.begin()
    scene.build("001")
    scene.finish("stopped")
    scene.begin("20260302-111500-c3d4")
    scene.build("002", "003")
    scene.start("004")
    scene.call("004")
    scene.reply("004")
    scene.verified("004", is_ok=False)
    scene.finish("failed", failed=1)


def untouched(_: Scene) -> None:
    """A plan, and no run yet."""


_BEFORE = b"""def by_category(expenses):
    totals = {}
    for expense in expenses:
        totals[expense.category] = expense.cents
    return totals


def share(part, whole):
    return round(100 * part / whole)
"""
_AFTER = (
    _BEFORE.replace(b"= expense.cents", b"= totals.get(expense.category, 0) + expense.cents")
    + b"""

def by_month(expenses):
    return sorted({expense.day[:7] for expense in expenses})
"""
)


def reviewed(scene: Scene) -> None:
    """A landing that may be taken by hunk."""
    scene.audit()
    scene.begin()
    scene.build("001", "002", "003", "005")
    scene.start("006")
    scene.call("006")
    scene.reply("006")
    scene.verified("006")
    staged = scene.project.work_dir / "staged" / "summary.py"
    staged.parent.mkdir(parents=True)
    staged.write_bytes(_AFTER)
    name = "spenny/summary.py"
    scene.ask(
        Question(
            id="006-landing-1",
            gate="landing",
            subject="Land spenny/summary.py of 006?",
            verbs=("approve", "retry", "edit", "skip", "abort"),
            task="006",
            proposals=propose({name: _BEFORE}, {name: _AFTER}, Blobs(scene.project.blobs_dir)),
            files=(scene.project.relative(staged),),
            titles=(name,),
        )
    )


_GATES: tuple[tuple[Question, str], ...] = tuple(
    (Question(id=f"q-{gate}", gate=gate, subject=subject, detail=detail, verbs=verbs, **more), shown)
    for gate, subject, detail, verbs, more, shown in (
        ("trust", "This project comes from elsewhere and wants to run 2 commands. Trust it?",
         "verify  python -m unittest tests.test_money\nverify  python -m unittest tests.test_summary",
         ("approve", "abort"), {}, "trust and go on"),
        ("spec_edit", "Apply the proposed edit of EXPENSES?", "An id is never given twice.",
         ("approve", "skip", "abort"), {"spec": "EXPENSES"}, "apply edit"),
        ("plan", "The new plan has 8 tasks; yours was edited by hand. Replace it?", "2 tasks differ",
         ("approve", "skip", "abort"), {}, "approve plan"),
        ("prompt", "Send the prompt of 002 (2,140 tokens)?", "",
         ("approve", "skip", "abort"), {"task": "002"}, "send"),
        ("fix", "006 verify failed (exit 1). Ask the model for a fix?", "AssertionError: 1250 != 1260",
         ("approve", "retry", "edit", "skip", "abort"), {"task": "006"}, "approve fix"),
        ("landing", "Land spenny/money.py of 002?", "1 file",
         ("approve", "retry", "skip", "abort"), {"task": "002"}, "land"),
        ("task_failed", "004 failed after 3 fixes. What now?", "AssertionError: 1250 != 1260",
         ("retry", "skip", "approve", "abort"), {"task": "004"}, "land unverified"),
        ("conflict", "spenny/store.py was edited by hand. Which version?", "3 lines differ",
         ("take", "abort"), {"task": "004", "sides": ("mine", "merged", "theirs", "aside")}, "keep mine"),
        ("budget", "The next call may go over the limit of $2.00 a run. Allow as much again?", "",
         ("approve", "abort"), {}, "go on"),
    )
)  # fmt: skip


def all_gates(scene: Scene) -> None:
    """One open question of every gate."""
    scene.audit()
    scene.begin()
    scene.build("001")
    for question, _ in _GATES:
        scene.ask(question)


def _gate_views() -> tuple[View, ...]:
    count = len(_GATES)
    return tuple(
        View(
            f"gate-{question.gate}",
            (f"{index} of {count}", offer),
            () if index == 1 else ("tab",),
        )
        for index, (question, offer) in enumerate(_GATES, start=1)
    )


ROUTES = (
    Route(
        "fix-gate",
        at_fix_gate,
        (
            View("fix-question", ("a approve fix", "006 verify failed", "3 Plan"), has_picture=True),
            View("verify", ("FAILED (failures=1)", "4 006"), ("4",)),
            View("diff", ("+++ b/spenny/summary.py", "4 006"), ("left",), has_picture=True),
            View("response", ("The module as declared", "4 006"), ("left",)),
            View("prompt", ("# Task 006", "4 006"), ("left",)),
            View("context", ("by our own estimate", "4 006"), ("left",)),
            View("overview", ("Sum up by category and month", "4 006"), ("left",)),
            View("specs", ("1 Specs", "Requirements"), ("1",)),
            View("spec-text", ("specs/expenses.smd:",), ("j", "enter")),
            View("findings", ("2 Findings", "SPENNY_CLI"), ("2",)),
            View("finding", ("Finding", "Suggestion:"), ("enter",), has_picture=True),
            View("log", ("5 Log", "006 verify failed"), ("5",)),
            View("zoom", ("5 Log", "006 verify failed"), ("z",), ("z", "3")),
            View("filter", ("filter", "007 Tables and", "enter send"), ("slash", *"tab"), ("escape",)),
            View("why", ("Why 007",), ("w",), ("3",)),
            View("feedback", ("retry, with feedback", "enter send"), ("r", *"cents"), ("escape",)),
            View("confirm", ("End the run?", "y yes"), ("x",), ("n",)),
            View("attempts", ("Attempts", "implement"), ("o",), ("escape",)),
            View(
                "help", ("Keys", "Here, in the plan pane"), ("question_mark",), ("escape",), has_picture=True
            ),
            View("palette", ("whole screen",), ("colon", *"who"), ("escape",)),
        ),
    ),
    Route(
        "running",
        while_running,
        (View("building", ("● live", "def by_category"), has_picture=True),),
    ),
    Route(
        "review",
        reviewed,
        (
            View("landing", ("Land spenny/summary.py", "review 2 hunks")),
            View("review", ("1 of 2", "by_category"), ("v",)),
            View("refused", ("refused", "land 1 of 2 hunks"), ("space",), ("escape",), has_picture=True),
        ),
    ),
    Route("gates", all_gates, _gate_views()),
    Route(
        "built",
        built,
        (
            View("built", ("8/8", "landed"), has_picture=True),
            View("chart", ("3 Plan in layers", "001 Error"), ("3", "g"), ("escape",), has_picture=True),
            View("grid", ("3 Plan by runs", "006"), ("G",), ("escape",), has_picture=True),
            View("form", ("outputs, a file a line", "ctrl+s saves"), ("c",), ("escape",), has_picture=True),
            View("edges", ("waits for", "space turns"), ("L",), ("escape",)),
            View("split", ("Split 001", "title of the second part"), ("percent_sign",), ("escape",)),
            View(
                "settings",
                ("Settings in ~/.config", "theme", "editor"),
                ("O",),
                ("escape",),
                has_picture=True,
            ),
            View("spend", ("Total  $", "By model"), ("t",), ("q",), has_picture=True),
            View("runs", ("Runs", "running"), ("H",), ("escape",)),
            View("compared", ("Compare", "enter choose"), ("3", *5 * "j", "C")),
            View("compare", ("Facts", "Attempt"), ("enter",), ("q",)),
            View(
                "replay", ("REPLAY 9/", "a replay changes nothing"), ("P", *8 * ("full_stop",)), ("escape",)
            ),
        ),
    ),
    Route(
        "failed",
        failed,
        (
            View("failed", ("✗ failed", "goes on where it stopped")),
            View("earlier-runs", ("Runs", "stopped"), ("H",), ("escape",)),
        ),
        is_live=False,
    ),
    Route(
        "first-time",
        untouched,
        (
            View("first-time", ("1-5 go between panes", "no run yet")),
            View("hint-hidden", ("A reviews the specs and plans",), ("escape",)),
        ),
        is_live=False,
        is_first=True,
    ),
    Route(
        "ascii",
        at_fix_gate,
        (View("ascii", ("+- 4 006", "a approve fix")),),
        environ=(("LC_ALL", "C"), ("NO_COLOR", "1")),
    ),
)


class Seen(NamedTuple):
    """A view on the screen."""

    view: View
    size: tuple[int, int]
    app: OssatureApp

    @property
    def name(self) -> str:
        return f"{self.view.name}-{self.size[0]}x{self.size[1]}"


async def walk(route: Route, *, only_pictures: bool = False) -> AsyncIterator[Seen]:
    """Every view of the route at every size, one after the other; the clock of the run stands still."""
    with tempfile.TemporaryDirectory(prefix="gallery-") as place, _environment(route, Path(place)):
        scene = Scene(Path(place) / "spenny")
        route.set_up(scene)
        with owned(scene) if route.is_live else ExitStack():
            app = make_app(scene.project, None)
            app.now = lambda: scene.clock
            async with app.run_test(size=SIZES[0]) as pilot:
                await until(pilot, lambda: app.bridge.view is not None)
                for view in route.views:
                    await pilot.press(*view.keys)
                    for size in SIZES if view.has_picture or not only_pictures else SIZES[:1]:
                        if tuple(app.size) != size:
                            await pilot.resize_terminal(*size)
                        await until(pilot, partial(_is_there, view, app, size))
                        await settled(pilot)
                        yield Seen(view, size, app)
                    await pilot.press(*view.back)
                    await until(pilot, partial(_is_back, view, app))


def _is_there(view: View, app: OssatureApp, size: tuple[int, int]) -> bool:
    return tuple(app.screen.size) == size and view.contains[0] in screen(app)


def _is_back(view: View, app: OssatureApp) -> bool:
    return not view.back or len(app.screen_stack) == 1


async def settled(pilot: Pilot[int]) -> None:
    """Wait until nothing is read any more and the screen stays as it is."""
    before = ""
    await until(pilot, lambda: all(worker.is_finished for worker in pilot.app.workers))
    while (now := screen(pilot.app)) != before:
        before = now
        await pilot.pause(0.05)


@contextmanager
def _environment(route: Route, place: Path) -> Iterator[None]:
    home = place / "home"
    folders = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
    }
    kept = {
        name: os.environ[name] for name in ("PATH", "PYTHONPATH", "PYTEST_CURRENT_TEST") if name in os.environ
    }
    if not route.is_first:
        write_seen(home / ".local" / "state" / "ossature", [hint.name for hint in hints(DEFAULT_KEYS)])
    with mock.patch.dict(os.environ, {**kept, **PLAIN, **folders, **dict(route.environ)}, clear=True):
        yield
