"""Recordings as the model: what was answered once is answered again, without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ossature.llm.client import OnText, ReplayMiss, Reply, Request, Usage, slot_of
from ossature.store.tasklog import AttemptName, parse_name

_STEP_S = 0.03
"""Between two pieces of a paced reply: short enough to look like typing."""


FEEDBACK = "feedback"
"""Name of the input that a person adds when trying again."""


class ReplayClient:
    """Answers from `<recordings>/<lineage>/<run>-<n>-<kind>/`, whatever model the request names."""

    def __init__(self, recordings: Path, *, by_slot: bool, chars_per_s: float = 0) -> None:
        """*by_slot* also serves a recording of the same role, lineage and attempt if the inputs are the same;
        *chars_per_s* paces the text, 0 gives it at once."""
        self._recordings = recordings
        self._by_slot = by_slot
        self._chars_per_s = chars_per_s
        self._index: _Index | None = None

    async def complete(self, request: Request, on_text: OnText) -> Reply:
        """The recorded reply; raises ReplayMiss, which says what is missing or what changed."""
        if self._index is None:
            self._index = _read_index(self._recordings)
        reply = self._find(self._index, request)
        await self._play(reply.text, on_text)
        return reply

    async def close(self) -> None:
        """Nothing is held open."""

    def _find(self, index: _Index, request: Request) -> Reply:
        exact = _best(index.by_request.get(request.request_digest, ()))
        if exact:
            return exact.reply("replayed", "")
        candidates = index.by_slot.get(request.slot, ())
        if not candidates and self._by_slot:
            candidates = index.by_call.get((request.role, request.lineage), ())
        if not candidates:
            raise ReplayMiss(
                f"no recording of {_call(request)} in {self._recordings}", hint=_hint(index, self._recordings)
            )
        asked = self._compared(request.inputs)
        same = _best([recording for recording in candidates if self._compared(recording.inputs) == asked])
        if same is None:
            nearest = _best(candidates)
            known = self._compared(nearest.inputs) if nearest else {}
            raise ReplayMiss(f"{_call(request)}: {_changes(known, asked)}", hint=_RECORD)
        if not self._by_slot:
            raise ReplayMiss(
                f"{_call(request)}: the prompt differs from the recording, what it is made from does not",
                hint="the prompt template, the model or the token limit changed; " + _RECORD,
            )
        return same.reply("slot", _difference(request, same))

    def _compared(self, inputs: Mapping[str, str]) -> dict[str, str]:
        """What has to be the same. By slot, a person may try again with a word that no recording knows."""
        return {name: digest for name, digest in inputs.items() if not (self._by_slot and name == FEEDBACK)}

    async def _play(self, text: str, on_text: OnText) -> None:
        if not self._chars_per_s:
            if text:
                on_text(text)
            return
        step = max(1, int(self._chars_per_s * _STEP_S))
        for start in range(0, len(text), step):
            on_text(text[start : start + step])
            await asyncio.sleep(min(_STEP_S, step / self._chars_per_s))


def _difference(request: Request, recording: _Recording) -> str:
    """Why the reply is not the exact answer to the request."""
    if FEEDBACK in request.inputs:
        return "a recorded reply cannot take your feedback into account"
    if recording.slot != request.slot:
        return "the reply of an earlier attempt: a recording has no other"
    return "prompt template differs from the recording"


_RECORD = "record it anew: run without --replay"


@dataclass(frozen=True, slots=True)
class _Recording:
    folder: Path
    request_digest: str
    inputs: Mapping[str, str]
    slot: str
    call: tuple[str, str]
    has_landed: bool
    usage: Usage
    finish: str

    def reply(self, source: Any, note: str) -> Reply:
        text = (self.folder / "response.md").read_bytes().decode("utf-8", "replace")
        return Reply(text, source=source, usage=self.usage, cost_usd=0.0, finish=self.finish, note=note)


@dataclass(slots=True)
class _Index:
    by_request: dict[str, list[_Recording]] = field(default_factory=dict)
    by_slot: dict[str, list[_Recording]] = field(default_factory=dict)
    by_call: dict[tuple[str, str], list[_Recording]] = field(default_factory=dict)
    """(role, lineage) -> recordings of any attempt."""


def _read_index(recordings: Path) -> _Index:
    """Every complete attempt, oldest first; damaged ones are as good as absent."""
    index = _Index()
    for path in sorted(recordings.glob("*/*/attempt.json"), key=_age):
        recording = _read_recording(path)
        if recording:
            index.by_request.setdefault(recording.request_digest, []).append(recording)
            index.by_slot.setdefault(recording.slot, []).append(recording)
            index.by_call.setdefault(recording.call, []).append(recording)
    return index


def _age(path: Path) -> AttemptName:
    return parse_name(path.parent.name) or AttemptName("", 0, 0, path.parent.name)


def _read_recording(path: Path) -> _Recording | None:
    if not (path.parent / "response.md").is_file():
        return None
    try:
        meta = json.loads(path.read_bytes())
        if meta.get("is_redacted"):
            return None
        usage = meta.get("usage") or {}
        return _Recording(
            folder=path.parent,
            request_digest=str(meta["request_digest"]),
            inputs={str(name): str(digest) for name, digest in (meta.get("inputs") or {}).items()},
            slot=slot_of(meta["role"], meta["lineage"], int(meta["attempt"])),
            call=(str(meta["role"]), str(meta["lineage"])),
            has_landed=bool(meta.get("landed")),
            usage=Usage(**{name: int(usage.get(name, 0)) for name in Usage.__slots__}),
            finish=str(meta.get("finish") or "stop"),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _best(recordings: list[_Recording] | tuple[()]) -> _Recording | None:
    """The newest of those that landed, else the newest."""
    landed = [recording for recording in recordings if recording.has_landed]
    found = landed or recordings
    return found[-1] if found else None


def _changes(recorded: Mapping[str, str], asked: Mapping[str, str]) -> str:
    """What differs between the inputs, by name."""
    differing = [
        f"{name} is new since" if name not in recorded else f"{name} differs from"
        for name in sorted(asked)
        if recorded.get(name) != asked[name]
    ]
    differing += [f"{name} is missing, unlike in" for name in sorted(recorded.keys() - asked.keys())]
    if not differing:
        return "the inputs differ from the recording"
    more = f" (and {len(differing) - 3} more)" if len(differing) > 3 else ""
    return ", ".join(f"{what} the recording" for what in differing[:3]) + more


def _call(request: Request) -> str:
    what = request.task or request.spec or request.lineage
    return f"{request.role} {what}, attempt {request.attempt}"


def _hint(index: _Index, recordings: Path) -> str:
    if not recordings.is_dir():
        return f"{recordings} does not exist; give --replay the folder that holds the recorded tasks"
    if not index.by_slot:
        return f"{recordings} holds no recordings; they are folders of the form <task>/<run>-<n>-<kind>"
    return _RECORD
