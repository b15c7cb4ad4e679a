"""The events of one run on disk: one writer, any number of readers, here or in another process."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from ossature.domain.event import SCHEMA, Event, RunFinished, RunStarted, UnknownEvent
from ossature.domain.record import DURABLE, RECORD, Record, UnknownRecord
from ossature.domain.redaction import without_tokens
from ossature.errors import Exit, OssatureError, Place
from ossature.store.checked_lines import LINE_OVERHEAD, decode_line, encode_line, good_lines
from ossature.store.disk import AppendFile, disk_errors, read_existing

_CHUNK = 256 * 1024
"""Bytes read at a time: about a thousand events, so that a reader in a UI loop never blocks for long."""
_RECORDS = TypeAdapter(list[Record])
_SURROGATE = re.compile("[\ud800-\udfff]")


def utc_now() -> datetime:
    """The clock of every journal outside tests."""
    return datetime.now(UTC)


class Journal:
    """The writing end. Opening cuts what a crash left torn or damaged."""

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], datetime] = utc_now,
        redact: Callable[[str], str] = without_tokens,
    ) -> None:
        """*redact* takes secrets out of what is written. Raises DiskError."""
        self.path = path
        self._now = now
        self._redact = redact
        content = read_existing(path) or b""
        payloads, good_length = good_lines(content)
        self.seq = _seq_of(payloads[-1], len(payloads)) if payloads else 0
        """Of the last record; 0 in an empty journal."""
        self.cut_bytes = len(content) - good_length
        """How much opening threw away."""
        self._file = AppendFile(path, keep=good_length)

    def append(self, event: Event) -> Record:
        """Stamp *event* and write it; durable kinds are on the disk on return. Raises DiskError.

        The record is as every other reader sees it: without secrets.
        """
        record = Record(seq=self.seq + 1, at=self._now(), event=event)
        line = _dump(record).decode("utf-8")
        kept = self._redact(line)
        if kept is not line and kept != line:
            record, kept = _without_secrets(record, kept, self._redact)
        self._file.append(encode_line(kept.encode("utf-8")), is_durable=event.kind in DURABLE)
        self.seq = record.seq
        return record

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        self._file.close()


class Follower:
    """The reading end, one poll at a time; the file need not exist yet."""

    def __init__(self, path: Path, *, after: int = 0) -> None:
        """Records up to number *after* are read but not given."""
        self.path = path
        self.seq = after
        """Of the last record that was given."""
        self.is_over = False
        """`run_finished` has been read."""
        self.is_damaged = False
        """A line that is not to be believed stands at the end; the next owner of the run cuts it."""
        self._offset = 0

    def poll(self) -> list[Record | UnknownRecord]:
        """New records, at most about a thousand; empty when there are none at the moment.

        Raises DiskError, and OssatureError for a journal of a format that this version does not know.
        """
        with disk_errors(self.path, "read"):
            try:
                fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return []
            try:
                return self._read(fd)
            finally:
                os.close(fd)

    def _read(self, fd: int) -> list[Record | UnknownRecord]:
        size = _CHUNK
        self.is_damaged = False
        records: list[Record | UnknownRecord] = []
        while not records and not self.is_damaged:
            chunk = os.pread(fd, size, self._offset)
            end = chunk.rfind(b"\n") + 1
            if end:
                records = self._take(chunk[:end])
            elif len(chunk) < size:
                break
            else:
                # A single line is longer than that.
                size *= 2
        return records

    def _take(self, lines: bytes) -> list[Record | UnknownRecord]:
        """Parse whole lines; the offset stays before the first bad one, which may be cut and written over."""
        payloads, good_length = good_lines(lines)
        records = parse_payloads(payloads, self.path)
        if len(records) < len(payloads):
            good_length = sum(len(payload) + LINE_OVERHEAD for payload in payloads[: len(records)])
        self._offset += good_length
        self.is_damaged = good_length < len(lines)
        self.is_over = self.is_over or any(isinstance(record.event, RunFinished) for record in records)
        new = [record for record in records if record.seq > self.seq]
        if new:
            self.seq = new[-1].seq
        return new


def read_records(path: Path, *, after: int = 0) -> Iterator[Record | UnknownRecord]:
    """What is in the file now, up to the first line that cannot be believed; raises like `Follower.poll`."""
    follower = Follower(path, after=after)
    while records := follower.poll():
        yield from records


def read_ends(path: Path) -> tuple[Record | UnknownRecord | None, Record | UnknownRecord | None]:
    """The first and the last record, without reading what is between; None where there is none."""
    with disk_errors(path, "read"), path.open("rb") as file:
        head = file.readline(_CHUNK)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _CHUNK))
        tail = file.read()
    lines = [head, tail[: tail.rfind(b"\n") + 1].rstrip(b"\n").rpartition(b"\n")[2]]
    payloads = [decode_line(line.rstrip(b"\n")) for line in lines]
    first, last = (parse_payloads([payload], path)[:1] if payload else [] for payload in payloads)
    return (first[0] if first else None, last[0] if last else None)


async def follow(
    path: Path, *, after: int = 0, poll_s: float = 0.05
) -> AsyncIterator[Record | UnknownRecord]:
    """Records past *after*, then the ones to come, until `run_finished`; raises like `Follower.poll`."""
    follower = Follower(path, after=after)
    while not follower.is_over:
        records = follower.poll()
        for record in records:
            yield record
        await asyncio.sleep(0 if records else poll_s)


def parse_payloads(payloads: list[bytes], path: Path) -> list[Record | UnknownRecord]:
    """The records up to the first that is none; raises OssatureError for a newer format."""
    try:
        # All at once, which is twice as fast as one by one.
        records: list[Record | UnknownRecord] = [*_RECORDS.validate_json(b"[%b]" % b",".join(payloads))]
    except ValidationError:
        records = list(_parse_each(payloads))
    for record in records[:1]:
        if isinstance(record.event, RunStarted) and record.event.schema_number > SCHEMA:
            raise OssatureError(
                f"the journal has format {record.event.schema_number}, this version reads up to {SCHEMA}",
                place=Place(str(path)),
                hint="update ossature",
                exit_code=Exit.USAGE,
            )
    return records


def _parse_each(payloads: list[bytes]) -> Iterator[Record | UnknownRecord]:
    for payload in payloads:
        try:
            yield RECORD.validate_json(payload)
        except ValidationError:
            unknown = _parse_unknown(payload)
            if unknown is None:
                return
            yield unknown


def _parse_unknown(payload: bytes) -> UnknownRecord | None:
    """A line of ours whose event is from another version."""
    try:
        fields: dict[str, Any] = json.loads(payload)
        event = UnknownEvent(kind=str(fields["event"]["kind"]))
        return UnknownRecord(seq=fields["seq"], at=fields["at"], event=event)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _dump(record: Record) -> bytes:
    try:
        return record.model_dump_json().encode("utf-8")
    except (PydanticSerializationError, UnicodeEncodeError):
        # A model or a command may send half a surrogate pair, which UTF-8 cannot carry.
        whole = _mended(record.model_dump(mode="python"))
        return RECORD.dump_json(RECORD.validate_python(whole))


def _without_secrets(record: Record, line: str, redact: Callable[[str], str]) -> tuple[Record, str]:
    """The record that *line*, redacted as a text, stands for; string by string where that is no record."""
    try:
        return RECORD.validate_json(line), line
    except ValidationError:
        fields = record.model_dump(mode="json")
        kept = RECORD.validate_python({**fields, "event": _changed(fields["event"], redact)})
        return kept, kept.model_dump_json()


def _mended(value: Any) -> Any:
    return _changed(value, lambda text: _SURROGATE.sub("\ufffd", text))


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    """*value* with *change* made to every string in it."""
    match value:
        case str():
            return change(value)
        case dict():
            return {key: item if key == "kind" else _changed(item, change) for key, item in value.items()}
        case list() | tuple():
            return [_changed(item, change) for item in value]
        case _:
            return value


def _seq_of(payload: bytes, count: int) -> int:
    """The number of a record; *count* where another tool wrote a line without one."""
    try:
        return int(json.loads(payload)["seq"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return count
