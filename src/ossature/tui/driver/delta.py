"""The shortest sequence from one grid to another."""

from __future__ import annotations

from collections.abc import Iterable

from ossature.tui.driver.grid import UNKNOWN, Grid, Row, has_doubt, is_sure
from ossature.tui.driver.pen import Pen, Run
from ossature.tui.driver.sgr import Look, drawing_blank

FEW_RUNS = 64
"""So many can be put into the order of the shortest way to the next; that takes their number squared."""
MAX_BRIDGE = 4
"""So many unchanged cells are written again rather than jumped over: a jump takes four bytes."""


def send_difference(wanted: Grid, shown: Grid, pen: Pen) -> Pen:
    """The pen after it has drawn what has changed in *wanted* where it differs from *shown*; noted there.

    The grids are of one size. A row where terminals may disagree on the width of a character is drawn whole,
    cell by cell: what stands right of it may be elsewhere than we think.
    """
    runs: list[Run] = []
    doubtful: list[int] = []
    for y in sorted(wanted.changed):
        row, old = wanted.rows[y], shown.rows[y]
        if row.characters != old.characters or row.looks != old.looks:
            if has_doubt(row) or has_doubt(old):
                doubtful.append(y)
            else:
                runs += _runs(y, row, old)
            shown.rows[y] = row.copy()
    wanted.changed.clear()
    pen = _drawn(runs, pen)
    for y in doubtful:
        _draw_cells(y, wanted.rows[y], pen)
    return pen


def _drawn(runs: list[Run], pen: Pen) -> Pen:
    """Row by row, one look after the other within each row or at all, or the nearest first: the shortest."""
    first: dict[Look, int] = {}
    for run in runs:
        first.setdefault(run.look, len(first))
    orders: tuple[Iterable[Run], ...] = (
        runs,
        sorted(runs, key=lambda run: (run.y, first[run.look])),
        sorted(runs, key=lambda run: first[run.look]),
    )
    tried: list[tuple[int, Pen]] = []
    for order in orders:
        one = pen.copy()
        for run in order:
            one.draw(run)
        tried.append((_size(one), one))
    if len(runs) <= FEW_RUNS:
        nearest = _nearest_first(runs, pen.copy())
        tried.append((_size(nearest), nearest))
    return min(tried, key=lambda pair: pair[0])[1]


def _nearest_first(runs: list[Run], pen: Pen) -> Pen:
    left = runs.copy()
    while left:
        run = min(left, key=pen.cost)
        left.remove(run)
        pen.draw(run)
    return pen


def _size(pen: Pen) -> int:
    return sum(len(part.encode()) for part in pen.parts)


def _runs(y: int, row: Row, old: Row) -> list[Run]:
    """What of a row differs. A space takes the look of its neighbour where one cannot see that."""
    runs: list[Run] = []
    cells = zip(row.characters, row.looks, old.characters, old.looks, strict=True)
    for x, (character, look, old_character, old_look) in enumerate(cells):
        if (character == old_character and look == old_look) or character in ("", UNKNOWN):
            continue
        end = x + 2 if row.characters[x + 1 : x + 2] == [""] else x + 1
        run = Run(x, y, look, character, end)
        joined = _joined(runs[-1], run, row) if runs else None
        if joined is None:
            runs.append(run)
        else:
            runs[-1] = joined
    return runs


def _joined(left: Run, right: Run, row: Row) -> Run | None:
    """Both as one, with the few cells between them; None when they are not alike or too far apart."""
    between = row.characters[left.end : right.x]
    if len(between) > MAX_BRIDGE or UNKNOWN in between or not "".join(between).isascii():
        return None
    look = left.look if left.text.strip(" ") or not _suits(right.look, left.text, left.look) else right.look
    texts = zip((*between, right.text), (*row.looks[left.end : right.x], right.look), strict=True)
    if not all(_suits(look, text, wanted) for text, wanted in texts):
        return None
    return Run(left.x, left.y, look, f"{left.text}{''.join(between)}{right.text}", right.end)


def _suits(look: Look, text: str, wanted: Look) -> bool:
    """Drawn with *look* the text is seen as *wanted*."""
    return look == (wanted if text.strip(" ") else drawing_blank(look, wanted))


def _draw_cells(y: int, row: Row, pen: Pen) -> None:
    for x, (character, look) in enumerate(zip(row.characters, row.looks, strict=True)):
        if character not in ("", UNKNOWN):
            end = x + 2 if row.characters[x + 1 : x + 2] == [""] else x + 1
            pen.draw(Run(x, y, look, character, end))
            # Wherever it is now, the next cell says where it goes.
            if not is_sure(character):
                pen.x = None
