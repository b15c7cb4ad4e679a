"""Sizes, spans of time and amounts as people read and type them."""

from __future__ import annotations

import re
from datetime import timedelta

from ossature.errors import UsageError

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_MAX_DAYS = 36500


def size(number: int) -> str:
    """`512 bytes`, `1.5 KiB`, `20 MiB`."""
    if number < 1024:
        return f"{number} byte{'' if number == 1 else 's'}"
    amount, unit = number / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"


def duration(seconds: float) -> str:
    """`0.4 s`, `42 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def age(text: str) -> timedelta:
    """`12h`, `30d` or `4w` as a span of time; raises UsageError."""
    found = re.fullmatch(r"([0-9]{1,6})([hdw])", text)
    span = int(found[1]) * _UNITS[found[2]] if found else timedelta(days=_MAX_DAYS + 1)
    if span > timedelta(days=_MAX_DAYS):
        raise UsageError(f"{text!r} is no age", hint="write `12h`, `30d` or `4w`")
    return span
