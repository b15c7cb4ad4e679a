"""The user's own config: read with the lines of its values, and edited one value at a time."""

from __future__ import annotations

import codecs
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ossature.errors import ConfigError, DiskError, Place
from ossature.project import user_config_path
from ossature.settings import line_of, parse_toml
from ossature.store.disk import read_existing, write_atomic
from ossature.store.toml_text import blocks, comments, statement_of

Value = str | bool | int | Sequence[str]


@dataclass(frozen=True, slots=True)
class UserConfig:
    """A file that may be missing; a broken one holds nothing and says why."""

    path: Path
    text: str = ""
    tables: Mapping[str, Any] = field(default_factory=dict)
    error: ConfigError | None = None

    def table(self, name: str) -> Mapping[str, Any]:
        """The table with that dotted name; empty where it is missing or something else."""
        found: Any = self.tables
        for part in name.split("."):
            found = found.get(part, {}) if isinstance(found, Mapping) else {}
        return found if isinstance(found, Mapping) else {}

    def place(self, table: str, key: str = "") -> Place:
        """Where a value of the table stands."""
        line = line_of(self.text, table, key)
        if not line and "." in table:
            outer, _, inner = table.rpartition(".")
            line = line_of(self.text, outer, f"{inner}.{key}") or line_of(self.text, outer, inner)
        return Place(shown_path(self.path), line)


def read_user_config(environ: Mapping[str, str]) -> UserConfig:
    """Never raises: what is wrong with the file is a value of it."""
    path = user_config_path(environ)
    try:
        text = (read_existing(path) or b"").decode("utf-8-sig")
        return UserConfig(path, text, parse_toml(text, shown_path(path)))
    except ConfigError as error:
        return UserConfig(path, error=error)
    except DiskError as error:
        return UserConfig(path, error=ConfigError(str(error)))
    except UnicodeDecodeError:
        return UserConfig(path, error=ConfigError("is not UTF-8", place=Place(shown_path(path))))


def set_user_value(environ: Mapping[str, str], table: str, key: str, value: Value | None) -> UserConfig:
    """Set one value, or with None take it away, leaving every other byte; the config as it is then.

    Raises ConfigError, with nothing written, where the file is broken or is written so that only a person can
    change it: a table within a line, or a key with dots.
    """
    before = read_user_config(environ)
    if before.error is not None:
        raise before.error
    text = edited_table(before.text, table, {key: value})
    wanted = _changed(before.tables, table.split("."), key, value)
    try:
        is_so = tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        is_so = False
    if not is_so:
        raise ConfigError(
            f"`{key}` of [{table}] cannot be changed here, as the file is written",
            place=before.place(table, key),
            hint="change it in an editor",
        )
    # Behind a link lies the file that a person keeps, often among others of the kind.
    target = before.path.resolve()
    old = read_existing(target)
    mark = codecs.BOM_UTF8 if old and old.startswith(codecs.BOM_UTF8) else b""
    write_atomic(target, mark + text.encode("utf-8"), mode=target.stat().st_mode & 0o777 if old else 0o644)
    return read_user_config(environ)


def edited_table(text: str, table: str, changes: Mapping[str, Value | None]) -> str:
    """*text* with some keys of `[table]` set, or removed where they are None."""
    newline = "\r\n" if "\r\n" in text else "\n"
    found = blocks(text, table, is_array=False)
    if not found:
        lines = [f"{key} = {render(value)}" for key, value in changes.items() if value is not None]
        if not lines:
            return text
        joint = "" if not text else newline if text.endswith("\n") else 2 * newline
        return text + joint + newline.join([f"[{table}]", *lines]) + newline
    start, end = found[0].start, found[0].head_end
    return text[:start] + _edited_lines(text[start:end], changes, newline) + text[end:]


def render(value: Value) -> str:
    """A value as TOML, on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # JSON's escapes are TOML's, but for DEL, which TOML wants escaped.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int():
            return str(value)
        case _:
            return f"[{', '.join(render(item) for item in value)}]"


def shown_path(path: Path) -> str:
    """With `~` for the home of the person."""
    try:
        return f"~/{path.relative_to(Path.home()).as_posix()}"
    except (ValueError, RuntimeError):
        return str(path)


def _edited_lines(lines: str, changes: Mapping[str, Value | None], newline: str) -> str:
    for key, value in changes.items():
        found = statement_of(lines, key)
        if found is None:
            if value is not None:
                joint = "" if lines.endswith("\n") else newline
                lines = f"{lines}{joint}{key} = {render(value)}{newline}"
            continue
        start, end = found
        notes = list(comments(lines[start:end]))
        parts = [] if value is None else [f"{key} = {render(value)}"]
        if lines.count("\n", start, end) < 2:
            new = "  ".join([*parts, *notes])
        else:
            new = newline.join([*notes, *parts])
        lines = lines[:start] + (f"{new}{newline}" if new else "") + lines[end:]
    return lines


def _changed(tables: Mapping[str, Any], path: Sequence[str], key: str, value: Value | None) -> dict[str, Any]:
    """The document with one value changed."""
    if not path:
        rest = {name: item for name, item in tables.items() if name != key}
        return rest if value is None else rest | {key: value if not isinstance(value, tuple) else list(value)}
    inner = tables.get(path[0], {})
    if not isinstance(inner, Mapping) or (path[0] not in tables and value is None):
        return dict(tables)
    return {**tables, path[0]: _changed(inner, path[1:], key, value)}
