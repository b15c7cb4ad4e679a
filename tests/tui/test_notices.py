"""What is sent to a terminal whose person looks elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from ossature.tui.notices import BELL, MAX_CHARS, Wanted, Way, notice, wanted_notices, wrapped
from tests.tui.scene import Scene, owned, while_running
from tests.tui.stage import run, shown, until

TEXT = "006 verify failed"


@pytest.mark.parametrize(
    ("way", "environ", "sent"),
    [
        ("off", {"TERM_PROGRAM": "iTerm.app"}, ""),
        ("bell", {"TERM_PROGRAM": "iTerm.app"}, BELL),
        ("auto", {}, BELL),
        ("auto", {"TERM_PROGRAM": "WezTerm"}, f"\x1b]9;Spenny: {TEXT}{BELL}{BELL}"),
        ("auto", {"TERM": "xterm-kitty"}, f"\x1b]9;Spenny: {TEXT}{BELL}{BELL}"),
        ("auto", {"VTE_VERSION": "7600"}, f"\x1b]777;notify;Spenny;{TEXT}{BELL}{BELL}"),
        ("osc777", {}, f"\x1b]777;notify;Spenny;{TEXT}{BELL}{BELL}"),
        ("osc9", {"TMUX": "/tmp/tmux"}, f"\x1bPtmux;\x1b\x1b]9;Spenny: {TEXT}{BELL}\x1b\\{BELL}"),
        ("osc9", {"STY": "1.pts"}, f"\x1bP\x1b]9;Spenny: {TEXT}{BELL}\x1b\\{BELL}"),
    ],
)
def test_each_way_and_what_is_in_between(way: Way, environ: dict[str, str], sent: str) -> None:
    assert notice("Spenny", TEXT, way=way, environ=environ) == sent


def test_what_a_spec_says_cannot_end_the_sequence_or_grow_it() -> None:
    sent = notice("a;b\x1b]0;x\x07", "evil\x07\x1b[2J\n" + "x" * 999, way="osc777", environ={})
    assert sent.count("\x1b") == 1
    assert sent.count(BELL) == 2
    assert sent.count(";") == 3
    assert len(sent) < 3 * MAX_CHARS


def test_only_what_ends_with_a_bell_is_wrapped_whole() -> None:
    assert wrapped("\x1b]52;c;eA==\x07", {"TMUX": "1"}) == "\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\"


def test_what_the_config_says_wrong_is_named_and_the_default_holds() -> None:
    assert wanted_notices({"notify": "off", "notify_when": "always"}) == (Wanted("off", "always"), {})
    wanted, problems = wanted_notices({"notify": "beep", "notify_when": 3})
    assert wanted == Wanted("auto", "away")
    assert problems == {
        "notify": "`notify` is one of auto, off, bell, osc9, osc777",
        "notify_when": "`notify_when` is one of away, always",
    }


def test_a_person_is_called_back_once_and_only_from_elsewhere(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config" / "ossature" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[tui]\nnotify = "osc777"\nnotify_when = "alway"\n', "utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    while_running(scene)
    sent: list[str] = []

    async def dialogue() -> None:
        async with shown(scene) as (app, pilot):
            assert app.message is not None
            assert "config.toml:3: `notify_when` is 'alway'" in app.message.text
            assert "one of away, always" in app.message.text
            assert app._driver is not None
            monkeypatch.setattr(app._driver, "write", sent.append)
            scene.ask_fix("006")
            await until(pilot, lambda: app.question is not None)
            assert sent == []
            app.app_focus = False
            scene.finish("failed", reason="006 failed")
            await until(pilot, lambda: app.bridge.state.is_over)
            await until(pilot, lambda: len(sent) == 1)
            assert sent[0].startswith("\x1b]777;notify;ossature Spenny;run failed")

    with owned(scene):
        run(dialogue())
