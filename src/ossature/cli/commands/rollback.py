"""`rollback`: put back the files of an earlier landing of a task."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ossature.cli.columns import aligned
from ossature.cli.command import Command, add_json
from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import count
from ossature.engine.history import Version, versions
from ossature.engine.naming import lineage_of
from ossature.engine.preview import ProjectView, look
from ossature.errors import Exit, UsageError
from ossature.project import Project, load_project

if TYPE_CHECKING:
    from ossature.engine.rollback import Rollback, RolledBack


def rollback(args: argparse.Namespace, terminal: Terminal) -> int:
    """List landings, say what would be done, or do it and say what a build would make of it."""
    project = load_project(terminal.cwd, terminal.environ)
    if args.list:
        return _list(args, project, terminal)
    # What journals and owners are made of is for those who put something back.
    from ossature.engine.rollback import Target, edits_in_the_way, find_task, plan_rollback, roll_back
    from ossature.engine.sources import load

    if args.to is not None and args.run:
        raise UsageError("--to names a landing, and so does --run: give one")
    target = Target(number=args.to, run=_run(project, args.run) if args.run else "")
    if args.dry_run:
        loaded = load(project)
        planned = plan_rollback(loaded, find_task(loaded, args.task), target)
        if planned.edited and not args.keep_edits:
            raise edits_in_the_way(planned)
        _tell_plan(planned, terminal, is_json=args.json)
        return Exit.OK
    done = roll_back(project, args.task, target, keeps_edits=args.keep_edits)
    _tell(done, project, terminal, is_json=args.json)
    return Exit.OK


def _list(args: argparse.Namespace, project: Project, terminal: Terminal) -> int:
    lineage = lineage_of(project, args.task)
    found = versions(project, lineage)
    if args.json:
        terminal.json([_as_json(version) for version in found])
        return Exit.OK
    if not found:
        terminal.line("the task has not landed yet", tone="quiet")
        return Exit.OK
    rows = [("NO", "RUN", "ATTEMPT", "LANDED", "FILES")]
    rows += [_row(version) for version in found]
    for index, cells in enumerate(aligned(rows)):
        terminal.line("".join(cells), tone="plain" if index else "strong")
    terminal.line(f"`ossature diff {args.task} --landing N` shows what has changed since", tone="quiet")
    return Exit.OK


def _run(project: Project, name: str) -> str:
    """The id of a run by its number; else as it is, since the ledger knows runs whose journals are gone."""
    from ossature.engine.session import run_ids

    ids = run_ids(project)
    is_number = name not in ids and name.isdecimal() and 1 <= int(name) <= len(ids)
    return ids[int(name) - 1] if is_number else name


def _row(version: Version) -> tuple[str, str, str, str, str]:
    landing = version.landing
    files = ", ".join(landing.files)
    same = f" (as in {version.same_as})" if version.same_as != version.number else ""
    return str(version.number), landing.run or "–", str(landing.attempt or "–"), landing.at, f"{files}{same}"


def _tell_plan(planned: Rollback, terminal: Terminal, *, is_json: bool) -> None:
    if is_json:
        terminal.json({"is_dry_run": True, **_plan_json(planned)})
        return
    if not planned.is_needed:
        terminal.line("nothing to do: that is what landed last, and what the disk shows")
        return
    terminal.line(f"{planned.task.id} would be put back as of landing {_name(planned.version)}")
    for path in _written(planned):
        edited = " (your edit is kept as a blob)" if path in planned.edited else ""
        terminal.line(f"  write   {path}{edited}")
    for path in planned.withdrawn:
        terminal.line(f"  remove  {path}")
    _tell_hidden(planned, terminal)


def _tell(done: RolledBack, project: Project, terminal: Terminal, *, is_json: bool) -> None:
    view = look(project)
    if is_json:
        document = {"is_dry_run": False, "run": done.run, **_plan_json(done.rollback)}
        terminal.json({**document, "kept": dict(done.kept), "next": _next_json(done, view)})
        return
    if not done.run:
        terminal.line("nothing to do: that is what landed last, and what the disk shows")
        return
    task_id = done.rollback.task.id
    terminal.line(
        f"{task_id} is put back as of landing {_name(done.rollback.version)}: "
        f"{count(done.written, 'file')} changed on disk",
        tone="good",
    )
    for path, digest in done.kept:
        terminal.line(f"  {path} as it was on disk is kept: {_blob_path(project, digest)}")
    _tell_hidden(done.rollback, terminal)
    _tell_next(done, view, terminal)


def _tell_hidden(planned: Rollback, terminal: Terminal) -> None:
    for path in planned.hidden:
        terminal.line(f"  {path} stays on disk as a later task wrote it, until that is built again")


def _tell_next(done: RolledBack, view: ProjectView, terminal: Terminal) -> None:
    """What the next build makes of it: said here, since it may undo what was just done."""
    task_id = done.rollback.task.id
    shown = view.find(task_id)
    if shown is not None and shown.status == "stale":
        terminal.line(
            f"{task_id} was made from other inputs then ({shown.reason}): the next build generates it anew",
            tone="warn",
        )
        terminal.line(
            f'  to keep it, give {task_id} `status = "manual"` in the plan, or change the inputs back'
        )
    elif shown is not None and shown.status == "verify":
        terminal.line(f"the next build verifies {task_id} again ({shown.reason})", tone="warn")
    waiting = _waiting(done, view)
    if waiting:
        names = ", ".join(waiting[:5]) + (", …" if len(waiting) > 5 else "")
        terminal.line(f"{count(len(waiting), 'task')} behind it will run again: {names}", tone="warn")


def _waiting(done: RolledBack, view: ProjectView) -> list[str]:
    below = view.graph.descendants(done.rollback.task.id) if view.graph else frozenset()
    return [task_id for task_id in view.will_run if task_id in below]


def _name(version: Version) -> str:
    where = f" (run {version.landing.run})" if version.landing.run else ""
    return f"{version.number}{where}"


def _written(planned: Rollback) -> list[str]:
    changed = {change.path for change in planned.changes}
    return [path for path in planned.version.landing.files if path in changed and path not in planned.hidden]


def _blob_path(project: Project, digest: str) -> str:
    return project.relative(project.blobs_dir / digest[:2] / digest[2:])


def _as_json(version: Version) -> dict[str, object]:
    landing = version.landing
    return {
        "number": version.number,
        "run": landing.run,
        "attempt": landing.attempt,
        "at": landing.at,
        "task": landing.task,
        "title": landing.title,
        "files": dict(landing.files),
        "same_as": version.same_as,
        "generate": landing.generate,
        "verify": landing.verify,
    }


def _plan_json(planned: Rollback) -> dict[str, object]:
    return {
        "task": planned.task.id,
        "lineage": planned.lineage,
        "landing": planned.version.number,
        "is_needed": planned.is_needed,
        "write": _written(planned),
        "remove": list(planned.withdrawn),
        "hidden": list(planned.hidden),
        "edited": list(planned.edited),
    }


def _next_json(done: RolledBack, view: ProjectView) -> dict[str, object]:
    shown = view.find(done.rollback.task.id)
    return {
        "status": shown.status if shown else "",
        "reason": shown.reason if shown else "",
        "will_run": _waiting(done, view),
    }


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="TASK", help="id or lineage of the task")
    parser.add_argument(
        "--to", type=int, metavar="N", help="to landing N; without it, to the last one with other files"
    )
    parser.add_argument("--run", metavar="R", help="to what landed in that run")
    parser.add_argument("--list", action="store_true", help="all landings of the task")
    parser.add_argument("--keep-edits", action="store_true", help="keep edits by hand as blobs and go on")
    parser.add_argument("-n", "--dry-run", action="store_true", help="only say what would be done")
    add_json(parser)


COMMANDS = {
    "rollback": Command(
        about="Puts back the files that a task landed earlier, as a new landing, and says what the next "
        "build makes of it. A build generates the task anew where its inputs have changed since.",
        examples=(
            ("ossature rollback 004 --list", "what can be put back"),
            ("ossature rollback 004 -n", "what would be done"),
            ("ossature rollback 004", "to the last landing with other files than now"),
            (
                "ossature rollback 004 --to 2 --keep-edits",
                "to landing 2; what was edited by hand stays a blob",
            ),
        ),
        add_arguments=_add_arguments,
        run=rollback,
    )
}
