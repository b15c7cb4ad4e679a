"""Reads SMD files: what the software has to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

from ossature.domain.spec import ErrorCase, Example, Requirement, Section, Spec
from ossature.errors import Diagnostic
from ossature.spec.blocks import Block, Item, Labelled, cut_labels, list_items
from ossature.spec.document import (
    STATUSES,
    Document,
    check_sections,
    read_document,
    read_id,
    read_names,
    read_word,
)
from ossature.spec.lines import body_of, heading_of
from ossature.spec.report import Report, quoted, shown

PRIORITIES = ("critical", "high", "medium", "low")
KEYS = ("id", "status", "priority", "depends")
REQUIREMENTS = "Requirements"
EXAMPLES = "Examples"
SECTIONS = (
    "Overview",
    "Goals",
    "Non-Goals",
    REQUIREMENTS,
    "Constraints",
    EXAMPLES,
    "Acceptance Criteria",
    "Notes",
)
_WANTED = ("Overview", "Goals", "Non-Goals", "Constraints", "Acceptance Criteria")
_CODE_SPAN = re.compile(r"`[^`]*`")
_ARROW = re.compile("->|→")


def parse_smd(text: str, path: str) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """The spec in *text*, as far as it can be read, and all that is wrong with it; never raises.

    There is no spec where there is no id to know it by. *path* is project-relative.
    """
    report = Report("smd", path)
    document = read_document(text, KEYS, report)
    if not document.metadata.has_body:
        return None, report.found()
    spec_id = read_id(document, "id", report)
    status = read_word(document, "status", STATUSES, "draft", report)
    priority = read_word(document, "priority", PRIORITIES, "medium", report)
    depends_entry = document.metadata.entries.get("depends")
    depends = read_names(depends_entry, report)
    check_sections(document, SECTIONS, _WANTED, report)
    requirements = tuple(_requirement(section, report) for section in document.parts(REQUIREMENTS))
    examples = tuple(_example(section, report) for section in document.parts(EXAMPLES))
    _check_present(document, requirements, examples, report)
    if not spec_id:
        return None, report.found()
    spec = Spec(
        id=spec_id,
        title=document.title or spec_id,
        status=status,
        priority=priority,
        depends=depends,
        path=path,
        style=document.metadata.style,
        text=document.text,
        body=document.body,
        digest=document.digest(["smd", *sorted(depends)]),
        sections=document.sections,
        requirements=requirements,
        examples=examples,
        depends_line=depends_entry.line if depends_entry else document.metadata.line,
    )
    return spec, report.found()


def _check_present(
    document: Document,
    requirements: tuple[Requirement, ...],
    examples: tuple[Example, ...],
    report: Report,
) -> None:
    if not requirements:
        found = document.top(REQUIREMENTS)
        line = found[0].line if found else document.title_line
        message = "Missing or empty section: Requirements (need at least one requirement)"
        report.error("missing-requirements", message, line=line, hint="add a heading: ### What it has to do")
    if not examples:
        found = document.top(EXAMPLES)
        line = found[0].line if found else document.title_line
        message = "Missing or empty section: Examples (need at least one example)"
        report.warning("missing-examples", message, line=line)


def _requirement(section: Section, report: Report) -> Requirement:
    inner = cut_labels(body_of(section.text), section.line + 1)
    name = f"Requirement '{shown(section.title)}'"
    accepts, returns = inner.text("accepts"), inner.text("returns")
    if not inner.lead and not any(block.text for block in inner.blocks):
        message = f"{name}: missing description"
        report.error("empty-requirement", message, line=section.line, hint="say what it has to do")
    for label, found in (("Accepts", accepts), ("Returns", returns)):
        if not found:
            code = f"missing-{label.lower()}"
            report.warning(code, f"{name}: missing **{label}:**", line=section.line)
    return Requirement(
        title=section.title,
        anchor=section.anchor,
        is_exempt=heading_of(section.text).is_exempt,
        line=section.line,
        end_line=section.end_line,
        text=section.text,
        description=inner.lead,
        accepts=accepts,
        returns=returns,
        errors=tuple(_error_cases(inner, name, report)),
    )


def _error_cases(inner: Labelled, name: str, report: Report) -> Iterator[ErrorCase]:
    for block in inner.find("errors"):
        items = list_items(block.text, block.text_line)
        yield from _block_cases(items or _prose_items(block), name, report)


def _prose_items(block: Block) -> tuple[Item, ...]:
    """Cases written without bullets: a line with an arrow begins one, other lines continue it."""
    items: list[Item] = []
    for number, line in enumerate(block.text.split("\n"), block.text_line):
        if _split_arrow(line):
            items.append(Item(line.strip(), 0, number))
        elif items and line.strip():
            items[-1] = items[-1]._replace(text=f"{items[-1].text} {line.strip()}")
    return tuple(items)


def _block_cases(items: tuple[Item, ...], name: str, report: Report) -> Iterator[ErrorCase]:
    """An item with an arrow is a case; one without goes with the case it is nested in or heads others."""
    case: ErrorCase | None = None
    case_indent = 0
    for item, following in zip_longest(items, items[1:]):
        parts = _split_arrow(item.text)
        if parts is None and case is not None and item.indent > case_indent:
            case = ErrorCase(case.condition, f"{case.response} {item.text}".strip(), case.line)
            continue
        if case is not None:
            yield case
            case = None
        if parts is None:
            is_heading = following is not None and following.indent > item.indent
            if not is_heading:
                message = f"{name}: error bullet missing arrow separator: {quoted(item.text)}"
                report.warning("error-without-arrow", message, line=item.line, hint="condition -> response")
            continue
        if not all(parts):
            message = f"{name}: error bullet has empty condition or message: {quoted(item.text)}"
            report.warning("error-incomplete", message, line=item.line, hint="condition -> response")
        case, case_indent = ErrorCase(*parts, item.line), item.indent
    if case is not None:
        yield case


def _split_arrow(text: str) -> tuple[str, str] | None:
    """*text* around its first arrow, one outside of code spans if there is one; None without any."""
    masked = _CODE_SPAN.sub(lambda span: " " * len(span[0]), text)
    arrow = _ARROW.search(masked) or _ARROW.search(text)
    if arrow is None:
        return None
    return text[: arrow.start()].strip(), text[arrow.end() :].strip()


def _example(section: Section, report: Report) -> Example:
    inner = cut_labels(body_of(section.text), section.line + 1)
    name = f"Example '{shown(section.title)}'"
    texts = {}
    for label in ("Input", "Output"):
        found = inner.find(label.lower())
        code = next((block.code for block in found if block.code), None)
        texts[label] = code.text if code else inner.text(label.lower())
        if not found:
            report.warning(f"missing-{label.lower()}", f"{name}: missing **{label}:**", line=section.line)
        elif code is None:
            message = f"{name}: **{label}:** has no code block"
            report.warning("example-without-code", message, line=found[0].line)
    return Example(section.title, section.line, section.text, texts["Input"], texts["Output"])
