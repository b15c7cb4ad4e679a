"""Lines that carry their own checksum: `crc32 (8 hex digits) SP json LF`."""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

LINE_OVERHEAD = 10
"""Bytes of a line besides its payload."""


class CheckedLines(NamedTuple):
    """The whole lines of a file up to the first that cannot be believed."""

    payloads: list[bytes]
    good_length: int
    """Bytes up to there; what follows is torn or damaged."""


def encode_line(payload: bytes) -> bytes:
    """One line of a log; *payload* is JSON without a line break."""
    return b"%08x %b\n" % (crc32(payload), payload)


def decode_line(line: bytes) -> bytes | None:
    """The payload of a line without its line break, or None when the checksum is not its own."""
    payload = line[9:]
    return payload if payload and line[:9] == b"%08x " % crc32(payload) else None


def good_lines(content: bytes) -> CheckedLines:
    """Read until the first bad line and believe nothing after it (the rule of ninja's logs)."""
    payloads: list[bytes] = []
    start = 0
    while (end := content.find(b"\n", start)) >= 0:
        payload = decode_line(content[start:end])
        if payload is None:
            break
        payloads.append(payload)
        start = end + 1
    return CheckedLines(payloads, start)
