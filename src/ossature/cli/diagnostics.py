"""Prints what readers found in the user's files, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import count
from ossature.errors import Diagnostic

TONES = {"error": "bad", "warning": "warn", "info": "quiet"}


def print_diagnostics(diagnostics: Iterable[Diagnostic], terminal: Terminal) -> None:
    """`path:line:column: severity: message (hint) [code]`, the form that editors jump by."""
    for found in diagnostics:
        terminal.spans(
            [
                ("strong", f"{found.place}: "),
                (TONES[found.severity], f"{found.severity}: "),
                ("plain", found.message),
                ("plain", f" ({found.hint})" if found.hint else ""),
                ("quiet", f" [{found.code}]"),
            ]
        )


def as_json(found: Diagnostic) -> dict[str, Any]:
    """One diagnostic as an object."""
    return {
        "code": found.code,
        "severity": found.severity,
        "path": found.place.path,
        "line": found.place.line,
        "column": found.place.column,
        "message": found.message,
        "hint": found.hint,
    }


def tally(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    errors = sum(found.severity == "error" for found in diagnostics)
    warnings = sum(found.severity == "warning" for found in diagnostics)
    return f"{count(errors, 'error')}, {count(warnings, 'warning')}"
