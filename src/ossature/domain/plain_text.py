"""Text from models, commands and files as it may reach a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, DEL, C1
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # invisible letters and marks
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"  # zero width, bidi, separators
    "\ud800-\udfff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # beams of music notation, tags
    "]"
)
"""Everything that moves the cursor, hides, or turns the reading direction (Trojan Source, CVE-2021-42574)."""


_UNSEEN = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\U000e0001-\U000e007f]")
"""Of them, what no writing system and no emoji needs in the files that people write."""


def find_unseen(text: str) -> Iterator[re.Match[str]]:
    """Every character of *text* that a reader does not see, and that may show it as what it is not."""
    return iter(()) if text.isascii() else _UNSEEN.finditer(text)


def hidden_in_line(text: str) -> str:
    """`U+202E` for the first character of *text* that moves, hides or turns what is shown; else empty."""
    found = next((found for found in _HIDDEN.finditer(text)), None)
    return f"U+{ord(found[0]):04X}" if found else ""


def clean(text: str) -> str:
    """*text* with every hidden or control character made visible; lines end with `\\n`."""
    return _HIDDEN.sub(_visible, text.replace("\r\n", "\n"))


def clean_line(text: str) -> str:
    """Like `clean`, on one line: a line break shows as `⏎`, a tab as a space."""
    return clean(text).replace("\n", "⏎").replace("\t", " ")


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return f"^{chr(code + 0x40)}"
    if code == 0x7F:
        return "^?"
    return f"<{code:02X}>" if code < 0xA0 else f"<U+{code:04X}>"


def count(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
