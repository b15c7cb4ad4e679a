"""Reads what a file says about itself, as YAML frontmatter or as `@key: value` lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ossature.domain.spec import MetadataStyle
from ossature.spec.lines import Ruler
from ossature.spec.report import Report, quoted

_OPENER = re.compile(r"---[ \t]*(?:\n|\Z)")
_CLOSER = re.compile(r"^---[ \t]*(?:\n|\Z)", re.MULTILINE)
_AT_KEY = re.compile(r"\n[ \t]*@(?P<key>[\w-]+):(?P<value>[^\n]*)")
_H2 = "\n## "

_KEY_LINE = re.compile(r"(?P<key>[A-Za-z_][A-Za-z0-9_-]*):(?:[ ]+(?P<value>[^\n]*))?")
_ITEM_LINE = re.compile(r"(?P<indent>[ ]*)-[ ]+(?P<value>[^\n]*)")
_COMMENT = re.compile(r"[ ]*(?:#[^\n]*)?")
_LATER_COMMENT = re.compile(r"[ ]+#")
_INDICATORS = frozenset("-?:,[]{}#&*!|>'\"%@`")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})

MAX_FRONTMATTER = 65_536
_MAX_BRACKETS = 256
"""PyYAML needs seconds to find out that thousands of open brackets nest too deeply."""

Kind = Literal["text", "list", "other"]


@dataclass(frozen=True, slots=True)
class Entry:
    """The value of one key."""

    kind: Kind
    """`other` is what no key of the formats takes: a mapping, or a list of more than plain values."""
    text: str
    """As written, without quotes; empty for null and for lists."""
    items: tuple[str, ...]
    line: int
    column: int
    """Of the key."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says about itself, and where the rest of it is."""

    style: MetadataStyle
    entries: Mapping[str, Entry] = field(default_factory=dict)
    body_start: int = 0
    """Offset of the first line after the frontmatter."""
    cuts: tuple[tuple[int, int], ...] = ()
    """Offsets of the `@key` lines, which lie within the text before the first H2."""
    line: int = 1
    """Where a missing key belongs."""
    is_readable: bool = True
    """False after an error that leaves the keys unknown: nothing can then be said to be missing."""
    has_body: bool = True
    """False when it is not known where the body begins."""


class _Pair(NamedTuple):
    key: str
    entry: Entry


class _TooHard(Exception):
    """The frontmatter is more than the fast reader knows."""


def read_metadata(text: str, keys: frozenset[str], report: Report) -> Metadata:
    """Metadata of a file with normalised newlines; *keys* are those that the format knows."""
    opener = _OPENER.match(text)
    if opener is None:
        return _read_at_keys(text, keys, report)
    closer = _CLOSER.search(text, opener.end())
    if closer is None:
        report.error(
            "unterminated-frontmatter",
            "Unterminated YAML frontmatter block",
            line=1,
            hint="close it with a line ---",
        )
        return Metadata("frontmatter", is_readable=False, has_body=False)
    block = text[opener.end() : closer.start()]
    pairs = _read_block(block, report)
    if pairs is None:
        return Metadata("frontmatter", body_start=closer.end(), is_readable=False)
    return Metadata("frontmatter", _merge(pairs, keys, report), closer.end())


def split_list(text: str) -> tuple[str, ...]:
    """`[A, B]` or `A, B` as its names, without quotes."""
    names = (part.strip().strip("'\"").strip() for part in text.strip("[] \t").split(","))
    return tuple(name for name in names if name)


def _merge(pairs: list[_Pair], keys: frozenset[str], report: Report) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for key, entry in pairs:
        if key in entries and key in keys:
            message = f"{key} is given twice; the last one counts"
            report.warning("duplicate-key", message, line=entry.line, column=entry.column)
        entries[key] = entry
    return entries


def _read_at_keys(text: str, keys: frozenset[str], report: Report) -> Metadata:
    padded = "\n" + text
    end = padded.find(_H2)
    pairs: list[_Pair] = []
    cuts: list[tuple[int, int]] = []
    ruler = Ruler(text)
    for match in _AT_KEY.finditer(padded, 0, end if end >= 0 else len(padded)):
        if match["key"] not in keys:
            continue
        line = ruler.line(match.start())
        pairs.append(_Pair(match["key"], Entry("text", match["value"].strip(), (), line, 1)))
        cuts.append((match.start(), match.end()))
    if not pairs:
        message = "Missing YAML frontmatter block (--- delimiters)"
        hint = f"start the file with a block of {', '.join(sorted(keys))} between two lines ---"
        report.error("missing-metadata", message, line=1, hint=hint)
        return Metadata("at-keys", is_readable=False)
    return Metadata("at-keys", _merge(pairs, keys, report), cuts=tuple(cuts), line=pairs[0].entry.line)


