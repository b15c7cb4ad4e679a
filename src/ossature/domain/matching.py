"""Which lines two texts have in common, found in a bounded number of steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher
from itertools import accumulate
from typing import TypeVar

MAX_STEPS = 300_000
"""Lines looked at, and places compared: a fifth of a second. Edits of a source of 9,000 lines in 50 places
take 200,000; a table of 700 records that all differ would take millions."""
_Line = TypeVar("_Line")


class LineMatcher(SequenceMatcher[_Line]):
    """difflib's matching, which is cubic at worst, with an end to it.

    Where no steps are left, a stretch is only matched from its two ends: what lies between counts as one
    change. Goes by steps, not by time, so the same texts always come out the same.
    """

    def __init__(self, old: Sequence[_Line], new: Sequence[_Line]) -> None:
        super().__init__(None, old, new)
        self._old = old
        self._new = new
        places: dict[_Line, list[int]] = self.b2j  # type: ignore[attr-defined]  # documented, not in typeshed
        self._steps = [0, *accumulate(1 + len(places.get(line, ())) for line in old)]
        self._left = MAX_STEPS

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        """As difflib has it, while there are steps for that."""
        end = len(self._old) if ahi is None else ahi
        new_end = len(self._new) if bhi is None else bhi
        steps = self._steps[end] - self._steps[alo]
        if steps > self._left:
            return self._match_ends(alo, end, blo, new_end)
        self._left -= steps
        return super().find_longest_match(alo, end, blo, new_end)

    def _match_ends(self, start: int, end: int, new_start: int, new_end: int) -> Match:
        """The common beginning, else the common end, which may be nothing."""
        most, same = min(end - start, new_end - new_start), 0
        while same < most and self._old[start + same] == self._new[new_start + same]:
            same += 1
        if same:
            return Match(start, new_start, same)
        while same < most and self._old[end - 1 - same] == self._new[new_end - 1 - same]:
            same += 1
        return Match(end - same, new_end - same, same)


def unified_hunks(
    old: Sequence[str], new: Sequence[str], *, context: int = 3, end: str = ""
) -> Iterator[str]:
    """The hunks of a unified diff, line by line, without its two names; *end* ends each head."""
    for group in LineMatcher(old, new).get_grouped_opcodes(context):
        _, old_start, _, new_start, _ = group[0]
        _, _, old_end, _, new_end = group[-1]
        yield f"@@ -{_range(old_start, old_end)} +{_range(new_start, new_end)} @@{end}"
        for what, start, stop, first, last in group:
            if what == "equal":
                yield from (f" {line}" for line in old[start:stop])
            else:
                yield from (f"-{line}" for line in old[start:stop])
                yield from (f"+{line}" for line in new[first:last])


def _range(start: int, end: int) -> str:
    """As patch wants it: an empty one names the line before it."""
    if end - start == 1:
        return f"{start + 1}"
    return f"{start + 1 if end > start else start},{end - start}"
