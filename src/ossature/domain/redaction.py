"""Keys and other secrets found in text and replaced, before anything is written or shown."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
MIN_CHARS = 8
"""Shorter values stand in ordinary text by chance."""
MAX_TOKEN_CHARS = 4096
"""No shape below matches more, so a stream has to look back no further."""
_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_NO_SECRET_NAME = re.compile(r"(?:URL|URI|HOST|PATH|FILE|DIR|SOCK|LAYOUT)\Z", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+(?:[_-][a-z]+)*|[A-Z]+(?:[_-][A-Z]+)*|[A-Z][a-z]+|[\d._-]{1,12}")
_MAX_WORD_CHARS = 20
_MIN_LINE_CHARS = 16
"""Of a line of a secret that has several."""
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_PEM_CHARS = 16 * 1024


class Shape(NamedTuple):
    """What the keys of one kind look like."""

    name: str
    """For people."""
    literal: str
    """Stands in every one of them: looking for it costs a hundredth of the pattern."""
    pattern: re.Pattern[str]
    kept: str = ""
    """How each match begins, where that is no part of the secret."""


def _shape(literal: str, rest: str) -> Shape:
    # The look back comes second: `re` searches fast for a pattern that begins with a literal.
    return Shape(f"a key like {literal}…", literal, re.compile(rf"{literal}(?<![A-Za-z0-9]{literal}){rest}"))


# Anchored, with bounded tails, so that a long text costs one pass. The lengths are those that the issuers
# give, or shorter than any key that was seen; `(?=…\d)` wants a digit, as words joined by `-` have none.
SHAPES: tuple[Shape, ...] = (
    _shape("sk-", r"(?=[A-Za-z_-]{0,60}\d)[A-Za-z0-9_-]{20,2000}"),
    *(_shape(f"gh{kind}_", r"[A-Za-z0-9]{30,500}") for kind in "pousr"),
    _shape("github_pat_", r"[A-Za-z0-9_]{30,500}"),
    *(_shape(start, r"[A-Z0-9]{16}(?![A-Za-z0-9])") for start in ("AKIA", "ASIA")),
    _shape("AIza", r"[A-Za-z0-9_-]{35}(?![A-Za-z0-9])"),
    _shape("xox", r"[abeoprs]-(?=[A-Za-z-]{0,20}\d)[A-Za-z0-9-]{20,500}"),
    _shape("hf_", r"(?=[A-Za-z]{0,40}\d|[A-Za-z]{34})[A-Za-z0-9]{30,200}"),
    _shape("glpat-", r"[A-Za-z0-9_-]{20,500}"),
    _shape("npm_", r"(?=[A-Za-z]{0,36}\d)[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    _shape("pypi-", r"AgE[A-Za-z0-9_-]{50,1000}"),
    _shape("gsk_", r"[A-Za-z0-9]{40,200}"),
    _shape("xai-", r"[A-Za-z0-9]{60,200}"),
    _shape("r8_", r"[A-Za-z0-9]{36,100}"),
    _shape("pplx-", r"[A-Za-z0-9]{40,200}"),
    _shape("eyJ", r"[A-Za-z0-9_-]{14,1500}\.eyJ[A-Za-z0-9_-]{8,1500}\.[A-Za-z0-9_-]{16,800}"),
    Shape(
        "a private key",
        "PRIVATE KEY-----",
        re.compile(
            r"-----BEGIN (?P<kind>[A-Z0-9 ]{0,30}PRIVATE KEY)-----"
            r"(?:\s{0,4}[A-Za-z-]{4,20}: [^\n]{1,80}\n){0,4}"
            rf"[A-Za-z0-9+/=\s\\]{{40,{_PEM_CHARS}}}-----END (?P=kind)-----"
        ),
    ),
    Shape(
        "a password in a URL",
        "://",
        re.compile(r"://[^/\s@:\"'<>]{0,200}:(?=[^/\s@]{0,200}\d)[^/\s@:\"'<>]{8,200}(?=@)"),
        kept="://",
    ),
)
_LITERALS = tuple(shape.literal.encode() for shape in SHAPES)


class Finding(NamedTuple):
    """A secret in a text."""

    name: str
    """What it looks like, or the variable that holds it; never the secret itself."""
    start: int
    """Offset in characters."""


class Redactor:
    """Replaces the values that it knows, however they are spelled, and what has the shape of a key."""

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        """*secrets* maps a name for people to a value."""
        self._forms = {
            form: name
            for name, value in sorted((secrets or {}).items(), key=lambda item: -len(item[1]))
            for form in sorted(forms_of(value), key=len, reverse=True)
        }
        self._raw = [(form.encode("utf-8", "surrogatepass"), name) for form, name in self._forms.items()]
        longest = max((len(form) for form, _ in self._raw), default=0)
        has_spaces = any(b" " in form for form, _ in self._raw)
        self.borders = (b"\n",) if has_spaces else (b"\n", b" ")
        """Characters that no secret holds, save for a PEM block."""
        self.overlap_bytes = max(longest, MAX_TOKEN_CHARS)
        """How much of a stream has to be seen at once."""

    def text(self, text: str) -> str:
        """*text* with `[redacted]` in place of each secret; the same object where there is none."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MARK)
        return without_tokens(text)

    def content(self, content: bytes) -> bytes:
        """Like `text`, for bytes that need not be UTF-8."""
        for form, _name in self._raw:
            if form in content:
                content = content.replace(form, MARK.encode())
        if not any(literal in content for literal in _LITERALS):
            return content
        # One character a byte, so that no byte is lost; the shapes are ASCII.
        return without_tokens(content.decode("latin-1")).encode("latin-1")

    def lines(self, content: bytes) -> bytes:
        """Like `content`, with a line for each line: one that holds a part of a secret has a mark for it."""
        mark, pieces, at = MARK.encode(), [], 0
        for start, end in sorted(self.spans(content)):
            if end > at:
                line_ends = content.count(b"\n", max(start, at), end)
                pieces += [content[at:start], mark, (b"\n" + mark) * line_ends]
                at = end
        return b"".join([*pieces, content[at:]])

    def find(self, text: str, *, known: str = "") -> Finding | None:
        """The first secret in *text* that is not in *known* as well; None where there is none."""
        for form, name in self._forms.items():
            if form in text and form not in known:
                return Finding(f"the value of {name}", text.find(form))
        return find_token(text, known=known)

    def stream(self, *sinks: Callable[[bytes], object]) -> RedactingStream:
        """For output that comes in pieces; *sinks* take what is free of secrets."""
        return RedactingStream(self, sinks)

    def spans(self, content: bytes) -> list[tuple[int, int]]:
        """Start and end of every secret in *content*."""
        found: list[tuple[int, int]] = []
        for form, _name in self._raw:
            at = content.find(form)
            while at >= 0:
                found.append((at, at + len(form)))
                at = content.find(form, at + 1)
        text = content.decode("latin-1")
        for shape in _present(text):
            found += [match.span() for match in shape.pattern.finditer(text)]
        return found


