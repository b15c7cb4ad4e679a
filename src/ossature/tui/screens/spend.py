"""What model calls cost: bars by day, spec, task, model and run, and a line of the days."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.cells import cell_len, set_cell_size

from ossature.domain.plain_text import clean_line, count
from ossature.engine.spend import BYS, Book, By, Group, Sums, daily, levels
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.screens.page import Leaf, Page, leaf_of

_NAMES: Mapping[str, By] = {f"By {by}": by for by in BYS}
MIN_BAR_CELLS = 4
MAX_BAR_CELLS = 40

Lines = list[list[Span]]


class SpendPage(Page):
    """A tab for each way of adding up."""

    def __init__(self, book: Book, names: Mapping[str, str], *, glyphs: Glyphs) -> None:
        """*names* are what people call runs."""
        super().__init__("Spend", list(_NAMES), glyphs=glyphs)
        self._book = book
        self._runs = names
        self._width = 0

    def leaf(self, tab: str) -> Leaf:
        self._width = self.viewer.scrollable_content_region.width
        by = _NAMES[tab]
        return leaf_of(spend_lines(self._book, by, width=self._width, glyphs=self.glyphs, names=self._runs))

    def on_resize(self) -> None:
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        if self._width != self.viewer.scrollable_content_region.width:
            self.show_leaf()


def spend_lines(
    book: Book,
    by: By,
    *,
    width: int,
    glyphs: Glyphs,
    names: Mapping[str, str],
) -> Lines:
    """The page of one tab; *names* are what people call runs."""
    total = book.total
    if not total.calls and not total.charged:
        return [[Span(" No model has been called yet; replies that were played back cost nothing.", "quiet")]]
    days = book.groups["day"]
    lines = [*_total_lines(total, days), *_day_line(days, width, glyphs), []]
    groups = [group for group in book.groups[by] if group.sums.calls]
    if by in ("day", "run"):
        groups = groups[::-1]
    return lines + _bars(groups, by=by, width=width, glyphs=glyphs, names=names)


def _total_lines(total: Sums, days: Sequence[Group]) -> Lines:
    span = days[0].key if len(days) == 1 else f"{days[0].key} to {days[-1].key}"
    lines: Lines = [
        [Span(" Total  ", "label"), Span(cost_text(total), "strong"), Span(f"  {_figures(total)}")],
        [Span(" Days   ", "label"), Span(f"{span} (UTC)", "quiet")],
    ]
    if total.unpriced:
        text = f"{count(total.unpriced, 'call')} without a known price, shown as ?"
        lines.append([Span(" Note   ", "label"), Span(text, "warn")])
    if total.charged:
        text = f"not in it: {count(total.charged, 'call')} without a reply, at most ${total.charged_usd:.2f}"
        lines.append([Span(" Note   ", "label"), Span(text, "warn")])
    return lines


def _day_line(days: Sequence[Group], width: int, glyphs: Glyphs) -> Lines:
    """One cell a day, or a few days where there are many."""
    whole = daily(days)
    weigh = _weight(whole)
    heights = levels([weigh(day) for day in whole], steps=len(glyphs.spark) - 1, width=max(width - 26, 8))
    line = "".join(glyphs.spark[height] for height in heights)
    each = -(-len(whole) // max(width - 26, 8))
    note = f" ({each} days a cell)" if each > 1 else ""
    return [[Span("        "), Span(line, "active"), Span(note, "quiet")]]


def _bars(groups: Sequence[Group], *, by: By, width: int, glyphs: Glyphs, names: Mapping[str, str]) -> Lines:
    weigh = _weight(groups)
    top = max((weigh(group) for group in groups), default=0.0)
    rows = [
        (clean_line(_label(group, names)), cost_text(group.sums), _figures(group.sums)) for group in groups
    ]
    if not rows:
        return []
    cost_cells = max(len(cost) for _, cost, _ in rows)
    tail_cells = max(len(figures) for *_, figures in rows)
    label_cells = min(max(cell_len(label) for label, *_ in rows), max(width * 2 // 5, 10))
    room = width - label_cells - cost_cells - 5
    has_figures = room - tail_cells - 2 >= MIN_BAR_CELLS
    bar_cells = max(min(room - (tail_cells + 2 if has_figures else 0), MAX_BAR_CELLS), 0)
    what = "cost" if any(group.sums.cost_usd for group in groups) else "tokens: no price is known"
    lines: Lines = [[Span(f" by {by}; bars are {what}", "quiet")]]
    for group, (label, cost, figures) in zip(groups, rows, strict=True):
        full = levels([weigh(group), top], steps=bar_cells, width=2)[0] if top else 0
        lines.append(
            [
                Span(f" {_cut(label, label_cells, glyphs)}  "),
                Span(glyphs.full * full, "good"),
                Span(glyphs.empty * (bar_cells - full), "faint"),
                Span(f" {cost:>{cost_cells}}", "strong"),
                Span(f"  {figures}" if has_figures else "", "quiet"),
            ]
        )
    return lines


def _label(group: Group, names: Mapping[str, str]) -> str:
    known = names.get(group.key, "")
    return f"{known}  {group.label}" if known else group.label


def _cut(text: str, cells: int, glyphs: Glyphs) -> str:
    return (
        text + " " * (cells - cell_len(text))
        if cell_len(text) <= cells
        else (set_cell_size(text, cells - len(glyphs.ellipsis)) + glyphs.ellipsis)
    )


def _weight(groups: Sequence[Group]) -> Callable[[Group], float]:
    """What bars are long by: cost, or tokens where no price is known."""
    has_cost = any(group.sums.cost_usd for group in groups)
    return lambda group: (
        group.sums.cost_usd if has_cost else group.sums.input_tokens + group.sums.output_tokens
    )


def cost_text(sums: Sums) -> str:
    """`?` stands for calls whose price is not known."""
    known = f"${sums.cost_usd:.2f}" if sums.cost_usd or not sums.unpriced else ""
    return f"{known}+?" if sums.unpriced and known else known or "?"


def _figures(sums: Sums) -> str:
    cached = f" ({sums.cached_percent}% cached)" if sums.cached_tokens else ""
    tokens = f"{amount(sums.input_tokens)} in{cached}  {amount(sums.output_tokens)} out"
    return f"{count(sums.calls, 'call')}  {tokens}"


def amount(number: int) -> str:
    """`812`, `3.4k`, `1.2M`."""
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= limit:
            share = number / limit
            return f"{share:.1f}{unit}" if share < 100 else f"{share:.0f}{unit}"
    return str(number)
