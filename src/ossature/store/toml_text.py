"""Where tables and comments stand in a TOML document, found without parsing its values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# Possessive throughout: an unterminated string of 16 MiB costs one pass.
_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\[\s\S]|"(?!""))*+"""(?:"{0,2})'
    r"|'''(?:[^']++|'(?!''))*+'''(?:'{0,2})"
    r'|"(?:[^"\\\n]++|\\.)*+"'
    r"|'[^'\n]*+'"
    r"|\#[^\n]*+"
)
_STRINGS = _TOKEN.pattern.rpartition("|")[0]
_BREAK = re.compile(rf"{_STRINGS}|(?<![ \t])(?:[ \t]*+(?:#[^\n]*+)?+\n)++[ \t]*+")
"""A string, or all that TOML takes for one line break: blank lines, comments, white space around it."""
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BRACKETS = re.compile(r"^[ \t]*+(\[\[?)([^\[\]\n]*+)\]\]?[ \t\r]*$|[\[\]{}]", re.MULTILINE)
_DOTTED_KEY = re.compile(r"(?:\.[\w\"' \t-]*+){64}")


class Header(NamedTuple):
    """A `[name]` or `[[name]]` line."""

    start: int
    """Offset of the line."""
    line: int
    """Counted from 1."""
    name: str
    """As written, without spaces; the text of quoted parts is blanked."""
    is_array: bool


class Block(NamedTuple):
    """One table with its sub-tables; the parts are offsets into the document."""

    lead: int
    """Start of the comment lines directly above the header; `start` where there are none."""
    start: int
    head_end: int
    """After the last of its own keys; sub-tables may follow."""
    end: int
    """After the last line that is neither blank nor a comment."""
    line: int
    """Of the header, counted from 1."""


def skeleton(text: str) -> str:
    """*text* with comments and the inside of strings blanked, line breaks there too; its length stays."""
    return _TOKEN.sub(_blank, text)


def comments(text: str) -> Iterator[str]:
    """Every comment, with its `#`, in order."""
    for token in _TOKEN.finditer(text):
        if token[0].startswith("#"):
            yield token[0].rstrip("\r")


def essence(text: str) -> str | None:
    """*text* without comments, blank lines, indentation and spaces at the ends of lines.

    Where *text* is TOML, another text of the same essence is TOML too and says the same. None for a text with
    control characters, which TOML allows nowhere, or with carriage returns.
    """
    if _FORBIDDEN.search(text):
        return None
    return _BREAK.sub(lambda found: found[0] if found[0][0] in "\"'" else "\n", f"\n{text}\n")


def has_endless_key(bare: str) -> bool:
    """Whether the skeleton *bare* has a dotted key of more than 64 parts.

    tomllib's time grows with the square of the parts: 50,000 take more than 20 s.
    """
    return _DOTTED_KEY.search(bare) is not None


def headers(text: str, bare: str) -> list[Header]:
    """Every table header in *text*, whose skeleton is *bare*; `[` lines within an array are none."""
    found: list[Header] = []
    depth, line, counted = 0, 1, 0
    for bracket in _BRACKETS.finditer(bare):
        if bracket[1]:
            if not depth:
                line += text.count("\n", counted, bracket.start())
                counted = bracket.start()
                name = re.sub(r"\s", "", bracket[2])
                found.append(Header(bracket.start(), line, name, bracket[1] == "[["))
        else:
            depth = max(0, depth + (1 if bracket[0] in "[{" else -1))
    return found


def blocks(text: str, name: str, *, is_array: bool = True) -> list[Block]:
    """The `[[name]]` (or `[name]`) tables of a document, in order."""
    bare = skeleton(text)
    all_headers = headers(text, bare)
    found: list[Block] = []
    ends = [header.start for header in all_headers[1:]] + [len(text)]
    sub = f"{name}."
    for index, header in enumerate(all_headers):
        if header.name != name or header.is_array != is_array:
            continue
        last = index
        while last + 1 < len(all_headers) and all_headers[last + 1].name.startswith(sub):
            last += 1
        end = _trimmed(bare, header.start, ends[last])
        head_end = end if last == index else _trimmed(bare, header.start, ends[index])
        found.append(Block(_lead(text, bare, header.start), header.start, head_end, end, header.line))
    return found


def line_of_key(text: str, key: str, start: int, end: int) -> int | None:
    """Offset of the line on which `key =` stands between two offsets, neither of them within a string."""
    found = re.search(rf"(?m)^[ \t]*{re.escape(key)}[ \t]*[=.]", skeleton(text[start:end]))
    return start + found.start() if found else None


def statement_of(text: str, key: str) -> tuple[int, int] | None:
    """Where `key = …` stands in the lines of one table: start of its first line, end of its last.

    None where it is missing or not written as a plain key.
    """
    bare = skeleton(text)
    found = re.search(rf"(?m)^[ \t]*{re.escape(key)}[ \t]*=", bare)
    if found is None:
        return None
    depth = 0
    for mark in re.finditer(r"[\[\]{}\n]", bare[found.end() :]):
        if mark[0] != "\n":
            depth += 1 if mark[0] in "[{" else -1
        elif depth <= 0:
            return found.start(), found.end() + mark.end()
    return found.start(), len(text)


def _trimmed(bare: str, start: int, end: int) -> int:
    """Move *end* up past lines that are blank in the skeleton."""
    content_end = start + len(bare[start:end].rstrip())
    line_end = bare.find("\n", content_end, end)
    return end if line_end < 0 else line_end + 1


def _lead(text: str, bare: str, start: int) -> int:
    lead = start
    while lead:
        previous = text.rfind("\n", 0, lead - 1) + 1
        if bare[previous:lead].strip() or not text[previous:lead].lstrip().startswith("#"):
            break
        lead = previous
    return lead


def _blank(token: re.Match[str]) -> str:
    found = token[0]
    if found[0] == "#":
        return " " * len(found)
    return f"{found[0]}{' ' * (len(found) - 2)}{found[0]}"
