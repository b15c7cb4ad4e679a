"""Keys that a person has given to actions: read, refused, shown, and in effect."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.keys import _character_to_key

from ossature.tui.frame import Frame
from ossature.tui.keys.actions import ACTIONS
from ossature.tui.keys.keymap import remapped
from ossature.tui.keys.names import UnknownKey, parse_key, parse_keys, spelled
from tests.tui.scene import Scene
from tests.tui.stage import press, run, screen, shown, until

PLACES = tuple(Frame.HELP_SCOPES.values())


@pytest.mark.parametrize("sign", [chr(code) for code in range(33, 127)])
def test_every_sign_is_named_as_textual_names_it(sign: str) -> None:
    assert parse_key(sign) == _character_to_key(sign)
    assert parse_key(_character_to_key(sign)) == _character_to_key(sign)
    assert spelled(parse_key(sign)) == sign


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("shift+g", "G"),
        ("C-b", "ctrl+b"),
        ("^b", "ctrl+b"),
        ("<C-b>", "ctrl+b"),
        ("Ctrl+B", "ctrl+b"),
        ("PgDn", "pagedown"),
        ("esc", "escape"),
        ("←", "left"),
        ("F5", "f5"),
        ("M-x", "alt+x"),
        ("shift+tab", "shift+tab"),
        ("ctrl+\\", "ctrl+backslash"),
    ],
)
def test_keys_are_read_as_people_write_them(written: str, key: str) -> None:
    assert parse_key(written) == key


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("escap", "did you mean `escape`?"),
        ("ctrl+i", "cannot be told from tab"),
        ("ctrl+shift+b", "without shift"),
        ("shift+1", "the sign that it types"),
        ("f25", "is no key"),
        ("\x07", "is no key"),
    ],
)
def test_what_no_terminal_sends_is_refused_with_the_reason(written: str, reason: str) -> None:
    with pytest.raises(UnknownKey, match=reason.replace("?", r"\?")):
        parse_key(written)


def test_several_keys_stand_in_one_text() -> None:
    assert parse_keys("b, f5") == parse_keys("b f5") == parse_keys("b,f5") == ["b", "f5"]
    assert parse_keys(",") == ["comma"]
    assert parse_keys("") == []


@pytest.mark.parametrize(
    ("wanted", "messages"),
    [
        ({"bulid": "f5"}, ["no action `bulid`; did you mean `build`?"]),
        ({"build": "nokey"}, ["'nokey' is no key"]),
        ({"build": 3}, ["a text such as"]),
        ({"build": "p"}, ["p is `"]),
        ({"build": "j"}, ["j is `"]),
        ({"build": "W"}, ["W is `"]),
        ({"answer-approve": "j"}, ["j is `"]),
        ({"answer-approve": "x"}, ["x is `answer-abort` already"]),
        ({"why": "f5", "build": "f5"}, ["f5 is `why` already"]),
        # The second loses its key to the first, which then meets nobody.
        ({"build": "f5", "pause": "b", "why": "p"}, []),
        ({"leave": []}, ["has to keep a key"]),
    ],
)
def test_what_cannot_be_is_said_and_the_default_stays(wanted: dict[str, object], messages: list[str]) -> None:
    table, problems = remapped(wanted, PLACES)
    assert len(problems) == len(messages)
    for problem, message in zip(problems, messages, strict=True):
        assert message in problem.message
        assert problem.message.endswith("the default stays")
        named = [action for action in ACTIONS if action.id == problem.name]
        assert all(table.find(action.id).keys == action.keys for action in named)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([action.id for action in ACTIONS]),
        st.sampled_from(["b", "j", "W", "f5", "f6", "ctrl+t", "x", "enter", ""]),
        max_size=5,
    )
)
def test_no_remapping_gives_one_key_two_meanings_that_it_did_not_have(wanted: dict[str, str]) -> None:
    table, _ = remapped(wanted, PLACES)
    changed = [new for old, new in zip(ACTIONS, table.actions, strict=True) if new.keys != old.keys]
    for one in changed:
        for other in table.actions:
            is_near = any({one.scope, other.scope} <= set(place) for place in PLACES)
            shared = set(one.keys.split(",")) & set(other.keys.split(",")) - {""}
            assert one.id == other.id or not is_near or not shared
    bound = table.bound()
    assert all(action.id in bound for action in changed)


def configure(text: str) -> Path:
    """Write the user's config of this test's environment."""
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "ossature" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_remapped_key_works_and_is_shown_everywhere(asked: Scene) -> None:
    configure(
        '[tui.keys]\nzoom = "f6"\nwhy = "Z"\nanswer-approve = "ctrl+y"\nanswer-skip = "Y"\n'
        'list-cursor-down = ["down", "ctrl+n"]\nbulid = "b"\n'
    )

    async def dialogue() -> None:
        async with shown(asked, (120, 40)) as (app, pilot):
            assert app.message and screen(app).count("config.toml:7")
            assert "config.toml:7: there is no action `bulid`; did you mean `build`?" in app.message.text
            await press(pilot, "3", "z")
            assert not app.is_zoomed
            assert "ctrl+y approve fix" in screen(app)
            assert "Z why" in screen(app)
            await press(pilot, "f6")
            assert app.is_zoomed
            before = app.plan.cursor
            await press(pilot, "j")
            assert app.plan.cursor == before
            await press(pilot, "ctrl+n")
            assert app.plan.cursor == before + 1
            await press(pilot, "question_mark")
            assert "Here, in the plan pane" in screen(app)
            await press(pilot, *"whole screen")
            assert "f6" in screen(app)
            await press(pilot, "escape", "colon", *"whole screen")
            await until(pilot, lambda: "f6" in screen(app))
            await press(pilot, "escape")
            await until(pilot, lambda: len(app.screen_stack) == 1)
            await press(pilot, "a")
            assert asked.letters() == []
            await press(pilot, "ctrl+y")
            await until(pilot, asked.letters)

    run(dialogue())


def test_the_footer_shows_the_keys_that_work_now(asked: Scene) -> None:
    async def dialogue() -> None:
        async with shown(asked, (120, 40)) as (app, pilot):
            footer = lambda: screen(app).splitlines()[-1]  # noqa: E731  # read anew at each step
            assert "enter open" in footer()
            await press(pilot, "slash")
            assert footer().split() == ["enter", "send", "escape", "close"]
            await press(pilot, "escape", "x")
            assert footer().split() == ["y", "yes", "n", "no"]
            await press(pilot, "n", "question_mark")
            assert "enter choose" in footer()
            await press(pilot, "escape")
            await until(pilot, lambda: "enter open" in footer())

    run(dialogue())


def test_a_broken_config_is_said_with_its_line_and_changes_nothing(asked: Scene) -> None:
    configure('[tui.keys]\nzoom = "f6\n')

    async def dialogue() -> None:
        async with shown(asked, (120, 40)) as (app, pilot):
            assert "config.toml:2" in screen(app)
            await press(pilot, "z")
            assert app.is_zoomed

    run(dialogue())
