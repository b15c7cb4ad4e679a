"""Text of others made fit for a message: keys taken out, control characters dropped, cut short."""

from __future__ import annotations

import re

MAX_MESSAGE = 300
"""Characters of a message; longer ones are bodies of error pages."""

# Anchored shapes of keys with a bounded tail, so that a long body costs one pass.
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[A-Za-z0-9_*.-]{6,300}"
    r"|(?:ghp|gho|ghs|ghu|github_pat)_[A-Za-z0-9_]{10,300}"
    r"|AKIA[A-Z0-9]{12,20}"
    r"|AIza[A-Za-z0-9_-]{20,80}"
    r"|(?:gsk|hf|npm|r8|pplx|tgp)[_-][A-Za-z0-9_-]{12,200}"
    r"|xai-[A-Za-z0-9_-]{12,200}"
    r"|xox[a-z]-[A-Za-z0-9-]{10,200}"
    r"|glpat-[A-Za-z0-9_-]{10,100}"
    r"|pypi-[A-Za-z0-9_-]{16,300}"
    r"|eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{4,2000}(?:\.[A-Za-z0-9_-]{0,2000})?"
    r")"
)
_BEARER = re.compile(r"(?i)\b(bearer|x-api-key:|api[_ -]?key(?:\s+provided)?[:=])\s*[^\s\"',}]{6,2000}")
_USERINFO = re.compile(r"://[^/\s@:]{0,200}:[^/\s@]{1,200}@")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def redact(text: str) -> str:
    """*text* with everything that looks like a key replaced by `[redacted]`."""
    text = _USERINFO.sub("://[redacted]@", text)
    text = _TOKENS.sub("[redacted]", text)
    return _BEARER.sub(lambda found: f"{found[1]} [redacted]", text)


def excerpt(text: str, limit: int = MAX_MESSAGE) -> str:
    """One line of at most *limit* characters: redacted, without control characters."""
    # Only the head can survive the cut; a key that straddles it is still seen whole.
    head = redact(text[: limit + 4096])
    line = " ".join(_CONTROL.sub(" ", head).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
