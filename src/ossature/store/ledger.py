"""What landed last, task by task: who wrote which file from what. Append-only, merged by git line by line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from ossature.errors import Diagnostic, Exit, OssatureError, Place
from ossature.store.checked_lines import decode_line, encode_line
from ossature.store.disk import AppendFile, read_existing

FORMAT = 1
"""Raised when a reader of the present format would misread what is written."""


@dataclass(frozen=True, slots=True)
class Landing:
    """The files of one task as they were put into the output folder, and what they were made from."""

    lineage: str
    task: str
    """Id in the plan of that time; for people."""
    spec: str
    title: str
    outputs: tuple[str, ...]
    generate: str
    """Fingerprint of what the model saw."""
    verify: str
    """Fingerprint of what the verify saw."""
    leaves: Mapping[str, str] = field(default_factory=dict)
    """Name of a thing that the model saw -> its digest."""
    verify_leaves: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Path relative to the output folder -> digest of what counts as the task's output (accepted): what
    dependents and stages see."""
    generated: Mapping[str, str] = field(default_factory=dict)
    """Path -> digest of what a model wrote there last, only where that is not in `files` because a person
    had a hand in it; empty where no model ever wrote it. See `base`."""
    run: str = ""
    attempt: int = 0
    at: str = ""
    """UTC, ISO 8601."""
    texts: str = ""
    """Digest of a blob with the texts behind the leaves, as JSON; only `why` needs it."""
    is_flaky: bool = False
    """The verify by which it landed was red before, with nothing changed in between."""
    uncounted: Mapping[str, str] = field(default_factory=dict)
    """Leaf -> digest of what the model saw besides, which makes no task stale by itself."""
    is_verified: bool = True
    """False where a person had their version land although its verify was red."""

    def base(self, path: str) -> str:
        """Digest of what a person's changes of *path* start from: the last generated content, or empty."""
        return self.generated.get(path, self.files.get(path, ""))

    def is_by_hand(self, path: str) -> bool:
        """What counts as the output holds lines of a person."""
        return self.base(path) != self.files.get(path, "")


@dataclass(frozen=True, slots=True)
class Aside:
    """A version of an output that a person gave up for another, kept as a blob."""

    path: str
    digest: str
    task: str
    """Id in the plan of that time."""
    how: str
    """`set aside`, or `given up` where the other version was taken."""
    run: str = ""
    at: str = ""
    """UTC, ISO 8601."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A landing that was begun; the disk may show part of it."""

    id: str
    landing: Landing
    before: Mapping[str, str | None] = field(default_factory=dict)
    """Path -> digest on disk before; None where there was no file."""
    skip: tuple[str, ...] = ()
    """Paths that are recorded but not written: a later writer has landed."""


