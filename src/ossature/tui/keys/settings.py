"""Keys on the person's own settings: where each comes from, saved as soon as it is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from ossature.errors import OssatureError
from ossature.store.user_config import Value as Saved
from ossature.store.user_config import set_user_value, shown_path
from ossature.tui.backstop import Backstop
from ossature.tui.driver.terminal import QuietDriver
from ossature.tui.keys.keymap import remapped
from ossature.tui.keys.names import UnknownKey, parse_keys, spelled
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.preferences import PREFERENCES, Preference, Preferences, Value
from ossature.tui.screens.directory import help_rows
from ossature.tui.showing import Showing
from ossature.tui.widgets.bar import Asking
from ossature.tui.widgets.picker import Picker
from ossature.tui.widgets.rows import Row

_LABEL_CELLS = 14
_VALUE_CELLS = 15
_KEYS = "keys"
_DEFAULT = "default"


class SettingsKeys(Showing):
    """What is chosen holds at once; a config that cannot be changed here is said to be so and stays."""

    def action_settings(self, key: str = "") -> None:
        problems = (*self.prefs.problems, *self.theme_problems, *self.key_complaints())
        rows = setting_rows(self.prefs, changed_keys=len(self.config.table("tui.keys")), problems=problems)
        heading = f"Settings in {shown_path(self.config.path)}"
        self.pick(Picker(heading, rows, glyphs=self.glyphs, key=key or rows[0].key), self._setting_chosen)

    def _setting_chosen(self, key: str | None) -> None:
        if key is None:
            return
        if key == _KEYS:
            rows = help_rows(self.table.actions)
            self.pick(
                Picker("Keys of which action?", rows, glyphs=self.glyphs, key=rows[1].key),
                self._action_chosen,
            )
            return
        preference = next(one for one in PREFERENCES if one.key == key)
        value = self.prefs.values[key]
        if set(preference.choices) == {"true", "false"}:
            self._save(preference, "false" if value.text == "true" else "true")
        elif preference.choices:
            rows = [_choice_row(choice, value.text) for choice in self._choices(preference)]
            picker = Picker(f"{preference.label} ({value.source})", rows, glyphs=self.glyphs, key=value.text)
            self.pick(picker, partial(self._choice_made, preference))
        else:
            self.bar.ask(
                Asking(
                    f"{preference.label}: {preference.text.lower()}",
                    submit=partial(self._save, preference),
                    initial=value.text,
                    hint="enter saves, empty gives back what the environment says",
                )
            )

    def _choices(self, preference: Preference) -> Sequence[str]:
        own = sorted(self.own_themes) if preference.key == "theme" else ()
        return (*preference.choices, *own)

    def _choice_made(self, preference: Preference, choice: str | None) -> None:
        if choice is None:
            self.action_settings(preference.key)
        else:
            self._save(preference, choice)

    def _save(self, preference: Preference, text: str) -> None:
        """Write one value; the default of a text is written by leaving it out."""
        chosen: Saved | None
        if preference.choices and preference.choices[0] in ("true", "false"):
            chosen = text == "true"
        else:
            chosen = None if text in ("", *preference.choices[:1]) else text
        if not self._write("tui", preference.key, chosen):
            return
        value = self.prefs.values[preference.key]
        if preference.choices:
            self.action_settings(preference.key)
        if value.source in preference.variables and text not in ("", value.text):
            self.say(f"saved; but {value.source} is set, and wins", "warn")
        else:
            self.say(
                f"{preference.label} is {value.text or 'as the environment says'} ({value.source})", "quiet"
            )

    def _write(self, table: str, key: str, value: Saved | None) -> bool:
        try:
            config = set_user_value(self.environ, table, key, value)
        except OssatureError as error:
            self.say_error(error)
            return False
        before = self.prefs
        self.use_config(config)
        self._put_on(before)
        return True

    def _put_on(self, before: Preferences) -> None:
        """Let what has been set hold on the screen at once."""
        prefs = self.prefs
        self.theme = prefs.theme
        self.backstop = Backstop(is_ascii=prefs.glyphs.is_ascii, depth=prefs.depth)
        for viewer in (self.task_pane.viewer, self.log_pane):
            if prefs.is_on("wrap") not in (before.is_on("wrap"), viewer.wraps):
                viewer.action_wrap()
            if prefs.is_on("line_numbers") not in (before.is_on("line_numbers"), viewer.has_numbers):
                viewer.action_numbers()
        if self.glyphs is not prefs.glyphs:
            self._use_glyphs(prefs.glyphs)
        if isinstance(self._driver, QuietDriver):
            self._driver.use_mouse(is_on=prefs.is_on("mouse"))
        self.show_all()
        self.call_after_refresh(self.repaint)

    def _use_glyphs(self, glyphs: Glyphs) -> None:
        """Every widget draws with these from now on."""
        self.glyphs = glyphs
        self.set_class(glyphs.is_ascii, "-ascii")
        widgets: Iterable[Any] = self.screen_stack[0].walk_children()
        for widget in widgets:
            if hasattr(widget, "glyphs"):
                widget.glyphs = glyphs

    def _action_chosen(self, action_id: str | None) -> None:
        if action_id is None:
            self.action_settings(_KEYS)
            return
        action = self.table.find(action_id)
        self.bar.ask(
            Asking(
                f"keys of `{action_id}`: {action.text.lower()}",
                submit=partial(self._give_keys, action_id),
                initial=action.shown_keys,
                hint=f"enter saves; several with a space between; `{_DEFAULT}` gives back the usual ones",
            )
        )

    def _give_keys(self, action_id: str, text: str) -> None:
        """Refuse what would have no effect, with the reason; nothing is written then."""
        wanted = {**self.config.table("tui.keys")}
        try:
            keys = [spelled(key) for key in parse_keys(text)] if text.strip() != _DEFAULT else []
        except UnknownKey as error:
            self.say(str(error), "warn")
            return
        value: Saved | None = None if text.strip() == _DEFAULT else keys[0] if len(keys) == 1 else keys
        # The entry may be written with an underscore.
        name = next((one for one in wanted if one.replace("_", "-") == action_id), action_id)
        _, problems = remapped(
            {**wanted, name: value} if value is not None else {}, self.HELP_SCOPES.values()
        )
        if refused := next((problem for problem in problems if problem.name == name), None):
            self.say(refused.message.removesuffix("; the default stays"), "warn")
        elif self._write("tui.keys", name, value):
            self.say(f"`{action_id}` is on {self.table.find(action_id).shown_keys or 'no key'}", "quiet")


def setting_rows(prefs: Preferences, *, changed_keys: int, problems: Sequence[str]) -> list[Row]:
    """A row for every setting, one for the keys, and what of the config has no effect."""
    rows = [_setting_row(preference, prefs.values[preference.key], prefs) for preference in PREFERENCES]
    count = f"{changed_keys} changed" if changed_keys else "as usual"
    rows.append(Row(_KEYS, (Span(f" {_KEYS:<{_LABEL_CELLS}}", "label"), Span(count))))
    if problems:
        rows.append(Row("group:problems", (Span("Has no effect", "warn"),), is_heading=True))
        rows += [Row(problem, (Span(f" {problem}", "warn"),), is_heading=True) for problem in problems]
    return rows


def _setting_row(preference: Preference, value: Value, prefs: Preferences) -> Row:
    shown = {"true": "on", "false": "off"}.get(value.text, value.text) or "as found"
    meant = {
        "theme": prefs.theme,
        "colors": prefs.depth,
        "glyphs": "ascii" if prefs.glyphs.is_ascii else "unicode",
    }
    if (real := meant.get(preference.key, shown)) != shown:
        shown = f"{shown}: {real}"
    left = (
        Span(f" {preference.label:<{_LABEL_CELLS}}", "label"),
        Span(f"{shown:<{_VALUE_CELLS}}"),
        Span(f" {preference.text}", "faint"),
    )
    return Row(preference.key, left, (Span(f"{value.source.rpartition('/')[2]} ", "quiet"),))


def _choice_row(choice: str, current: str) -> Row:
    mark = "now" if choice == current else ""
    return Row(choice, (Span(f" {choice}"),), (Span(f"{mark} ", "quiet"),))
