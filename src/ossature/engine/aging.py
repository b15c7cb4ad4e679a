"""Which runs and attempts a policy lets go; what a build, a replay or a person may still need stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ossature.engine.closing import has_end
from ossature.engine.session import run_ids
from ossature.project import Project
from ossature.store.disk import disk_errors
from ossature.store.journal import read_ends
from ossature.store.ledger import Ledger
from ossature.store.tasklog import AttemptLog, AttemptName, list_attempts

_STAMP = re.compile(r"\d{8}T\d{6}")


@dataclass(frozen=True, slots=True)
class Recorded:
    """All runs and attempts on the disk."""

    runs: Mapping[str, Path]
    """Id -> folder, oldest first."""
    attempts: Mapping[Path, AttemptName]
    """Folder -> what its name says, by lineage, oldest first; folders of other names stay as they are."""


def recorded(project: Project) -> Recorded:
    """List them. Raises DiskError."""
    with disk_errors(project.tasks_dir, "read"):
        found = sorted(project.tasks_dir.iterdir()) if project.tasks_dir.is_dir() else []
    # A link leads to folders that are not ours to judge.
    own = [path.name for path in found if path.is_dir() and not path.is_symlink()]
    logs = [log for name in own for log in list_attempts(project.tasks_dir, name)]
    return Recorded(
        runs={run: project.runs_dir / run for run in run_ids(project)},
        attempts={log.folder: name for log in logs if (name := log.name)},
    )


def runs_to_drop(
    history: Recorded, *, keep: int | None, older_than: timedelta | None, now: datetime
) -> set[str]:
    """Ids of the runs that are beyond every limit that is given, those of which only attempts are left, too.

    The last one stays, and so does one without an end.
    """
    if keep is None and older_than is None:
        return set()
    old = _old(history, keep, older_than, now)
    return {run for run in old if run not in history.runs or has_end(history.runs[run] / "events.jsonl")}


def attempts_to_drop(history: Recorded, going: set[str], ledger_path: Path) -> set[Path]:
    """Folders of the attempts of runs that go.

    Of each lineage, the attempts of its newest run and those of the run that landed last stay, and so does a
    reply that no build has come to a verdict about: it is paid for and will be taken up.
    """
    newest: dict[Path, str] = {}
    for folder, name in history.attempts.items():
        newest[folder.parent] = max(name.run, newest.get(folder.parent, ""))
    landed = {(entry.lineage, entry.run) for entry in Ledger(ledger_path).landings.values()}
    return {
        folder
        for folder, name in history.attempts.items()
        if name.run in going
        and name.run != newest[folder.parent]
        and (folder.parent.name, name.run) not in landed
        and not _is_unsettled(AttemptLog(folder))
    }


def _old(history: Recorded, keep: int | None, older_than: timedelta | None, now: datetime) -> set[str]:
    ids = sorted({*history.runs, *(name.run for name in history.attempts.values())})
    beyond = ids[: -max(1, keep if keep is not None else 1)]
    if older_than is None:
        return set(beyond)
    return {run for run in beyond if (at := _started_at(history, run)) and at < now - older_than}


def _started_at(history: Recorded, run: str) -> datetime | None:
    """By its id, else by its journal; None where neither says."""
    stamp = _STAMP.match(run)
    if stamp:
        return datetime.strptime(stamp[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    first = read_ends(history.runs[run] / "events.jsonl")[0] if run in history.runs else None
    return first.at if first else None


def _is_unsettled(log: AttemptLog) -> bool:
    meta = log.read_meta()
    return meta is not None and not meta.get("verdict") and log.response_path.is_file()
