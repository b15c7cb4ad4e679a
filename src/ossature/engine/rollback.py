"""Put back the files of an earlier landing of a task, as a landing like any other."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from ossature import __version__
from ossature.build.landing import land, recover, withdraw
from ossature.build.staleness import heads
from ossature.domain import event as ev
from ossature.domain.plan import Task
from ossature.engine.closing import close_crashed
from ossature.engine.history import FileChange, Version, pick_version, since_landing, versions
from ossature.engine.holding import holding
from ossature.engine.owner import new_run_id, utc_now
from ossature.engine.session import run_ids
from ossature.engine.sources import Loaded, load, refuse_errors
from ossature.errors import Exit, OssatureError, UnsafePath, UsageError
from ossature.project import Project
from ossature.spec.closest import closest
from ossature.store.blobs import Blobs
from ossature.store.journal import Journal
from ossature.store.layout import prepare_state_dir
from ossature.store.ledger import Aside, Ledger
from ossature.store.safe_root import SafeRoot


@dataclass(frozen=True, slots=True)
class Target:
    """Which landing is meant; without a number and a run, the last one with other files than the present."""

    number: int | None = None
    run: str = ""
    """Its id, or the beginning of one that is told apart from others by what the task landed."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """What putting back comes to."""

    task: Task
    lineage: str
    version: Version
    changes: tuple[FileChange, ...] = ()
    """From the earlier landing to what is there now: read backwards, what is done."""
    hidden: tuple[str, ...] = ()
    """Files that a later task has written over: recorded as put back, not written."""
    edited: tuple[str, ...] = ()
    """Files that a person changed since, and that the earlier ones replace."""
    withdrawn: tuple[str, ...] = ()
    """Files of the last landing that the earlier one does not have."""
    is_needed: bool = True
    """False where it is the last landing, and the disk shows it."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What was done."""

    rollback: Rollback
    run: str
    """Empty where nothing was to be done."""
    written: int = 0
    """Files on disk that changed."""
    kept: tuple[tuple[str, str], ...] = ()
    """Edited file -> digest of the blob that has it now."""


def plan_rollback(loaded: Loaded, task_id: str, target: Target) -> Rollback:
    """Say what `roll_back` would do now. Raises UsageError, PlanError, and OssatureError where it cannot."""
    refuse_errors(loaded)
    task = loaded.sources.tasks[task_id]
    lineage = loaded.lineages[task_id]
    found = versions(loaded.project, lineage)
    version = _pick(found, target)
    for path in version.landing.files:
        _refuse_foreign(loaded, task, path, version)
    shown = heads(loaded.sources.writers, loaded.sources.landings)
    below = loaded.graph.descendants(task_id)
    hidden = tuple(path for path in version.landing.files if shown.get(path) in below)
    last = loaded.sources.landings.get(task_id)
    changes = tuple(since_landing(loaded, version, task_id))
    return Rollback(
        task=task,
        lineage=lineage,
        version=version,
        changes=changes,
        hidden=hidden,
        edited=tuple(
            path
            for path in version.landing.files
            if path not in hidden and _is_edited(loaded, task, path, version)
        ),
        withdrawn=tuple(path for path in (last.files if last else ()) if path not in version.landing.files),
        is_needed=bool(changes) or version.number != len(found),
    )


def roll_back(project: Project, name: str, target: Target, *, keeps_edits: bool) -> RolledBack:
    """Put the files back as the project's owner, in a run of its own.

    *keeps_edits* moves files that a person changed into blobs; without it they stand in the way. Raises
    BusyError, DiskError, what `plan_rollback` raises, and OssatureError (drift) for edits in the way.
    """
    prepare_state_dir(project)
    run = new_run_id(run_ids(project))
    with holding(project, run=run), Ledger.open(project.ledger_path) as ledger:
        loaded = _recovered(project, run, ledger)
        rollback = plan_rollback(loaded, find_task(loaded, name), target)
        if not rollback.is_needed:
            return RolledBack(rollback, run="")
        if rollback.edited and not keeps_edits:
            raise edits_in_the_way(rollback)
        blobs = Blobs(project.blobs_dir)
        contents = {path: blobs.get(digest) for path, digest in rollback.version.landing.files.items()}
        with _journal(project, run, rollback) as journal:
            kept = _set_aside(loaded, rollback, blobs, journal, run=run)
            written = _put_back(loaded, rollback, contents, blobs=blobs, run=run)
            landed = ev.TaskLanded(task=rollback.task.id, attempt=0, files=tuple(contents), changed=written)
            journal.append(landed)
    return RolledBack(rollback, run=run, written=written, kept=kept)


def find_task(loaded: Loaded, name: str) -> str:
    """The id of the task of the present plan that has *name* as its id or lineage. Raises UsageError."""
    task = loaded.plan.find(name)
    if task is not None:
        return task.id
    by_lineage = {lineage: task_id for task_id, lineage in loaded.lineages.items()}
    if name in by_lineage:
        return by_lineage[name]
    near = closest(name, [*loaded.sources.tasks, *by_lineage])
    hint = f"did you mean {near}?" if near else "only a task of the present plan can be put back"
    raise UsageError(f"there is no task {name!r} in the plan", hint=hint)


def edits_in_the_way(rollback: Rollback) -> OssatureError:
    """What is said where a person's edits would be replaced."""
    return OssatureError(
        f"{', '.join(rollback.edited)} changed by hand stands in the way",
        hint=f"`ossature diff {rollback.task.id}` shows it; `--keep-edits` keeps it as a blob",
        exit_code=Exit.DRIFT,
    )


