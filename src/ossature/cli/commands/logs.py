"""`logs`: what every attempt was asked, answered and came to."""

from __future__ import annotations

import argparse
from pathlib import Path

from ossature.cli.columns import aligned
from ossature.cli.command import Command
from ossature.cli.nearest import hint_for
from ossature.cli.story import Listener
from ossature.cli.terminal import Terminal
from ossature.engine.preview import AttemptView, attempts_of, look
from ossature.engine.session import find_run, latest_run
from ossature.errors import Exit, OssatureError, UsageError
from ossature.project import Project, load_project
from ossature.store.journal import read_records

_FILES = {"prompt": "prompt.md", "response": "response.md", "verify": "verify.log", "diff": "changes.diff"}
"""Flag -> file in an attempt's folder."""
_DIFF_TONES = {"+": "good", "-": "bad", "@": "ask"}


def logs(args: argparse.Namespace, terminal: Terminal) -> int:
    """Tell a run, or show one attempt on a task."""
    project = load_project(terminal.cwd, terminal.environ)
    run = find_run(project, args.run) if args.run else ""
    if args.task is None:
        wanted = next((flag for flag in (*_FILES, "list", "attempt") if getattr(args, flag)), "")
        if wanted:
            raise UsageError(f"--{wanted} is about a task", hint="name it: `ossature logs TASK`")
        return _tell_run(project, run or latest_run(project), terminal)
    attempts = [attempt for attempt in _attempts(project, args.task) if run in ("", attempt.run)]
    if not attempts:
        raise OssatureError(
            f"no attempt on {args.task} yet", hint=f"`ossature why {args.task}` says what it waits for"
        )
    if args.list:
        _print_list(attempts, project, terminal)
        return Exit.OK
    attempt = _pick(attempts, args.attempt)
    for flag, name in _FILES.items():
        if getattr(args, flag):
            return _print_file(attempt.folder / name, project, terminal)
    return _print_attempt(attempt, project, terminal)


def _tell_run(project: Project, run: str | None, terminal: Terminal) -> int:
    if run is None:
        terminal.line("no run yet: `ossature audit` or `ossature build` is one", tone="quiet")
        return Exit.OK
    listener = Listener(terminal, has_clock=True)
    for record in read_records(project.runs_dir / run / "events.jsonl"):
        listener.tell(record)
    return Exit.OK


def _attempts(project: Project, name: str) -> list[AttemptView]:
    """Of the task with that id; a folder below `tasks/` is taken by its name, for tasks that are no more."""
    view = look(project)
    task = view.plan.find(name) if view.plan else None
    if task:
        lineage = next(shown.lineage for shown in view.tasks if shown.task.id == task.id)
        return attempts_of(project, lineage)
    folders = [path.name for path in project.tasks_dir.iterdir()] if project.tasks_dir.is_dir() else []
    if name in folders:
        return attempts_of(project, name)
    ids = [shown.task.id for shown in view.tasks]
    raise UsageError(
        f"there is no task {name!r}", hint=hint_for(name, [*ids, *folders], otherwise="see `ossature status`")
    )


def _pick(attempts: list[AttemptView], number: int | None) -> AttemptView:
    """The newest, or the newest with that number."""
    found = [attempt for attempt in attempts if number in (None, attempt.number)]
    if not found:
        known = ", ".join(str(number) for number in sorted({attempt.number for attempt in attempts}))
        raise UsageError(f"there is no attempt {number}", hint=f"there are: {known}")
    return found[-1]


def _print_list(attempts: list[AttemptView], project: Project, terminal: Terminal) -> None:
    rows = [
        (
            attempt.run,
            str(attempt.number),
            attempt.kind,
            attempt.verdict or "–",
            attempt.model,
            project.relative(attempt.folder),
        )
        for attempt in attempts
    ]
    for index, cells in enumerate(aligned([("RUN", "ATTEMPT", "KIND", "VERDICT", "MODEL", "FOLDER"), *rows])):
        terminal.line("".join(cells), tone="plain" if index else "strong")


def _print_attempt(attempt: AttemptView, project: Project, terminal: Terminal) -> int:
    tone = "good" if attempt.verdict == "ok" else "bad" if attempt.verdict else "quiet"
    terminal.spans(
        [
            ("strong", f"attempt {attempt.number} ({attempt.kind}): "),
            (tone, attempt.verdict.replace("_", " ") or "no verdict"),
            ("quiet", f"  {attempt.model}" if attempt.model else ""),
        ]
    )
    for path in sorted(path for path in attempt.folder.iterdir() if path.is_file()):
        terminal.line(f"  {project.relative(path)}", tone="quiet")
    log = attempt.folder / _FILES["verify"]
    if log.exists():
        terminal.line()
        terminal.block(_read(log))
    return Exit.OK


def _print_file(path: Path, project: Project, terminal: Terminal) -> int:
    if not path.exists():
        raise OssatureError(
            f"{project.relative(path)} was not written", hint="see `ossature logs TASK --list`"
        )
    text = _read(path)
    if path.suffix != ".diff":
        terminal.block(text)
        return Exit.OK
    for line in text.splitlines():
        terminal.line(line, tone=_DIFF_TONES.get(line[:1], "plain"))
    return Exit.OK


def _read(path: Path) -> str:
    """Output of commands may be in any encoding, or none."""
    return path.read_bytes().decode("utf-8", "replace")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", nargs="?", metavar="TASK", help="id of a task; without it, the run is told")
    parser.add_argument("--run", metavar="R", help="id, beginning of an id, or number of a run")
    parser.add_argument("--attempt", type=int, metavar="N", help="number of the attempt; the last by default")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--prompt", action="store_true", help="what the model was shown")
    what.add_argument("--response", action="store_true", help="what it replied")
    what.add_argument("--verify", action="store_true", help="what the verify commands printed")
    what.add_argument("--diff", action="store_true", help="what it changed")
    what.add_argument("--list", action="store_true", help="every attempt on the task")


COMMANDS = {
    "logs": Command(
        about="Tells a run, or shows an attempt on a task. Nothing of it is ever overwritten.",
        examples=(
            ("ossature logs", "the last run, event by event"),
            ("ossature logs 004", "its last attempt and what verify printed"),
            ("ossature logs 004 --list", "all attempts of all runs"),
            ("ossature logs 004 --attempt 1 --response", "what the model replied first"),
        ),
        add_arguments=_add_arguments,
        run=logs,
    )
}
