"""Expressions that a person types, matched in bounded time: the door to `regex`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import regex

LINE_S = 0.05
"""So long one line may be looked at; a row holds at most some 4,000 characters."""
BLOCK_S = 0.5
"""So long a block of many rows may be looked at before its lines are tried one by one."""
MARKS_S = 0.01
"""So long the matches within one visible line may be looked for."""
MAX_SLOW = 20
"""After so many lines that took too long, a search is given up."""
MAX_CHARS = 300
"""Of an expression: `regex` prepares the search for a text in cubic time, on which no limit can be put."""
_LOOKS_AROUND = regex.compile(r"\(\?(?![:i)])|\(\*|\\[ABGKRXZpPz]|[*+?}]\+|\{[^}]*[a-z][^}]*\}")
"""What may give another answer within a block than on a line alone: it is tried on each line."""
_WORDS = regex.compile(r"[\w \-/:,;'\"=<>@#%&!~`]+(\|[\w \-/:,;'\"=<>@#%&!~`]+)+")
"""Alternatives without any other sign of an expression. `regex` finds each of them much faster by itself."""


class TooSlow(Exception):
    """The expression takes too long on too many lines."""


class Pattern:
    """A regular expression, or plain text where it is none; small letters match any case."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.note = ""
        """Why it was taken as plain text; empty when it was not."""
        self.slow = 0
        """Lines that were given up, and count as not matching."""
        ignores_case = regex.sub(r"\\.", "", text) == regex.sub(r"\\.", "", text).lower()
        self._flags: int = regex.IGNORECASE if ignores_case else 0
        expression = text
        try:
            if len(text) > MAX_CHARS:
                raise regex.error(f"longer than {MAX_CHARS} characters, of which the first are taken")
            self._line = self._compiled(text)
        except (regex.error, RecursionError, OverflowError, ValueError, LookupError) as error:
            reason = str(error) if isinstance(error, regex.error) else "nested too deeply"
            self.note = f"not a regular expression ({reason}): searched as plain text"
            expression = regex.escape(text[:MAX_CHARS])
            self._line = self._compiled(expression)
        parts = expression.split("|") if _WORDS.fullmatch(expression) else [expression]
        self._whole = [] if _LOOKS_AROUND.search(expression) else self._whole_rows(parts)

    def _compiled(self, expression: str, more: int = 0) -> regex.Pattern[str]:
        with warnings.catch_warnings():
            # Some expressions will mean something else in a later release; a warning would spoil the screen.
            warnings.simplefilter("ignore")
            return regex.compile(expression, self._flags | more)

    def _whole_rows(self, parts: Sequence[str]) -> list[regex.Pattern[str]]:
        """What finds each row once: it goes on to the row's end, after an empty group that says where."""
        try:
            return [self._compiled(f"(?:{part})()[^\n]*", regex.MULTILINE) for part in parts]
        except regex.error:
            return []

    def matches(self, line: str) -> bool:
        """Whether it is found in *line*; raises `TooSlow` when it has been too slow too often."""
        try:
            return self._line.search(line, timeout=LINE_S, concurrent=True) is not None
        except TimeoutError:
            self.slow += 1
            if self.slow >= MAX_SLOW:
                raise TooSlow from None
            return False

    def spans(self, line: str) -> list[tuple[int, int]]:
        """Where it is found in *line*; nothing where that takes too long."""
        try:
            found = [one.span() for one in self._line.finditer(line, timeout=MARKS_S)]
        except TimeoutError:
            return []
        return [(start, end) for start, end in found if end > start]

    def rows(self, text: str) -> list[int]:
        """Numbers, within *text*, of the lines in which it is found."""
        if not self._whole:
            return self._one_by_one(text)
        try:
            found = [list(self._rows_of(whole, text)) for whole in self._whole]
        except TimeoutError:
            return self._one_by_one(text)
        return found[0] if len(found) == 1 else sorted({row for rows in found for row in rows})

    def _one_by_one(self, text: str) -> list[int]:
        return [row for row, line in enumerate(text.split("\n")) if self.matches(line)]

    def _rows_of(self, whole: regex.Pattern[str], text: str) -> Iterator[int]:
        row, counted, position, last = 0, 0, 0, -1
        while position >= 0:
            begin, position = position, -1
            for found in whole.finditer(text, begin, timeout=BLOCK_S, concurrent=True):
                start = found.start()
                row += text.count("\n", counted, start)
                counted = start
                if row == last:
                    continue
                line_end = text.find("\n", start)
                is_within = line_end < 0 or found.start(whole.groups) <= line_end
                if is_within or self.matches(text[text.rfind("\n", 0, start) + 1 : line_end]):
                    last = row
                    yield row
                if not is_within:
                    position = line_end + 1
                    break
