"""Tells a run line by line: one sentence per event, and what it came to."""

from __future__ import annotations

from collections import Counter

from ossature.cli.diagnostics import TONES
from ossature.cli.terminal import Span, Terminal
from ossature.domain.event import SpecAudited
from ossature.domain.finding import Finding
from ossature.domain.plain_text import count
from ossature.domain.record import Record, UnknownRecord
from ossature.domain.state import RunState
from ossature.domain.wording import sentence
from ossature.errors import OssatureError

_SHOWN_FAILURES = 5


class Listener:
    """Prints the records of a run as they come, and keeps its state."""

    def __init__(self, terminal: Terminal, *, is_json: bool = False, has_clock: bool = False) -> None:
        self.state = RunState()
        self._terminal = terminal
        self._is_json = is_json
        self._has_clock = has_clock
        self._failure: OssatureError | OSError | None = None

    def hear(self, record: Record | UnknownRecord) -> None:
        """Print one record. Never raises: a run does not end because its reader has gone."""
        if self._failure:
            self.state.apply(record)
            return
        try:
            self.tell(record)
        except (OssatureError, OSError) as error:
            self._failure = error

    def tell(self, record: Record | UnknownRecord) -> None:
        """Print one record at once; raises where that is not possible."""
        self.state.apply(record)
        if self._is_json:
            self._terminal.json(record.model_dump(mode="json"))
        else:
            clock = f"{record.at.astimezone():%H:%M:%S}  " if self._has_clock else ""
            for spans in lines_of(record):
                self._terminal.spans([("quiet", clock), *spans])
        self._terminal.flush()

    def end(self) -> None:
        """Say what it came to; raises what kept lines from being printed."""
        if self._failure:
            raise self._failure
        if not self._is_json:
            print_summary(self.state, self._terminal)


def lines_of(record: Record | UnknownRecord) -> list[list[Span]]:
    """What a record says, as lines of spans; none where it says nothing to people."""
    line = sentence(record.event)
    lines: list[list[Span]] = [[(line.tone, line.text)]] if line else []
    if isinstance(record.event, SpecAudited):
        lines += [_finding_line(finding) for finding in record.event.findings]
    return lines


def print_summary(state: RunState, terminal: Terminal) -> None:
    """How many tasks came to what, what it cost, and where to look next."""
    totals = Counter(task.status for task in state.tasks.values())
    # Where all tasks came to the same, the run has said so in its last sentence.
    if len(totals) > 1:
        terminal.line(", ".join(f"{number} {status}" for status, number in totals.items()), tone="strong")
    if state.input_tokens or state.output_tokens:
        cost = f", ${state.cost_usd:.2f}" if state.cost_usd else ""
        unknown = " and calls of unknown price" if state.has_unknown_cost else ""
        tokens = count(state.input_tokens + state.output_tokens, "token")
        terminal.line(f"{tokens}{cost}{unknown}", tone="quiet")
    flaky = [task.row.id for task in state.tasks.values() if task.is_flaky]
    if flaky:
        terminal.line(
            f"flaky: {', '.join(flaky)} landed, but the verify was red before, of the same files", tone="warn"
        )
    failed = [task.row.id for task in state.tasks.values() if task.status == "failed"]
    for task_id in failed[:_SHOWN_FAILURES]:
        terminal.line(f"see `ossature logs {task_id}`, `ossature retry {task_id} --feedback …`")


def _finding_line(finding: Finding) -> list[Span]:
    where = f"{finding.path}:{finding.line}" if finding.line else finding.path or finding.spec
    part = f"{finding.place}: " if finding.place else ""
    advice = f" ({finding.suggestion})" if finding.suggestion else ""
    return [
        ("strong", f"  {where}: " if where else "  "),
        (TONES[finding.severity], f"{finding.severity}: "),
        ("plain", f"{part}{finding.issue}{advice}"),
    ]
