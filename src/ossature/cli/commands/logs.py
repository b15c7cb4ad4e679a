"""`logs`: what every attempt was asked, answered and came to."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from ossature.cli.columns import aligned
from ossature.cli.command import Command, add_json
from ossature.cli.diffs import print_diff
from ossature.cli.sizes import duration
from ossature.cli.story import Listener
from ossature.cli.terminal import Terminal
from ossature.domain.wording import verdict_tone
from ossature.engine.naming import lineage_of
from ossature.engine.preview import AttemptView, attempts_of
from ossature.engine.session import find_run, latest_run
from ossature.errors import Exit, OssatureError, UsageError
from ossature.project import Project, load_project
from ossature.store.disk import read_bytes
from ossature.store.journal import read_records

_FILES = {"prompt": "prompt.md", "response": "response.md", "verify": "verify.log", "diff": "changes.diff"}
"""Flag -> file in an attempt's folder."""


def logs(args: argparse.Namespace, terminal: Terminal) -> int:
    """Tell a run, list the attempts on a task, or show one of them."""
    project = load_project(terminal.cwd, terminal.environ)
    run = find_run(project, args.run) if args.run else ""
    kind = next((flag for flag in _FILES if getattr(args, flag)), "")
    if args.raw and not kind:
        raise UsageError("--raw is about one file", hint="add --prompt, --response, --verify or --diff")
    if args.task is None:
        wanted = kind or next((flag for flag in ("list", "attempt") if getattr(args, flag)), "")
        if wanted:
            raise UsageError(f"--{wanted} is about a task", hint="name it: `ossature logs TASK`")
        return _tell_run(project, run or latest_run(project), terminal, is_json=args.json)
    attempts = _attempts(project, args.task, run)
    if not attempts:
        raise OssatureError(
            f"no attempt on {args.task} yet", hint=f"`ossature why {args.task}` says what it waits for"
        )
    if kind:
        return _show_file(_pick(attempts, args.attempt), kind, project, terminal, args)
    return _show_attempts(attempts, project, terminal, args)


def _attempts(project: Project, name: str, run: str) -> list[AttemptView]:
    lineage = lineage_of(project, name, run=run)
    return [attempt for attempt in attempts_of(project, lineage) if run in ("", attempt.run)]


def _tell_run(project: Project, run: str | None, terminal: Terminal, *, is_json: bool) -> int:
    if run is None:
        terminal.line("no run yet: `ossature audit` or `ossature build` is one", tone="quiet")
        return Exit.OK
    listener = Listener(terminal, has_clock=True, is_json=is_json)
    for record in read_records(project.runs_dir / run / "events.jsonl"):
        listener.tell(record)
    return Exit.OK


def _pick(attempts: list[AttemptView], number: int | None) -> AttemptView:
    """The newest, or the newest with that number."""
    found = [attempt for attempt in attempts if number in (None, attempt.number)]
    if not found:
        known = ", ".join(str(number) for number in sorted({attempt.number for attempt in attempts}))
        raise UsageError(f"there is no attempt {number}", hint=f"there are: {known}")
    return found[-1]


def _show_attempts(
    attempts: list[AttemptView], project: Project, terminal: Terminal, args: argparse.Namespace
) -> int:
    """A list, and then the newest one; only the one that was chosen; or only the list."""
    is_chosen = args.attempt is not None
    picked = _pick(attempts, args.attempt)
    if args.json:
        terminal.json([_as_json(one, project) for one in ([picked] if is_chosen else attempts)])
        return Exit.OK
    if not is_chosen:
        _print_list(attempts, project, terminal)
    if not args.list:
        if not is_chosen:
            terminal.line()
        _print_attempt(picked, project, terminal)
    return Exit.OK


