"""What a person has set about the screen, and where each value comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple

from ossature.store.user_config import UserConfig
from ossature.tui.look.depth import DEPTHS, Depth, depth_for, is_light
from ossature.tui.look.glyphs import ASCII, UNICODE, Glyphs, glyphs_for
from ossature.tui.look.theme import THEMES
from ossature.tui.notices import WAYS, WHENS

AUTO = "auto"
OWN_THEMES = tuple(THEMES)


class Preference(NamedTuple):
    """One row of the settings."""

    key: str
    """In `[tui]` of the user's config."""
    label: str
    text: str
    choices: tuple[str, ...] = ()
    """Of a text; empty where it is free. The first is the default. `true` and `false` are booleans."""
    variables: tuple[str, ...] = ()
    """Of the environment that say it; the first that is set counts, over the config where `is_above`."""
    is_above: bool = False


_ON_OFF = ("true", "false")
PREFERENCES: tuple[Preference, ...] = (
    Preference("theme", "theme", "Looks of everything", (AUTO, *OWN_THEMES), ("OSSATURE_THEME",), True),
    Preference("colors", "colours", "How many the terminal shows", (AUTO, *DEPTHS), ("NO_COLOR",)),
    Preference("glyphs", "signs", "Unicode or ASCII", (AUTO, "unicode", "ascii"), ("OSSATURE_ASCII",), True),
    Preference("wrap", "wrap", "Break long lines of a text", _ON_OFF),
    Preference("line_numbers", "line numbers", "Beside a text", _ON_OFF[::-1]),
    Preference("notify", "notifications", "When a question waits or a run has ended", WAYS),
    Preference("notify_when", "notify when", "Only while you look elsewhere, or always", WHENS),
    Preference("mouse", "mouse", "Off leaves selecting to the terminal", _ON_OFF),
    Preference("editor", "editor", "Command that opens files", (), ("VISUAL", "EDITOR")),
)


class Value(NamedTuple):
    """What holds, and who says so."""

    text: str
    source: str
    """`default`, the name of a variable, or a place in the config."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """Every value, with those of the config that have no effect."""

    values: Mapping[str, Value]
    problems: tuple[str, ...]
    """Sentences with file and line."""
    environ: Mapping[str, str]

    def is_on(self, key: str) -> bool:
        return self.values[key].text == "true"

    @property
    def depth(self) -> Depth:
        chosen = self.values["colors"].text
        return next((depth for depth in DEPTHS if depth == chosen), depth_for(self.environ))

    @property
    def glyphs(self) -> Glyphs:
        chosen = self.values["glyphs"].text
        return {"ascii": ASCII, "unicode": UNICODE}.get(chosen) or glyphs_for(self.environ)

    @property
    def theme(self) -> str:
        """The name of the theme; without colours there is one for that alone."""
        chosen = self.values["theme"].text
        if self.depth == "none":
            return "mono"
        if chosen != AUTO:
            return chosen
        side = "light" if is_light(self.environ) else "dark"
        return f"ansi-{side}" if self.depth == "16" else side

    @property
    def editor(self) -> str:
        """The command; empty where nobody has named one."""
        return self.values["editor"].text


def preferences(config: UserConfig, environ: Mapping[str, str], *, themes: Sequence[str] = ()) -> Preferences:
    """What config and environment say; *themes* are those of the person beside ours."""
    values: dict[str, Value] = {}
    problems: list[str] = []
    for preference in PREFERENCES:
        more = themes if preference.key == "theme" else ()
        allowed = preference._replace(choices=(*preference.choices, *more))
        values[preference.key] = _value(allowed, config, environ, problems.append)
    known = [preference.key for preference in PREFERENCES]
    for key in config.table("tui"):
        if key not in (*known, "keys"):
            near = get_close_matches(key, known, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            problems.append(f"{config.place('tui', key)}: there is no setting `{key}`{hint}")
    return Preferences(values, tuple(problems), environ)


def _value(
    preference: Preference,
    config: UserConfig,
    environ: Mapping[str, str],
    report: Callable[[str], None],
) -> Value:
    default = preference.choices[0] if preference.choices else ""
    variable = next((name for name in preference.variables if environ.get(name)), "")
    said = _said(preference.key, environ[variable]) if variable else ""
    if said and preference.is_above and said in preference.choices:
        return Value(said, variable)
    given = config.table("tui").get(preference.key)
    if given is not None:
        text = _text(given)
        place = str(config.place("tui", preference.key))
        if text is not None and (text in preference.choices or not preference.choices):
            return Value(text, place)
        allowed = f"one of {', '.join(preference.choices)}" if preference.choices else "a text"
        report(f"{place}: `{preference.key}` is {given!r:.40}, and has to be {allowed}; the default stays")
    return Value(said, variable) if said else Value(default, "default")


def _text(given: object) -> str | None:
    match given:
        case bool():
            return "true" if given else "false"
        case str():
            return given
        case int():
            return str(given)
        case _:
            return None


def _said(key: str, value: str) -> str:
    """What the value of a variable means for a setting."""
    match key:
        case "theme":
            return {"ossature": "dark", "ansi": "ansi-dark"}.get(value, value)
        case "colors":
            return "none"
        case "glyphs":
            return "ascii"
        case _:
            return value
