"""Content digests: what "the same" means everywhere in the program."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def digest_bytes(content: bytes) -> str:
    """SHA-256 of *content* as 64 lower-case hex digits."""
    return hashlib.sha256(content).hexdigest()


def digest_text(text: str) -> str:
    """SHA-256 of the UTF-8 bytes of *text*; lone surrogates are kept apart, never an error."""
    return digest_bytes(text.encode("utf-8", "surrogatepass"))


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)
"""Made once: `json.dumps` makes one a call, and a look at a plan is thousands of calls."""


def canonical_json(value: Any) -> str:
    """One spelling of a JSON value: sorted keys, no spaces, ASCII."""
    return _CANONICAL.encode(value)


def digest_json(value: Any) -> str:
    """SHA-256 of the canonical JSON of *value*."""
    return digest_text(canonical_json(value))


def digest_tree(files: Mapping[str, str]) -> str:
    """SHA-256 of a file tree given as path -> content digest; order does not matter."""
    return digest_json(sorted(files.items()))


def short(digest: str) -> str:
    """The first 12 digits, for people."""
    return digest[:12]