class Ledger:
    """The landings in one file. `Ledger(path)` reads, `Ledger.open(path)` also writes."""

    def __init__(self, path: Path) -> None:
        """Read what is there; a missing file is an empty ledger.

        Raises DiskError, and OssatureError for a format that this version does not know. A line that cannot
        be believed is left out and named in `diagnostics`: each line has its own checksum, so that the ones
        after it still hold (unlike a journal's, whose order is its meaning).
        """
        self.path = path
        self._file: AppendFile | None = None
        content = read_existing(path) or b""
        folded = _fold(content, path)
        problems = folded.diagnostics
        self.is_doubtful = folded.is_blank or bool(problems) or not content.endswith(b"\n")
        """Nothing in it can be believed, or not all of it: landings may be missing."""
        self.dropped = frozenset(folded.dropped)
        """Lineages that have nothing landed any more, and are meant to."""
        landed = _intents(folded.landed, path, problems)
        self._landings = {lineage: intent.landing for lineage, intent in landed}
        self._open = dict(_intents(folded.open, path, problems))
        self._asides = _asides(folded.asides, path, problems)
        self.diagnostics = tuple(problems)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read and get ready to append; cuts a torn last line. Only for the owner of the project."""
        ledger = cls(path)
        content = read_existing(path) or b""
        keep = content.rfind(b"\n") + 1
        # An editor may have taken the last line break; a whole line is kept and ended.
        is_whole = decode_line(content[keep:]) is not None
        ledger._file = AppendFile(path, keep=len(content) if is_whole else keep)
        if is_whole:
            ledger._file.append(b"\n", is_durable=False)
        if not keep and not is_whole:
            ledger._append({"t": "header", "format": FORMAT})
        return ledger

    @property
    def landings(self) -> Mapping[str, Landing]:
        """Lineage -> what landed last, in the order of these landings."""
        return self._landings

    @property
    def open_intents(self) -> tuple[Intent, ...]:
        """Landings that were begun and neither finished nor given up, oldest first."""
        return tuple(self._open.values())

    @property
    def asides(self) -> tuple[Aside, ...]:
        """Versions that people gave up, oldest first."""
        return tuple(self._asides)

    def append_intent(
        self, landing: Landing, before: Mapping[str, str | None], skip: tuple[str, ...] = ()
    ) -> str:
        """Say what is about to be written, durably, and return the id of the intent."""
        intent = Intent(os.urandom(8).hex(), landing, dict(before), tuple(skip))
        self._append({"t": "intent", **_record_of(intent)})
        self._open[intent.id] = intent
        return intent.id

    def append_landed(self, intent_id: str) -> None:
        """Everything of the intent is on the disk."""
        intent = self._open[intent_id]
        self._append({"t": "landed", "id": intent_id})
        del self._open[intent_id]
        self._landings.pop(intent.landing.lineage, None)
        self._landings[intent.landing.lineage] = intent.landing

    def append_abandoned(self, intent_id: str) -> None:
        """The intent is given up; what landed before still counts."""
        if intent_id not in self._open:
            raise KeyError(intent_id)
        self._append({"t": "abandoned", "id": intent_id})
        del self._open[intent_id]

    def append_dropped(self, lineage: str) -> None:
        """That task has nothing landed any more."""
        self._append({"t": "dropped", "lineage": lineage})
        self._landings.pop(lineage, None)

    def append_aside(self, aside: Aside) -> None:
        """A person's version is kept as a blob and about to be replaced on disk."""
        self._append({"t": "aside", **asdict(aside)})
        self._asides.append(aside)

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, record: Mapping[str, Any]) -> None:
        if self._file is None:
            raise RuntimeError("this ledger was opened for reading")
        payload = json.dumps(record, separators=(",", ":")).encode("ascii")
        self._file.append(encode_line(payload), is_durable=True)


def read_history(path: Path) -> dict[str, list[Landing]]:
    """Every landing that the file still tells of, by lineage, oldest first; damaged lines are left out.

    Raises DiskError.
    """
    numbers, payloads = _payloads(read_existing(path) or b"", path, [])
    begun: dict[str, _Line] = {}
    landed: dict[str, _Line] = {}
    for number, record in zip(numbers, _parse(payloads), strict=True):
        match record:
            case {"t": "intent", "id": str(name)}:
                begun[name] = _Line(number, record)
            case {"t": "landed", "id": str(name)} if name in begun:
                landed[name] = begun.pop(name)
    found: dict[str, list[Landing]] = {}
    for _, intent in _intents(landed, path, []):
        found.setdefault(intent.landing.lineage, []).append(intent.landing)
    return found


class _Line(NamedTuple):
    number: int
    """Counted from 1."""
    record: dict[str, Any]


@dataclass(slots=True)
class _Folded:
    """The lines that count, not yet made into values: most intents of an old ledger are superseded."""

    landed: dict[str, _Line] = field(default_factory=dict)
    open: dict[str, _Line] = field(default_factory=dict)
    asides: list[_Line] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    is_blank: bool = True


def _fold(content: bytes, path: Path) -> _Folded:
    folded = _Folded()
    numbers, payloads = _payloads(content, path, folded.diagnostics)
    for number, record in zip(numbers, _parse(payloads), strict=True):
        try:
            _take(folded, _Line(number, record), path)
            folded.is_blank = False
        except (ValueError, TypeError, KeyError) as error:
            folded.diagnostics.append(_unusable(path, number, error))
    return folded


def _payloads(content: bytes, path: Path, diagnostics: list[Diagnostic]) -> tuple[list[int], list[bytes]]:
    """Line numbers and payloads of the lines that can be believed."""
    numbers: list[int] = []
    payloads: list[bytes] = []
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        payload = decode_line(line) or decode_line(line.removesuffix(b"\r"))
        if payload is not None:
            numbers.append(number)
            payloads.append(payload)
        elif line.strip():
            is_last = number == len(lines)
            diagnostics.extend(_damage(line, Place(str(path), number), is_last=is_last))
    return numbers, payloads


