"""Edits of a reply: SEARCH and REPLACE sections applied to a file, or why they do not apply."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

SEARCH_LINE = "<<<<<<< SEARCH"
MIDDLE_LINE = "======="
REPLACE_LINE = ">>>>>>> REPLACE"
MAX_SECTIONS = 200
"""Per file: each one scans the file, and a file changed in more places is better sent whole."""
_Part = Literal["outside", "search", "replace"]
_COMPARED_LINES = 4000
_COMPARED_WIDTH = 200
_SHOWN_LINES = 8


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Edits that were not applied."""

    reasons: tuple[str, ...]


class _Section(NamedTuple):
    search: str
    replace: str


def apply_edits(path: str, contents: Sequence[str], current: str | None) -> str | Mismatch:
    """*current* after the sections in *contents*, one after the other.

    A SEARCH is whole lines and has to be found exactly once in the file as edited so far.
    """
    if current is None:
        return Mismatch((f"`{path}` does not exist yet, so it cannot be edited: send it whole, as <file>.",))
    sections: list[_Section] = []
    for content in contents:
        parsed = _sections(path, content)
        if isinstance(parsed, Mismatch):
            return parsed
        sections += parsed
    if len(sections) > MAX_SECTIONS:
        return Mismatch((f"`{path}`: more than {MAX_SECTIONS} edits; send the file whole, as <file>.",))
    reasons: list[str] = []
    text = current
    for number, section in enumerate(sections, start=1):
        edited = _replace(text, section)
        if isinstance(edited, str):
            text = edited
        else:
            reasons.append(_reason(path, number, section.search, text, found=edited))
    return Mismatch(tuple(reasons)) if reasons else text


def _sections(path: str, content: str) -> list[_Section] | Mismatch:
    sections: list[_Section] = []
    search: list[str] = []
    replace: list[str] = []
    part: _Part = "outside"
    for line in content.split("\n"):
        mark = line.rstrip()
        problem = _problem(part, mark, search)
        if problem:
            return _malformed(path, problem)
        match part, mark:
            case "outside", _ if not mark:
                pass
            case "outside", _:
                part, search, replace = "search", [], []
            case "search", "=======":
                part = "replace"
            case "replace", ">>>>>>> REPLACE":
                part = "outside"
                sections.append(_Section("\n".join(search), "\n".join([*replace, ""])))
            case _:
                (search if part == "search" else replace).append(line)
    if part != "outside":
        return _malformed(path, f"a section is not closed by `{REPLACE_LINE}`")
    return sections or _malformed(path, "it holds no section")


def _problem(part: _Part, mark: str, search: list[str]) -> str:
    """Why a line cannot stand where it stands; empty where it can."""
    if part == "outside":
        return f"`{mark[:60]}` stands outside of a section" if mark not in ("", SEARCH_LINE) else ""
    if mark == SEARCH_LINE:
        return "a section starts within another"
    if mark == MIDDLE_LINE and part == "replace":
        return f"a section holds more than one line `{MIDDLE_LINE}`"
    if mark == MIDDLE_LINE and not "".join(search).strip():
        return "a SEARCH is empty"
    if mark == REPLACE_LINE and part == "search":
        return f"a section has no line `{MIDDLE_LINE}`"
    return ""


def _malformed(path: str, what: str) -> Mismatch:
    return Mismatch(
        (
            f"The edit of `{path}` is malformed: {what}. Write lines `{SEARCH_LINE}`, the exact lines, "
            f"`{MIDDLE_LINE}`, the new lines, `{REPLACE_LINE}`; or send the file whole, as <file>.",
        )
    )


def _replace(text: str, section: _Section) -> str | int:
    """The edited text, or how often the SEARCH was found: 0, or 2 for more than once."""
    # Newlines on both sides make it match whole lines only, at the start and the end of the file too.
    ending = "\r\n" if "\r\n" in text else "\n"
    haystack = f"\n{text}" if text.endswith("\n") else f"\n{text}{ending}"
    search = "\n" + f"{section.search}\n".replace("\n", ending)
    replace = section.replace.replace("\n", ending)
    at = haystack.find(search)
    if at < 0:
        return 0
    if haystack.find(search, at + 1) >= 0:
        return 2
    return f"{haystack[1 : at + 1]}{replace}{haystack[at + len(search) :]}"


def _reason(path: str, number: int, search: str, text: str, *, found: int) -> str:
    head = f"Edit {number} of `{path}`: the SEARCH "
    if found:
        return head + "matches more than once; add lines around it until it matches exactly once."
    return head + "does not match the file exactly. " + _closest(search.split("\n"), text)


def _closest(search: list[str], text: str) -> str:
    """The lines of the file that look most like the SEARCH, for the model to copy."""
    lines = text.splitlines()[:_COMPARED_LINES]
    known = {line.strip()[:_COMPARED_WIDTH]: number for number, line in reversed(list(enumerate(lines)))}
    known.pop("", None)
    for offset, wanted in enumerate(search[:_SHOWN_LINES]):
        near = difflib.get_close_matches(wanted.strip()[:_COMPARED_WIDTH], list(known), n=1, cutoff=0.6)
        if wanted.strip() and near:
            start = max(0, known[near[0]] - offset)
            end = min(len(lines), start + min(len(search), _SHOWN_LINES))
            shown = "\n".join(line[:_COMPARED_WIDTH] for line in lines[start:end])
            return f"The closest lines of the file ({start + 1}-{end}) are:\n{shown}"
    return "Nothing in the file looks like it; send the file whole, as <file>."
