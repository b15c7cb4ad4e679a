"""What stands in a text without being seen, or should not leave the machine: hidden characters and keys."""

from __future__ import annotations

from ossature.domain.plain_text import find_unseen
from ossature.domain.redaction import find_token
from ossature.errors import Diagnostic, Place

MAX_REPORTED = 20
"""Of one file; more of the same helps nobody."""


def find_hazards(text: str, path: str) -> tuple[Diagnostic, ...]:
    """Warnings about *text*, the content of *path*, which is about to be shown to people and models."""
    return (*hidden_characters(text, path), *find_keys(text, path))


def hidden_characters(text: str, path: str) -> tuple[Diagnostic, ...]:
    """A warning for each character that a reader does not see, with line and column (in characters)."""
    found: list[Diagnostic] = []
    for match in find_unseen(text):
        if match.start() == 0 and match[0] == "\ufeff":  # a byte order mark
            continue
        if len(found) == MAX_REPORTED:
            break
        message = f"holds the invisible character U+{ord(match[0]):04X}"
        hint = "delete it: what is read here may not be what stands here"
        place = _place(text, path, match.start())
        found.append(Diagnostic("file-hidden-character", "warning", place, message, hint))
    return tuple(found)


def find_keys(text: str, path: str) -> tuple[Diagnostic, ...]:
    """A warning where *text* holds something of the shape of a key."""
    found = find_token(text)
    if found is None:
        return ()
    message = f"holds what looks like {found.name}, which would be sent to the model's provider"
    hint = "take it out; if it is real, it is known to whoever has this file"
    return (Diagnostic("file-secret", "warning", _place(text, path, found.start), message, hint),)


def _place(text: str, path: str, at: int) -> Place:
    return Place(path, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
