"""Collects what is wrong with one file."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ossature.errors import Diagnostic, Place, Severity

ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""What may name a spec; the length keeps the folders that are named after it within the limits of a disk."""
SHOWN = 80
MAX_FOUND = 1_000
"""Diagnostics of one severity in one file; the last of them says that there are more."""
_HIDDEN = re.compile(
    "[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\U000e0001-\U000e007f]"
)
"""Bidi controls, zero-width characters, tags (CVE-2021-42574); control characters but tab and newline."""
_ASCII_HIDDEN = bytes([*range(9), 11, 12, *range(14, 32), 127])
_HIDDEN_SHOWN = 20


class Report:
    """The diagnostics of one file, in the order in which they were found."""

    def __init__(self, kind: str, path: str) -> None:
        """*kind* is the first word of every code: `smd`, `amd` or `tree`."""
        self._kind = kind
        self._path = path
        self._found: list[Diagnostic] = []
        self._left = {"error": MAX_FOUND, "warning": MAX_FOUND, "info": MAX_FOUND}

    def error(self, code: str, message: str, *, line: int = 0, column: int = 1, hint: str = "") -> None:
        self._add("error", code, message, line, column, hint)

    def warning(self, code: str, message: str, *, line: int = 0, column: int = 1, hint: str = "") -> None:
        self._add("warning", code, message, line, column, hint)

    def info(self, code: str, message: str, *, line: int = 0, column: int = 1, hint: str = "") -> None:
        self._add("info", code, message, line, column, hint)

    def found(self) -> tuple[Diagnostic, ...]:
        """By line; within a line in the order in which they were added."""
        return tuple(sorted(self._found, key=lambda d: (d.place.line, d.place.column)))

    def _add(self, severity: Severity, code: str, message: str, line: int, column: int, hint: str) -> None:
        self._left[severity] -= 1
        if self._left[severity] < 0:
            return
        if self._left[severity] == 0:
            code, message, hint = "too-many", f"There are more of these in this file ({severity})", ""
        place = Place(self._path, line, column if line else 0)
        self._found.append(Diagnostic(f"{self._kind}-{code}", severity, place, message, hint))


def quoted(text: str) -> str:
    """*text* as one short line that is safe to print: control, bidi and broken characters are escaped."""
    return repr(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…")


def shown(text: str) -> str:
    """As `quoted`, without the quotes."""
    return quoted(text)[1:-1]


def expected(values: Iterable[str]) -> str:
    return f"Expected one of: {', '.join(sorted(values))}"


def note_hidden(text: str, report: Report) -> None:
    """Warn of characters that a person does not see but a model and a compiler do; the first 20 are named."""
    if text.isascii():
        raw = text.encode("ascii")
        if len(raw.translate(None, _ASCII_HIDDEN)) == len(raw):
            return
    for count, match in enumerate(_HIDDEN.finditer(text)):
        if count == _HIDDEN_SHOWN:
            report.warning("hidden-character", "There are more hidden characters in this file")
            return
        at = match.start()
        start = text.rfind("\n", 0, at) + 1
        name = f"U+{ord(match[0]):04X}"
        message = f"Hidden character {name}"
        line = text.count("\n", 0, at) + 1
        report.warning("hidden-character", message, line=line, column=at - start + 1, hint="remove it")
