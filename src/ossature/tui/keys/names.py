"""Names of keys: as people write and read them, and as Textual calls them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches

_ALIASES: Mapping[str, str] = {
    "esc": "escape",
    "return": "enter",
    "spacebar": "space",
    "pgdn": "pagedown",
    "pgup": "pageup",
    "del": "delete",
    "ins": "insert",
    "bs": "backspace",
    "←": "left",
    "→": "right",
    "↑": "up",
    "↓": "down",
}
_NAMED = frozenset(
    {"escape", "enter", "space", "tab", "backspace", "delete", "insert"}
    | {"home", "end", "pageup", "pagedown", "left", "right", "up", "down"}
)
_MODIFIERS: Mapping[str, str] = {
    "ctrl": "ctrl",
    "control": "ctrl",
    "c": "ctrl",
    "alt": "alt",
    "meta": "alt",
    "option": "alt",
    "m": "alt",
    "shift": "shift",
    "s": "shift",
}
_SAME_AS: Mapping[str, str] = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+j": "enter"}
"""What a terminal sends for these."""
_SHORT: Mapping[str, str] = {"pagedown": "PgDn", "pageup": "PgUp"}
_REPLACED: Mapping[str, str] = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
"""Unicode's name of a sign -> Textual's, where they differ."""
_CTRL_SIGNS: Mapping[str, str] = {"\\": "backslash", "]": "right_square_bracket", "^": "circumflex_accent"}


class UnknownKey(ValueError):
    """Says what is wrong with the name of a key."""


def parse_key(text: str) -> str:
    """Textual's name of a key as people write it (`?`, `G`, `ctrl+b`, `C-b`, `PgDn`); raises UnknownKey."""
    name = text.strip() or text
    if len(name) == 1:
        return _ALIASES.get(name) or ("space" if name == " " else _sign(name))
    modifiers, base = _parts(name)
    if modifiers == {"shift"} and len(base) == 1:
        if not base.isalpha():
            raise UnknownKey(f"{text!r} is no key: write the sign that it types")
        return base.upper()
    if len(base) == 1:
        base = _modified(base, modifiers, text)
    else:
        base = _ALIASES.get(base.lower(), base.lower())
        if not _is_known(base):
            near = get_close_matches(base, [*_NAMED, *_ALIASES, "ctrl+b", "f1", "shift+tab"], n=1)
            raise UnknownKey(f"{text!r} is no key" + (f"; did you mean `{near[0]}`?" if near else ""))
        if not modifiers:
            return base
    key = "+".join([*sorted(modifiers), base])
    if key in _SAME_AS:
        raise UnknownKey(f"{text!r} cannot be told from {_SAME_AS[key]} in a terminal")
    return key


def parse_keys(text: str) -> list[str]:
    """Several keys in one text, parted by commas or spaces; a comma alone is that key."""
    if len(text.strip()) <= 1:
        return [parse_key(text)] if text else []
    return [parse_key(part) for part in re.split(r",\s+|\s+|(?<=\w),(?=\w)", text.strip()) if part]


def spelled(key: str) -> str:
    """Textual's name as people read it."""
    *modifiers, base = key.split("+")
    short = _SHORT.get(base) or _character(base) or base
    return "+".join([*modifiers, short])


def _parts(name: str) -> tuple[set[str], str]:
    """Modifiers, and what is left: `ctrl+alt+x`, `C-x`, `<C-x>`, `^x`."""
    if name.startswith("<") and name.endswith(">"):
        name = name[1:-1]
    if len(name) == 2 and name[0] == "^":
        return {"ctrl"}, name[1]
    modifiers: set[str] = set()
    while found := re.match(r"(?i)(ctrl|control|alt|meta|option|shift|[cms](?=-))[+-](?=.)", name):
        modifiers.add(_MODIFIERS[found[1].lower()])
        name = name[found.end() :]
    return modifiers, name


def _modified(sign: str, modifiers: set[str], text: str) -> str:
    """The base of a key that is a sign with ctrl or alt."""
    if "ctrl" in modifiers:
        if "shift" in modifiers:
            raise UnknownKey(f"{text!r} cannot be told from the key without shift in a terminal")
        if sign.isascii() and sign.isalpha():
            return sign.lower()
        if sign in _CTRL_SIGNS and "alt" not in modifiers:
            return _CTRL_SIGNS[sign]
        raise UnknownKey(f"{text!r} is no key that a terminal sends")
    if "shift" in modifiers:
        modifiers.discard("shift")
        return sign.upper()
    return _sign(sign)


def _is_known(base: str) -> bool:
    if re.fullmatch(r"f([1-9]|1\d|2[0-4])", base):
        return True
    return base in _NAMED or bool(_character(base))


def _sign(char: str) -> str:
    if char.isalnum():
        return char
    if not char.isprintable():
        raise UnknownKey(f"{char!r} is no key")
    return _name_of(char)


def _name_of(sign: str) -> str:
    name = unicodedata.name(sign, "").lower().replace("-", "_").replace(" ", "_")
    return _REPLACED.get(name, name)


_SIGNS: Mapping[str, str] = {_name_of(sign): sign for sign in map(chr, range(33, 127)) if not sign.isalnum()}


def _character(name: str) -> str:
    """The sign behind a name such as `question_mark`; empty where it is none."""
    if name in _SIGNS:
        return _SIGNS[name]
    try:
        return unicodedata.lookup(name.replace("_", " ")) if "_" in name else ""
    except KeyError:
        return ""
