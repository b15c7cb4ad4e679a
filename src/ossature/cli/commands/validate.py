"""`validate`: every problem of specs, config and plan, without a model."""

from __future__ import annotations

import argparse

from ossature.cli.command import Command, add_json
from ossature.cli.diagnostics import as_json, print_diagnostics, tally
from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import count
from ossature.domain.spec import SpecTree
from ossature.errors import Diagnostic, Exit, Place, PlanError
from ossature.project import Project, load_project
from ossature.spec.tree import load_specs, with_strict


def validate(args: argparse.Namespace, terminal: Terminal) -> int:
    """Print every diagnostic and a tally; exit 1 where one is an error."""
    project = load_project(terminal.cwd, terminal.environ)
    tree = load_specs(project.root, project.settings.spec_dir)
    if args.strict or project.settings.is_strict:
        tree = with_strict(tree)
    found = [*project.diagnostics, *tree.diagnostics, *_plan_diagnostics(project, tree)]
    has_errors = any(diagnostic.severity == "error" for diagnostic in found)
    if args.json:
        document = {
            "specs": list(tree.specs),
            "errors": sum(diagnostic.severity == "error" for diagnostic in found),
            "warnings": sum(diagnostic.severity == "warning" for diagnostic in found),
            "diagnostics": [as_json(diagnostic) for diagnostic in found],
        }
        terminal.json(document)
    else:
        print_diagnostics(found, terminal)
        tone = "bad" if has_errors else "warn" if found else "good"
        terminal.line(f"{count(len(tree.specs), 'spec')}: {tally(found)}", tone=tone)
    return Exit.FAILED if has_errors else Exit.OK


def _plan_diagnostics(project: Project, tree: SpecTree) -> tuple[Diagnostic, ...]:
    if not project.plan_path.exists():
        return ()
    # A project without a plan does not pay for what checks one.
    from ossature.engine.sources import load

    try:
        return load(project, tree=tree).diagnostics
    except PlanError as error:
        place = error.place or Place(project.relative(project.plan_path))
        return (Diagnostic("plan-unreadable", "error", place, error.message, error.hint),)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="count warnings about specs as errors")
    add_json(parser)


COMMANDS = {
    "validate": Command(
        about="Checks the specs, the config and, if there is one, the plan. No model is asked.",
        examples=(
            ("ossature validate", "every problem, as path:line:column"),
            ("ossature validate --strict", "warnings count as errors"),
            ("ossature validate --json", "one JSON document, for editors and CI"),
        ),
        add_arguments=_add_arguments,
        run=validate,
    )
}