def _print_list(attempts: list[AttemptView], project: Project, terminal: Terminal) -> None:
    rows = [("RUN", "ATTEMPT", "KIND", "VERDICT", "MODEL", "TOKENS", "COST", "TIME", "FOLDER")]
    rows += [
        (
            attempt.run,
            str(attempt.number),
            attempt.kind,
            attempt.verdict or "–",
            attempt.model,
            *_figures(attempt.meta),
            project.relative(attempt.folder),
        )
        for attempt in attempts
    ]
    for index, cells in enumerate(aligned(rows)):
        terminal.line("".join(cells), tone="plain" if index else "strong")


def _figures(meta: Mapping[str, Any]) -> tuple[str, str, str]:
    """Tokens in and out, cost and time, as far as they are known."""
    usage, cost, seconds = meta.get("usage"), meta.get("cost_usd"), meta.get("seconds")
    tokens = "–"
    if isinstance(usage, dict) and (usage.get("input_tokens") or usage.get("output_tokens")):
        tokens = f"{usage.get('input_tokens') or 0}+{usage.get('output_tokens') or 0}"
    return (
        tokens,
        f"${cost:.4f}" if isinstance(cost, int | float) and cost else "–",
        duration(seconds) if isinstance(seconds, int | float) else "–",
    )


def _print_attempt(attempt: AttemptView, project: Project, terminal: Terminal) -> None:
    tone = verdict_tone(attempt.verdict) or "quiet"
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
        terminal.block(_text(read_bytes(log)))


def _show_file(
    attempt: AttemptView, kind: str, project: Project, terminal: Terminal, args: argparse.Namespace
) -> int:
    path = attempt.folder / _FILES[kind]
    if not path.exists():
        raise OssatureError(
            f"{project.relative(path)} was not written", hint=f"see `ossature logs {args.task} --list`"
        )
    content = read_bytes(path)
    if args.raw:
        terminal.raw(content)
    elif args.json:
        terminal.json({**_as_json(attempt, project), kind: _text(content)})
    elif kind == "diff":
        print_diff(_text(content), terminal)
    else:
        terminal.block(_text(content))
    return Exit.OK


def _as_json(attempt: AttemptView, project: Project) -> dict[str, object]:
    names = sorted(path.name for path in attempt.folder.iterdir() if path.is_file())
    return {
        "run": attempt.run,
        "attempt": attempt.number,
        "kind": attempt.kind,
        "verdict": attempt.verdict,
        "model": attempt.model,
        "lineage": attempt.folder.parent.name,
        "folder": project.relative(attempt.folder),
        "files": names,
        "meta": attempt.meta,
    }


def _text(content: bytes) -> str:
    """Output of commands may be in any encoding, or none."""
    return content.decode("utf-8", "replace")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "task", nargs="?", metavar="TASK", help="id or folder of a task; without it, the run is told"
    )
    parser.add_argument("--run", metavar="R", help="id, beginning of an id, or number of a run")
    parser.add_argument("--attempt", type=int, metavar="N", help="number of the attempt; the last by default")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--prompt", action="store_true", help="what the model was shown")
    what.add_argument("--response", action="store_true", help="what it replied")
    what.add_argument("--verify", action="store_true", help="what the verify commands printed")
    what.add_argument("--diff", action="store_true", help="what it changed")
    what.add_argument("--list", action="store_true", help="only the list of attempts")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--raw", action="store_true", help="the bytes of that file, into a pipe or a file")
    add_json(form)


COMMANDS = {
    "logs": Command(
        about="Tells a run, or shows the attempts on a task. A task is found by its id, by an id of an "
        "earlier plan, and by the name of its folder.",
        examples=(
            ("ossature logs", "the last run, event by event"),
            ("ossature logs 004", "all attempts of all runs, and what the last verify printed"),
            ("ossature logs 004 --attempt 1 --response", "what the model replied first"),
            ("ossature logs 004 --response --raw >reply", "the reply byte by byte"),
        ),
        add_arguments=_add_arguments,
        run=logs,
    )
}
