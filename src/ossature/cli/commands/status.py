"""`status`: what is built, what is stale and why, and what waits for a person."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

from ossature.cli.columns import aligned
from ossature.cli.command import Command, add_json
from ossature.cli.diagnostics import tally
from ossature.cli.tasks import plan_errors
from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import count
from ossature.engine.preview import ProjectView, TaskView, attempts_of, look
from ossature.errors import Exit
from ossature.project import Project, load_project
from ossature.store.lease import LeaseInfo, read_dead, read_holder

if TYPE_CHECKING:
    from ossature.domain.state import RunState

_TONES = {
    "done": "good",
    "stale": "warn",
    "verify": "warn",
    "restore": "warn",
    "pending": "plain",
    "skipped": "quiet",
    "manual": "quiet",
    "invalid": "bad",
}


def status(args: argparse.Namespace, terminal: Terminal) -> int:
    """Never fails on what it shows: a project with errors has a status, too."""
    project = load_project(terminal.cwd, terminal.environ)
    view = look(project)
    live = _live_state(project)
    dead = read_dead(project.lease_path)
    if args.json:
        terminal.json({**_as_json(view, live), "crashed": dead.run if dead else None})
        return Exit.OK
    terminal.spans([("strong", project.settings.name), ("quiet", f"  {project.root}")])
    _print_specs(view, terminal)
    _print_tasks(view, live, terminal)
    _print_run(live, dead, terminal)
    return Exit.OK


def _live_state(project: Project) -> RunState | None:
    """The run that has an owner now."""
    holder = read_holder(project.lease_path)
    if holder is None or not holder.run:
        return None
    # Events are pydantic models: without a live run, status does not pay for them.
    from ossature.engine.session import Attachment

    attachment = Attachment(project, holder.run)
    while attachment.poll():
        pass
    return attachment.state


def _print_specs(view: ProjectView, terminal: Terminal) -> None:
    found = (*view.project.diagnostics, *view.tree.diagnostics)
    has_errors = any(diagnostic.severity == "error" for diagnostic in found)
    terminal.spans(
        [
            ("plain", f"{count(len(view.tree.specs), 'spec')}: "),
            ("bad" if has_errors else "plain", tally(found)),
            ("quiet", " (`ossature validate`)" if found else ""),
        ]
    )
    open_ones, settled = _findings(view)
    if open_ones or settled:
        names = ("error", "warning", "info")
        shown = ", ".join(count(open_ones[name], name) for name in names if open_ones[name])
        more = f"{', ' if shown else ''}{settled} settled" if settled else ""
        terminal.line(f"audit: {shown}{more} (`ossature audit --list`)")


def _print_tasks(view: ProjectView, live: RunState | None, terminal: Terminal) -> None:
    errors = plan_errors(view)
    if view.plan is None and not errors:
        terminal.line("no plan yet: `ossature audit` makes one", tone="warn")
        return
    if errors:
        terminal.line(f"the plan has {count(len(errors), 'error')} (`ossature plan --check`)", tone="bad")
    rows = []
    for shown in view.tasks:
        running = live.tasks.get(shown.task.id) if live else None
        word = running.status if running and running.status != "pending" else shown.status
        notes = [*_reason(shown, view.project), *shown.notes]
        rows.append((shown.task.id, word, shown.task.title, "; ".join(notes)))
    for cells in aligned(rows):
        tone = _TONES.get(cells[1].strip(), "ask")
        terminal.spans([("plain", cells[0]), (tone, cells[1]), ("plain", cells[2]), ("quiet", cells[3])])
    totals = Counter(shown.status for shown in view.tasks)
    terminal.line(", ".join(f"{number} {word}" for word, number in totals.items()) or "the plan has no tasks")
    edited = [edit for edit in view.by_hand if edit.kind == "edited"]
    if edited:
        text = f"{count(len(edited), 'output')} edited by hand: the next build asks, `ossature accept` adopts"
        terminal.line(text, tone="warn")
    if view.asides:
        kept = count(len(view.asides), "version")
        terminal.line(f"{kept} of yours set aside (`ossature accept --list`)", tone="quiet")


def _reason(shown: TaskView, project: Project) -> list[str]:
    """Why a task is not done, and what the last try came to."""
    if shown.status == "done":
        return ["flaky: its verify was red before, of the same files"] if shown.is_flaky else []
    attempts = attempts_of(project, shown.lineage)
    verdict = attempts[-1].verdict.replace("_", " ") if attempts else ""
    return [shown.reason, *([f"last attempt: {verdict}"] if verdict not in ("", "ok") else [])]


def _print_run(live: RunState | None, dead: LeaseInfo | None, terminal: Terminal) -> None:
    if dead is not None:
        who = f"run {dead.run}" if dead.run else "the last command"
        terminal.line(f"{who} was killed: `ossature build` takes up what it left", tone="warn")
    if live is None:
        terminal.line("no run is at work (`ossature runs` lists earlier ones)", tone="quiet")
        return
    terminal.line(f"run {live.run} is at work: {live.goal} (`ossature attach`)", tone="ask")
    for question in live.questions.values():
        verbs = " / ".join(question.verbs)
        terminal.line(f"  [{question.id}] {question.subject} ({verbs}): `ossature answer`", tone="ask")


def _findings(view: ProjectView) -> tuple[Counter[str], int]:
    """Open findings by severity, and how many are settled; without audits, nothing is read."""
    if not view.project.audit_dir.is_dir():
        return Counter(), 0
    open_ones = Counter(item.finding.severity for item in view.findings if item.is_open)
    return Counter(open_ones), len(view.findings) - open_ones.total()


def _as_json(view: ProjectView, live: RunState | None) -> dict[str, Any]:
    found = (*view.tree.diagnostics, *view.diagnostics)
    open_ones, settled = _findings(view)
    return {
        "project": view.project.settings.name,
        "root": str(view.project.root),
        "specs": list(view.tree.specs),
        "diagnostics": dict(Counter(diagnostic.severity for diagnostic in found)),
        "findings": dict(open_ones),
        "findings_settled": settled,
        "has_plan": view.plan is not None,
        "tasks": [
            {
                "id": shown.task.id,
                "spec": shown.task.spec,
                "title": shown.task.title,
                "lineage": shown.lineage,
                "status": shown.status,
                "reason": shown.reason,
                "edited": list(shown.edited),
                "is_flaky": shown.is_flaky,
                "by_hand": [
                    {
                        "path": edit.path,
                        "kind": edit.kind,
                        "base": edit.base or None,
                        "accepted": edit.accepted,
                        "disk": edit.disk,
                        "renamed_to": edit.renamed_to or None,
                    }
                    for edit in shown.by_hand
                ],
                "is_verified": shown.is_verified,
                "outputs": list(shown.task.outputs),
            }
            for shown in view.tasks
        ],
        "set_aside": len(view.asides),
        "run": None
        if live is None
        else {
            "id": live.run,
            "goal": live.goal,
            "phase": live.phase,
            "tasks": {task_id: task.status for task_id, task in live.tasks.items()},
            "questions": [question.model_dump(mode="json") for question in live.questions.values()],
        },
    }


COMMANDS = {
    "status": Command(
        about="Shows every task and why it is stale, the findings, the live run and its open questions.",
        examples=(
            ("ossature status", "the whole project"),
            ("ossature status --json", "one JSON document"),
        ),
        add_arguments=add_json,
        run=status,
    )
}
