"""The user's own config is edited a value at a time, and nothing around it moves."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.errors import ConfigError
from ossature.store.user_config import edited_table, read_user_config, render, set_user_value

BEFORE = """# mine
[sandbox]
mode = "read-only" # because

[tui]
theme = "dark"  # at night
[tui.keys]
build = [ # two
 "b",
 "f5",
]
# end
"""


def environ(home: Path, text: str | bytes = b"") -> dict[str, str]:
    path = home / "ossature" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    if text:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return {"XDG_CONFIG_HOME": str(home), "HOME": str(home)}


@pytest.mark.parametrize(
    ("table", "key", "value", "old", "new"),
    [
        ("tui", "theme", "light", '"dark"', '"light"'),
        ("tui", "theme", None, 'theme = "dark"  # at night\n', "# at night\n"),
        ("tui", "wrap", True, "# at night\n", "# at night\nwrap = true\n"),
        ("tui.keys", "build", ["g"], '[ # two\n "b",\n "f5",\n]', '["g"]'),
        ("tui.keys", "zoom", "f6", ' "f5",\n]\n', ' "f5",\n]\nzoom = "f6"\n'),
        ("other", "n", 3, "# end\n", "# end\n\n[other]\nn = 3\n"),
        ("other", "n", None, "", ""),
    ],
)
def test_only_the_value_changes(tmp_path: Path, table: str, key: str, value: Any, old: str, new: str) -> None:
    wanted = BEFORE.replace(old, new, 1)
    if "# two" in old:
        wanted = wanted.replace("build =", "# two\nbuild =")
    for text, end in ((BEFORE, "\n"), (BEFORE.replace("\n", "\r\n"), "\r\n")):
        after = set_user_value(environ(tmp_path, "\ufeff" + text), table, key, value)
        written = after.path.read_bytes().decode()
        assert written == "\ufeff" + wanted.replace("\n", end)
        assert after.table(table).get(key) == value


def test_a_missing_file_and_folder_are_made(tmp_path: Path) -> None:
    env = {"XDG_CONFIG_HOME": str(tmp_path / "a" / "b")}
    assert set_user_value(env, "tui", "theme", "dark").text == '[tui]\ntheme = "dark"\n'


def test_a_link_stays_a_link_and_a_mode_a_mode(tmp_path: Path) -> None:
    env = environ(tmp_path / "config")
    real = tmp_path / "dotfiles.toml"
    real.write_text(BEFORE)
    real.chmod(0o600)
    link = tmp_path / "config" / "ossature" / "config.toml"
    link.symlink_to(real)
    set_user_value(env, "tui", "theme", "light")
    assert link.is_symlink()
    assert '"light"' in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    [
        'tui = { theme = "dark" }\n',
        '[tui]\n"theme" = "dark"\n',
        'tui.theme = "dark"\n',
        '[tui]\ntheme = "dark\n',
    ],
)
def test_what_only_a_person_can_change_is_refused_and_stays(tmp_path: Path, text: str) -> None:
    env = environ(tmp_path, text)
    with pytest.raises(ConfigError, match=r"config\.toml"):
        set_user_value(env, "tui", "theme", "light")
    assert read_user_config(env).path.read_text() == text


def test_values_know_their_lines(tmp_path: Path) -> None:
    config = read_user_config(environ(tmp_path, BEFORE))
    assert (
        str(config.place("tui", "theme")) == "~/ossature/config.toml:6"
        or config.place("tui", "theme").line == 6
    )
    assert config.place("tui.keys", "build").line == 8
    inline = read_user_config(environ(tmp_path, '[tui]\nkeys.build = "b"\n'))
    assert inline.table("tui.keys") == {"build": "b"}
    assert inline.place("tui.keys", "build").line == 2


@settings(deadline=None, max_examples=60)
@given(st.one_of(st.booleans(), st.integers(-5, 5), st.text(), st.lists(st.text(), max_size=3)))
def test_every_value_is_read_back_as_it_was_written(value: Any) -> None:
    assert tomllib.loads(f"a = {render(value)}\n") == {"a": value}
    assert tomllib.loads(edited_table(BEFORE, "tui", {"theme": value}))["tui"]["theme"] == value
