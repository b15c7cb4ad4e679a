"""Themes that a person has written: read from TOML, checked, laid over one of ours."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rich.errors import StyleSyntaxError
from rich.style import Style
from textual.color import Color, ColorParseError

from ossature.errors import ConfigError, DiskError
from ossature.settings import line_of, parse_toml
from ossature.store.disk import read_existing
from ossature.store.user_config import shown_path
from ossature.tui.look.theme import COLOURS, THEMES, TONES, Toned, toned

LEAST_CONTRAST = 3.0
"""Less than this between a text and its ground is said (WCAG asks 4.5 of text, 3 of large text)."""


def own_themes(folder: Path) -> tuple[dict[str, Toned], tuple[str, ...]]:
    """Name -> theme of every `*.toml` in *folder*, and what is wrong in them, with file and line."""
    found: dict[str, Toned] = {}
    problems: list[str] = []
    for path in sorted(folder.glob("*.toml")):
        if path.stem in THEMES or path.stem == "auto":
            problems.append(f"{shown_path(path)}: `{path.stem}` is the name of a theme of ours")
            continue
        try:
            text = (read_existing(path) or b"").decode("utf-8-sig")
            table = parse_toml(text, shown_path(path))
        except (ConfigError, DiskError) as error:
            problems.append(str(error))
        except UnicodeDecodeError:
            problems.append(f"{shown_path(path)}: is not UTF-8")
        else:
            found[path.stem] = _theme(path, text, table, problems)
    return found, tuple(problems)


def contrast(front: str, back: str) -> float:
    """How well *front* can be read on *back*, from 1 to 21, as WCAG 2 computes it."""
    darker, lighter = sorted((_luminance(front), _luminance(back)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = Color.parse(colour).rgb
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def _theme(path: Path, text: str, table: Mapping[str, Any], problems: list[str]) -> Toned:
    def complain(section: str, key: str, message: str) -> None:
        line = line_of(text, section, key) if section else _line_at_top(text, key)
        where = f"{shown_path(path)}:{line}" if line else shown_path(path)
        problems.append(f"{where}: {message}")

    base = table.get("base", "dark")
    if base not in COLOURS:
        complain("", "base", f"`base` is {base!r:.40}, and has to be one of {', '.join(COLOURS)}")
        base = "dark"
    for key in table:
        if key not in ("base", "colors", "tones"):
            complain("", key, f"there is no `{key}` in a theme: use base, [colors] and [tones]")
    colours, tones = dict(COLOURS[base]), dict(TONES[base])
    for section, into in (("colors", colours), ("tones", tones)):
        given = table.get(section, {})
        for key, value in given.items() if isinstance(given, Mapping) else ():
            wrong = _wrong(section, key, value, into)
            if wrong:
                complain(section, key, f"{wrong}; that of `{base}` stays")
            else:
                into[key] = value
    for tone, style in tones.items():
        parsed = Style.parse(style)
        front = parsed.color.get_truecolor().hex if parsed.color else ""
        back = parsed.bgcolor.get_truecolor().hex if parsed.bgcolor else colours["background"]
        if front and contrast(front, back) < LEAST_CONTRAST:
            complain("tones", tone, f"`{tone}` can hardly be read: contrast {contrast(front, back):.1f}")
    return toned(path.stem, colours, tones, is_dark=_luminance(colours["background"]) < 0.2)


def _wrong(section: str, key: str, value: object, known: Mapping[str, str]) -> str:
    if key not in known:
        near = get_close_matches(key, known, n=1)
        what = "colour" if section == "colors" else "tone"
        return f"there is no {what} `{key}`" + (f"; did you mean `{near[0]}`?" if near else "")
    try:
        if not isinstance(value, str):
            raise ColorParseError("not a text")
        _ = Color.parse(value).rgb if section == "colors" else Style.parse(value)
    except (ColorParseError, StyleSyntaxError):
        what = "a colour" if section == "colors" else "a style such as `bold #rrggbb on #rrggbb`"
        return f"`{key}` is {value!r:.40}, which is not {what}"
    return ""


def _line_at_top(text: str, key: str) -> int:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.split("=")[0].strip(" \t\"'") == key:
            return number
    return 0
