"""Finds what a mistyped word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MAX_LENGTH = 120
"""difflib is quadratic in the length; nobody mistypes a longer name."""
_MAX_KNOWN = 2_000
_CUTOFF = 0.6


def closest(word: str, known: Iterable[str]) -> str:
    """The name in *known* that *word* was meant to be, whatever its case; empty when none is near."""
    if len(word) > _MAX_LENGTH:
        return ""
    by_fold: dict[str, str] = {}
    for name in known:
        if len(name) <= _MAX_LENGTH:
            by_fold.setdefault(name.casefold(), name)
        if len(by_fold) == _MAX_KNOWN:
            break
    near = get_close_matches(word.casefold(), by_fold, n=1, cutoff=_CUTOFF)
    return by_fold[near[0]] if near else ""


class Hints:
    """Closest names for the first few mistyped words of a file: with hundreds of them, none is a typo."""

    def __init__(self, known: Iterable[str], limit: int = 20) -> None:
        self._known = tuple(known)
        self._left = limit

    def near(self, word: str) -> str:
        """The closest name; empty when none is near or the limit is reached."""
        self._left -= 1
        return closest(word, self._known) if self._left >= 0 else ""

    def did_you_mean(self, word: str) -> str:
        name = self.near(word)
        return f"did you mean {name}?" if name else ""
