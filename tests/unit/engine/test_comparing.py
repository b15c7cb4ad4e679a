"""Differences of two attempts: a diff leads from one text to the other, and facts stand beside each other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.domain import matching
from ossature.engine.comparing import Side, compare, difference, read_side

LINES = st.lists(st.sampled_from(("a", "b", "c", "", "+ x", "--- a")), max_size=30)


def applied(diff: str, before: list[str]) -> list[str]:
    """What the hunks of *diff* make of *before*, checking what they say of it."""
    after: list[str] = []
    place = 0
    for line in diff.splitlines()[2:]:
        header = re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", line)
        if header:
            # An empty side names the line before it.
            start = int(header[1]) - (header[2] != "0")
            after += before[place:start]
            place = start
            assert len(after) == int(header[3]) - (header[4] != "0")
        elif line.startswith("+"):
            after.append(line[1:])
        elif line.startswith(("-", " ")):
            assert before[place] == line[1:]
            after += [line[1:]] if line[0] == " " else []
            place += 1
        else:
            pytest.fail(line)
    return after + before[place:]


@given(LINES, LINES, LINES, st.booleans())
@settings(deadline=None, max_examples=120)
def test_a_difference_leads_from_one_text_to_the_other(
    old: list[str], new: list[str], common: list[str], is_coarse: bool
) -> None:
    before, after = [*common, *old, *common], [*common, *new, *common]
    with pytest.MonkeyPatch.context() as patch:
        if is_coarse:
            patch.setattr(matching, "MAX_STEPS", 8)
        diff = difference(
            "".join(f"{x}\n" for x in before), "".join(f"{x}\n" for x in after), names=("o", "n")
        )
    if before == after:
        assert diff == ""
    else:
        assert diff.startswith("--- o\n+++ n\n@@ ")
        assert applied(diff, before) == after


def test_attempts_are_compared_by_what_is_kept_of_them(tmp_path: Path) -> None:
    for name, cost, leaf in (("one", 0.25, "11"), ("two", None, "22")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "prompt.md").write_text("same\n")
        (folder / "response.md").write_text(f"{name}\n")
        meta = {"model": f"m/{name}", "cost_usd": cost, "landed": True, "usage": {"cached_tokens": 7}}
        meta["inputs"] = {"spec": leaf, "title": "33", f"only {name}": "44"}
        (folder / "attempt.json").write_text(json.dumps(meta))
    (tmp_path / "elsewhere.log").write_bytes(b"\xff red\n")
    found = compare(
        read_side("first", tmp_path / "one"),
        read_side("second", tmp_path / "two", output=tmp_path / "elsewhere.log"),
    )
    facts = {fact.name: (fact.old, fact.new) for fact in found.facts}
    assert facts["Model"] == ("m/one", "m/two")
    assert facts["Cost"] == ("$0.2500", "not known")
    assert facts["Cached tokens"] == ("7", "7")
    assert facts["Landed"] == ("yes", "yes")
    assert [(change.leaf, change.old, change.new) for change in found.leaves] == [
        ("only one", "44", ""),
        ("only two", "", "44"),
        ("spec", "11", "22"),
    ]
    assert found.prompt == ""
    assert found.response.endswith("-one\n+two\n")
    assert found.changes == "(neither attempt has this text)\n"
    assert found.output.startswith("(first has no such text)\n")
    assert "+\ufffd red" in found.output


def test_damaged_and_missing_attempts_are_compared_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "attempt.json").write_text('{"usage": 3, "inputs": [1], "cost_usd": "x", "seconds": {}}')
    found = compare(read_side("a", tmp_path), Side("b"))
    assert {fact.new for fact in found.facts} <= {"–", "not known"}
    assert found.leaves == ()
