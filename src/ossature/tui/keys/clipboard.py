"""The terminal's clipboard, through whatever lies between it and us."""

from __future__ import annotations

import base64
from collections.abc import Mapping

MAX_CLIPBOARD_BYTES = 74_994
"""What the smallest of the usual limits on OSC 52 (100,000 characters of base64) leaves."""
SCREEN_CHARS = 512
"""GNU screen passes on no longer strings (768 with what is around them)."""


def clipboard_sequences(text: str, environ: Mapping[str, str]) -> list[str]:
    """What to write so that *text* is in the clipboard: OSC 52, also wrapped for tmux, or wrapped for screen.

    tmux takes the bare sequence where `set-clipboard` is on, the wrapped one where `allow-passthrough` is.
    """
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    bare = f"\x1b]52;c;{encoded}\x07"
    if environ.get("TMUX"):
        return [bare, f"\x1bPtmux;{bare.replace(chr(27), chr(27) * 2)}\x1b\\"]
    if environ.get("STY") or environ.get("TERM", "").startswith("screen"):
        pieces = [bare[start : start + SCREEN_CHARS] for start in range(0, len(bare), SCREEN_CHARS)]
        return ["".join(f"\x1bP{piece}\x1b\\" for piece in pieces)]
    return [bare]