def _pick(found: list[Version], target: Target) -> Version:
    if target.number is not None:
        return pick_version(found, target.number)
    if target.run:
        of_run = [version for version in found if version.landing.run.startswith(target.run)]
        if len({version.landing.run for version in of_run}) != 1:
            what = "landed in several runs" if of_run else "landed nothing in a run"
            raise UsageError(f"the task {what} {target.run!r}", hint=_LIST)
        return of_run[-1]
    if not found:
        raise OssatureError("the task has not landed yet: there is nothing to put back")
    others = [version for version in found if version.same_as != found[-1].same_as]
    if not others:
        raise OssatureError("every landing of this task has the same files", hint=_LIST)
    return others[-1]


_LIST = "`ossature rollback TASK --list` shows all landings"


def _refuse_foreign(loaded: Loaded, task: Task, path: str, version: Version) -> None:
    """A file that the task writes no longer and another task does is not its own to put back."""
    writers = loaded.sources.writers.get(path, [])
    if writers and task.id not in writers:
        raise OssatureError(
            f"landing {version.number} also wrote {path}, which {writers[-1]} writes now",
            hint=f"put {writers[-1]} back, or give {path} back to {task.id} in the plan",
        )


def _is_edited(loaded: Loaded, task: Task, path: str, version: Version) -> bool:
    """The disk shows neither what landed there last nor what is put back. A missing file is no edit."""
    landings = loaded.sources.landings
    writer = heads(loaded.sources.writers, landings).get(path, task.id)
    landed = landings[writer].files.get(path) if writer in landings else None
    known = {landed, loaded.sources.origins.get(path), version.landing.files[path], None}
    now = loaded.output.digest(path)
    return now not in known and now not in loaded.leftovers.get(path, ())


def _recovered(project: Project, run: str, ledger: Ledger) -> Loaded:
    """The project, with whatever a crash left half done brought to its end."""
    crashed = close_crashed(project, except_run=run)
    output = SafeRoot(project.output_root)
    if crashed:
        for landing in (*ledger.landings.values(), *(intent.landing for intent in ledger.open_intents)):
            with suppress(UnsafePath):
                output.sweep(landing.files)
    recover(ledger=ledger, blobs=Blobs(project.blobs_dir), output=output)
    return load(project, ledger=ledger)


@contextmanager
def _journal(project: Project, run: str, rollback: Rollback) -> Iterator[Journal]:
    """The journal of the run, from its beginning to an end that tells what became of it."""
    task, version = rollback.task, rollback.version
    journal = Journal(project.runs_dir / run / "events.jsonl")
    started = ev.RunStarted(
        run=run,
        goal="rollback",
        pid=os.getpid(),
        host=socket.gethostname(),
        project=project.settings.name,
        version=__version__,
    )
    row = ev.TaskRow(
        id=task.id, spec=task.spec, title=task.title, lineage=rollback.lineage, outputs=task.outputs
    )
    reason = f"back to landing {version.number}, of run {version.landing.run or 'unknown'}"
    journal.append(started)
    journal.append(ev.PlanAdopted(tasks=(row,)))
    journal.append(ev.TaskStarted(task=task.id, lineage=rollback.lineage, reason=reason, mode="restore"))
    try:
        yield journal
    except OssatureError as error:
        journal.append(ev.TaskFailed(task=task.id, reason=str(error), hint=error.hint))
        journal.append(
            ev.RunFinished(
                outcome="failed", exit_code=int(error.exit_code), reason=str(error), hint=error.hint
            )
        )
        raise
    else:
        journal.append(ev.RunFinished(outcome="succeeded", exit_code=0))
    finally:
        journal.close()


def _set_aside(
    loaded: Loaded, rollback: Rollback, blobs: Blobs, journal: Journal, *, run: str
) -> tuple[tuple[str, str], ...]:
    """Keep the edited files as blobs, and say in the journal which: it is what `gc` goes by."""
    kept: list[tuple[str, str]] = []
    for path in rollback.edited:
        digest = blobs.put(loaded.output.read(path))
        journal.append(ev.Noticed(level="info", text=f"{path} as it was on disk is kept as blob {digest}"))
        loaded.ledger.append_aside(Aside(path, digest, rollback.task.id, "set aside", run, utc_now()))
        kept.append((path, digest))
    return tuple(kept)


def _put_back(
    loaded: Loaded, rollback: Rollback, contents: Mapping[str, bytes], *, blobs: Blobs, run: str
) -> int:
    """Land the earlier files with the fingerprints that they were made from; how many changed on disk."""
    task = rollback.task
    last = loaded.sources.landings.get(task.id)
    left = {path: last.files[path] for path in rollback.withdrawn} if last else {}
    withdraw(left, lambda path: _stand_in(loaded, task, path), blobs=blobs, output=loaded.output)
    landing = replace(
        rollback.version.landing,
        lineage=rollback.lineage,
        task=task.id,
        spec=task.spec,
        title=task.title,
        outputs=task.outputs,
        run=run,
        attempt=0,
        at=utc_now(),
    )
    return land(
        landing,
        contents,
        ledger=loaded.ledger,
        blobs=blobs,
        output=loaded.output,
        hidden=rollback.hidden,
    ).changed


def _stand_in(loaded: Loaded, task: Task, path: str) -> str:
    """What is on disk once *task* writes *path* no more: its last other writer's version, or nothing."""
    landings = loaded.sources.landings
    for name in reversed(loaded.sources.writers.get(path, [])):
        if name != task.id and name in landings and path in landings[name].files:
            return landings[name].files[path]
    return loaded.sources.origins.get(path, "")
