"""`accept`: take what a person changed in generated files as the outputs of their tasks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ossature.cli.columns import aligned
from ossature.cli.command import Command, add_json
from ossature.cli.nearest import hint_for
from ossature.cli.tasks import buildable_plan
from ossature.cli.terminal import Terminal
from ossature.engine.preview import ProjectView, look
from ossature.errors import Exit, UsageError
from ossature.project import load_project
from ossature.settings import SANDBOX_MODES

if TYPE_CHECKING:
    from ossature.build.handedits import HandEdit

_ALL = "*"


class _Chosen(NamedTuple):
    tasks: tuple[str, ...]
    paths: tuple[str, ...]


def accept(args: argparse.Namespace, terminal: Terminal) -> int:
    """Adopt what is named; without names, say what there is."""
    view = look(load_project(terminal.cwd, terminal.environ))
    buildable_plan(view, terminal)
    if args.list:
        return _list_asides(view, is_json=args.json, terminal=terminal)
    if not args.names and not args.all:
        return _list_edits(view, is_json=args.json, terminal=terminal)
    if args.names and args.all:
        raise UsageError("--all adopts every edited output", hint="leave the names out, or --all")
    edited = [edit for edit in view.by_hand if edit.kind == "edited"]
    chosen = _Chosen((_ALL,), ()) if args.all else _choose(args.names, view, terminal.cwd)
    if not (edited if args.all else [*chosen.tasks, *chosen.paths]):
        terminal.line("nothing to adopt: no output was edited by hand")
        return Exit.OK
    # pydantic, and what starts a run, is not on the way of a refusal.
    from ossature.cli.running import start_run
    from ossature.engine.session import RunRequest

    request = RunRequest(
        goal="accept",
        keeps_going=True,
        tasks=chosen.tasks,
        paths=chosen.paths,
        lands_red=args.unverified,
        sandbox=args.sandbox,
    )
    return start_run(
        view.project,
        request,
        terminal=terminal,
        is_foreground=args.foreground,
        is_json=args.json,
    )


def _choose(names: list[str], view: ProjectView, cwd: Path) -> _Chosen:
    """Tasks and outputs by what people type; raises UsageError for what cannot be adopted."""
    assert view.plan is not None
    edits = {edit.path: edit for edit in view.by_hand}
    tasks: list[str] = []
    paths: list[str] = []
    for name in names:
        task = view.plan.find(name)
        if task is not None:
            _check_task(task.id, view)
            tasks.append(task.id)
        else:
            paths.append(_check_path(_output_path(name, view, cwd), edits, view))
    return _Chosen(tuple(dict.fromkeys(tasks)), tuple(dict.fromkeys(paths)))


def _check_task(task_id: str, view: ProjectView) -> None:
    shown = view.find(task_id)
    if shown is None or shown.edited or not shown.is_verified:
        return
    for edit in shown.by_hand:
        _refuse(edit)
    if shown.status == "manual":
        raise UsageError(f"{task_id} is manual: a build takes its files as they are on disk")
    raise UsageError(
        f"nothing of {task_id} was edited by hand", hint="`ossature accept` lists what there is to adopt"
    )


def _check_path(path: str, edits: dict[str, HandEdit], view: ProjectView) -> str:
    edit = edits.get(path)
    if edit is not None and edit.kind == "edited":
        return path
    if edit is not None:
        _refuse(edit)
    written = {output: shown.task.id for shown in view.tasks for output in shown.task.outputs}
    if path in written:
        raise UsageError(f"{path} of {written[path]} is on disk as it landed: nothing to adopt")
    hint = hint_for(path, [*edits, *written], otherwise="see `ossature status`")
    raise UsageError(f"{path!r} is neither a task nor an output of one", hint=hint)


def _refuse(edit: HandEdit) -> None:
    """Say what becomes of an output that cannot be adopted because it is no file any more."""
    if edit.kind == "edited":
        return
    plan = f"the outputs of {edit.task} in the plan"
    hints = {
        "deleted": f"`ossature build` puts it back; to do without it, take it out of {plan}",
        "renamed": f"to keep the name {edit.renamed_to}, write it into {plan}; else `ossature build` puts "
        f"{edit.path} back",
        "replaced": "move away what is in its place; `ossature build` then puts it back",
    }
    raise UsageError(f"cannot be adopted: {edit.sentence}", hint=hints[edit.kind])


def _output_path(name: str, view: ProjectView, cwd: Path) -> str:
    """*name* relative to the output folder, whether it was typed from there, from the root or from *cwd*."""
    root = view.project.output_root
    typed = Path(name)
    for base in (cwd, view.project.root):
        path = Path(base / typed)
        if path.is_relative_to(root) and (path.exists() or path.is_symlink()):
            return path.relative_to(root).as_posix()
    path = cwd / typed
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else typed.as_posix()


def _list_edits(view: ProjectView, *, is_json: bool, terminal: Terminal) -> int:
    if is_json:
        terminal.json({"by_hand": [_as_json(edit) for edit in view.by_hand]})
        return Exit.OK
    unverified = [shown.task.id for shown in view.tasks if not shown.is_verified]
    for task, text in aligned([(edit.task, edit.sentence) for edit in view.by_hand]):
        terminal.spans([("warn", task), ("plain", text)])
    for task in unverified:
        terminal.spans([("warn", f"{task}  "), ("plain", f"landed unverified (`ossature accept {task}`)")])
    if not view.by_hand and not unverified:
        terminal.line("nothing to adopt: every output is on disk as it landed")
    elif view.by_hand:
        terminal.say("adopt edits with `ossature accept TASK`, `accept PATH` or `accept --all`")
    return Exit.OK


def _list_asides(view: ProjectView, *, is_json: bool, terminal: Terminal) -> int:
    """Versions of people that others took the place of: given up ones, and files that were there before."""
    rows = _kept(view)
    if is_json:
        terminal.json({"kept": rows})
        return Exit.OK
    shown = [(row["at"], row["how"], row["path"], row["blob"]) for row in rows]
    for cells in aligned(shown, limit=100):
        terminal.spans([("quiet", cells[0]), ("plain", cells[1]), ("strong", cells[2]), ("plain", cells[3])])
    if not rows:
        terminal.line("no version of yours was set aside")
    else:
        terminal.say("copy a blob to its path to have that version back")
    return Exit.OK


def _kept(view: ProjectView) -> list[dict[str, Any]]:
    assert view.loaded is not None
    project, kept = view.project, []
    for aside in view.asides:
        kept.append((aside.at, aside.how, aside.path, aside.digest))
    for landing in view.loaded.ledger.landings.values():
        if landing.lineage.startswith("origin."):
            kept += [(landing.at, "there before", path, digest) for path, digest in landing.files.items()]
    blobs = project.relative(project.blobs_dir)
    return [
        {"at": at, "how": how, "path": path, "digest": digest, "blob": f"{blobs}/{digest[:2]}/{digest[2:]}"}
        for at, how, path, digest in sorted(kept)
    ]


def _as_json(edit: HandEdit) -> dict[str, Any]:
    return {
        "task": edit.task,
        "path": edit.path,
        "kind": edit.kind,
        "base": edit.base or None,
        "accepted": edit.accepted,
        "disk": edit.disk,
        "renamed_to": edit.renamed_to or None,
    }


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="TASK|PATH", help="whose edits, or which edited files")
    parser.add_argument("--all", action="store_true", help="every edited output")
    parser.add_argument(
        "--unverified", action="store_true", help="adopt what is red, too; status shows it as unverified"
    )
    parser.add_argument("--list", action="store_true", help="list the versions of yours that were set aside")
    parser.add_argument("--sandbox", choices=SANDBOX_MODES, help="what generated code may do")
    parser.add_argument(
        "--foreground", action="store_true", help="run in this process and ask nothing, as without a terminal"
    )
    add_json(parser)


COMMANDS = {
    "accept": Command(
        about=(
            "Adopts what you changed in generated files: it is verified, and from then on counts as the\n"
            "output of its task. Without names, lists what was changed."
        ),
        examples=(
            ("ossature accept", "what was edited, deleted or renamed by hand"),
            (
                "ossature accept 004 output/src/main.py",
                "what was edited of one task, and one file of another",
            ),
            ("ossature accept --all", "every edited file"),
            ("ossature accept --list", "versions of yours that were set aside"),
        ),
        add_arguments=_add_arguments,
        run=accept,
    )
}