def _parse(payloads: list[bytes]) -> list[Any]:
    """All at once, which is twice as fast as one by one; what is no JSON becomes None."""
    try:
        records = json.loads(b"[%b]" % b",".join(payloads))
        if len(records) == len(payloads):
            return list(records)
    except (ValueError, RecursionError):
        pass
    return [_parse_one(payload) for payload in payloads]


def _parse_one(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def _take(folded: _Folded, line: _Line, path: Path) -> None:
    record = line.record
    match record["t"]:
        case "intent":
            folded.open[record["id"]] = line
        case "landed":
            intent = folded.open.pop(record["id"])
            lineage = intent.record["landing"]["lineage"]
            folded.landed.pop(lineage, None)
            folded.landed[lineage] = intent
            folded.dropped.discard(lineage)
        case "abandoned":
            folded.open.pop(record["id"], None)
        case "dropped":
            folded.landed.pop(record["lineage"], None)
            folded.dropped.add(record["lineage"])
        case "aside":
            folded.asides.append(line)
        case "header":
            _check_format(record["format"], path)
        case kind:
            raise ValueError(f"unknown kind {kind!r}")


def _intents(
    lines: Mapping[str, _Line], path: Path, diagnostics: list[Diagnostic]
) -> Iterator[tuple[str, Intent]]:
    for key, (number, record) in lines.items():
        try:
            yield key, _intent(record)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            diagnostics.append(_unusable(path, number, error))


def _asides(lines: list[_Line], path: Path, diagnostics: list[Diagnostic]) -> list[Aside]:
    found: dict[Aside, None] = {}
    for number, record in lines:
        try:
            aside = Aside(**{name: record[name] for name in Aside.__slots__})
            if not all(type(record[name]) is str for name in Aside.__slots__):
                raise TypeError("a text is something else")
            found[aside] = None
        except (TypeError, KeyError) as error:
            diagnostics.append(_unusable(path, number, error))
    return list(found)


def _record_of(intent: Intent) -> dict[str, Any]:
    """What a line says of *intent*; what is as usual is left out, since a ledger holds thousands."""
    record = asdict(intent)
    if not intent.landing.generated:
        del record["landing"]["generated"]
    if intent.landing.is_verified:
        del record["landing"]["is_verified"]
    return record


def _intent(record: dict[str, Any]) -> Intent:
    """A missing field or one of another type is a TypeError, a KeyError or an AttributeError."""
    landing, before = landing_of(record["landing"]), dict(record["before"].items())
    return Intent(record["id"], landing, before, tuple(record["skip"]))


def landing_of(fields: Mapping[str, Any]) -> Landing:
    """A landing from its JSON, without fields that a newer version added; raises TypeError or KeyError."""
    known = {name: fields[name] for name in Landing.__slots__ if name in fields}
    known["outputs"] = tuple(known["outputs"])
    landing = Landing(**known)
    texts = (landing.lineage, landing.task, landing.spec, landing.title, landing.generate, landing.verify)
    maps = (landing.leaves, landing.verify_leaves, landing.files, landing.generated, landing.uncounted)
    # The file is committed and anyone can give a line its checksum.
    if not all(type(each) is dict for each in maps):
        raise TypeError("a map is something else")
    digests = (*landing.files.values(), *landing.generated.values())
    if not all(type(text) is str for text in (*texts, *landing.outputs, *digests)):
        raise TypeError("a text is something else")
    if type(landing.is_verified) is not bool:
        raise TypeError("a yes or no is something else")
    return landing


def _check_format(number: Any, path: Path) -> None:
    if not isinstance(number, int) or number > FORMAT:
        raise OssatureError(
            f"the ledger has format {number}, this version reads up to {FORMAT}",
            place=Place(str(path), 1),
            hint="update ossature",
            exit_code=Exit.USAGE,
        )


def _damage(line: bytes, place: Place, *, is_last: bool) -> Iterator[Diagnostic]:
    if is_last:
        yield Diagnostic("ledger-torn", "info", place, "the last line was cut off by a crash and is left out")
    elif not line.startswith((b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")):
        yield Diagnostic(
            "ledger-damaged-line",
            "warning",
            place,
            "this line is damaged and is left out",
            "its task is built again if nothing newer is known of it; `git log -p` shows the line",
        )


def _unusable(path: Path, number: int, error: Exception) -> Diagnostic:
    return Diagnostic(
        "ledger-unknown-record",
        "warning",
        Place(str(path), number),
        f"a record that this version cannot use is left out ({type(error).__name__}: {error})",
    )
