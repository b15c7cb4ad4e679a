"""Reads AMD files: which components the software is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath

from ossature.domain.spec import Architecture, Component, Section
from ossature.errors import Diagnostic
from ossature.spec.blocks import Labelled, cut_labels, first_code, list_items
from ossature.spec.document import STATUSES, Document, check_sections, read_document, read_id, read_word
from ossature.spec.lines import beside_fences, body_of
from ossature.spec.report import Report, quoted, shown

KEYS = ("spec", "status")
COMPONENTS = "Components"
DATA_MODELS = "Data Models"
SECTIONS = ("Overview", COMPONENTS, DATA_MODELS, "Flow", "Dependencies", "Notes")
_TITLE_PREFIX = re.compile(r"architecture:\s*", re.IGNORECASE)
_PATH = r"[ \t]*(?:[-*+][ \t]+)?@path:(?P<path>[^\n]*)"
_find_paths = beside_fences(_PATH)
_PATH_LINE = re.compile(rf"^{_PATH}\n?", re.MULTILINE)
_NONE = re.compile(r"none\b", re.IGNORECASE)
_ASIDE = re.compile(r"\([^()]*\)")
_DRIVE = re.compile(r"[A-Za-z]:")
_MAX_PATH = 1_024
_MAX_NAMES = 1_000


def parse_amd(text: str, path: str) -> tuple[Architecture | None, tuple[Diagnostic, ...]]:
    """The architecture in *text*, as far as it can be read, and all that is wrong with it; never raises.

    There is no architecture where it does not say whose it is. *path* is project-relative.
    """
    report = Report("amd", path)
    document = read_document(text, KEYS, report)
    if not document.metadata.has_body:
        return None, report.found()
    spec = read_id(document, "spec", report)
    status = read_word(document, "status", STATUSES, "draft", report)
    check_sections(document, SECTIONS, ("Overview",), report)
    _check_parts(document, report)
    components = tuple(_component(section, report) for section in document.parts(COMPONENTS))
    if not spec:
        return None, report.found()
    architecture = Architecture(
        spec=spec,
        title=_TITLE_PREFIX.sub("", document.title, count=1) if _has_prefix(document) else document.title,
        status=status,
        path=path,
        style=document.metadata.style,
        text=document.text,
        body=document.body,
        digest=document.digest(["amd", spec]),
        sections=document.sections,
        components=components,
    )
    return architecture, report.found()


def why_unsafe(path: str) -> str:
    """Why *path* may not be used as a path relative to the output folder; empty when it may."""
    parts = path.split("/")
    if not path.isprintable():
        return "it has hidden or control characters"
    if "\\" in path:
        return "it has a backslash; write /"
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        return "it is absolute"
    if ".." in parts:
        return "it leaves its folder with .."
    if len(path) > _MAX_PATH or any(len(part) > 255 for part in parts):
        return "it is too long"
    return "" if PurePosixPath(path).name else "it names no file"


def _has_prefix(document: Document) -> bool:
    return _TITLE_PREFIX.match(document.title) is not None


def _check_parts(document: Document, report: Report) -> None:
    if not document.parts(COMPONENTS):
        found = document.top(COMPONENTS)
        line = found[0].line if found else document.title_line
        message = "Missing or empty section: Components (need at least one component)"
        report.error("missing-components", message, line=line, hint="add a heading: ### Name")
    for section in document.top("Contracts"):
        message = "Contracts belong to a component; this section binds none"
        report.warning("contracts-section", message, line=section.line, hint="write **Contracts:** in it")
    for section in document.parts(DATA_MODELS):
        if first_code(body_of(section.text)) is None:
            message = f"Data model '{shown(section.title)}': missing code block definition"
            report.warning("model-without-code", message, line=section.line)


def _component(section: Section, report: Report) -> Component:
    body = body_of(section.text)
    inner = cut_labels(body, section.line + 1)
    name = f"Component '{shown(section.title)}'"
    path, path_line = _path(body, section, name, report)
    description = _PATH_LINE.sub("", inner.lead).strip()
    if not description:
        report.warning("missing-description", f"{name}: missing description", line=section.line)
    interface, language = _interface(inner, section, name, report)
    contracts = _contracts(inner, section, name, report)
    depends = inner.find("depends on")
    return Component(
        name=section.title,
        path=path,
        line=section.line,
        text=section.text,
        description=description,
        interface=interface,
        interface_language=language,
        contracts=contracts,
        depends_on=tuple(
            dict.fromkeys(islice((n for block in depends for n in _names(block.text)), _MAX_NAMES))
        ),
        path_line=path_line,
        depends_line=depends[0].line if depends else 0,
    )


def _path(body: str, section: Section, name: str, report: Report) -> tuple[str, int]:
    matches = _find_paths(body).matches
    path = matches[0]["path"].strip().strip("`'\"").strip() if matches else ""
    if not path:
        report.warning("missing-path", f"{name}: missing @path", line=section.line)
        return "", 0
    line = section.line + 1 + body.count("\n", 0, matches[0].start())
    reason = why_unsafe(path)
    if reason:
        message = f"{name}: @path {quoted(path)} cannot be used: {reason}"
        report.error("unsafe-path", message, line=line, hint="a path relative to the output folder")
    if len(matches) > 1:
        report.warning("duplicate-path", f"{name}: @path is given twice; the first one counts", line=line)
    return path, line


def _interface(inner: Labelled, section: Section, name: str, report: Report) -> tuple[str, str]:
    blocks = inner.find("interface")
    for block in blocks:
        if block.code is not None:
            return block.code
    line = blocks[0].line if blocks else section.line
    report.warning("missing-interface", f"{name}: missing **Interface:** code block", line=line)
    return inner.text("interface"), ""


def _contracts(inner: Labelled, section: Section, name: str, report: Report) -> tuple[str, ...]:
    blocks = inner.find("contracts")
    text = inner.text("contracts")
    if not text:
        hint = "write '**Contracts:** None' if there are none"
        report.warning("missing-contracts", f"{name}: missing **Contracts:**", line=section.line, hint=hint)
        return ()
    items = tuple(item.text for block in blocks for item in list_items(block.text, block.text_line))
    is_none = _NONE.match(text) is not None
    if is_none and items:
        message = f"{name}: **Contracts:** is 'None' but also lists bullet items"
        report.warning("contracts-none", message, line=blocks[0].line)
    if items or is_none:
        return items
    message = f"{name}: **Contracts:** section needs at least one '- ' bullet item or 'None'"
    report.warning("contracts-prose", message, line=blocks[0].line, hint="its text is taken as one contract")
    return (text,)


def _names(text: str) -> Iterator[str]:
    """Component names under `**Depends on:**`: list items, or else the first line, split at commas."""
    items = [item.text for item in list_items(text, 1)]
    for line in items or text.split("\n", 1)[:1]:
        if _NONE.match(line.strip()):
            continue
        for part in _ASIDE.sub("", line).split(","):
            name = part.strip().rstrip(".").strip("`*").strip()
            if name:
                yield name
