"""What a mistyped word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

from ossature.spec.closest import closest


def hint_for(word: str, known: Iterable[str], *, otherwise: str) -> str:
    """`did you mean X?`, or *otherwise* when nothing is near."""
    name = closest(word, known)
    return f"did you mean {name}?" if name else otherwise
