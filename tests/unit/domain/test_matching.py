"""Lines are matched as difflib does it, and never in more steps than were set."""

from __future__ import annotations

from collections.abc import Callable
from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossature.build.diffing import unified
from ossature.domain import matching
from ossature.domain.hunks import split
from ossature.domain.matching import MAX_STEPS, LineMatcher

_LINES = st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=40)


@given(_LINES, _LINES)
def test_short_texts_are_matched_as_difflib_matches_them(old: list[str], new: list[str]):
    assert LineMatcher(old, new).get_opcodes() == SequenceMatcher(None, old, new).get_opcodes()


def table(count: int, first: int) -> bytes:
    """Pretty-printed records that all differ from those of another *first*."""
    records = [
        f'  {{\n    "id": {n + first},\n    "r": {(n * 7 + first) % 100}\n  }},\n' for n in range(count)
    ]
    return f"[\n{''.join(records)}]\n".encode()


def cycle(count: int, step: int) -> bytes:
    """Few different lines, each of them often, and just not often enough for difflib to leave it out."""
    return b"".join(b"%d\n" % (n * step % 120) for n in range(count))


def every_second(count: int, mark: str) -> bytes:
    return "".join(f"{mark if n % 2 else 'same'} {n}\n" for n in range(count)).encode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (table(2_000, 0), table(2_000, 1)),
        (cycle(16_000, 1), cycle(16_000, 7)),
        (every_second(3_000, "a"), every_second(3_000, "b")),
    ],
    ids=["table", "cycle", "every second"],
)
def test_files_at_their_worst_are_matched_in_bounded_steps(
    before: bytes, after: bytes, monkeypatch: pytest.MonkeyPatch
):
    spent: list[int] = []
    longest: Callable[..., object] = SequenceMatcher.find_longest_match

    def counted(self, alo, ahi, blo, bhi):
        spent.append(sum(1 + len(self.b2j.get(line, ())) for line in self.a[alo:ahi]))
        return longest(self, alo, ahi, blo, bhi)

    monkeypatch.setattr(SequenceMatcher, "find_longest_match", counted)
    change = split(b"head\n" + before + b"tail\n", b"head\n" + after + b"tail\n")
    assert sum(spent) <= MAX_STEPS
    assert change.hunks[0].span.start > 0
    assert change.without({hunk.digest for hunk in change.hunks}) == b"head\n" + before + b"tail\n"
    spent.clear()
    assert unified({"f": before}, {"f": after}).startswith("--- a/f\n+++ b/f\n@@ -1")
    assert sum(spent) <= MAX_STEPS


def test_without_steps_only_the_ends_are_matched(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(matching, "MAX_STEPS", 0)
    codes = LineMatcher(list("abxcyd"), list("ab1c23d")).get_opcodes()
    assert codes == [("equal", 0, 2, 0, 2), ("replace", 2, 5, 2, 6), ("equal", 5, 6, 6, 7)]
