"""What every run came to and what it spent, remembered for journals that have not changed since."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

from pydantic_core import from_json

from ossature import __version__
from ossature.domain.event import SCHEMA
from ossature.engine.session import live_holder, run_ids
from ossature.engine.spend import Share, Sums
from ossature.engine.totals import FREE, RunTotals, totals_from
from ossature.errors import DiskError
from ossature.project import Project
from ossature.store.checked_lines import good_lines
from ossature.store.disk import make_folder, read_existing, write_atomic

CACHE_NAME = "accounts.json"
WORTH_KEEPING = 8
"""So many journals that had to be read make it worth to write down what they said."""
_TOLD = re.compile(
    rb'"kind":"(?:run_started|run_finished|plan_adopted|model_called|model_replied|call_charged'
    rb'|task_landed|task_failed|task_up_to_date)"'
)


@dataclass(frozen=True, slots=True)
class RunAccount:
    """A run as lists show it, and what it spent."""

    run: str
    number: int = 0
    """1 for the oldest; for people only."""
    goal: str = ""
    started_at: datetime | None = None
    outcome: str = ""
    """`running`, as it ended, `crashed` without an owner and an end, or `unreadable`."""
    exit_code: int | None = None
    reason: str = ""
    """Why it ended as it did, or why its journal cannot be read."""
    totals: RunTotals = field(default_factory=RunTotals)
    shares: tuple[Share, ...] = ()

    @property
    def ended_at(self) -> datetime | None:
        """When it ended, or its last event so far."""
        return self.started_at + timedelta(seconds=self.totals.seconds) if self.started_at else None


def accounts(project: Project, *, keeps: bool = True) -> list[RunAccount]:
    """Of all runs, oldest first. What one run's journal is like never hides the others.

    What was read is kept in a file below `work/`, which anybody may delete, unless *keeps* is false: for who
    only looks.
    """
    holder = live_holder(project)
    live = holder.run if holder else ""
    path = project.work_dir / CACHE_NAME
    known = _read_known(path)
    found: list[tuple[list[int], RunAccount]] = []
    fresh = 0
    for number, run in enumerate(run_ids(project), start=1):
        mark, account = _looked_up(project.runs_dir / run, known)
        if account is None:
            account = _read_account(project.runs_dir / run)
            fresh += 1
        found.append((mark, replace(account, number=number)))
    if keeps and fresh >= WORTH_KEEPING:
        _keep(path, found)
    return [
        account
        if account.outcome
        else replace(account, outcome="running" if account.run == live else "crashed")
        for _, account in found
    ]


def account_of(run: str, content: bytes) -> RunAccount:
    """By the bytes of a journal, as far as they can be believed; without an outcome where it has no end."""
    payloads = good_lines(content).payloads
    try:
        lines = [payload for payload in payloads if _TOLD.search(payload)]
        # All at once, which is several times as fast as one by one.
        told: list[dict[str, Any]] = from_json(b"[%b]" % b",".join(lines))
        newer = [one for one in told[:1] if one["event"].get("schema_number", 0) > SCHEMA]
        if newer:
            return RunAccount(
                run, outcome="unreadable", reason="its journal is of a newer version of ossature"
            )
        events = [one["event"] for one in told]
        started: dict[str, Any] = next((event for event in events if event["kind"] == "run_started"), {})
        ended: dict[str, Any] = next(
            (event for event in reversed(events) if event["kind"] == "run_finished"), {}
        )
        return RunAccount(
            run,
            goal=str(started.get("goal", "")),
            started_at=datetime.fromisoformat(json.loads(payloads[0])["at"]) if payloads else None,
            outcome=str(ended.get("outcome", "")),
            exit_code=ended.get("exit_code"),
            reason=str(ended.get("reason", "")),
            totals=totals_from(events, payloads=payloads),
            shares=_shares(run, told),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return RunAccount(run, outcome="unreadable", reason="its journal holds lines that are no events")


def _shares(run: str, told: list[dict[str, Any]]) -> tuple[Share, ...]:
    titles: dict[str, tuple[str, str]] = {}
    models: dict[str, str] = {}
    sums: dict[tuple[str, str, str, str, str, str, str], Sums] = {}
    for one in told:
        event = one["event"]
        match event["kind"]:
            case "plan_adopted":
                rows = event["tasks"]
                titles |= {row["lineage"]: (row["spec"], f"{row['id']} {row['title']}") for row in rows}
            case "model_called":
                models[event["folder"]] = models[event["lineage"]] = event["model"]
            case "model_replied" | "call_charged":
                paid = _paid(event)
                if paid is None:
                    continue
                lineage = event["lineage"]
                spec, title = titles.get(lineage, ("", event["task"])) if event["task"] else ("", "")
                model = models.get(event.get("folder", ""), models.get(lineage, ""))
                spec = event.get("spec") or spec
                key = (run, _day(one["at"]), spec, lineage, title, event["role"], model)
                sums[key] = sums[key].plus(paid) if key in sums else paid
    return tuple(Share(*key, paid) for key, paid in sums.items())


def _paid(event: Mapping[str, Any]) -> Sums | None:
    """What one reply or one call without a reply adds; None where it was played back."""
    if event["kind"] == "call_charged":
        return Sums(charged=1, charged_usd=float(event["cost_usd"]))
    if event["source"] in FREE:
        return None
    cost = event["cost_usd"]
    return Sums(
        calls=1,
        input_tokens=int(event["input_tokens"]),
        output_tokens=int(event["output_tokens"]),
        cached_tokens=int(event["cached_tokens"]),
        cost_usd=float(cost or 0.0),
        unpriced=1 if cost is None else 0,
    )


def _day(at: str) -> str:
    """The UTC day of a stamp; our own journals write UTC."""
    return (
        at[:10]
        if at.endswith(("Z", "+00:00"))
        else datetime.fromisoformat(at).astimezone(UTC).date().isoformat()
    )


def _read_account(folder: Path) -> RunAccount:
    try:
        return account_of(folder.name, read_existing(folder / "events.jsonl") or b"")
    except DiskError as error:
        return RunAccount(folder.name, outcome="unreadable", reason=str(error))


def _looked_up(folder: Path, known: Mapping[str, Any]) -> tuple[list[int], RunAccount | None]:
    """How the journal looks, and what is known of it if it looked like that then."""
    try:
        stat = (folder / "events.jsonl").stat()
    except OSError:
        return [], None
    mark = [stat.st_size, stat.st_mtime_ns]
    entry = known.get(folder.name)
    if not isinstance(entry, list) or entry[:1] != [mark]:
        return mark, None
    try:
        return mark, _from_list(folder.name, entry)
    except (ValueError, TypeError):
        return mark, None


def _keep(path: Path, found: list[tuple[list[int], RunAccount]]) -> None:
    """Write down what is known. A disk that refuses is no matter: the next look takes longer."""
    runs = {a.run: _as_list(mark, a) for mark, a in found if mark and a.outcome != "unreadable"}
    content = json.dumps({"version": __version__, "runs": runs}, separators=(",", ":")).encode("ascii")
    if path.parent.is_symlink():
        return
    try:
        make_folder(path.parent)
        write_atomic(path, b"%08x %b" % (crc32(content), content), is_durable=False)
    except (DiskError, OSError):
        return


def _read_known(path: Path) -> Mapping[str, Any]:
    try:
        checksum, _, content = (read_existing(path) or b"").partition(b" ")
        if checksum != b"%08x" % crc32(content):
            return {}
        kept = from_json(content)
        return dict(kept["runs"]) if kept["version"] == __version__ else {}
    except (DiskError, ValueError, TypeError, KeyError, RecursionError):
        return {}


def _as_list(mark: list[int], account: RunAccount) -> list[Any]:
    shares = [_fields(share)[1:-1] + _fields(share.sums) for share in account.shares]
    started = account.started_at.isoformat() if account.started_at else ""
    ended = [account.outcome, account.exit_code, account.reason]
    return [mark, account.goal, started, ended, _fields(account.totals), shares]


def _fields(value: Share | Sums | RunTotals) -> list[Any]:
    return [getattr(value, name) for name in value.__slots__]


def _from_list(run: str, entry: list[Any]) -> RunAccount:
    _, goal, started, (outcome, exit_code, reason), totals, shares = entry
    return RunAccount(
        run,
        goal=goal,
        started_at=datetime.fromisoformat(started) if started else None,
        outcome=outcome,
        exit_code=exit_code,
        reason=reason,
        totals=RunTotals(*totals),
        shares=tuple(
            Share(run, day, spec, task, title, role, model, Sums(*sums))
            for day, spec, task, title, role, model, *sums in shares
        ),
    )