class RedactingStream:
    """Bytes that come in pieces: a secret that a border between them cuts in two is found all the same."""

    def __init__(self, redactor: Redactor, sinks: Sequence[Callable[[bytes], object]]) -> None:
        self._redactor = redactor
        self._sinks = sinks
        self._held = b""

    def add(self, piece: bytes) -> None:
        """Hand on what may be handed on; the end is held back while a secret may still begin in it."""
        held = self._held + piece
        cut = self._cut(held)
        self._held = held[cut:]
        self._hand_on(held[:cut])

    def end(self) -> None:
        """Hand on what was held back; nothing more comes."""
        held, self._held = self._held, b""
        self._hand_on(held)

    def _hand_on(self, content: bytes) -> None:
        if content:
            kept = self._redactor.content(content)
            for sink in self._sinks:
                sink(kept)

    def _cut(self, held: bytes) -> int:
        """Where no secret goes across: after a line, as none but a PEM block holds a line break."""
        cut = max(held.rfind(border) for border in self._redactor.borders) + 1
        room = self._redactor.overlap_bytes
        if len(held) - cut > 2 * room:
            cut = len(held) - room
            cut = min([start for start, end in self._redactor.spans(held) if start < cut < end], default=cut)
            while cut and held[cut] & 0xC0 == 0x80:  # within a character of UTF-8
                cut -= 1
        begin = held.find(b"-----BEGIN")
        while 0 <= begin < cut:
            end = held.find(b"-----END", begin, cut)
            if end < 0 and len(held) - begin <= _PEM_CHARS:
                return begin
            begin = held.find(b"-----BEGIN", begin + 1)
        return cut


def secrets_in(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that hold a secret, by their names. A single word, a number or a path counts as none."""
    return {
        name: value
        for name, value in environ.items()
        if _NAME.search(name) and not _NO_SECRET_NAME.search(name) and _is_secret(value)
    }


def _is_secret(value: str) -> bool:
    if len(value) < MIN_CHARS or value.startswith(("/", "~", "./", "../")):
        return False
    return len(value) > _MAX_WORD_CHARS or not _WORD.fullmatch(value)


def forms_of(value: str) -> set[str]:
    """Spellings of *value*: plain, as in JSON, Python and URLs, in base64 at any offset, in hex."""
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        # Each by itself, so that no secret goes over the end of a line.
        parts = [line for line in lines if len(line) >= _MIN_LINE_CHARS and not line.startswith("-----")]
        whole = {json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value)}
        return whole.union(*(forms_of(part) for part in parts))
    value = value.strip()
    raw = value.encode("utf-8", "surrogateescape")
    escaped = json.dumps(value)[1:-1]
    # Twice: JSON that is quoted in JSON, as in an error of a provider that is quoted in an event.
    forms = {value, escaped, json.dumps(escaped)[1:-1], repr(value)[1:-1]}
    forms |= {json.dumps(value, ensure_ascii=False)[1:-1]}
    for coded in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        forms |= {coded, _ESCAPE.sub(lambda found: found[0].lower(), coded)}
    forms |= {raw.hex(), raw.hex().upper()}
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + raw).decode("ascii")
        # Only the characters that depend on nothing around the value.
        core = coded[(0, 2, 3)[offset] : (offset + len(raw)) * 8 // 6]
        forms |= {core, core.replace("+", "-").replace("/", "_")}
    return {form for form in forms if len(form) >= MIN_CHARS}


def without_tokens(text: str) -> str:
    """*text* with everything that has the shape of a key replaced."""
    for shape in _present(text):
        text = shape.pattern.sub(shape.kept + MARK, text)
    return text


def find_token(text: str, *, known: str = "") -> Finding | None:
    """The first thing in *text* that has the shape of a key and is not in *known* as well."""
    found = [
        Finding(shape.name, match.start())
        for shape in _present(text)
        for match in shape.pattern.finditer(text)
        if match[0] not in known
    ]
    return min(found, key=lambda one: one.start, default=None)


def _present(text: str) -> Iterator[Shape]:
    return (shape for shape in SHAPES if shape.literal in text)
