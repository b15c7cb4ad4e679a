"""Recognises what compilers, test runners and interpreters complain about, a line at a time."""

from __future__ import annotations

import re
from typing import NamedTuple


class Problem(NamedTuple):
    """A place in a file, or a failure without one."""

    path: str = ""
    """As it was printed; empty when the line names no file."""
    line: int = 0
    column: int = 0


_SUFFIXES = (
    "py|pyi|pyx|c|h|cc|cpp|cxx|hpp|hh|hxx|m|mm|rs|zig|go|js|jsx|ts|tsx|mjs|cjs|mts|cts|java|kt|kts|scala|swift"
    "|rb|php|lua|cs|fs|vb|hs|ml|mli|ex|exs|erl|clj|dart|nim|d|v|sv|vhd|sh|bash|zsh|fish|bat|ps1|sql|toml|yaml"
    "|yml|json|html|htm|css|scss|vue|svelte|s|asm|md|rst|txt|smd|amd|tex|r|jl|pl|pm|proto|gradle|cmake|mk|ini"
    "|cfg|xml"
)
"""By these a name before a number is a file, and `127.0.0.1:80`, `example.com:443` or a time is none."""
_FILE = rf"(?P<path>(?:[\w.~+@$%-]*/)*(?:[\w.+@$%-]*\.(?:{_SUFFIXES})|Makefile|GNUmakefile|Dockerfile))"
_PLACES = (
    re.compile(r'\bFile "(?P<path>[^"]+)", line (?P<line>\d+)'),
    # Spaces are allowed where something else says where the name ends.
    re.compile(rf"(?:^|[\s(\[\"'`=]|file://){_FILE}:(?P<line>\d+)(?::(?P<column>\d+))?(?![\w.])"),
    re.compile(rf"(?:^|[\s\"'`]){_FILE}\((?P<line>\d+)(?:[,:](?P<column>\d+))?\)"),
    re.compile(rf"(?:^|[\s\"'`]){_FILE}[\"'`]?,? (?:on )?line (?P<line>\d+)"),
)
_FAILURE = re.compile(
    r"(?:^|: )(?:fatal |internal |compiler )?error(?:\[\w+\]|\(\w+\)| \w+\d+)?:"  # compilers
    r"|^\s*(?:FAIL|FAILED|ERROR|FATAL|CRITICAL|PANIC)(?::|\s|$)"  # unittest, pytest, go test, logs
    r"|^\s*--- FAIL:|^not ok\b|^\s*[✕✗✖✘] |^\s*● .+ \u203a "  # go test, TAP, mocha, jest
    r"|\.\.\. ?(?:FAIL|FAILED|ERROR)$"  # unittest, cargo test
    r"|^Traceback \(most recent call last\):|^panic: |\bpanicked at\b|^E {2,}\S"
    r"|\b[A-Z]\w*(?:Error|Exception|Panic)(?::|$)|^Uncaught\b"
    r"|\b[1-9]\d* (?:tests? )?(?:failed|failures?|errors?)\b"
    r"|\bundefined reference to\b|: \*\*\* |\bError [1-9]\d*$|^fatal: |\bSegmentation fault\b|\(core dumped\)"
    r"|(?:^|[\s\[|])(?:ERROR|FATAL|CRITICAL)(?=[\s\]:|])"
)
_PLACE_HINT = re.compile(r"(?:\.[A-Za-z]\w{0,6}|file)[:(]\d|line \d")
_FAILURE_HINTS = (
    *("rror", "ERROR", "FAIL", "failed", "ailure", "panic", "Panic", "PANIC", "FATAL", "fatal", "CRITICAL"),
    *("Exception", "Traceback", "Uncaught", "\u2715", "\u2717", "\u2716", "\u2718", "\u25cf", "***"),
    *("undefined", "Segmentation", "dumped"),
)
"""What is looked for first: most lines of a log are no problem, and most of the time would go into them."""


def find_problem(text: str) -> Problem | None:
    """What *text*, one line, complains about; the first place that it names, if any."""
    places = []
    if _PLACE_HINT.search(text):
        places = [found for one in _PLACES if (found := one.search(text))]
    if places:
        first = min(places, key=lambda found: found.start("path"))
        column = first.groupdict().get("column")
        return Problem(first["path"], int(first["line"]), int(column or 0))
    is_suspect = text.startswith(("E  ", "not ok")) or any(hint in text for hint in _FAILURE_HINTS)
    return Problem() if is_suspect and _FAILURE.search(text) else None
