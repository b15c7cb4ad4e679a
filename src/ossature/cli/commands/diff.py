"""`diff`: what was changed by hand, or what one landing of a task changed against another."""

from __future__ import annotations

import argparse

from ossature.cli.command import Command, add_json
from ossature.cli.diffs import print_diff
from ossature.cli.tasks import task_id
from ossature.cli.terminal import Terminal
from ossature.engine.history import (
    FileChange,
    between,
    changes_on_disk,
    pick_version,
    since_landing,
    versions,
)
from ossature.engine.naming import lineage_of
from ossature.engine.sources import load
from ossature.errors import Exit, UsageError
from ossature.project import Project, load_project


def diff(args: argparse.Namespace, terminal: Terminal) -> int:
    """Exit 0 whatever there is to see, unless `--exit-code` asks for 1."""
    project = load_project(terminal.cwd, terminal.environ)
    changes = _changes(args, project)
    if args.json:
        terminal.json([_as_json(change) for change in changes])
    elif args.names:
        for change in changes:
            terminal.line(change.path)
    else:
        for change in changes:
            _print(change, terminal, is_by_hand=args.landing is None and args.start is None)
        if not changes:
            terminal.say("no difference")
    return Exit.FAILED if changes and args.exit_code else Exit.OK


def _changes(args: argparse.Namespace, project: Project) -> list[FileChange]:
    numbered = [flag for flag, number in _numbers(args).items() if number is not None]
    if numbered and len(args.tasks) != 1:
        raise UsageError(f"{numbered[0]} is about one task", hint="name it: `ossature diff TASK`")
    if args.end is not None and args.start is None:
        raise UsageError("--to needs --from", hint="`--landing N` compares with the disk")
    if args.start is not None:
        if args.landing is not None:
            raise UsageError("--landing compares with the disk, --from with another landing: give one")
        found = versions(project, lineage_of(project, args.tasks[0]))
        last = len(found) if args.end is None else args.end
        return between(project, pick_version(found, args.start).landing, pick_version(found, last).landing)
    loaded = load(project)
    ids = [task_id(name, loaded.plan) for name in args.tasks]
    if args.landing is None:
        return changes_on_disk(loaded, ids)
    found = versions(project, loaded.lineages[ids[0]])
    return since_landing(loaded, pick_version(found, args.landing), ids[0])


def _numbers(args: argparse.Namespace) -> dict[str, int | None]:
    return {"--landing": args.landing, "--from": args.start, "--to": args.end}


def _print(change: FileChange, terminal: Terminal, *, is_by_hand: bool) -> None:
    name = change.path if not change.renamed_to else f"{change.path} → {change.renamed_to}"
    how = f"{change.kind} by hand" if is_by_hand else change.kind
    terminal.spans([("strong", f"{change.task} {name}"), ("quiet", f"  {how}")])
    print_diff(change.diff, terminal)


def _as_json(change: FileChange) -> dict[str, object]:
    return {
        "task": change.task,
        "path": change.path,
        "kind": change.kind,
        "old": change.old,
        "new": change.new,
        "renamed_to": change.renamed_to,
        "diff": change.diff,
    }


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="only files of these tasks")
    parser.add_argument(
        "--landing", type=int, metavar="N", help="against landing N of the task (`rollback TASK --list`)"
    )
    parser.add_argument("--from", dest="start", type=int, metavar="N", help="from landing N of the task …")
    parser.add_argument("--to", dest="end", type=int, metavar="M", help="… to landing M, the last by default")
    parser.add_argument("--exit-code", action="store_true", help="exit 1 where there is a difference")
    parser.add_argument("--names", action="store_true", help="only the paths")
    add_json(parser)


COMMANDS = {
    "diff": Command(
        about="Shows how files on disk differ from what landed there last: what was changed by hand. Or how "
        "landings of a task differ.",
        examples=(
            ("ossature diff", "all edits by hand"),
            ("ossature diff 004 --exit-code", "those of one task; exit 1 where there are any"),
            ("ossature diff 004 --landing 2", "the disk against an earlier landing"),
            ("ossature diff 004 --from 1 --to 3", "one landing against another"),
        ),
        add_arguments=_add_arguments,
        run=diff,
    )
}
