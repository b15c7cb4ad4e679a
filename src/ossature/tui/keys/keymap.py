"""The table of actions with the keys that a person has given them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, NamedTuple, Protocol

from ossature.tui.keys.actions import ACTIONS, Action, Scope, footer_actions
from ossature.tui.keys.names import UnknownKey, parse_key, parse_keys, spelled

NO_KEY = "ossature_no_key"
"""What Textual binds an action to that has no key; no terminal sends it."""
_KEEPS_A_KEY = ("help", "leave")
"""Without these a person would be lost."""


class KeyProblem(NamedTuple):
    """Why an entry of the user's config has no effect."""

    name: str
    """The key of the table, as written."""
    message: str


@dataclass(frozen=True, slots=True)
class KeyTable:
    """All actions, each with the keys that it has now."""

    actions: tuple[Action, ...] = ACTIONS

    def find(self, action_id: str) -> Action:
        """The action that the config calls so; raises KeyError."""
        for action in self.actions:
            if action.id == action_id:
                return action
        raise KeyError(action_id)

    def key(self, action_id: str) -> str:
        """Its first key as people read it, or the way to it without one."""
        return self.find(action_id).key or f"{self.find('command-palette').key} {action_id}"

    def on(self, key: str) -> list[Action]:
        """What *key* may mean, wherever the focus is."""
        return [action for action in self.actions if key in action.keys.split(",")]

    def footer(self, *scopes: Scope, taken: Collection[str] = (), only_looks: bool = False) -> list[Action]:
        """What the footer offers; an action whose every key is *taken* by something else is left out."""
        offered = footer_actions(*scopes, only_looks=only_looks, actions=self.actions)
        return [action for action in offered if not set(action.keys.split(",")) <= set(taken)]

    def bound(self) -> dict[str, str]:
        """Binding id -> keys, as Textual wants its keymap.

        Beside the actions whose keys differ from the default it holds those that share a key with one of
        them: Textual drops every binding of a key that it takes from one.
        """
        changed = {new.id for old, new in zip(ACTIONS, self.actions, strict=True) if old.keys != new.keys}
        touched: set[str] = set()
        while True:
            ids = changed | {
                action.id for action in (*ACTIONS, *self.actions) if touched & set(action.keys.split(","))
            }
            touched = {
                key
                for action in (*ACTIONS, *self.actions)
                if action.id in ids
                for key in action.keys.split(",")
            }
            if ids == changed:
                break
            changed = ids
        return {action.id: action.keys or NO_KEY for action in self.actions if action.id in changed}


DEFAULT_KEYS = KeyTable()


class HasKeys(Protocol):
    """An app that knows which keys there are."""

    table: KeyTable


def remapped(
    wanted: Mapping[str, Any], places: Iterable[Sequence[Scope]]
) -> tuple[KeyTable, tuple[KeyProblem, ...]]:
    """The table with the keys of a `[tui.keys]` table, and what of that has no effect, and why.

    *places* are the scopes whose keys work side by side.
    """
    problems: list[KeyProblem] = []
    given: dict[str, tuple[str, str]] = {}
    for name, value in wanted.items():
        try:
            action = _named(name)
            given[action.id] = (name, ",".join(_keys_of(value)))
            if action.id in _KEEPS_A_KEY and not given[action.id][1]:
                del given[action.id]
                raise UnknownKey(f"`{name}` has to keep a key")
        except UnknownKey as error:
            problems.append(KeyProblem(name, f"{error}; the default stays"))
    scopes = [*places, *((action.scope,) for action in ACTIONS)]
    while clash := next(_clashes(given, scopes), None):
        loser, message = clash
        problems.append(KeyProblem(given.pop(loser)[0], message))
    return KeyTable(_with(given)), tuple(problems)


def _named(name: str) -> Action:
    wanted = name.strip().lower().replace("_", "-")
    for action in ACTIONS:
        if action.id.replace("_", "-") == wanted:
            return action
    near = get_close_matches(wanted, [action.id for action in ACTIONS], n=1)
    raise UnknownKey(f"there is no action `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""))


def _keys_of(value: Any) -> list[str]:
    match value:
        case str():
            return list(dict.fromkeys(parse_keys(value)))
        case list() if all(isinstance(item, str) for item in value):
            return list(dict.fromkeys(parse_key(item) for item in value))
        case _:
            raise UnknownKey('keys are a text such as "b" or a list of them')


def _with(given: Mapping[str, tuple[str, str]]) -> tuple[Action, ...]:
    return tuple(
        replace(action, keys=given[action.id][1], footer_keys="") if action.id in given else action
        for action in ACTIONS
    )


def _clashes(
    given: Mapping[str, tuple[str, str]], places: Sequence[Sequence[Scope]]
) -> Iterator[tuple[str, str]]:
    """Ids of changed actions that meet another on a key, the last changed first, and how that is said."""
    actions = {action.id: action for action in _with(given)}
    for changed in reversed([actions[action_id] for action_id in given]):
        for other in actions.values():
            shared = set(changed.keys.split(",")) & set(other.keys.split(",")) - {""}
            if other.id == changed.id or not shared or not _meet(changed, other, places):
                continue
            key = spelled(min(shared))
            yield changed.id, f"{key} is `{other.id}` already where `{changed.id}` works; the default stays"


def _meet(one: Action, other: Action, places: Sequence[Sequence[Scope]]) -> bool:
    """Both keys work in one place.

    An answer may share its key with what the app does: it has the key only while a question takes it.
    """
    scopes = {one.scope, other.scope}
    if scopes == {"question", "app"}:
        return False
    if "question" in scopes and len(scopes) > 1:
        return True
    return any(scopes <= set(place) for place in places)
