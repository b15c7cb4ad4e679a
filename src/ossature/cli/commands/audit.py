"""`audit`: review the specs, then write briefs, interfaces and the plan."""

from __future__ import annotations

import argparse

from ossature.cli.command import Command, add_run_arguments
from ossature.cli.commands.findings import add_arguments as add_finding_arguments
from ossature.cli.commands.findings import settle, wanted_fixes
from ossature.cli.running import replay_folder, start_run
from ossature.cli.terminal import Terminal
from ossature.engine.session import RunRequest
from ossature.project import load_project


def audit(args: argparse.Namespace, terminal: Terminal) -> int:
    """Run the audit; what has not changed since the last one is not asked again. Or settle its findings."""
    settled = settle(args, terminal)
    if settled is not None:
        return settled
    project = load_project(terminal.cwd, terminal.environ)
    fixes = wanted_fixes(args, terminal)
    request = RunRequest(
        goal="spec_fix" if fixes else "audit",
        findings=fixes,
        preset="auto" if args.auto else "default",
        replans=args.replan,
        plans_anyway=args.plan_anyway,
        replay=replay_folder(args.replay, terminal.cwd),
        model=args.model or "",
        allows_unpriced=args.allow_unpriced,
    )
    return start_run(
        project,
        request,
        terminal=terminal,
        face=args.ui,
        is_foreground=args.foreground,
        is_json=args.json,
    )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--replan", action="store_true", help="make the plan anew though nothing changed")
    parser.add_argument(
        "--plan-anyway", action="store_true", help="plan although the audit leaves errors open"
    )
    add_finding_arguments(parser)
    parser.add_argument("--auto", action="store_true", help="ask nothing")
    add_run_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the events as JSON lines; ask nothing")


COMMANDS = {
    "audit": Command(
        about="Lets a model review the specs, then writes briefs, interfaces and the plan.",
        examples=(
            ("ossature audit", "review and plan what changed"),
            ("ossature audit --list", "the findings and their ids"),
            ("ossature audit --fix 3f9a21", "see an edit of the spec that settles a finding, and approve it"),
            ('ossature audit --dismiss 3f9a21 --reason "never empty"', "settle a finding"),
            ("ossature audit --plan-anyway", "plan although errors are open"),
            ("ossature audit --model openai:gpt-5", "with another model"),
        ),
        add_arguments=_add_arguments,
        run=audit,
    )
}
