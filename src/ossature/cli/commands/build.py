"""`build` and `retry`: build what changed, or one task anew."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ossature.cli.command import Command, add_run_arguments
from ossature.cli.terminal import Terminal
from ossature.engine.stamp import Stamping, read_stamp, up_to_date
from ossature.errors import Exit, OssatureError, UsageError
from ossature.project import Project, load_project
from ossature.settings import EDITS, MAX_JOBS, SANDBOX_MODES
from ossature.store.lease import read_dead

if TYPE_CHECKING:
    from ossature.domain.event import Preset
    from ossature.domain.plan import Plan
    from ossature.engine.forecast import Forecast
    from ossature.engine.preview import ProjectView

_ALL = "*"


def build(args: argparse.Namespace, terminal: Terminal) -> int:
    """Say that nothing is to do, show what would run, or run it."""
    _check(args)
    project = load_project(terminal.cwd, terminal.environ)
    is_plain = not (args.only or args.force is not None or args.dry_run or args.refresh_prompts)
    known = read_stamp(str(project.root)) if is_plain else None
    if known is not None:
        _say_up_to_date(known, is_json=args.json, terminal=terminal)
        return Exit.OK
    return _look_and_build(project, args, terminal, is_plain=is_plain)


def _look_and_build(project: Project, args: argparse.Namespace, terminal: Terminal, *, is_plain: bool) -> int:
    """Read everything; run what is stale, or leave a stamp that says that nothing is."""
    # Reading specs and plan is most of what a build with nothing to do would cost.
    from ossature.cli.tasks import buildable_plan, task_ids
    from ossature.engine.forecast import foretell
    from ossature.engine.preview import look

    stamping = Stamping(project)
    view = look(project, refreshes_prompts=args.refresh_prompts)
    plan = buildable_plan(view, terminal)
    only = task_ids(args.only or (), plan)
    forced = _forced(args.force, plan)
    forecast = foretell(view, only=only, forced=forced) if only or forced else view.forecast
    if args.dry_run:
        return _show_forecast(view, forecast, args, terminal, only=only)
    is_green = view.is_verified or bool(only or view.blocked)
    # What a killed run left open is closed by the next owner, also when nothing else is to do.
    is_tidy = read_dead(project.lease_path) is None
    if forecast.is_empty and is_green and is_tidy and not view.tree.has_errors:
        if is_plain and all(shown.status == "done" and not shown.edited for shown in view.tasks):
            _leave_stamp(stamping, view)
        _say_nothing_to_do(view, only, is_json=args.json, terminal=terminal)
        return Exit.OK
    # pydantic, and what starts a run, is not on the way of a build that has nothing to do.
    from ossature.cli.running import replay_folder, start_run
    from ossature.engine.session import RunRequest

    request = RunRequest(
        goal="build",
        preset=_preset(args),
        keeps_going=args.keep_going,
        jobs=args.jobs or 0,
        max_calls=args.max_calls or 0,
        tasks=only,
        forced=forced,
        refreshes_prompts=args.refresh_prompts,
        edits=args.edits,
        sandbox=args.sandbox,
        replay=replay_folder(args.replay, terminal.cwd),
        model=args.model or "",
        allows_unpriced=args.allow_unpriced,
    )
    return start_run(
        view.project,
        request,
        terminal=terminal,
        face=args.ui,
        is_foreground=args.foreground,
        is_json=args.json,
    )


def retry(args: argparse.Namespace, terminal: Terminal) -> int:
    """Build one task anew; a build that is at work takes it up."""
    # As above.
    from ossature.cli.tasks import buildable_plan, task_id
    from ossature.engine.preview import look

    view = look(load_project(terminal.cwd, terminal.environ))
    plan = buildable_plan(view, terminal)
    chosen = task_id(args.task, plan)
    # A name that does not exist is refused before anything that starts a run is imported.
    from ossature.cli.running import replay_folder, start_run
    from ossature.engine.session import RunRequest, live_holder

    if live_holder(view.project) is not None:
        return _requeue(view.project, chosen, args, terminal)
    request = RunRequest(
        goal="build",
        tasks=(chosen,),
        forced=(chosen,),
        feedback=args.feedback,
        sandbox=args.sandbox,
        replay=replay_folder(args.replay, terminal.cwd),
        model=args.model or "",
        allows_unpriced=args.allow_unpriced,
    )
    return start_run(view.project, request, terminal=terminal, face=args.ui, is_foreground=args.foreground)


def _requeue(project: Project, task: str, args: argparse.Namespace, terminal: Terminal) -> int:
    # Only here is a run spoken to.
    from ossature.cli.commands.answer import live_run, send
    from ossature.domain.decision import Requeue

    attachment = live_run(project)
    if attachment.state.phase != "build":
        raise OssatureError(
            f"run {attachment.run} owns the project and is not building",
            hint="try again when it has ended; see it with `ossature attach`",
            exit_code=Exit.BUSY,
        )
    send(attachment, Requeue(task=task, feedback=args.feedback, model=args.model or "", by="cli"))
    terminal.line(f"run {attachment.run} takes {task} up once more", tone="good")
    return Exit.OK


def _check(args: argparse.Namespace) -> None:
    for flag, given in (("-j", args.jobs), ("--max-calls", args.max_calls)):
        if given is not None and not 1 <= given <= MAX_JOBS:
            raise UsageError(f"{flag} {given}: from 1 to {MAX_JOBS}", hint=f"as in {flag} 4")
    if args.step and args.auto:
        raise UsageError("--step asks at every gate and --auto at none", hint="choose one of them")


def _preset(args: argparse.Namespace) -> Preset:
    if args.step:
        return "step"
    return "auto" if args.auto else "default"


def _forced(names: list[str] | None, plan: Plan) -> tuple[str, ...]:
    if names is None:
        return ()
    # As above.
    from ossature.cli.tasks import task_ids

    return task_ids(names, plan) if names else (_ALL,)


def _wanted(ids: tuple[str, ...], view: ProjectView, only: tuple[str, ...]) -> tuple[str, ...]:
    """Those of *ids* that a build of *only* reaches: the tasks named and what they need."""
    if not only or view.graph is None:
        return ids
    reached = set(only).union(*(view.graph.ancestors(task) for task in only))
    return tuple(task for task in ids if task in reached)


def _show_forecast(
    view: ProjectView,
    forecast: Forecast,
    args: argparse.Namespace,
    terminal: Terminal,
    *,
    only: tuple[str, ...],
) -> int:
    """What runs for certain, and what runs if an earlier task comes out differently."""
    # Only who asks for a forecast pays for an estimate.
    from ossature.cli.foretelling import forecast_as_json, print_forecast

    if args.json:
        terminal.json(forecast_as_json(view, forecast, model=args.model or ""))
        return Exit.OK
    print_forecast(view, forecast, terminal, model=args.model or "")
    if forecast.is_empty:
        _say_nothing_to_do(view, only, is_json=False, terminal=terminal)
    return Exit.OK


def _say_nothing_to_do(
    view: ProjectView, only: tuple[str, ...], *, is_json: bool, terminal: Terminal
) -> None:
    done = _wanted(tuple(shown.task.id for shown in view.tasks if shown.status == "done"), view, only)
    _say_up_to_date(len(done), is_json=is_json, terminal=terminal)
    for task, by in view.blocked.items():
        terminal.say(f"{task} is blocked by {by}, which the plan skips or a person has yet to write")


def _say_up_to_date(tasks: int, *, is_json: bool, terminal: Terminal) -> None:
    if is_json:
        terminal.say(up_to_date(tasks))
    else:
        terminal.line(up_to_date(tasks))


def _leave_stamp(stamping: Stamping, view: ProjectView) -> None:
    landings = view.loaded.sources.landings.values() if view.loaded else ()
    outputs = [path for landing in landings for path in landing.files]
    stamping.write(
        len(view.tasks), outputs, [path for shown in view.tasks for path in shown.task.context_files]
    )


def _add_build_arguments(parser: argparse.ArgumentParser) -> None:
    gates = parser.add_argument_group("what is asked")
    gates.add_argument("--step", action="store_true", help="ask at every gate")
    gates.add_argument("--auto", action="store_true", help="ask nothing; stop at the first failure")
    gates.add_argument(
        "--edits",
        choices=EDITS,
        help="what becomes of outputs that were edited by hand: adopt them, keep a copy, go back, or stop",
    )
    parser.add_argument(
        "-k", "--keep-going", action="store_true", help="go on with what does not depend on a failure"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="show what would run")
    parser.add_argument("--only", nargs="+", metavar="TASK", help="build only these tasks and what they need")
    parser.add_argument(
        "--force",
        nargs="*",
        metavar="TASK",
        help="generate these anew though nothing changed; all without names",
    )
    parser.add_argument(
        "--refresh-prompts",
        action="store_true",
        help="generate anew what was made with another version of our prompt templates",
    )
    _add_sandbox_argument(parser)
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="tasks at a time (default: 1)")
    parser.add_argument("--max-calls", type=int, metavar="N", help="model calls at a time (default: as -j)")
    add_run_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the events as JSON lines; ask nothing")


def _add_retry_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="TASK", help="id of the task; 7 is 007")
    parser.add_argument("--feedback", default="", metavar="TEXT", help="a word to the model")
    _add_sandbox_argument(parser)
    add_run_arguments(parser)


def _add_sandbox_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sandbox", choices=SANDBOX_MODES, help="what generated code may do")


COMMANDS = {
    "build": Command(
        about=(
            "Builds the tasks whose specs, files or checks changed. At a terminal it asks where a person\n"
            "has to decide; Ctrl-C stops after the work in flight, twice stops now. The run outlives it."
        ),
        examples=(
            ("ossature build", "what changed"),
            ("ossature build -n", "what would run, and why"),
            ("ossature build -j 8 --auto -k", "eight at a time, ask nothing, go on after a failure"),
            ("ossature build --only 004 --force 004", "one task anew"),
        ),
        add_arguments=_add_build_arguments,
        run=build,
    ),
    "retry": Command(
        about="Generates one task anew, though nothing changed. A build at work takes it up.",
        examples=(
            ("ossature retry 004", "another try"),
            ("ossature retry 004 --feedback 'use a heap'", "with a word to the model"),
        ),
        add_arguments=_add_retry_arguments,
        run=retry,
    ),
}
