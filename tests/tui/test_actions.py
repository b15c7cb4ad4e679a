"""The one table of actions, and that bindings, footer, palette and help all come from it."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from ossature.tui.app import OssatureApp
from ossature.tui.frame import Frame
from ossature.tui.keys.actions import ACTIONS, GROUPS, Action, bindings, footer_actions
from ossature.tui.look.spans import text_of, width_of
from ossature.tui.panes.chart import ChartPane
from ossature.tui.panes.findings import FindingsPane
from ossature.tui.panes.grid import GridPane
from ossature.tui.panes.plan import PlanPane
from ossature.tui.panes.specs import SpecsPane
from ossature.tui.panes.task import TaskPane
from ossature.tui.screens.directory import ActionProvider, ActionWanted, help_rows
from ossature.tui.screens.page import Page
from ossature.tui.screens.review import ReviewScreen
from ossature.tui.text.viewer import LineViewer
from ossature.tui.widgets.footer import footer_spans
from ossature.tui.widgets.rows import RowList
from tests.tui.scene import Scene
from tests.tui.stage import press, run, screen, shown, until

OWNERS = {
    "app": OssatureApp,
    "question": OssatureApp,
    "plan": PlanPane,
    "chart": ChartPane,
    "grid": GridPane,
    "list": RowList,
    "tree": SpecsPane,
    "findings": FindingsPane,
    "viewer": LineViewer,
    "task": TaskPane,
    "page": Page,
    "replay": OssatureApp,
    "review": ReviewScreen,
}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: f"{action.scope}:{action.name}")
def test_every_action_is_bound_carried_out_and_in_the_help(action: Action) -> None:
    owner = OWNERS[action.scope]
    assert callable(getattr(owner, action.method)), action.method
    bound = {
        binding.action for bound in owner.__dict__.get("BINDINGS", Frame.BINDINGS) for binding in [bound]
    }
    assert action.name in bound
    assert action.group in GROUPS
    assert any(action.id == row.key and action.text in text_of(row.left) for row in help_rows())


def test_every_action_has_a_name_of_its_own_for_the_config() -> None:
    assert [name for name, count in Counter(action.id for action in ACTIONS).items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", action.id) for action in ACTIONS)


def test_help_begins_with_what_works_here() -> None:
    rows = help_rows(here="Here", scopes=("viewer", "task"))
    assert text_of(rows[0].left) == "Here"
    assert rows[1].key.startswith(("viewer-", "task-"))
    assert Counter(row.key for row in rows if not row.is_heading) == Counter(action.id for action in ACTIONS)


def test_no_key_means_two_things_in_one_place() -> None:
    together = (("app",), ("question",), ("list", "tree"), ("plan", "app"), ("viewer", "page"), ("task",))
    for scopes in (*together, ("review",)):
        keys = Counter(key for action in ACTIONS if action.scope in scopes for key in action.keys.split(","))
        assert [key for key, count in keys.items() if count > 1] == []


def test_an_answer_comes_before_what_its_key_means_in_a_pane() -> None:
    for binding in bindings("question"):
        assert binding.priority
    assert not any(binding.priority for binding in bindings("app"))


def test_every_footer_action_appears_when_there_is_room() -> None:
    for scopes in Frame.HELP_SCOPES.values():
        text = text_of(footer_spans(footer_actions(*scopes), 400))
        for action in footer_actions(*scopes):
            assert action.label in text


@pytest.mark.parametrize("width", [12, 40, 60, 80])
def test_the_footer_keeps_help_at_any_width(width: int) -> None:
    spans = footer_spans(footer_actions("list", "app"), width)
    assert "? help" in text_of(spans)
    assert width_of(spans) <= width + 2


def test_bindings_hold_every_key_of_their_scope() -> None:
    assert len(bindings("viewer")) == sum(1 for action in ACTIONS if action.scope == "viewer")


def test_palette_offers_every_action(scene: Scene) -> None:
    async def dialogue() -> None:
        async with shown(scene) as (app, _):
            provider = ActionProvider(app.screen)
            discovered = [hit.text async for hit in provider.discover()]
            assert Counter(discovered) == Counter(action.text for action in ACTIONS)
            found = [hit.text async for hit in provider.search("earlier run as it ended")]
            assert "List the runs; open an earlier run as it ended" in found

    run(dialogue())


def test_palette_opens_and_runs_an_action(scene: Scene) -> None:
    async def dialogue() -> None:
        async with shown(scene) as (app, pilot):
            await press(pilot, "colon", *"whole screen")
            await until(pilot, lambda: "Give the whole screen" in screen(app))
            await press(pilot, "enter")
            await until(pilot, lambda: app.is_zoomed or len(app.screen_stack) > 1)
            if not app.is_zoomed:
                await press(pilot, "enter")
            await until(pilot, lambda: app.is_zoomed)

    run(dialogue())


def test_help_lists_filters_and_runs(scene: Scene) -> None:
    async def dialogue() -> None:
        async with shown(scene, (120, 50)) as (app, pilot):
            await press(pilot, "question_mark")
            assert "Build what changed" in screen(app)
            await press(pilot, *"whole screen")
            assert "Build what changed" not in screen(app)
            assert "Give the whole screen to this pane" in screen(app)
            await press(pilot, "enter")
            await until(pilot, lambda: app.is_zoomed)
            assert len(app.screen_stack) == 1
            await press(pilot, "question_mark", "escape")
            assert len(app.screen_stack) == 1

    run(dialogue())


def test_actions_of_every_scope_can_be_wanted_by_name(asked: Scene) -> None:
    skipped = (
        "leave",
        "suspend_process",
        "command_palette",
        "edit",
        "help",
        "runs",
        "spend",
        "replay",
        "compare",
        "attempts",
        "yank",
    )

    async def dialogue() -> None:
        async with shown(asked) as (app, pilot):
            for action in ACTIONS:
                if action.scope == "question" or action.name.partition("(")[0] in skipped:
                    continue
                app.post_message(ActionWanted(action))
                await pilot.pause()
                while app.bar.is_busy or len(app.screen_stack) > 1:
                    await press(pilot, "escape")
            assert app.is_running

    run(dialogue())
