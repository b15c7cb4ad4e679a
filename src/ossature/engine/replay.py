"""A run's journal as a row of moments: the state after its first n events, for any n."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from ossature.domain.event import UnknownEvent
from ossature.domain.plain_text import clean_line
from ossature.domain.record import Record, UnknownRecord
from ossature.domain.state import RunState
from ossature.domain.wording import Line, LogLine, sentence
from ossature.store.checked_lines import good_lines
from ossature.store.disk import read_existing
from ossature.store.journal import parse_payloads

Landmark = Literal["event", "task", "question", "landing"]
"""What a move goes to: any event, one of a task, the next question that was asked, the next landing."""
SNAPSHOTS = 64
"""At most so many states are kept, so that any other one is a short fold away."""
MIN_INTERVAL = 500
"""Events between two kept states, at least."""
_KINDS = {"question": "question_asked", "landing": "task_landed"}
_CLOCK = re.compile(r"(?:(\d{4}-\d{2}-\d{2})[ tT])?(\d{1,2}):(\d{2})(?::(\d{2}))?")
_NUMBER = re.compile(r"\d{1,15}")
_SPAN = re.compile(r"\+(\d+(?:\.\d+)?)\s*(s|m|h)?")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, None: 1}


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of one event without reading it again."""

    seq: int
    at: datetime
    kind: str
    task: str
    said: int
    """Sentences of the log up to here, this event's among them."""


class Recording:
    """Read once, a second or so for 100,000 events: not for an event loop. Later moments are quick."""

    def __init__(self, folder: Path) -> None:
        """Of the run in *folder*, as far as its journal can be believed now.

        Raises DiskError, and OssatureError for a journal of a format that this version does not know.
        """
        self._path = folder / "events.jsonl"
        content = read_existing(self._path) or b""
        self._payloads = good_lines(content).payloads
        self.marks: list[Mark] = []
        self.log: list[LogLine] = []
        self._interval = max(MIN_INTERVAL, -(-len(self._payloads) // SNAPSHOTS))
        self._kept: list[RunState] = [RunState()]
        self._batch: tuple[int, list[Record | UnknownRecord]] = (-1, [])
        self._read()

    @property
    def count(self) -> int:
        """Events, and the last moment; 0 is the moment before the first."""
        return len(self.marks)

    def state_at(self, moment: int) -> RunState:
        """The fold of the first *moment* events; a value of its own, which may be changed."""
        moment = max(0, min(moment, self.count))
        kept = min(moment // self._interval, len(self._kept) - 1)
        state = _copied(self._kept[kept])
        for record in self._records(kept)[: moment - kept * self._interval]:
            state.apply(record)
        return state

    def mark(self, moment: int) -> Mark | None:
        """Of the event that led to *moment*; None at the very beginning."""
        return self.marks[moment - 1] if 0 < moment <= self.count else None

    def find(self, moment: int, landmark: Landmark, *, step: int, task: str = "") -> int | None:
        """The nearest moment after (step 1) or before (-1) that an event of this sort led to."""
        places = (
            range(moment + 1, self.count + 1) if step > 0 else range(min(moment, self.count + 1) - 1, 0, -1)
        )
        for place in places:
            mark = self.marks[place - 1]
            match landmark:
                case "event":
                    return place
                case "task" if mark.task == task and task:
                    return place
                case "question" | "landing" if mark.kind == _KINDS[landmark]:
                    return place
        return 0 if landmark == "event" and step < 0 and moment > 0 else None

    def moment_of(self, text: str) -> int | None:
        """What a person means by `132`, `10:15`, `2026-11-26 10:15:29` or `+90s`; None where that is nothing.

        A time means all that had happened by then; without a date, the first such time of the run.
        """
        text = text.strip()
        if _NUMBER.fullmatch(text):
            return max(0, min(bisect_right(self.marks, int(text), key=lambda mark: mark.seq), self.count))
        try:
            at = self._time_of(text)
        except (ValueError, OverflowError):
            # 25:00, or beyond what a calendar holds.
            return None
        return None if at is None else bisect_right(self.marks, at, key=lambda mark: mark.at)

    def _time_of(self, text: str) -> datetime | None:
        span, clock = _SPAN.fullmatch(text), _CLOCK.fullmatch(text)
        if not self.marks or not (span or clock):
            return None
        first = self.marks[0].at
        if span:
            return first + timedelta(seconds=float(span[1]) * _UNIT_S[span[2]])
        assert clock is not None
        day, hour, minute, second = clock.groups()
        local = first.astimezone()
        on = datetime.fromisoformat(day) if day else local
        at = on.replace(hour=int(hour), minute=int(minute), second=int(second or 0), microsecond=0)
        at = at.replace(tzinfo=None).astimezone()
        # What was said within that second, or minute, counts as said.
        at += timedelta(seconds=1 if second else 60, microseconds=-1)
        return at if day or at >= local else at + timedelta(days=1)

    def _read(self) -> None:
        state = RunState()
        tasks: dict[str, str] = {}
        for start in range(0, len(self._payloads), self._interval):
            payloads = self._payloads[start : start + self._interval]
            records = parse_payloads(payloads, self._path)
            for record in records:
                state.apply(record)
                self._note(record, tasks)
            if len(records) < len(payloads):
                break
            self._kept.append(_copied(state, like=self._kept[-1]))
        del self._payloads[self.count :]

    def _note(self, record: Record | UnknownRecord, tasks: dict[str, str]) -> None:
        event = record.event
        line = sentence(event)
        if line is not None:
            self.log.append(LogLine(record.at, Line(line.tone, clean_line(line.text))))
        task = "" if isinstance(event, UnknownEvent) else _task_of(event, tasks)
        self.marks.append(Mark(record.seq, record.at, event.kind, task, len(self.log)))

    def _records(self, kept: int) -> list[Record | UnknownRecord]:
        """Those between one kept state and the next; the ones that were asked for last stay parsed."""
        if self._batch[0] != kept:
            start = kept * self._interval
            payloads = self._payloads[start : start + self._interval]
            self._batch = (kept, parse_payloads(payloads, self._path) if payloads else [])
        return self._batch[1]


def _task_of(event: object, tasks: dict[str, str]) -> str:
    """The task that an event is about; *tasks* learns which question is about which."""
    question = getattr(event, "question", None)
    if question is not None:
        tasks[question.id] = question.task
        return str(question.task)
    question_id = getattr(event, "question_id", "")
    return tasks.get(question_id, "") if question_id else str(getattr(event, "task", ""))


def _copied(state: RunState, *, like: RunState | None = None) -> RunState:
    """A state that goes its own way, but for tasks that are as in *like*, which nobody changes."""
    known = like.tasks if like else {}
    tasks = {}
    for name, task in state.tasks.items():
        before = known.get(name)
        is_same = before is not None and before == task
        tasks[name] = (
            before
            if before is not None and is_same
            else replace(task, attempts=[replace(attempt) for attempt in task.attempts])
        )
    return replace(
        state,
        tasks=tasks,
        order=list(state.order),
        questions=dict(state.questions),
        answered=dict(state.answered),
        findings=dict(state.findings),
        calls=[replace(call) for call in state.calls],
        notices=list(state.notices),
        refused=list(state.refused),
    )
