"""Reads the plain TOML that plans are made of much faster than a full parser; leaves the rest to that."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from ossature.store.toml_text import has_endless_key

_TEXT = r'"[^"\\\x00-\x1f\x7f]*"'
_LINE = re.compile(
    rf"(?P<key>[A-Za-z0-9_-]+) = (?:(?P<text>{_TEXT})|(?P<list>\[(?:{_TEXT}(?:, {_TEXT})*)?\])|(?P<open>\[))"
)
_ITEM = re.compile(rf"[ \t]*({_TEXT}),?")
_HEADER = "[[task]]"


def load_plain(text: str) -> dict[str, Any] | None:
    """What `tomllib.loads` gives for a document of `[[task]]` tables; None where only a full parser knows.

    Tables are read one by one, so that one which is not plain costs no more than itself.
    """
    if "\r" in text or has_endless_key(text):
        return None
    blocks = _blocks(text)
    try:
        document = tomllib.loads("\n".join(blocks[0]))
        tables = [_table(block) for block in blocks[1:]]
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        # A line that looks like a header may stand within a text or a list.
        return None
    if "task" in document or any(table is None for table in tables):
        return None
    return {**document, "task": tables} if tables else document


def _blocks(text: str) -> list[list[str]]:
    """Lines before the first table, then those of each; an odd header stays in the block before it."""
    blocks: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line == _HEADER:
            blocks.append([])
        else:
            blocks[-1].append(line)
    return blocks


def _table(lines: list[str]) -> dict[str, Any] | None:
    table = _plain_table(lines)
    if table is not None:
        return table
    document = tomllib.loads("\n".join([_HEADER, *lines]))
    tables = document.pop("task")
    return tables[0] if not document and len(tables) == 1 else None


def _plain_table(lines: list[str]) -> dict[str, Any] | None:
    """None for a table that has anything else than texts and lists of them, or a key twice."""
    table: dict[str, Any] = {}
    rest = iter(lines)
    for line in rest:
        if not line:
            continue
        found = _LINE.fullmatch(line)
        if found is None or found["key"] in table:
            return None
        if found["text"] is not None:
            value: Any = found["text"][1:-1]
        else:
            value = json.loads(found["list"]) if found["list"] else _plain_list(rest)
        if value is None:
            return None
        table[found["key"]] = value
    return table


def _plain_list(rest: Iterator[str]) -> list[str] | None:
    """A list with one text a line, of which *rest* gives the lines behind the first."""
    items: list[str] = []
    is_open = True
    for line in rest:
        if line.strip(" \t") == "]":
            return items
        found = _ITEM.fullmatch(line)
        if found is None or not is_open:
            return None
        items.append(found[1][1:-1])
        is_open = line.endswith(",")
    return None
