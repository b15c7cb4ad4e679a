"""Reads what specs and architectures have in common: metadata, title, sections."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ossature.digest import digest_text
from ossature.domain.spec import Section
from ossature.spec.closest import Hints
from ossature.spec.lines import body_of, normalise, scan
from ossature.spec.metadata import Entry, Metadata, read_metadata, split_list
from ossature.spec.report import ID, Report, expected, note_hidden, quoted, shown

STATUSES = ("draft", "review", "approved", "implemented", "deprecated")
_MAX_NAMES = 1_000
_BAD_MARKER = re.compile(r"\{#[^}]*\}\Z")


@dataclass(frozen=True, slots=True)
class Document:
    """A file that has been cut, but not yet understood."""

    text: str
    body: str
    """Without metadata."""
    title: str
    title_line: int
    """Where the title is, or where it is missing."""
    metadata: Metadata
    sections: tuple[Section, ...]
    by_name: Mapping[str, Sequence[Section]]
    """Folded title of an H2 -> the sections of that name, each followed by its H3s."""

    def top(self, name: str) -> tuple[Section, ...]:
        """The H2 sections with that name, whatever its case."""
        return tuple(section for section in self.by_name.get(fold(name), ()) if section.level == 2)

    def parts(self, name: str) -> tuple[Section, ...]:
        """The H3 sections within the H2 sections with that name."""
        return tuple(section for section in self.by_name.get(fold(name), ()) if section.level == 3)

    def digest(self, also: Iterable[str]) -> str:
        """Of the sections and of *also*; blank lines at the end of a section do not count."""
        texts = [s.text.rstrip() for s in self.sections if s.level < 3]
        return digest_text("\n\0".join([*also, *texts]))


def fold(name: str) -> str:
    """What is compared when names are: case and runs of blanks do not count."""
    return " ".join(name.split()).casefold()


def read_document(text: str, keys: Iterable[str], report: Report) -> Document:
    """Cut a file; what is wrong with its metadata, title or fences goes to *report*."""
    text = normalise(text)
    metadata = read_metadata(text, frozenset(keys), report)
    note_hidden(text, report)
    if not metadata.has_body:
        return Document(text, "", "", 1, metadata, (), {})
    outline = scan(text, metadata.body_start)
    title_line = outline.title_line or text.count("\n", 0, metadata.body_start) + 1
    if not outline.title:
        report.error("missing-title", "Missing H1 title", line=title_line, hint="add a line: # Title")
    if outline.unclosed_line:
        message = "This fence is never closed, so the rest of the file is taken for code"
        report.warning("unclosed-fence", message, line=outline.unclosed_line)
    sections = outline.sections
    if metadata.cuts and sections and sections[0].level == 1:
        head = _without(sections[0].text, metadata.cuts)
        sections = (replace(sections[0], text=head), *sections[1:])
    body = _without(text[metadata.body_start :], metadata.cuts)
    return Document(text, body, outline.title, title_line, metadata, sections, _by_name(sections))


def read_id(document: Document, key: str, report: Report) -> str:
    """The spec id under *key*; empty when there is none."""
    metadata = document.metadata
    entry = metadata.entries.get(key)
    if entry is None or not (entry.text or entry.kind != "text"):
        if metadata.is_readable:
            message = f"Missing required metadata: {key}"
            report.error(f"missing-{key}", message, line=entry.line if entry else metadata.line)
        return ""
    if entry.kind != "text" or not ID.fullmatch(entry.text):
        message = f"Invalid {key}: {quoted(entry.text) if entry.text else 'not a name'}"
        hint = "letters, digits, _ and -, at most 100"
        report.error(f"invalid-{key}", message, line=entry.line, column=entry.column, hint=hint)
    return entry.text


def read_word(document: Document, key: str, words: tuple[str, ...], default: str, report: Report) -> str:
    """The value of *key*, one of *words*; *default* when it is missing."""
    metadata = document.metadata
    entry = metadata.entries.get(key)
    if entry is None or (entry.kind == "text" and not entry.text):
        if metadata.is_readable:
            message = f"Missing required metadata: {key}"
            line = entry.line if entry else metadata.line
            report.warning(f"missing-{key}", message, line=line, hint=f"taken as {default}")
        return default
    word = entry.text.casefold()
    if word in words:
        return word
    message = f"Invalid {key}: {quoted(entry.text)}. {expected(words)}"
    hint = Hints(words).did_you_mean(entry.text)
    report.error(f"invalid-{key}", message, line=entry.line, column=entry.column, hint=hint)
    return default


def read_names(entry: Entry | None, report: Report) -> tuple[str, ...]:
    """The names of a list or of a comma-separated text, each once."""
    if entry is None:
        return ()
    if entry.kind == "other":
        message = "Invalid depends: expected a list of spec ids"
        report.error("invalid-depends", message, line=entry.line, column=entry.column)
    names = split_list(entry.text) if entry.kind == "text" else entry.items
    if len(names) > _MAX_NAMES:
        message = f"depends has {len(names):,} names; the first {_MAX_NAMES:,} count"
        report.error("too-many-names", message, line=entry.line, column=entry.column)
    return tuple(dict.fromkeys(name for name in names[:_MAX_NAMES] if name))


def check_sections(
    document: Document, known: tuple[str, ...], wanted: tuple[str, ...], report: Report
) -> None:
    """Note the *wanted* sections that are missing or empty, and headings that are unknown or repeated."""
    for name in wanted:
        found = document.top(name)
        if not any(body_of(section.text).strip() for section in found):
            line = found[0].line if found else document.title_line
            report.warning("missing-section", f"Missing or empty section: ## {name}", line=line)
    _check_headings(document, known, report)
    _check_names(document, report)


def _by_name(sections: Iterable[Section]) -> dict[str, list[Section]]:
    named: dict[str, list[Section]] = {}
    group: list[Section] = []
    for section in sections:
        if section.level == 2:
            group = named.setdefault(fold(section.title), [])
        if section.level > 1:
            group.append(section)
    return named


def _check_headings(document: Document, known: tuple[str, ...], report: Report) -> None:
    names = {fold(name) for name in known}
    seen: dict[str, int] = {}
    hints = Hints(known)
    for section in document.sections:
        if section.level != 2:
            continue
        name = fold(section.title)
        if name in seen:
            message = f"Section '## {shown(section.title)}' occurs twice, first in line {seen[name]}"
            report.warning("duplicate-section", message, line=section.line)
        elif name not in names:
            near = hints.near(section.title)
            hint = f"did you mean ## {near}?" if near else ""
            message = f"Section '## {shown(section.title)}' has no meaning of its own; its text is kept"
            report.info("unknown-section", message, line=section.line, hint=hint)
        seen.setdefault(name, section.line)


def _check_names(document: Document, report: Report) -> None:
    anchors: dict[str, int] = {}
    titles: dict[tuple[str, str], int] = {}
    for section in document.sections:
        if section.anchor and section.anchor in anchors:
            message = f"Anchor '{shown(section.anchor)}' is already taken in line {anchors[section.anchor]}"
            report.error("duplicate-anchor", message, line=section.line)
        anchors.setdefault(section.anchor, section.line)
        if section.title.endswith("}") and _BAD_MARKER.search(section.title[-200:]):
            message = "This marker is no anchor and stays in the title"
            report.warning("bad-anchor", message, line=section.line, hint="write {#letters-digits}")
        if section.level != 3:
            continue
        key = (fold(section.parent), fold(section.title))
        if key in titles:
            message = f"Heading '### {shown(section.title)}' occurs twice, first in line {titles[key]}"
            report.warning("duplicate-title", message, line=section.line)
        titles.setdefault(key, section.line)


def _without(text: str, cuts: tuple[tuple[int, int], ...]) -> str:
    kept, at = [], 0
    for start, end in cuts:
        kept.append(text[at:start])
        at = end
    return "".join([*kept, text[at:]])
