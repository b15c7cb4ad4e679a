"""How a line of some kind of text is coloured, one line at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ossature.domain.plain_text import clean_line
from ossature.tui.look.spans import Span

Painter = Callable[[int, str], Sequence[Span]]
"""Line number and raw text in, cleaned spans out."""

_HEADING = re.compile(r"#{1,6} ")
_LABEL = re.compile(r"\*\*[^*]+:\*\*")
_TAG = re.compile(r"</?(file|edit)\b")
_BAD = re.compile(
    r"\b(error|failed|failure|fatal|traceback|panic|exception|[A-Z]\w*Error)\b|^E\s", re.IGNORECASE
)
_WARN = re.compile(r"\bwarn(ing)?\b", re.IGNORECASE)
_GOOD = re.compile(r"\b(passed|ok|success)\b", re.IGNORECASE)


def shown(text: str) -> str:
    """One raw line as it may be shown: tabs as spaces, hidden characters visible."""
    return clean_line(text.expandtabs(4))


def paint_plain(number: int, text: str) -> Sequence[Span]:
    return (Span(shown(text)),)


def paint_diff(number: int, text: str) -> Sequence[Span]:
    """A unified diff."""
    line = shown(text)
    if text.startswith(("+++", "---", "diff ", "index ")):
        return (Span(line, "strong"),)
    if text.startswith("@@"):
        return (Span(line, "hunk"),)
    if text.startswith("+"):
        return (Span(line, "add"),)
    if text.startswith("-"):
        return (Span(line, "del"),)
    return (Span(line, "quiet" if text.startswith("\\") else "plain"),)


def paint_markdown(number: int, text: str) -> Sequence[Span]:
    """Prompts, replies and specs: headings, labels, and the tags of a reply stand out."""
    line = shown(text)
    if _HEADING.match(text):
        return (Span(line, "title"),)
    if _TAG.match(text.lstrip()):
        return (Span(line, "active"),)
    if text.startswith("```") or re.match(r"(<{7}|={7}|>{7})", text):
        return (Span(line, "label"),)
    found = _LABEL.match(line)
    if found:
        return (Span(found[0], "strong"), Span(line[found.end() :]))
    if re.match(r"(@\w+:|---$)", text):
        return (Span(line, "label"),)
    return (Span(line),)


def paint_labels(number: int, text: str) -> Sequence[Span]:
    """Lines of `Label:  text`, under a heading."""
    if text.startswith("# "):
        return (Span(shown(text[2:]), "strong"),)
    found = re.match(r"[A-Z][a-z ]+:", text)
    if found:
        return (Span(found[0], "label"), Span(shown(text[found.end() :])))
    return (Span(shown(text)),)


def paint_output(number: int, text: str) -> Sequence[Span]:
    """The output of a command."""
    line = shown(text)
    if text.startswith("$ "):
        return (Span("$ ", "quiet"), Span(line[2:], "strong"))
    if _BAD.search(text):
        return (Span(line, "bad"),)
    if _WARN.search(text):
        return (Span(line, "warn"),)
    if _GOOD.search(text):
        return (Span(line, "good"),)
    return (Span(line),)
