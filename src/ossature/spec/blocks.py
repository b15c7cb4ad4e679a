"""Takes the inside of a section apart: labelled blocks, lists, code."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Sequence
from typing import NamedTuple

from ossature.spec.lines import Fence, Ruler, beside_fences

_LABEL = r"\*\*(?P<label>[^*\n:]{1,80})(?::\*\*|\*\*[ \t]*:)(?P<rest>[^\n]*)"
_find_labels = beside_fences(_LABEL)
_NO_FENCE = r"(?!`{3,}[^`\n]*(?:\n|\Z)|~{3})"
_ITEM = rf"(?P<indent>[ \t]*)(?:[-*+]|\d{{1,9}}[.)])[ \t]+{_NO_FENCE}(?P<item>[^\n]*)"
_find_items = beside_fences(rf"{_ITEM}|(?P<blank>[ \t]*(?=\n|\Z))")
_TAB = 4


class Code(NamedTuple):
    """What is inside of a fenced block."""

    text: str
    language: str


class Block(NamedTuple):
    """What stands under one `**Label:**`."""

    label: str
    """Case-folded, without colon."""
    text: str
    """From behind the label to the next one, without blank lines at its ends."""
    line: int
    """Of the label."""
    text_line: int
    """Of the first line of `text`."""
    code: Code | None
    """The first fenced block in it."""


class Labelled(NamedTuple):
    """A section's inside, cut at its labels."""

    lead: str
    """The text before the first label, without blank lines at its ends."""
    blocks: tuple[Block, ...]

    def find(self, label: str) -> tuple[Block, ...]:
        return tuple(block for block in self.blocks if block.label == label)

    def text(self, label: str) -> str:
        """All that stands under *label*, however often it occurs."""
        return "\n\n".join(block.text for block in self.find(label) if block.text)


class Item(NamedTuple):
    """A list item with its continuation lines; items nested in it are items of their own."""

    text: str
    """On one line."""
    indent: int
    """In columns."""
    line: int


def cut_labels(text: str, line: int) -> Labelled:
    """Cut *text*, whose first line is number *line* of the file, at each `**Label:**` that begins a line."""
    matches, fences, _ = _find_labels(text)
    ends = _ends(matches, len(text))
    lead = text[: matches[0].start()] if matches else text
    blocks = []
    ruler = Ruler(text, line)
    at = 0
    for match, end in zip(matches, ends, strict=True):
        label_line = ruler.line(match.start())
        raw = text[match.start("rest") - 1 : end]
        first, newline, rest = raw.partition("\n")
        inner = (first.strip() + newline + rest).rstrip()
        content = inner.lstrip("\n")
        content_line = label_line + len(inner) - len(content)
        at = bisect(fences, match.start(), at, key=_fence_start)
        code = _code(text, fences[at]) if at < len(fences) and fences[at].start < end else None
        blocks.append(Block(match["label"].strip().casefold(), content, label_line, content_line, code))
    return Labelled(lead.strip("\n").rstrip(), tuple(blocks))


def list_items(text: str, line: int) -> tuple[Item, ...]:
    """The items of the lists in *text*, whose first line is number *line*, at every depth."""
    matches = _find_items(text).matches
    items: list[Item] = []
    ruler = Ruler(text, line)
    for match, end in zip(matches, _ends(matches, len(text)), strict=True):
        if match["item"] is None:
            continue
        content = " ".join(text[match.start("item") - 1 : end].split())
        indent = len(match["indent"].expandtabs(_TAB))
        items.append(Item(content, indent, ruler.line(match.start())))
    return tuple(items)


def first_code(text: str) -> Code | None:
    """The first fenced block in *text*; None when there is none."""
    fences = _find_labels(text).fences
    return _code(text, fences[0]) if fences else None


def _fence_start(fence: Fence) -> int:
    return fence.start


def _code(text: str, fence: Fence) -> Code:
    return Code(text[fence.code_start : fence.code_end].removesuffix("\n"), fence.language)


def _ends(matches: Sequence[re.Match[str]], size: int) -> list[int]:
    """For each match the offset at which the next one starts."""
    return [match.start() for match in matches[1:]] + [size] * bool(matches)
