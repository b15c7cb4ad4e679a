"""Replies taken apart: files and edits out of text, values out of JSON, or the reason why not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from ossature.llm.edit import apply_edits

MAX_REASONS = 6
MAX_PROBLEMS = 10
M = TypeVar("M", bound=BaseModel)
_TAG = re.compile(
    r"^<(?P<open>file|edit)[ \t]+path=(?:\"(?P<path>[^\"\n]*)\"|'(?P<other>[^'\n]*)')[ \t]*>"
    r"|^<(?P<loose>file|edit)\b[^\n]{0,80}"
    r"|</(?P<close>file|edit)>(?=[ \t]*$)",
    re.MULTILINE,
)
_FENCE = re.compile(r"(`{3,})[\w+#.-]*[ \t]*")
_JSON_FENCE = re.compile(r"^[ \t]*```[ \t]*json[ \t]*$", re.MULTILINE | re.IGNORECASE)
_MARKDOWN = (".md", ".markdown", ".mdx")


@dataclass(frozen=True, slots=True)
class Blocks:
    """What a reply says to write."""

    files: dict[str, str]
    """Path -> whole content, edits already applied."""
    notes: str
    """The text outside blocks."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a reply cannot be used, told to the model so that the next one can."""

    reason: str


class _Block(NamedTuple):
    kind: str
    path: str
    content: str


@dataclass(slots=True)
class _Scan:
    blocks: list[_Block] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)
    """Opening tags without a usable path."""
    open_block: str = ""
    """The opening tag of a block that is not closed."""


def parse_blocks(
    text: str, *, declared: Collection[str], current: Callable[[str], str | None]
) -> Blocks | Refusal:
    """The files that a reply writes.

    An opening tag counts at the start of a line, outside of other blocks. A block ends at the last closing
    tag (at the end of a line) before the next opening tag, so content may hold the tag. *declared* are the
    paths that may be written, *current* gives what a file holds now, None where it does not exist.
    Takes time linear in *text*.
    """
    scan = _scan(text.replace("\r\n", "\n"))
    if scan.open_block:
        return Refusal(
            f"The reply ends inside {scan.open_block}: half a reply. "
            "Send every file again, complete, and close each block."
        )
    notes = "\n".join(part for part in (piece.strip() for piece in scan.notes) if part)
    reasons = [
        f'Malformed tag `{tag}`: write <file path="…"> or <edit path="…"> alone on a line.'
        for tag in scan.malformed
    ]
    if not scan.blocks and not reasons:
        return Refusal('The reply holds no <file path="…">…</file> or <edit path="…">…</edit> block at all.')
    files: dict[str, str] = {}
    by_path: dict[str, list[_Block]] = {}
    for block in scan.blocks:
        by_path.setdefault(_normal(block.path), []).append(block)
    for path, blocks in by_path.items():
        reason = _path_reason(path, declared) or _mix_reason(path, blocks)
        if reason:
            reasons.append(reason)
        elif blocks[0].kind == "file":
            files[path] = _file_content(path, blocks[0].content)
        else:
            edited = apply_edits(path, [block.content for block in blocks], current(path))
            if isinstance(edited, str):
                files[path] = _one_newline(edited)
            else:
                reasons += edited.reasons
    return _refuse(reasons) if reasons else Blocks(files, notes)


def missing_outputs(blocks: Blocks, outputs: Collection[str]) -> tuple[str, ...]:
    """Those of *outputs* that the reply does not write, in their order."""
    return tuple(path for path in outputs if path not in blocks.files)


