"""The specs pane: a tree of specs, sections and requirements, with marks where something is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from textual.message import Message

from ossature.domain.plain_text import clean_line
from ossature.domain.spec import Architecture, Component, Section, Spec, SpecTree
from ossature.spec.coverage import Coverage, Spot
from ossature.tui.keys.actions import bindings
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.panes.findings import Remark
from ossature.tui.widgets.bar import title
from ossature.tui.widgets.rows import Row, RowList

_TONES: Mapping[str, str] = {"error": "bad", "warning": "warn", "info": "quiet"}
MAX_USERS = 6
"""Tasks that the frame names."""


@dataclass(frozen=True, slots=True)
class SpecNode:
    """A place in a spec or architecture file."""

    key: str
    depth: int
    text: str
    path: str
    line: int
    end_line: int
    body: str
    """Raw text of the place."""
    is_branch: bool = False
    note: str = ""


def spec_nodes(tree: SpecTree) -> list[SpecNode]:
    """All places, in file order, parents before what lies in them."""
    nodes: list[SpecNode] = []
    for name, spec in tree.specs.items():
        nodes.append(_file_node(name, spec, 0))
        nodes += _section_nodes(name, spec.path, spec.sections, 1)
        for architecture in tree.architectures.get(name, ()):
            nodes += _architecture_nodes(name, architecture)
    return nodes


def _file_node(name: str, spec: Spec, depth: int) -> SpecNode:
    last = spec.text.count("\n") + 1
    return SpecNode(name, depth, name, spec.path, 1, last, spec.text, is_branch=True, note=spec.status)


def _section_nodes(root: str, path: str, sections: Sequence[Section], depth: int) -> Iterator[SpecNode]:
    parents = {section.parent for section in sections if section.level == 3}
    for section in sections:
        if section.level == 1:
            continue
        yield SpecNode(
            key=f"{root}/{path}:{section.line}",
            depth=depth + section.level - 2,
            text=section.title,
            path=path,
            line=section.line,
            end_line=section.end_line,
            body=section.text,
            is_branch=section.level == 2 and section.title in parents,
        )


def _architecture_nodes(name: str, architecture: Architecture) -> Iterator[SpecNode]:
    last = architecture.text.count("\n") + 1
    key = f"{name}/{architecture.path}"
    yield SpecNode(key, 1, "Architecture", architecture.path, 1, last, architecture.text, is_branch=True)
    for component in architecture.components:
        yield _component_node(key, architecture.path, component)


def _component_node(root: str, path: str, component: Component) -> SpecNode:
    last = component.line + component.text.count("\n")
    return SpecNode(
        key=f"{root}:{component.line}",
        depth=2,
        text=component.name,
        path=path,
        line=component.line,
        end_line=last,
        body=component.text,
        note=component.path,
    )


class SpecsPane(RowList):
    """Branches open and close; sections below the first level start closed where there are many specs."""

    BINDINGS = bindings("tree")

    def __init__(self, *, glyphs: Glyphs) -> None:
        super().__init__(
            id="specs", classes="pane", glyphs=glyphs, empty="no specs: `ossature new` writes one"
        )
        self._places: dict[str, SpecNode] = {}
        self._counts: dict[str, Counter[str]] = {}
        """Node -> how much is found there, by severity."""
        self._coverage = Coverage()
        self._marked = ""
        self._folded: set[str] | None = None

    class UsersWanted(Message):
        """The tasks that use the place under the cursor are asked for."""

    def show(self, tree: SpecTree, remarks: list[Remark], coverage: Coverage) -> None:
        nodes = spec_nodes(tree)
        self._places = {node.key: node for node in nodes}
        self._counts, self._coverage = _counts(nodes, remarks), coverage
        if self._folded is None and nodes:
            self._folded = (
                {n.key for n in nodes if n.is_branch and n.depth == 0} if len(nodes) > 200 else set()
            )
        self._draw()

    def highlight(self, task: str) -> None:
        """Mark what *task* uses, the one under the plan's cursor."""
        if task != self._marked:
            self._marked = task
            self._draw(self.key)

    @property
    def users(self) -> tuple[str, ...]:
        """Tasks that use the place under the cursor."""
        node = self.selected
        return self._coverage.tasks_at(*_spot(node)) if node else ()

    def action_users(self) -> None:
        self.post_message(self.UsersWanted())

    def say_users(self) -> None:
        """Which tasks use the place under the cursor, in the frame."""
        self.border_subtitle = title(f"/{self.filter}" if self.filter else self._uses())

    def _uses(self) -> str:
        node = self.selected
        if node is None or not self._coverage.spots:
            return ""
        if _spot(node) in self._coverage.unused:
            return "no task uses it"
        users = self.users
        more = f" +{len(users) - MAX_USERS}" if len(users) > MAX_USERS else ""
        return f"used by {', '.join(map(clean_line, users[:MAX_USERS]))}{more}" if users else ""

    @property
    def selected(self) -> SpecNode | None:
        return self._places.get(self.key)

    def _draw(self, key: str | None = None) -> None:
        closed = set() if self.filter else self._folded or set()
        rows: list[Row] = []
        hidden_below: int | None = None
        for node in self._places.values():
            if hidden_below is not None and node.depth > hidden_below:
                continue
            hidden_below = node.depth if node.key in closed else None
            rows.append(self._row(node, is_closed=node.key in closed))
        self.set_rows(rows, key=key)
        self.border_title = title(self._title())
        self.say_users()

    def _title(self) -> str:
        """With the mark that the selected task's sections have, where it has any."""
        is_marked = bool(self._coverage.spots.get(self._marked))
        return f"1 Specs  {self.glyphs.used} {clean_line(self._marked)}" if is_marked else "1 Specs"

    def _row(self, node: SpecNode, *, is_closed: bool) -> Row:
        sign = " "
        if node.is_branch:
            sign = self.glyphs.closed if is_closed else self.glyphs.opened
        tone = "title" if node.depth == 0 else "plain"
        left = (
            Span("  " * node.depth),
            Span(f"{sign} ", "quiet"),
            Span(clean_line(node.text), tone),
            Span(f"  {clean_line(node.note)}" if node.note else "", "quiet"),
        )
        return Row(node.key, left, self._marks(node))

    def _marks(self, node: SpecNode) -> tuple[Span, ...]:
        counts = self._counts.get(node.key, Counter())
        found = [
            Span(f"{self.glyphs.severity[severity]}{counts[severity]} ", tone)
            for severity, tone in _TONES.items()
            if counts[severity]
        ]
        return (*self._coverage_marks(node), *found)

    def _coverage_marks(self, node: SpecNode) -> list[Span]:
        spot = _spot(node)
        if spot in self._coverage.spots.get(self._marked, ()):
            return [Span(f"{self.glyphs.used} ", "up")]
        if spot in self._coverage.unused:
            return [Span(f"{self.glyphs.unused} ", "warn")]
        count = self._coverage.unused_in(node.path) if spot[1] == 0 else 0
        return [Span(f"{self.glyphs.unused}{count} ", "warn")] if count else []

    def set_filter(self, text: str) -> None:
        self.filter = text
        self._draw(self.key)

    def action_fold(self) -> None:
        node = self.selected
        if node and node.is_branch:
            self.action_unfold(node.key in (self._folded or set()))

    def action_unfold(self, is_open: bool) -> None:
        """Open the branch; or close it, or go to the branch that holds the row."""
        node = self.selected
        if node is None or self._folded is None:
            return
        if is_open:
            self._folded.discard(node.key)
        elif node.is_branch and node.key not in self._folded:
            self._folded.add(node.key)
        else:
            node = self._root_of(node)
        self._draw(node.key)

    def _root_of(self, node: SpecNode) -> SpecNode:
        before: SpecNode = node
        for other in self._places.values():
            if other.key == node.key:
                break
            if other.depth < node.depth:
                before = other
        return before


def _spot(node: SpecNode) -> Spot:
    """Where the plan's references would name it."""
    return (node.path, 0 if node.line == 1 else node.line)


def _counts(nodes: Sequence[SpecNode], remarks: Sequence[Remark]) -> dict[str, Counter[str]]:
    by_path: dict[str, list[Remark]] = {}
    for remark in (remark for remark in remarks if remark.is_open):
        by_path.setdefault(remark.path, []).append(remark)
    return {
        node.key: Counter(r.severity for r in near if _is_within(r, node))
        for node in nodes
        if (near := [*by_path.get("", ()), *by_path.get(node.path, ())])
    }


def _is_within(remark: Remark, node: SpecNode) -> bool:
    """Whether a remark of the node's file, or of none, belongs to the node."""
    if not remark.path:
        return node.depth == 0 and remark.spec == node.key
    if not remark.line:
        return node.line == 1
    return node.line <= remark.line <= node.end_line
