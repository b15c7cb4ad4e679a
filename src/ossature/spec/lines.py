"""Cuts Markdown text into its sections without losing a line of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from ossature.domain.spec import Section

_FENCE = r"(?P<lead>[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?)(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)"
_HEADING = r"(?P<marks>\#{1,3})[ \t]+(?P<heading>[^\n]*)"
# The newline in front gives `re` a literal to search for: several times faster than `^` in MULTILINE.
_OUTLINE = re.compile(rf"\n(?:{_HEADING}|{_FENCE})")
_MARKER = re.compile(
    r"\{[ \t]*(?:\#(?P<anchor>[A-Za-z0-9_-]+))?(?P<classes>(?:[ \t]*\.[A-Za-z0-9_-]+)*)[ \t]*\}"
)
_MAX_MARKER = 1_000
NO_VERIFY = ".no-verify"


class Fence(NamedTuple):
    """A fenced block; offsets into the text that was searched."""

    start: int
    """Of the line that opens it."""
    code_start: int
    code_end: int
    end: int
    """After the closing fence, before its newline; the end of the text when nothing closes it."""
    language: str


class Ruler:
    """Turns offsets into line numbers; offsets may not go back, so that a whole file is counted once."""

    def __init__(self, text: str, line: int = 1) -> None:
        self._text = text
        self._line = line
        self._at = 0

    def line(self, at: int) -> int:
        self._line += self._text.count("\n", self._at, at)
        self._at = at
        return self._line


class Unfenced(NamedTuple):
    """What a search found outside of fenced blocks."""

    matches: tuple[re.Match[str], ...]
    """Each begins one character before its line: offsets are as in the text, with a newline put in front."""
    fences: tuple[Fence, ...]
    unclosed: int
    """Offset of the line whose fence is never closed; -1 when there is none."""


class Heading(NamedTuple):
    """A heading's text taken apart."""

    title: str
    anchor: str
    is_exempt: bool


class Outline(NamedTuple):
    """Title and sections of a file."""

    title: str
    """Empty where there is no H1."""
    title_line: int
    sections: tuple[Section, ...]
    """In file order: first the text before the first H2 (level 1), then each H2 followed by its H3s."""
    unclosed_line: int
    """Line of a fence that is never closed; 0 when there is none."""


def normalise(text: str) -> str:
    """*text* without a byte order mark, every line ending in \\n."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def beside_fences(alternatives: str) -> Callable[[str], Unfenced]:
    """A search for lines that begin with one of *alternatives* (a regex) and lie outside of fenced blocks."""
    pattern = re.compile(rf"\n(?:{alternatives}|{_FENCE})")
    return lambda text: _search(pattern, text)


def split_heading(text: str) -> Heading:
    """Take `{#anchor .no-verify}` and closing `#`s off a heading; braces with neither stay in the title."""
    title = text.strip()
    if title[-1:] not in ("#", "}"):
        return Heading(title, "", False)
    bare = title.rstrip("#")
    if not bare or bare[-1] in " \t":
        title = bare.rstrip()
    at = title.rfind("{") if title.endswith("}") else -1
    if at < 0 or len(title) - at > _MAX_MARKER:
        return Heading(title, "", False)
    marker = _MARKER.fullmatch(title, at)
    if marker is None or not (marker["anchor"] or marker["classes"]):
        return Heading(title, "", False)
    is_exempt = NO_VERIFY in marker["classes"].replace(".", " .").split()
    return Heading(title[:at].rstrip(), marker["anchor"] or "", is_exempt)


def heading_of(section_text: str) -> Heading:
    """The heading of an H2 or H3 section's raw text."""
    return split_heading(section_text.partition("\n")[0].lstrip("#"))


def body_of(section_text: str) -> str:
    """A section's raw text without its heading line."""
    return section_text.partition("\n")[2]