def parse_json(text: str, model: type[M]) -> M | Refusal:
    """The value in a reply: the reply itself, its last block fenced as `json`, or its outermost braces.

    NaN, duplicate keys and lone surrogates are refused: they do not survive being written down again.
    """
    found = _find_json(text)
    if not found:
        return Refusal("The reply holds no JSON object. Answer with one JSON object and nothing else.")
    try:
        value = json.loads(found, object_pairs_hook=_unique, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        return Refusal("The JSON is nested too deeply.")
    except UnicodeEncodeError:
        return Refusal("The JSON holds half of a surrogate pair (\\ud800–\\udfff).")
    except json.JSONDecodeError as error:
        return Refusal(
            f"The JSON cannot be read: {error.msg} at line {error.lineno}, column {error.colno}:"
            f" {found[max(0, error.pos - 30) : error.pos + 30]!r}"
        )
    except ValueError as error:
        return Refusal(f"The JSON cannot be used: {error}.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        return Refusal(_problems(error))
    except RecursionError:
        return Refusal("The JSON is nested too deeply.")


def _scan(text: str) -> _Scan:
    scan = _Scan()
    block: _Open | None = None
    position = 0
    for tag in _TAG.finditer(text):
        if block is not None and not block.ends_before(tag):
            continue
        if tag["close"]:
            continue
        if block is not None:
            position = _close(scan, text, block)
            block = None
        if tag["loose"]:
            scan.malformed.append(tag[0])
        else:
            scan.notes.append(text[position : tag.start()])
            block = _Open(tag)
    if block is not None and block.closing is not None:
        position = _close(scan, text, block)
    elif block is not None:
        scan.open_block, position = block.opening[0], len(text)
    scan.notes.append(text[position:])
    return scan


@dataclass(slots=True)
class _Open:
    """A block whose end is being looked for."""

    opening: re.Match[str]
    closing: re.Match[str] | None = None
    """The last closing tag so far."""
    depth: int = 0
    """Elements of the same name that the content has opened by itself, as XML may."""
    has_ended: bool = False
    """A closing tag was seen that closes no element of the content."""

    def ends_before(self, tag: re.Match[str]) -> bool:
        """Whether *tag* opens the next block; else it is taken in as content."""
        kind = self.opening["open"]
        if tag["open"]:
            return self.closing is not None
        if tag["loose"] and self.has_ended:
            return True
        if tag["loose"] == kind:
            self.depth += 1
        if tag["close"] == kind:
            self.closing = tag
            self.has_ended = self.has_ended or not self.depth
            self.depth = max(0, self.depth - 1)
        return False


def _close(scan: _Scan, text: str, block: _Open) -> int:
    """Take the block in; returns where the text behind it starts."""
    opening, closing = block.opening, block.closing
    end = closing.start() if closing else len(text)
    content = text[opening.end() : end].removeprefix("\n").removesuffix("\n")
    path = opening["path"] if opening["path"] is not None else opening["other"]
    scan.blocks.append(_Block(opening["open"], path, content))
    return closing.end() if closing else end


def _normal(path: str) -> str:
    return path.strip().removeprefix("./")


def _path_reason(path: str, declared: Collection[str]) -> str:
    parts = path.split("/")
    if not path or path.startswith(("/", "~")) or ".." in parts or "\\" in path or not path.isprintable():
        return f"Path {path!r} is not a plain relative path inside the output folder."
    if path not in declared:
        return f"Path `{path}` is not one that this task may write. It may write: {_listed(declared)}."
    return ""


def _mix_reason(path: str, blocks: list[_Block]) -> str:
    if len(blocks) > 1 and any(block.kind == "file" for block in blocks):
        return f"`{path}` is written more than once: send it as one <file>, or as <edit>s only."
    return ""


def _file_content(path: str, content: str) -> str:
    return _one_newline(content if path.lower().endswith(_MARKDOWN) else _without_fence(content))


def _without_fence(content: str) -> str:
    """Content that a model wrapped in one code fence, without it."""
    lines = content.strip("\n").split("\n")
    opening = _FENCE.fullmatch(lines[0])
    if not opening or len(lines) < 2 or lines[-1].rstrip() != opening[1]:
        return content
    inner = lines[1:-1]
    return content if any(line.startswith(opening[1]) for line in inner) else "\n".join(inner)


def _one_newline(content: str) -> str:
    stripped = content.rstrip("\n")
    return f"{stripped}\n" if stripped else ""


def _listed(paths: Collection[str]) -> str:
    shown = [f"`{path}`" for path in sorted(paths)[:20]]
    return ", ".join(shown) + (", …" if len(paths) > 20 else "") if shown else "nothing"


def _refuse(reasons: list[str]) -> Refusal:
    more = len(reasons) - MAX_REASONS
    return Refusal("\n".join(reasons[:MAX_REASONS] + ([f"… and {more} more problems."] if more > 0 else [])))


def _find_json(text: str) -> str:
    whole = text.strip()
    if not whole.startswith("{"):
        fenced = _last_fenced(text)
        if fenced:
            return fenced
    start, end = whole.find("{"), whole.rfind("}")
    return whole[start : end + 1] if 0 <= start < end else ""


def _last_fenced(text: str) -> str:
    """Content of the last closed block fenced as `json`; a JSON string cannot hold a raw newline, so the next
    line that starts with a fence closes it."""
    for opening in reversed(list(_JSON_FENCE.finditer(text))):
        end = text.find("\n```", opening.end())
        if end >= 0:
            return text[opening.end() : end].strip()
    return ""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value:
            raise ValueError(f"key {key!r:.60} appears twice in one object")
        value[key] = item
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _problems(error: ValidationError) -> str:
    """One line per problem: where it is, what is wrong."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{_where(problem['loc'])}: {problem['msg']}" for problem in problems[:MAX_PROBLEMS]]
    more = len(problems) - MAX_PROBLEMS
    return "\n".join(lines + ([f"… and {more} more problems"] if more > 0 else []))


def _where(location: tuple[int | str, ...]) -> str:
    """`tasks[2].outputs`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "the object"
