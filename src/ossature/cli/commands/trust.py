"""`trust`: what this project may run on this machine."""

from __future__ import annotations

import argparse

from ossature.cli.command import Command
from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import count
from ossature.engine.trusting import describe, items_of, missing
from ossature.errors import Exit, UsageError
from ossature.project import Project, load_project
from ossature.store.plan_reading import read_plan
from ossature.store.trust import Grant, TrustBook, user_trust


def trust(args: argparse.Namespace, terminal: Terminal) -> int:
    """Allow what the project brings along as it is now; or show it, or take it back."""
    project = load_project(terminal.cwd, terminal.environ)
    book = user_trust(terminal.environ)
    if args.revoke:
        return _revoke(project, book, terminal)
    grant = book.read(project)
    if args.show:
        return _show(project, grant, terminal)
    if args.always:
        book.own(project)
        terminal.line("trusted for good, whatever it will run: as if it had been created here", tone="good")
        return Exit.OK
    new = missing(project, grant)
    for item in new:
        terminal.line(f"  {describe(item)}")
    if grant.is_own:
        terminal.line("trusted already, for good", tone="good")
        return Exit.OK
    book.allow(project, new)
    added = f"{count(len(new), 'thing')} allowed" if new else "nothing new"
    terminal.line(f"trusted: {added}; what changes later is asked about", tone="good")
    return Exit.OK


def _show(project: Project, grant: Grant, terminal: Terminal) -> int:
    if grant.is_own:
        terminal.line("trusted for good: created here, or trusted with --always", tone="good")
    plan = read_plan(project.plan_path, name=".ossature/plan.toml") if project.plan_path.exists() else None
    items = list(items_of(project, plan))
    for item in items:
        is_allowed = grant.covers(item)
        mark = "allowed  " if is_allowed else "new      "
        terminal.spans([("good" if is_allowed else "warn", mark), ("plain", describe(item))])
    if not items:
        terminal.line("it brings along nothing that runs", tone="quiet")
    return Exit.OK


def _revoke(project: Project, book: TrustBook, terminal: Terminal) -> int:
    had_grant = book.revoke(project)
    if book.read(project).is_own:
        raise UsageError(
            "still trusted: it lies in a folder that OSSATURE_TRUSTED_PATHS names",
            hint="change that variable",
        )
    terminal.line("no longer trusted: the next run asks" if had_grant else "it was not trusted", tone="good")
    return Exit.OK


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--show", action="store_true", help="list what it would run; allow nothing")
    what.add_argument("--always", action="store_true", help="it is yours: never ask about it again")
    what.add_argument("--revoke", action="store_true", help="forget what was allowed")


COMMANDS = {
    "trust": Command(
        about=(
            "Allows a project from elsewhere to run its commands and `exec:` models, as they are now. What\n"
            "changes later is asked about again. Projects that `ossature init` made here need none of it."
        ),
        examples=(
            ("ossature trust --show", "what it would run on this machine"),
            ("ossature trust", "allow that"),
            ("ossature trust --always", "a project of yours: allow what comes later, too"),
            ("ossature trust --revoke", "ask again from the next run on"),
        ),
        add_arguments=_add_arguments,
        run=trust,
    )
}
