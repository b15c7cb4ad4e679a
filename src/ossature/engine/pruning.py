"""Find what of a project's history nothing refers to any more, and delete it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ossature.engine.aging import Recorded, attempts_to_drop, recorded, runs_to_drop
from ossature.engine.holding import holding
from ossature.engine.references import reach, referring_first
from ossature.errors import UnsafePath
from ossature.project import Project
from ossature.store.blobs import Blobs
from ossature.store.compaction import Compacted, compacted, digests_in
from ossature.store.disk import disk_errors, is_scratch, read_existing, sync_folder, write_atomic
from ossature.store.exchange import Exchanges
from ossature.store.removal import remove_tree, set_aside, size_of

_PASSED_OVER = frozenset({"inputs", "inputs_digest", "request_digest", "landing"})
"""Keys of `attempt.json` that name nothing which has to stay: what a prompt was made from, and what landed,
of which the ledger says how much is kept."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What of the history may go."""

    keep_landings: int = 10
    """Of each task, the last so many can be put back."""
    keep_runs: int | None = None
    """Runs beyond the last so many may go; None: their number is no reason."""
    older_than: timedelta | None = None
    """Runs older than that may go; None: age is no reason. With both, a run has to be beyond both."""


class Item(NamedTuple):
    """Something that is deleted."""

    path: Path
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """What is found to be deleted, or was."""

    ledger: Compacted | None = None
    """None where the ledger stays as it is."""
    ledger_saves: int = 0
    """Bytes."""
    attempts: tuple[Item, ...] = ()
    runs: tuple[Item, ...] = ()
    blobs: tuple[Item, ...] = ()
    scratch: tuple[Item, ...] = ()
    """What a kill left half written or half deleted."""
    held: tuple[str, ...] = ()
    """Old runs that stay, since only they know of an edit that was set aside."""
    requests: Mapping[Path, str] = field(default_factory=dict)
    """Folder of an attempt -> digest of its request."""

    @property
    def items(self) -> tuple[Item, ...]:
        return (*self.attempts, *self.runs, *self.blobs, *self.scratch)

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.ledger_saves + sum(item.size for item in self.items)


def find_garbage(project: Project, policy: Policy, *, now: datetime) -> Garbage:
    """Walk the whole history once; deletes nothing. Raises DiskError.

    What a run at work writes meanwhile may be taken for garbage: only `collect_garbage` is sure.
    """
    if not project.state_dir.is_dir():
        return Garbage()
    content = read_existing(project.ledger_path) or b""
    ledger = compacted(content, keep=policy.keep_landings)
    history = recorded(project)
    going = runs_to_drop(history, keep=policy.keep_runs, older_than=policy.older_than, now=now)
    old = attempts_to_drop(history, going, project.ledger_path)
    blobs = dict(Blobs(project.blobs_dir).sizes())
    named = chain(digests_in(ledger.content), _named(project, history, old=old, going=going))
    reachable = reach(named, blobs, project.blobs_dir)
    lost = blobs.keys() - reachable
    held = tuple(
        run for run in sorted(going & history.runs.keys()) if _set_aside_by(history.runs[run]) & lost
    )
    named_by_held = chain.from_iterable(_named_by_run(history.runs[run]) for run in held)
    reachable |= reach(named_by_held, blobs, project.blobs_dir)
    gone = [path for run, path in history.runs.items() if run in going and run not in held]
    requests = {path: _request_of(path) for path in old}
    return Garbage(
        ledger=ledger if ledger.content != content else None,
        ledger_saves=len(content) - len(ledger.content),
        attempts=tuple(Item(path, size_of(path)) for path in sorted(old)),
        runs=tuple(Item(path, size_of(path)) for path in gone),
        blobs=tuple(
            Item(project.blobs_dir / digest[:2] / digest[2:], blobs[digest])
            for digest in referring_first(blobs.keys() - reachable, project.blobs_dir)
        ),
        scratch=tuple(Item(path, size_of(path)) for path in _scratch(project)),
        held=held,
        requests={path: digest for path, digest in requests.items() if digest},
    )


