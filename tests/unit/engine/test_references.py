"""Blobs that name blobs are followed, and go before those that they name."""

from __future__ import annotations

import json
from pathlib import Path

from ossature.engine.references import reach, referring_first
from ossature.store.blobs import Blobs


def chain_of(blobs: Blobs, length: int) -> list[str]:
    """Names of blobs, each named by the next."""
    names = [blobs.put(b"the lowest")]
    for _ in range(length):
        names.append(blobs.put(json.dumps([["path", names[-1]], names[:1]]).encode()))
    return names


def test_everything_that_is_named_by_something_named_is_found(tmp_path: Path):
    blobs = Blobs(tmp_path)
    names = chain_of(blobs, 5)
    other = blobs.put(b"other")
    known = {name for name, _ in blobs.sizes()}
    assert reach([names[3], "f" * 64], known, tmp_path) == set(names[:4])
    assert reach([names[-1]], known, tmp_path) == known - {other}
    assert reach([], known, tmp_path) == set()


def test_digests_within_texts_that_are_no_json_are_no_names(tmp_path: Path):
    blobs = Blobs(tmp_path)
    named = blobs.put(b"named")
    text = blobs.put(f"see {named}".encode())
    within = blobs.put(json.dumps({"text": json.dumps({"deep": [named]})}).encode())
    assert reach([text], {named, text}, tmp_path) == {text}
    assert reach([within], {named, within}, tmp_path) == {named, within}


def test_what_names_comes_before_what_is_named(tmp_path: Path):
    blobs = Blobs(tmp_path)
    names = chain_of(blobs, 20)
    order = referring_first(set(names), tmp_path)
    assert order == names[::-1]
    assert referring_first({names[0], names[7]}, tmp_path) == [names[7], names[0]]
