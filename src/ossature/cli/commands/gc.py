"""`gc` and `clean`: delete what nothing refers to, and what can be made anew."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ossature.cli.columns import aligned
from ossature.cli.command import Command, add_json
from ossature.cli.sizes import age, size
from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import count
from ossature.errors import Exit, UsageError
from ossature.project import Project, load_project
from ossature.store.lease import read_holder

if TYPE_CHECKING:
    from ossature.engine.pruning import Garbage


def gc(args: argparse.Namespace, terminal: Terminal) -> int:
    """Delete; with `-n` only say what."""
    # Journals are read with pydantic, which nobody pays for who types a wrong flag.
    from ossature.engine.pruning import Policy, collect_garbage, find_garbage

    project = load_project(terminal.cwd, terminal.environ)
    for flag, number in (("--keep-runs", args.keep_runs), ("--keep-landings", args.keep_landings)):
        if number is not None and number < 1:
            raise UsageError(f"{flag} has to be at least 1")
    policy = Policy(
        keep_landings=args.keep_landings,
        keep_runs=args.keep_runs,
        older_than=age(args.older_than) if args.older_than else None,
    )
    now = datetime.now(UTC)
    if args.dry_run:
        garbage = find_garbage(project, policy, now=now)
        _warn_of_run(project, terminal)
    else:
        garbage = collect_garbage(project, policy, now=now)
    if args.json:
        terminal.json(_as_json(garbage, project, is_dry_run=args.dry_run))
    else:
        _print(garbage, project, terminal, is_dry_run=args.dry_run)
    return Exit.OK


def clean(args: argparse.Namespace, terminal: Terminal) -> int:
    """Delete stages and caches; the next build makes them anew."""
    # Only this command removes the folders of a build.
    from ossature.engine.cleaning import clean_work, work_folders

    project = load_project(terminal.cwd, terminal.environ)
    found = work_folders(project) if args.dry_run else clean_work(project)
    if args.json:
        items = [{"path": project.relative(item.path), "bytes": item.size} for item in found]
        terminal.json({"is_dry_run": args.dry_run, "removed": items})
        return Exit.OK
    for cells in aligned([(project.relative(item.path), size(item.size)) for item in found]):
        terminal.line("".join(cells), tone="quiet")
    total = size(sum(item.size for item in found))
    verb = "would delete" if args.dry_run else "deleted"
    terminal.line(f"{verb} {total} of stages and caches" if found else "nothing to clean")
    return Exit.OK


def _warn_of_run(project: Project, terminal: Terminal) -> None:
    holder = read_holder(project.lease_path)
    if holder is not None:
        terminal.say("a run is at work: what it has written so far may be counted although it will stay")


def _print(garbage: Garbage, project: Project, terminal: Terminal, *, is_dry_run: bool) -> None:
    rows = [
        (count(len(items), noun), size(sum(item.size for item in items)))
        for noun, items in (
            ("blob", garbage.blobs),
            ("attempt", garbage.attempts),
            ("run", garbage.runs),
            ("left-over file", garbage.scratch),
        )
        if items
    ]
    if garbage.ledger is not None:
        rows.append((count(garbage.ledger.left_out, "landing"), size(garbage.ledger_saves)))
    for cells in aligned(rows):
        terminal.line("  " + "".join(cells))
    if is_dry_run:
        for item in garbage.items:
            terminal.line(f"    {project.relative(item.path)}", tone="quiet")
    for run in garbage.held:
        terminal.line(f"run {run} stays: it set a file of yours aside, and nothing else knows of it")
    verb = "would delete" if is_dry_run else "deleted"
    terminal.line(
        f"{verb} {size(garbage.size)}" if rows else "nothing to delete: all that is there is in use"
    )


def _as_json(garbage: Garbage, project: Project, *, is_dry_run: bool) -> dict[str, object]:
    kinds = (
        ("blobs", garbage.blobs),
        ("attempts", garbage.attempts),
        ("runs", garbage.runs),
        ("scratch", garbage.scratch),
    )
    return {
        "is_dry_run": is_dry_run,
        "bytes": garbage.size,
        "ledger": {
            "landings": garbage.ledger.left_out if garbage.ledger else 0,
            "bytes": garbage.ledger_saves,
        },
        **{
            name: [{"path": project.relative(item.path), "bytes": item.size} for item in items]
            for name, items in kinds
        },
        "held_runs": list(garbage.held),
    }


def _add_gc_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--dry-run", action="store_true", help="only say what would be deleted")
    parser.add_argument(
        "--keep-landings",
        type=int,
        default=10,
        metavar="K",
        help="of each task, keep the last K landings (10): `rollback` can put them back",
    )
    parser.add_argument(
        "--keep-runs", type=int, metavar="N", help="delete runs before the last N, with their attempts"
    )
    parser.add_argument(
        "--older-than", metavar="AGE", help="delete runs older than `12h`, `30d` or `4w`, with their attempts"
    )
    add_json(parser)


def _add_clean_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--dry-run", action="store_true", help="only say what would be deleted")
    add_json(parser)


COMMANDS = {
    "gc": Command(
        about="Deletes contents that nothing refers to and shortens the ledger. Runs and attempts go only "
        "where a flag says so; with both flags, a run goes that is beyond both.",
        examples=(
            ("ossature gc -n", "what would go, and how much"),
            ("ossature gc", "contents that no landing, question or attempt refers to"),
            ("ossature gc --keep-runs 20 --older-than 30d", "also old runs, but never the last 20"),
        ),
        add_arguments=_add_gc_arguments,
        run=gc,
    ),
    "clean": Command(
        about="Deletes stages and caches of builds, never history and never outputs. The next build is a "
        "little slower.",
        examples=(
            ("ossature clean -n", "what would go"),
            ("ossature clean", "everything in .ossature/work"),
        ),
        add_arguments=_add_clean_arguments,
        run=clean,
    ),
}
