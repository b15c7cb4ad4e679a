"""Layers as cells: boxes, lines, and the cells of every edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ossature.tui.graph.layers import Layers, Node, layered, nets_of, placed
from ossature.tui.graph.tracks import tracks

MARGIN = 2
"""Cells between a box and the nearest upright line, on either side."""
ARROW = "▸"
LEFT, RIGHT, UP, DOWN = 1, 2, 4, 8
_CHARS = " ╴╶─╵┘└┴╷┐┌┬│┤├┼"
"""By the sum of the arms."""


@dataclass(frozen=True, slots=True)
class Box:
    """A task: one row, `width` cells from `x`."""

    task: str
    layer: int
    x: int
    y: int
    width: int


@dataclass(frozen=True, slots=True)
class Post:
    """The upright part of a line; `joins` are the rows in which something leaves or enters it."""

    x: int
    top: int
    bottom: int
    joins: frozenset[int]


@dataclass(slots=True)
class Drawing:
    """Where everything is. Rows are made when they are looked at."""

    layers: Layers
    boxes: dict[str, Box] = field(default_factory=dict)
    width: int = 0
    height: int = 0
    y: Mapping[Node, int] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    """Left edge of each layer."""
    xs: dict[Node, int] = field(default_factory=dict)
    """Where the upright part of a node's line is; missing where the line is straight."""
    bars: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    """Row -> level parts, each from, to, and `LEFT` or `RIGHT` where that end is a post's."""
    posts: dict[int, list[Post]] = field(default_factory=dict)
    """By row."""
    arrows: dict[int, list[int]] = field(default_factory=dict)

    def row(self, y: int) -> str:
        """The lines of a row, and blanks where its boxes are."""
        arms = [0] * self.width
        for first, last, end in self.bars.get(y, ()):
            for x in range(first, last + 1):
                arms[x] |= LEFT | RIGHT
            if end == RIGHT:
                arms[last + 1] |= LEFT
            elif end == LEFT:
                arms[first - 1] |= RIGHT
        for post in self.posts.get(y, ()):
            if y in post.joins:
                arms[post.x] |= (UP if y > post.top else 0) | (DOWN if y < post.bottom else 0)
            else:
                arms[post.x] = UP | DOWN
        chars = [_CHARS[arm] for arm in arms]
        for x in self.arrows.get(y, ()):
            chars[x] = ARROW
        return "".join(chars)

    def path(self, source: str, target: str) -> list[tuple[int, int]]:
        """The cells (x, y) of the edge from *source* to *target*, from one box to the other."""
        cells: list[tuple[int, int]] = []
        x = self.boxes[source].x + self.boxes[source].width
        last = self.layers.layer[target] - 1
        for number in range(self.layers.layer[source], last + 1):
            node = (source, number)
            y = self.y[node]
            below = self.y[target, number + 1] if number == last else self.y[source, number + 1]
            turn = self.xs.get(node, x)
            cells += [(cell, y) for cell in range(x, turn)]
            step = 1 if below >= y else -1
            cells += [(turn, cell) for cell in range(y, below + step, step)]
            x = self.starts[number + 1]
            cells += [(cell, below) for cell in range(turn + 1, x)]
        return cells


def drawn(order: Sequence[str], edges: Mapping[str, Sequence[str]], widths: Mapping[str, int]) -> Drawing:
    """*order* puts a task after all of *edges*; *widths* are the cells of each task's box."""
    layers = layered(order, edges)
    drawing = Drawing(layers, y=placed(layers))
    x = 0
    for number, row in enumerate(layers.rows):
        drawing.starts.append(x)
        wide = max((widths[node[0]] for node in row if layers.is_task(node)), default=1)
        for node in row:
            if layers.is_task(node):
                y = drawing.y[node]
                drawing.boxes[node[0]] = Box(node[0], number, x, y, widths[node[0]])
        x = _join(drawing, number, x + wide)
    drawing.width = x
    drawing.height = 1 + max(drawing.y.values(), default=-1)
    return drawing


def _join(drawing: Drawing, number: int, x: int) -> int:
    """Draw what is between a layer, which ends before *x*, and the next; where that one starts."""
    nets = nets_of(drawing.layers, drawing.y, number)
    if not nets:
        return x + MARGIN
    found = tracks(nets)
    count = 1 + max(found.values(), default=-1)
    step = 2 if count <= 3 else 1
    end = x + MARGIN + step * max(count - 1, 0) + (1 if count else 0) + MARGIN
    for net in nets:
        task, start = net.node[0], drawing.starts[number]
        if drawing.layers.is_task(net.node):
            start += drawing.boxes[task].width
        for node, row in net.ends:
            if drawing.layers.is_task(node):
                drawing.arrows.setdefault(row, []).append(end - 1)
        if net.node not in found:
            drawing.bars.setdefault(net.row, []).append((start, end - 1, 0))
            continue
        at = x + MARGIN + step * found[net.node]
        drawing.xs[net.node] = at
        drawing.bars.setdefault(net.row, []).append((start, at - 1, RIGHT))
        for _, row in net.ends:
            drawing.bars.setdefault(row, []).append((at + 1, end - 1, LEFT))
        post = Post(at, min(net.rows), max(net.rows), net.rows)
        for row in range(post.top, post.bottom + 1):
            drawing.posts.setdefault(row, []).append(post)
    return end