def _read_block(block: str, report: Report) -> list[_Pair] | None:
    """Keys of a frontmatter block, or None after an error."""
    if len(block) > MAX_FRONTMATTER:
        message = f"Invalid YAML in frontmatter: longer than {MAX_FRONTMATTER // 1024} KiB"
        report.error("invalid-yaml", message, line=1)
        return None
    try:
        return list(_read_plain(block))
    except _TooHard:
        return _read_yaml(block, report)


def _read_plain(block: str) -> Iterator[_Pair]:
    """The frontmatter that nearly everybody writes: plain values, `[a, b]` and lists of `- item` lines."""
    lines = block.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if _COMMENT.fullmatch(line):
            continue
        match = _KEY_LINE.fullmatch(line)
        if match is None or not line.isprintable():
            raise _TooHard
        number, value = at + 1, _without_comment(match["value"] or "")
        if value.startswith("["):
            yield _Pair(match["key"], Entry("list", "", _flow_items(value), number, 1))
            continue
        items = [] if value else _block_items(lines, at)
        at += len(items)
        kind: Kind = "list" if items else "text"
        text = "" if items else _plain(value, line)
        yield _Pair(match["key"], Entry(kind, text, tuple(items), number, 1))


def _block_items(lines: list[str], at: int) -> list[str]:
    """Values of the `- item` lines from index *at* on."""
    items: list[str] = []
    indent = ""
    for line in lines[at:]:
        match = _ITEM_LINE.fullmatch(line)
        if match is None:
            break
        if items and match["indent"] != indent:
            raise _TooHard
        indent = match["indent"]
        items.append(_plain(_without_comment(match["value"]), line))
    return items


def _without_comment(value: str) -> str:
    if value.startswith("#"):
        return ""
    if value[:1] in ("'", '"'):
        return value.rstrip(" ")
    return _LATER_COMMENT.split(value, maxsplit=1)[0].rstrip(" ")


def _flow_items(value: str) -> tuple[str, ...]:
    inner = value[1:-1].strip(" ")
    if not value.endswith("]") or any(char in "[]{}:?" for char in inner):
        raise _TooHard
    parts = [part.strip(" ") for part in inner.split(",")] if inner else []
    if "" in parts:
        raise _TooHard
    return tuple(_plain(part, value) for part in parts)


def _plain(value: str, line: str) -> str:
    """The text of one scalar; null is empty."""
    if not line.isprintable():
        raise _TooHard
    if value[:1] in ("'", '"'):
        inner = value[1:-1]
        if len(value) < 2 or value[-1] != value[0] or value[0] in inner or "\\" in inner:
            raise _TooHard
        return inner.strip()
    if (value and value[0] in _INDICATORS) or ": " in value or value.endswith(":"):
        raise _TooHard
    return "" if value in _NULLS else value


def _read_yaml(block: str, report: Report) -> list[_Pair] | None:
    if block.count("[") + block.count("{") > _MAX_BRACKETS:
        report.error("invalid-yaml", "Invalid YAML in frontmatter: too many brackets", line=1)
        return None
    # Imported here because it costs as much as starting Python, and hardly any file needs it.
    import yaml

    try:
        node = _compose(block)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 2, mark.column + 1) if mark else (1, 1)
        problem = error.problem or error.context or "it cannot be read"
        report.error("invalid-yaml", f"Invalid YAML in frontmatter: {problem}", line=line, column=column)
        return None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).split("\n")[0]
        report.error("invalid-yaml", f"Invalid YAML in frontmatter: {reason}", line=1)
        return None
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode):
        report.error("invalid-yaml", "Frontmatter must be a YAML mapping", line=2)
        return None
    return [_pair(key, value) for key, value in node.value]


def _compose(block: str) -> Any:
    """The node tree of *block*: values as they are written, and where; nothing is constructed."""
    # Imported here because it costs as much as starting Python, and hardly any file needs it.
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # not in the stubs
            # An alias makes a few lines grow without end once somebody looks at the value.
            if getattr(event, "anchor", None):
                problem = "anchors and aliases are not allowed"
                raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
            return super().compose_node(parent, index)

    return yaml.compose(block, Loader=Loader)


def _pair(key: Any, value: Any) -> _Pair:
    line, column = key.start_mark.line + 2, key.start_mark.column + 1
    name = key.value if isinstance(key.value, str) else quoted(str(key.value))
    if isinstance(value.value, str):
        return _Pair(name, Entry("text", _scalar(value), (), line, column))
    is_plain = value.id == "sequence" and all(isinstance(item.value, str) for item in value.value)
    if not is_plain:
        return _Pair(name, Entry("other", "", (), line, column))
    return _Pair(name, Entry("list", "", tuple(_scalar(item) for item in value.value), line, column))


def _scalar(node: Any) -> str:
    return "" if node.tag == "tag:yaml.org,2002:null" else str(node.value).strip()
