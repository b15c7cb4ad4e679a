"""Findings from the command line: what `audit --list`, `--accept`, `--dismiss` and `--reopen` do."""

from __future__ import annotations

import argparse

from ossature.analysis.rulings import find_judged
from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import clean_line, count
from ossature.domain.ruling import Judged, RulingKind
from ossature.engine.preview import ProjectView, look
from ossature.engine.ruling import rule
from ossature.errors import Exit, UsageError
from ossature.project import load_project

_TONES = {"error": "bad", "warning": "warn", "info": "quiet"}
_ORDER = ("error", "warning", "info")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that ask no model."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--list", action="store_true", help="print the findings with their ids; ask nothing")
    group.add_argument("--accept", metavar="ID", help="the spec is right as it is: settle this finding")
    group.add_argument("--dismiss", metavar="ID", help="settle this finding for a --reason")
    group.add_argument(
        "--fix", metavar="ID", action="append", help="ask for an edit of the spec that settles this finding"
    )
    group.add_argument("--reopen", metavar="ID", help="take back what was decided about this finding")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why a finding is dismissed or accepted")


def settle(args: argparse.Namespace, terminal: Terminal) -> int | None:
    """Do what one of the flags asks for; None where none is given."""
    asked: dict[RulingKind, str | None] = {
        "accepted": args.accept,
        "dismissed": args.dismiss,
        "open": args.reopen,
    }
    kind = next((kind for kind, name in asked.items() if name is not None), None)
    if kind is None and not args.list:
        if args.reason:
            raise UsageError("--reason goes with --accept or --dismiss")
        return None
    project = load_project(terminal.cwd, terminal.environ)
    view = look(project)
    if kind is None:
        return _list(view, terminal, is_json=args.json)
    judged = find_finding(view, str(asked[kind]))
    rule(project, judged, kind, reason=args.reason, by="cli")
    word = "is open again" if kind == "open" else f"is {kind}"
    terminal.line(f"{judged.id} {word}: {clean_line(judged.finding.issue)}", tone="good")
    return Exit.OK


def wanted_fixes(args: argparse.Namespace, terminal: Terminal) -> tuple[str, ...]:
    """Keys of the findings that `--fix` names. Raises UsageError."""
    if not args.fix:
        return ()
    view = look(load_project(terminal.cwd, terminal.environ))
    found = [find_finding(view, name) for name in args.fix]
    settled = next((item for item in found if not item.is_open), None)
    if settled is not None:
        hint = f"`ossature audit --reopen {settled.id}`"
        raise UsageError(f"the finding {settled.id} is settled", hint=hint)
    return tuple(item.key for item in found)


def find_finding(view: ProjectView, name: str) -> Judged:
    """The finding whose id begins so. Raises UsageError."""
    found = find_judged(view.findings, name)
    if len(found) != 1:
        what = "more than one finding" if found else "no finding"
        raise UsageError(f"{name!r} names {what}", hint="see `ossature audit --list`")
    return found[0]


def _list(view: ProjectView, terminal: Terminal, *, is_json: bool) -> int:
    ordered = sorted(view.findings, key=lambda item: (not item.is_open, _ORDER.index(item.finding.severity)))
    if is_json:
        terminal.json({"findings": [_as_json(item) for item in ordered]})
        return Exit.OK
    for item in ordered:
        _print(item, terminal)
    settled = sum(not item.is_open for item in ordered)
    tally = count(len(ordered), "finding") + (f", {settled} settled" if settled else "")
    terminal.line(tally if ordered else "no findings", tone="quiet")
    return Exit.OK


def _print(item: Judged, terminal: Terminal) -> None:
    finding, ruling = item.finding, item.ruling
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path or finding.spec
    word = ruling.kind if ruling else finding.severity
    tone = "quiet" if ruling else _TONES[finding.severity]
    terminal.spans(
        [
            ("strong", f"{item.id}  "),
            (tone, f"{word:<10}"),
            ("quiet", f"{clean_line(place)}  " if place else ""),
            ("quiet" if ruling else "plain", clean_line(finding.issue)),
        ]
    )
    if ruling and ruling.reason:
        terminal.line(f"        {clean_line(ruling.reason)}", tone="quiet")


def _as_json(item: Judged) -> dict[str, object]:
    ruling = item.ruling
    return {
        "id": item.id,
        "key": item.key,
        **item.finding.model_dump(mode="json"),
        "ruling": ruling.kind if ruling else None,
        "reason": ruling.reason if ruling else "",
    }
