"""Finish what a crash cut in two, and make a lost ledger anew from what the attempts say of it."""

from __future__ import annotations

from pathlib import Path

from ossature.build.landing import recover
from ossature.domain import event as ev
from ossature.domain.record import Channel
from ossature.errors import DiskError
from ossature.project import Project
from ossature.store.blobs import Blobs
from ossature.store.ledger import Landing, Ledger, landing_of
from ossature.store.safe_root import SafeRoot
from ossature.store.tasklog import AttemptLog, list_attempts


def finish_crashed(project: Project, ledger: Ledger, channel: Channel) -> None:
    """Bring to its end and report what a run left half done or a disk has lost; raises DiskError."""

    def warn(text: str, *, place: str = "", hint: str = "") -> None:
        channel.emit(ev.Noticed(level="warning", text=text, place=place, hint=hint))

    blobs = Blobs(project.blobs_dir)
    found = recover(ledger=ledger, blobs=blobs, output=SafeRoot(project.output_root))
    for task in found.finished:
        warn(f"finished the landing of {task}, which was cut short")
    for path in found.conflicts:
        warn(f"{path} was changed while its landing was cut short; it stays as it is on disk")
    for item in ledger.diagnostics:
        warn(item.message, place=str(item.place), hint=item.hint)
    restored = restore_landings(ledger, project.tasks_dir, blobs)
    if restored:
        warn(
            f"the ledger had lost the landings of {', '.join(restored)}; their attempts still knew them",
            hint="what else it held is built or verified again, unless you restore ledger.jsonl from git",
        )


def restore_landings(ledger: Ledger, tasks_dir: Path, blobs: Blobs) -> tuple[str, ...]:
    """Append the landings that a doubtful ledger has lost and whose files are all kept; their tasks.

    A ledger that is whole is left alone: what it does not name is meant not to be there. Raises DiskError.
    """
    if not ledger.is_doubtful or not tasks_dir.is_dir():
        return ()
    known = {*ledger.landings, *ledger.dropped, *(intent.landing.lineage for intent in ledger.open_intents)}
    found: list[Landing] = []
    for folder in tasks_dir.iterdir():
        if folder.is_dir() and folder.name not in known:
            landing = _newest(list_attempts(tasks_dir, folder.name))
            if landing is not None and landing.lineage == folder.name and _is_kept(landing, blobs):
                found.append(landing)
    # In the order in which they came: the last writer of a file is the one that the disk shows.
    found.sort(key=lambda landing: (landing.at, landing.run, landing.task))
    for landing in found:
        ledger.append_landed(ledger.append_intent(landing, dict(landing.files)))
    return tuple(landing.task for landing in found)


def _newest(attempts: list[AttemptLog]) -> Landing | None:
    for attempt in reversed(attempts):
        fields = (attempt.read_meta() or {}).get("landing")
        if isinstance(fields, dict):
            try:
                return landing_of(fields)
            except (TypeError, KeyError):
                return None
    return None


def _is_kept(landing: Landing, blobs: Blobs) -> bool:
    try:
        for digest in landing.files.values():
            blobs.get(digest)
    except DiskError:
        return False
    return True