def scan(text: str, start: int = 0) -> Outline:
    """Outline of *text* (newlines as \\n) from offset *start*, which is where a line begins.

    The text before the first H2 is a section of its own, so those of level 1 and 2 add up to the whole.
    """
    body = text[start:] if start else text
    found = _search(_OUTLINE, body)
    first_line = text.count("\n", 0, start) + 1
    cuts: list[_Cut] = []
    title, title_line = "", 0
    ruler = Ruler(body, first_line)
    for match in found.matches:
        at = match.start()
        line = ruler.line(at)
        level = len(match["marks"])
        if level > 1:
            cuts.append(_Cut(level, at, line, split_heading(match["heading"])))
        elif not title_line:
            title, title_line = split_heading(match["heading"]).title, line
    unclosed_line = first_line + body.count("\n", 0, found.unclosed) if found.unclosed >= 0 else 0
    end_line = ruler.line(len(body)) - (1 if body.endswith("\n") else 0)
    sections = _sections(body, cuts, title, (first_line, title_line, end_line))
    return Outline(title, title_line, sections, unclosed_line)


class _Cut(NamedTuple):
    level: int
    at: int
    line: int
    heading: Heading


def _search(pattern: re.Pattern[str], text: str) -> Unfenced:
    matches: list[re.Match[str]] = []
    fences: list[Fence] = []
    opener: re.Match[str] | None = None
    for match in pattern.finditer("\n" + text):
        if match["fence"] is None:
            if opener is None:
                matches.append(match)
        elif opener is None:
            opener = match if _opens(match) else None
        elif _closes(match, opener):
            fences.append(_fence(opener, match.start(), match.end() - 1))
            opener = None
    if opener is not None:
        fences.append(_fence(opener, len(text), len(text)))
    return Unfenced(tuple(matches), tuple(fences), opener.start() if opener is not None else -1)


def _opens(match: re.Match[str]) -> bool:
    lead = match["lead"]
    if not lead.strip() and (len(lead) > 3 or "\t" in lead):
        return False
    return match["fence"][0] == "~" or "`" not in match["info"]


def _closes(match: re.Match[str], opener: re.Match[str]) -> bool:
    if match["info"].strip() or not match["fence"].startswith(opener["fence"]):
        return False
    lead = match["lead"]
    # A fence that opens in a list item is closed at the item's indent, however deep that is.
    is_near = opener["lead"].strip() or (len(lead) <= 3 and "\t" not in lead)
    return not lead.strip() and bool(is_near)


def _fence(opener: re.Match[str], close: int, end: int) -> Fence:
    code_start = min(opener.end(), close)
    words = opener["info"].split(None, 1)
    return Fence(opener.start(), code_start, close, end, words[0] if words else "")


def _sections(body: str, cuts: list[_Cut], title: str, lines: tuple[int, int, int]) -> tuple[Section, ...]:
    first_line, title_line, end_line = lines
    ends = _ends(cuts, len(body), end_line)
    h2 = next((cut for cut in cuts if cut.level == 2), None)
    head_end, head_end_line = (h2.at, h2.line - 1) if h2 else (len(body), end_line)
    sections = []
    if head_end:
        line = title_line if first_line <= title_line <= head_end_line else first_line
        sections.append(Section(1, title, "", line, head_end_line, body[:head_end]))
    parent = ""
    for cut, (end, last_line) in zip(cuts, ends, strict=True):
        if cut.level == 2:
            parent = cut.heading.title
        inner = parent if cut.level == 3 else ""
        text = body[cut.at : end]
        sections.append(
            Section(cut.level, cut.heading.title, cut.heading.anchor, cut.line, last_line, text, inner)
        )
    return tuple(sections)


def _ends(cuts: list[_Cut], size: int, end_line: int) -> list[tuple[int, int]]:
    """For each cut the offset and the last line of its section: the next heading of its level or above."""
    ends: list[tuple[int, int]] = []
    next_h2 = next_any = (size, end_line)
    for cut in reversed(cuts):
        ends.append(next_any if cut.level == 3 else next_h2)
        next_any = (cut.at, cut.line - 1)
        if cut.level == 2:
            next_h2 = next_any
    ends.reverse()
    return ends
