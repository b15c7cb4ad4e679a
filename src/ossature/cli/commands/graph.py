"""`graph`: what waits for what, as rails, for Graphviz, or as JSON."""

from __future__ import annotations

import argparse
import codecs
from collections.abc import Mapping, Sequence

from ossature.cli.columns import aligned
from ossature.cli.command import Command, add_json
from ossature.cli.tasks import plan_of, task_id
from ossature.cli.terminal import Terminal
from ossature.domain.plain_text import clean_line
from ossature.domain.plan import Graph, graph_of
from ossature.engine.preview import ProjectView, TaskView, look
from ossature.errors import Exit
from ossature.project import load_project
from ossature.tui.graph.rails import NODE, rails, reduced
from ossature.tui.look.glyphs import ASCII

_TONES = {"done": "good", "stale": "warn", "verify": "warn", "restore": "warn", "skipped": "quiet"}
_COLOURS = {"done": "palegreen", "stale": "khaki", "verify": "khaki", "restore": "khaki", "pending": "white"}
"""Of Graphviz; other standings are grey."""


def graph(args: argparse.Namespace, terminal: Terminal) -> int:
    """Tasks in building order; those on a cycle come last and have no rails."""
    view = look(load_project(terminal.cwd, terminal.environ))
    plan = plan_of(view)
    whole = view.graph or graph_of(plan)
    kept = _around([task_id(name, plan) for name in args.tasks], whole)
    order = [name for name in whole.order if name in kept]
    edges = {name: [other for other in whole.dependencies[name] if other in kept] for name in kept}
    by_id = {shown.task.id: shown for shown in view.tasks}
    if args.json:
        terminal.json(_as_json(view, kept, edges, whole))
    elif args.dot:
        terminal.block(_dot(by_id, [*order, *_unplaced(by_id, kept, order)], edges))
    else:
        _draw(by_id, order, edges, terminal)
        for name in _unplaced(by_id, kept, order):
            terminal.spans([("bad", f"? {name} {by_id[name].task.title}: waits for itself")])
    return Exit.OK


def _around(ids: Sequence[str], whole: Graph) -> set[str]:
    """Those tasks, all that they wait for and all that waits for them; every task where none is named."""
    if not ids:
        return set(whole.dependencies)
    return {other for name in ids for other in (name, *whole.ancestors(name), *whole.descendants(name))}


def _unplaced(by_id: Mapping[str, TaskView], kept: set[str], order: Sequence[str]) -> list[str]:
    placed = set(order)
    return [name for name in by_id if name in kept and name not in placed]


def _draw(
    by_id: Mapping[str, TaskView],
    order: Sequence[str],
    edges: Mapping[str, Sequence[str]],
    terminal: Terminal,
) -> None:
    drawn = [row.cells for row in rails(order, edges)]
    if not _can_show(NODE, terminal):
        drawn = [ASCII.rail(cells).replace(NODE, "*") for cells in drawn]
    width = max((len(cells) for cells in drawn), default=0)
    rows = [(name, by_id[name].status, by_id[name].task.title) for name in order]
    for cells, (name, status, title) in zip(drawn, aligned(rows), strict=True):
        tone = _TONES.get(status.strip(), "plain")
        terminal.spans([("quiet", f"{cells:<{width}}  "), ("strong", name), (tone, status), ("plain", title)])


def _can_show(text: str, terminal: Terminal) -> bool:
    try:
        text.encode(codecs.lookup(getattr(terminal.stdout, "encoding", None) or "utf-8").name)
    except UnicodeEncodeError:
        return False
    return True


def _dot(by_id: Mapping[str, TaskView], names: Sequence[str], edges: Mapping[str, Sequence[str]]) -> str:
    """A digraph; what an edge says that others imply is left out."""
    direct = {**edges, **reduced(names, edges)}
    lines = ["digraph plan {", "  rankdir=LR;", "  node [shape=box, style=filled];"]
    for name in names:
        shown = by_id[name]
        label = _quoted(f"{name} {shown.task.title}\n{shown.task.spec} · {shown.status}")
        lines.append(
            f"  {_quoted(name)} [label={label}, fillcolor={_COLOURS.get(shown.status, 'lightgrey')}];"
        )
    lines += [f"  {_quoted(other)} -> {_quoted(name)};" for name in names for other in direct[name]]
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    """As a string of DOT, in which only quotes and backslashes mean anything."""
    parts = (clean_line(part).replace("\\", "\\\\").replace('"', '\\"') for part in text.split("\n"))
    return '"' + "\\n".join(parts) + '"'


def _as_json(
    view: ProjectView, kept: set[str], edges: Mapping[str, Sequence[str]], whole: Graph
) -> dict[str, object]:
    return {
        "tasks": [
            {
                "id": shown.task.id,
                "spec": shown.task.spec,
                "title": shown.task.title,
                "status": shown.status,
                "outputs": list(shown.task.outputs),
                "depends_on": list(edges[shown.task.id]),
            }
            for shown in view.tasks
            if shown.task.id in kept
        ],
        "order": [name for name in whole.order if name in kept],
        "cycle": list(whole.cycle),
    }


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "tasks", nargs="*", metavar="TASK", help="only these, what they wait for, and what waits for them"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--dot", action="store_true", help="for Graphviz")
    add_json(form)


COMMANDS = {
    "graph": Command(
        about="Shows which task waits for which, and where each stands.",
        examples=(
            ("ossature graph", "rails beside the list of tasks"),
            ("ossature graph 004", "what 004 waits for, and what waits for it"),
            ("ossature graph --dot | dot -Tsvg >plan.svg", "a picture"),
        ),
        add_arguments=_add_arguments,
        run=graph,
    )
}
