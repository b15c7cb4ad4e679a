"""Paths that come from files and models: what may stand under a root, decided from the text alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from ossature.errors import UnsafePath

MAX_PARTS = 32
MAX_PART_BYTES = 255
"""NAME_MAX of every file system in use."""
MAX_PATH_BYTES = 3000
"""Below PATH_MAX (4096) with room for the root, since compilers open files by their whole path."""
_HIDDEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # invisible letters and marks
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"  # zero width, bidi
    "\ud800-\udfff"
    "\U000e0000-\U000e0fff"  # tags, variation selectors
    "]"
)
_DEVICES = frozenset({"con", "prn", "aux", "nul", "conin$", "conout$"}) | {
    f"{name}{digit}" for name in ("com", "lpt") for digit in "0123456789¹²³"
}
"""Names that Windows takes for devices, with any extension."""
_OURS = frozenset({".git", "git~1", ".ossature"})
"""Never inside a root, in any case: file systems that fold case would reach the real one."""
_OBEYED = frozenset(
    {".envrc", ".direnv", ".vscode", ".idea", ".mcp.json", ".claude", ".codex", ".cursor", ".cursorrules"}
    | {"agents.md", "claude.md", "gemini.md", ".gitmodules", ".gitconfig", ".husky", "ossature.toml"}
    | {".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc", ".zshenv", ".zprofile", ".zlogin"}
)
"""Files and folders that shells, editors and coding assistants act upon as soon as a person comes near."""
_PLAIN = re.compile(
    r"(?:(?!(?:con|prn|aux|nul|com\d|lpt\d)(?![^./]))[a-z0-9_][a-z0-9_-]*(?:\.[a-z0-9_-]+)*(?:/(?!\Z)|\Z))+",
    re.ASCII | re.IGNORECASE,
)
"""Paths without anything to look at twice; nearly all are."""


def relative_parts(path: str) -> tuple[str, ...]:
    """The parts of a path that may stand under any root, on any system; UnsafePath says why one may not."""
    parts = tuple(path.split("/"))
    if len(parts) <= MAX_PARTS and len(path) <= MAX_PART_BYTES and _PLAIN.fullmatch(path):
        return parts
    reason = _whole_reason(path)
    for part in parts:
        reason = reason or part_reason(part)
    if reason:
        raise UnsafePath(f"the path {quoted_path(path)} {reason}")
    return parts


def obeyed_part(path: str) -> str:
    """The part of *path* that other programs take orders from; empty where there is none."""
    return next((part for part in path.split("/") if part.casefold() in _OBEYED), "")


def find_clashes(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of paths that are one file where case or Unicode form does not count (macOS, Windows)."""
    first: dict[str, str] = {}
    clashes: list[tuple[str, str]] = []
    for path in dict.fromkeys(paths):
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
        other = first.setdefault(folded, path)
        if other != path:
            clashes.append((other, path))
    return clashes


def _whole_reason(path: str) -> str:
    if not path:
        return "is empty"
    if path.startswith("/"):
        return "is absolute"
    if path.startswith("~"):
        return "starts in a home folder"
    if re.match(r"[A-Za-z]:", path):
        return "starts with a drive letter"
    if path.count("/") >= MAX_PARTS:
        return f"has more than {MAX_PARTS} parts"
    if len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        return f"is longer than {MAX_PATH_BYTES} bytes"
    return ""


def part_reason(part: str) -> str:
    """Why *part* cannot be a name in a path; empty when it can."""
    hidden = _HIDDEN.search(part)
    if hidden:
        return f"holds the invisible character U+{ord(hidden[0]):04X}"
    folded = part.casefold()
    checks = (
        (not part, "has an empty part"),
        (part in (".", ".."), f"has a part `{part}`"),
        ("\\" in part, "holds a backslash"),
        (part.endswith((".", " ")), "has a part that ends with a dot or a space"),
        (folded in _OURS, f"goes into {part}"),
        (folded.split(".")[0].rstrip() in _DEVICES, "has the name of a Windows device"),
        (len(part.encode("utf-8")) > MAX_PART_BYTES, f"has a part of more than {MAX_PART_BYTES} bytes"),
    )
    return next((reason for fails, reason in checks if fails), "")


def quoted_path(path: str) -> str:
    cut = path if len(path) <= 120 else f"{path[:117]}..."
    return f"`{_HIDDEN.sub(lambda found: found[0].encode('unicode_escape').decode(), cut)}`"