def collect_garbage(project: Project, policy: Policy, *, now: datetime) -> Garbage:
    """Find and delete, as the project's owner; returns what was deleted. Raises BusyError and DiskError.

    What refers goes before what is referred to, so that a kill at any moment leaves nothing that names
    something which is gone.
    """
    if not project.state_dir.is_dir():
        return Garbage()
    with holding(project):
        garbage = find_garbage(project, policy, now=now)
        if garbage.ledger is not None:
            write_atomic(project.ledger_path, garbage.ledger.content)
        trash = project.work_dir / "trash"
        exchanges = Exchanges(project.exchanges_dir, project.tasks_dir)
        for path, digest in garbage.requests.items():
            # Anyone may have committed an `attempt.json` that names no digest.
            with suppress(UnsafePath):
                exchanges.forget(digest, path)
        for item in (*garbage.attempts, *garbage.runs):
            set_aside(item.path, trash)
        for parent in sorted({item.path.parent for item in (*garbage.attempts, *garbage.runs)}):
            _let_go(parent)
        _delete_files(project, garbage)
        for path in (trash, *(item.path for item in garbage.scratch if item.path.is_dir())):
            remove_tree(path)
    return garbage


def _let_go(folder: Path) -> None:
    """What has left *folder* stays away after a power cut; a lineage that nothing is left of goes, too."""
    with disk_errors(folder, "delete"):
        sync_folder(folder)
        if folder.parent.name == "tasks" and not any(folder.iterdir()):
            folder.rmdir()


def _delete_files(project: Project, garbage: Garbage) -> None:
    blobs = Blobs(project.blobs_dir)
    for item in garbage.blobs:
        blobs.remove(item.path.parent.name + item.path.name)
    for item in garbage.scratch:
        with disk_errors(item.path, "delete"):
            if not item.path.is_dir():
                item.path.unlink(missing_ok=True)


def _named(
    project: Project, history: Recorded, *, old: Iterable[Path], going: Iterable[str]
) -> Iterator[str]:
    """Whatever is named by what stays, besides the ledger."""
    for path in sorted(project.state_dir.iterdir()):
        if path.is_file() and path != project.ledger_path:
            yield from digests_in(read_existing(path) or b"")
    for path in set(history.attempts).difference(old):
        yield from _named_by_attempt(path)
    for run in history.runs.keys() - set(going):
        yield from _named_by_run(history.runs[run])


def _named_by_run(folder: Path) -> Iterator[str]:
    drafts = (path for path in folder.glob("drafts/**/*") if path.is_file())
    for path in (folder / "events.jsonl", *folder.glob("inbox/*"), *drafts):
        yield from digests_in(read_existing(path) or b"")


def _named_by_attempt(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.json")):
        content = read_existing(path) or b""
        if path.name == "attempt.json":
            meta = _meta(content)
            content = json.dumps({key: meta[key] for key in meta if key not in _PASSED_OVER}).encode()
        yield from digests_in(content)


def _set_aside_by(run: Path) -> set[str]:
    """What the journal of a run names besides the files that its questions showed."""
    found: set[str] = set()
    for line in (read_existing(run / "events.jsonl") or b"").splitlines():
        if b'"kind":"question_' not in line:
            found.update(digests_in(line))
    return found


def _request_of(attempt: Path) -> str:
    digest = _meta(read_existing(attempt / "attempt.json") or b"").get("request_digest")
    return digest if isinstance(digest, str) else ""


def _meta(content: bytes) -> dict[str, object]:
    try:
        meta = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return meta if isinstance(meta, dict) else {}


def _scratch(project: Project) -> list[Path]:
    """Half-written files in our folders, and what an earlier deletion did not come to the end of."""
    trash = project.work_dir / "trash"
    folders = [project.state_dir, project.exchanges_dir, *project.blobs_dir.glob("*")]
    folders += [project.audit_dir, project.brief_dir, project.interfaces_dir]
    found = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    return [path for path in found if is_scratch(path.name)] + ([trash] if trash.is_dir() else [])
