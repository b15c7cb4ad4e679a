"""`plan`: show the plan, check it, or make it anew."""

from __future__ import annotations

import argparse

from ossature.cli.columns import aligned
from ossature.cli.command import Command, add_json, add_run_arguments
from ossature.cli.diagnostics import print_diagnostics, tally
from ossature.cli.tasks import plan_errors, plan_of
from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import count
from ossature.domain.plan import Plan, Task, graph_of
from ossature.engine.preview import ProjectView, look
from ossature.errors import Exit
from ossature.project import Project, load_project


def plan(args: argparse.Namespace, terminal: Terminal) -> int:
    """Show by default; `--check` exits 3 where the plan has errors."""
    project = load_project(terminal.cwd, terminal.environ)
    if args.replan:
        return _replan(args, project, terminal)
    view = look(project)
    present = plan_of(view)
    if args.check:
        return _check(present, view, terminal)
    if args.json:
        terminal.json([_as_json(task) for task in present.tasks])
    else:
        _show(present, view, terminal)
    return Exit.OK


def _replan(args: argparse.Namespace, project: Project, terminal: Terminal) -> int:
    # Showing a plan needs nothing that starts a run.
    from ossature.cli.running import replay_folder, start_run
    from ossature.engine.session import RunRequest

    request = RunRequest(
        goal="plan", replans=True, replay=replay_folder(args.replay, terminal.cwd), model=args.model or ""
    )
    return start_run(project, request, terminal=terminal, face=args.ui, is_foreground=args.foreground)


def _check(present: Plan, view: ProjectView, terminal: Terminal) -> int:
    found = view.diagnostics
    print_diagnostics(found, terminal)
    has_errors = any(diagnostic.severity == "error" for diagnostic in found)
    terminal.line(
        f"{count(len(present.tasks), 'task')}: {tally(found)}", tone="bad" if has_errors else "good"
    )
    return Exit.NO_PLAN if has_errors else Exit.OK


def _show(present: Plan, view: ProjectView, terminal: Terminal) -> None:
    """In building order; tasks on a cycle, which have none, at the end."""
    graph = view.graph or graph_of(present)
    by_id = present.by_id()
    ids = [*graph.order, *(task_id for task_id in by_id if task_id not in graph.order)]
    rows = [("TASK", "SPEC", "TITLE", "WRITES", "WAITS FOR")]
    rows += [_row(by_id[task_id], graph.dependencies[task_id]) for task_id in ids]
    for index, cells in enumerate(aligned(rows)):
        terminal.spans([("strong" if index == 0 else "plain", cell) for cell in cells])
    errors = plan_errors(view)
    if errors:
        terminal.line(f"{count(len(errors), 'error')}: see `ossature plan --check`", tone="bad")


def _row(task: Task, waits_for: tuple[str, ...]) -> tuple[str, str, str, str, str]:
    title = task.title if task.intent == "pending" else f"{task.title} ({task.intent})"
    return task.id, task.spec, title, ", ".join(task.outputs), ", ".join(waits_for) or "–"


def _as_json(task: Task) -> dict[str, object]:
    return {
        "id": task.id,
        "spec": task.spec,
        "title": task.title,
        "outputs": task.outputs,
        "depends_on": task.depends_on,
        "cross_spec_interfaces": task.cross_spec_interfaces,
        "verify": task.verify,
        "intent": task.intent,
    }


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="list its problems; exit 3 where it has errors")
    what.add_argument("--replan", action="store_true", help="make it anew from the present specs")
    add_json(parser)
    add_run_arguments(parser)


COMMANDS = {
    "plan": Command(
        about="Shows the plan in building order, checks it, or makes it anew.",
        examples=(
            ("ossature plan", "the tasks, what they write and what they wait for"),
            ("ossature plan --check", "every problem of it, without a model"),
            ("ossature plan --replan", "a new plan from the present specs"),
        ),
        add_arguments=_add_arguments,
        run=plan,
    )
}
