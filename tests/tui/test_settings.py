"""Settings: where each value comes from, saved at once, and in effect at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ossature.store.user_config import UserConfig, read_user_config
from ossature.tui.preferences import PREFERENCES, preferences
from tests.tui.scene import Scene
from tests.tui.stage import is_whole, press, run, screen, shown, until


def config(text: str, folder: Path) -> UserConfig:
    path = folder / "ossature" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return read_user_config({"XDG_CONFIG_HOME": str(folder)})


@pytest.mark.parametrize(
    ("text", "environ", "key", "value", "source"),
    [
        ("", {}, "theme", "auto", "default"),
        ('[tui]\ntheme = "light"\n', {}, "theme", "light", "config.toml:2"),
        ('[tui]\ntheme = "light"\n', {"OSSATURE_THEME": "ansi"}, "theme", "ansi-dark", "OSSATURE_THEME"),
        ('[tui]\ntheme = "sea"\n', {}, "theme", "sea", "config.toml:2"),
        ('[tui]\ntheme = "see"\n', {}, "theme", "auto", "default"),
        ("", {"NO_COLOR": "1"}, "colors", "none", "NO_COLOR"),
        ('[tui]\ncolors = "256"\n', {"NO_COLOR": "1"}, "colors", "256", "config.toml:2"),
        ("[tui]\ncolors = 256\n", {}, "colors", "256", "config.toml:2"),
        ("", {"OSSATURE_ASCII": "1"}, "glyphs", "ascii", "OSSATURE_ASCII"),
        ("[tui]\nwrap = false\n", {}, "wrap", "false", "config.toml:2"),
        ('[tui]\nwrap = "no"\n', {}, "wrap", "true", "default"),
        ("", {"VISUAL": "vi", "EDITOR": "ed"}, "editor", "vi", "VISUAL"),
        ('[tui]\neditor = "hx"\n', {"VISUAL": "vi"}, "editor", "hx", "config.toml:2"),
    ],
)
def test_a_value_says_where_it_comes_from(
    tmp_path: Path, text: str, environ: dict[str, str], key: str, value: str, source: str
) -> None:
    found = preferences(config(text, tmp_path), environ, themes=("sea",))
    assert found.values[key].text == value
    assert found.values[key].source.endswith(source)
    has_problem = bool(text) and source == "default"
    assert len(found.problems) == has_problem
    assert all("config.toml:2: " in problem and "the default stays" in problem for problem in found.problems)


@pytest.mark.parametrize(
    ("environ", "theme"),
    [
        ({"TERM": "xterm-256color"}, "dark"),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, "light"),
        ({"TERM": "linux"}, "ansi-dark"),
        ({"TERM": "screen", "STY": "1", "COLORFGBG": "0;default;15"}, "ansi-light"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "mono"),
        ({"TERM": "xterm-256color", "OSSATURE_THEME": "ossature"}, "dark"),
    ],
)
def test_the_theme_follows_the_terminal(tmp_path: Path, environ: dict[str, str], theme: str) -> None:
    assert preferences(config("", tmp_path), environ).theme == theme


def test_an_unknown_setting_is_said(tmp_path: Path) -> None:
    found = preferences(config('[tui]\ntheem = "dark"\n', tmp_path), {})
    assert "config.toml:2: there is no setting `theem`; did you mean `theme`?" in found.problems[0]


def test_settings_hold_at_once_and_are_saved(asked: Scene) -> None:
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "ossature" / "config.toml"

    async def dialogue() -> None:
        async with shown(asked, (80, 24)) as (app, pilot):
            await press(pilot, "O")
            text = screen(app)
            assert all(preference.label in text for preference in PREFERENCES)
            assert "VISUAL" not in text and "EDITOR" in text
            await press(pilot, *"theme", "enter", *"light", "down", "enter")
            await until(pilot, path.is_file)
            chosen = app.theme
            assert chosen in ("light", "ansi-light")
            assert f'theme = "{chosen}"' in path.read_text()
            await until(pilot, lambda: "config.toml:2" in screen(app))
            await press(pilot, *"signs", "enter", *"ascii", "enter")
            await until(pilot, lambda: app.glyphs.is_ascii)
            await press(pilot, "escape")
            await until(pilot, lambda: len(app.screen_stack) == 1)
            await until(pilot, lambda: screen(app).isascii())
            assert "+- 3 Plan" in screen(app)
            await press(pilot, "O", *"wrap", "enter")
            await until(pilot, lambda: not app.task_pane.viewer.wraps)
            await press(pilot, "escape", "O", *"editor", "enter")
            app.bar.field.value = "hx --log"
            await press(pilot, "enter")
            assert app.environ["VISUAL"] == "hx --log"
            before = path.read_text()
            await press(pilot, "O", *"changed", "escape", "O", *"keys", "enter", *"whole screen", "enter")
            await until(pilot, lambda: app.bar.is_busy)
            app.bar.field.value = "p"
            await press(pilot, "enter")
            assert "p is `pause` already" in screen(app)
            assert path.read_text() == before
            await press(pilot, "O", *"keys", "enter", *"whole screen", "enter")
            await until(pilot, lambda: app.bar.is_busy)
            app.bar.field.value = "f6"
            await press(pilot, "enter")
            assert path.read_text() == before + '\n[tui.keys]\nzoom = "f6"\n'
            await press(pilot, "f6")
            assert app.is_zoomed

    run(dialogue())


def test_settings_fit_a_small_screen_and_a_broken_config_stays(asked: Scene) -> None:
    broken = '[tui]\ntheme = "dark\n'
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "ossature" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(broken)

    async def dialogue() -> None:
        async with shown(asked, (40, 12)) as (app, pilot):
            await press(pilot, "O")
            assert is_whole(app)
            assert "theme" in screen(app)
            await press(pilot, *"mouse", "enter")
            assert app.message is not None and "config.toml:2" in app.message.text
            assert path.read_text() == broken

    run(dialogue())
