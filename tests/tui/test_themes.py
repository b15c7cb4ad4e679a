"""Every theme can be read, in the colours that the terminal has."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.style import Style

from ossature.tui.look.depth import DEPTHS, Depth, depth_for, reduced
from ossature.tui.look.own_themes import contrast, own_themes
from ossature.tui.look.theme import COLOURS, THEMES, TONES, tone_styles

COVERS = ("cursor", "cursor-blurred")
"""What lies under the other tones where the cursor is."""


def test_every_theme_has_every_tone() -> None:
    assert {frozenset(tones) for tones in TONES.values()} == {frozenset(TONES["dark"])}
    assert all(tone_styles(theme).keys() == TONES["dark"].keys() for theme in THEMES.values())


def test_contrast_is_what_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_every_tone_can_be_read_on_every_ground_that_it_stands_on(name: str) -> None:
    colours, styles = COLOURS[name], tone_styles(THEMES[name])
    covers = [styles[cover].bgcolor.get_truecolor().hex for cover in COVERS]
    grounds = [colours["background"], colours["panel"], colours["boost"], *covers]
    weak = {}
    for tone, style in styles.items():
        if style.color is None:
            continue
        own = [style.bgcolor.get_truecolor().hex] if style.bgcolor else grounds
        for ground in own:
            found = contrast(style.color.get_truecolor().hex, ground)
            if found < 4.5:
                weak[tone, ground] = round(found, 2)
    assert weak == {}
    for key in ("foreground", "primary", "secondary", "accent", "warning", "error", "success"):
        assert contrast(colours[key], colours["background"]) >= 4.5, key
        assert contrast(colours[key], colours["panel"]) >= 4.5, key


def test_the_terminals_own_colours_are_used_by_name_alone() -> None:
    for name in ("ansi-dark", "ansi-light", "mono"):
        for tone, style in tone_styles(THEMES[name]).items():
            for colour in (style.color, style.bgcolor):
                assert colour is None or colour.is_default or colour.number in range(16), tone
                assert colour is None or colour.is_default or name != "mono", tone
    readable = {"default", "green", "red", "magenta", "blue"}
    assert all(
        style.color is None or style.color.name in readable
        for style in tone_styles(THEMES["ansi-light"]).values()
    )


@pytest.mark.parametrize(
    ("environ", "depth"),
    [
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit", "NO_COLOR": "1"}, "none"),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "256"),
        ({"TERM": "xterm-kitty"}, "truecolor"),
        ({"TERM": "xterm-direct"}, "truecolor"),
        ({"TERM": "xterm"}, "256"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/s,1,0"}, "256"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/s,1,0", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "screen", "STY": "1.pts"}, "16"),
        ({"TERM": "screen-256color", "STY": "1.pts", "COLORTERM": "truecolor"}, "256"),
        ({"TERM": "screen", "TMUX": "/tmp/s,1,0"}, "16"),
        ({"TERM": "linux"}, "16"),
        ({"TERM": "vt100"}, "16"),
    ],
)
def test_the_depth_follows_the_terminal(environ: dict[str, str], depth: Depth) -> None:
    assert depth_for(environ) == depth


@pytest.mark.parametrize("depth", DEPTHS)
def test_no_more_colours_are_sent_than_there_are(depth: Depth) -> None:
    style = Style.parse("bold underline #f5b86a on #2a3a55") + Style.from_meta({"@click": "x"})
    shown = reduced(style, depth)
    assert (shown.bold, shown.underline, shown.meta) == (True, True, {"@click": "x"})
    codes = shown.render("x")
    assert ("38;2;" in codes) is (depth == "truecolor")
    assert ("38;5;" in codes) is (depth == "256")
    if depth == "none":
        assert shown.color is None
        assert shown.bgcolor is None


def test_a_theme_of_ones_own_is_checked_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "sea.toml").write_text(
        'base = "light"\n'
        "[colors]\n"
        'background = "#f0ffff"\n'
        'pannel = "#e0ffff"\n'
        'accent = "seagren"\n'
        "[tones]\n"
        'good = "bold #006644"\n'
        'bad = "bold #ff00zz"\n'
        'warn = "#eeee00"\n'
    )
    (tmp_path / "broken.toml").write_text('base = "dark"\n[colors\n')
    (tmp_path / "dark.toml").write_text("")
    found, problems = own_themes(tmp_path)
    assert set(found) == {"sea"}
    sea = found["sea"]
    assert sea.background == "#f0ffff"
    assert sea.accent == COLOURS["light"]["accent"]
    assert not sea.dark
    assert tone_styles(sea)["good"] == Style.parse("bold #006644")
    said = [problem.rpartition("/")[2] for problem in problems]
    assert said[0].startswith("broken.toml:2:")
    assert said[1:] == [
        "dark.toml: `dark` is the name of a theme of ours",
        "sea.toml:4: there is no colour `pannel`; did you mean `panel`?; that of `light` stays",
        "sea.toml:5: `accent` is 'seagren', which is not a colour; that of `light` stays",
        "sea.toml:8: `bad` is 'bold #ff00zz', which is not a style such as `bold #rrggbb on #rrggbb`;"
        " that of `light` stays",
        "sea.toml:9: `warn` can hardly be read: contrast 1.2",
    ]
