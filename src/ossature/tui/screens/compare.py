"""Two attempts at a task beside each other: facts, and the differences of their texts."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len, set_cell_size

from ossature.domain.plain_text import clean_line
from ossature.engine.comparing import Comparison, Fact, LeafChange
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.screens.page import Leaf, Page, leaf_of
from ossature.tui.text.document import TextDocument
from ossature.tui.text.paint import paint_diff, paint_plain

NAME_CELLS = 15

Lines = list[list[Span]]


class ComparePage(Page):
    """The older attempt is the side that lines are taken from, the newer the one they are added to."""

    def __init__(self, comparison: Comparison, *, glyphs: Glyphs) -> None:
        old, new = (clean_line(side.name) for side in (comparison.old, comparison.new))
        heading = f"Compare {old} with {new}"
        super().__init__(heading, ("Facts", "Prompt", "Response", "Diff", "Output"), glyphs=glyphs)
        self._comparison = comparison
        self._width = 0

    def leaf(self, tab: str) -> Leaf:
        self._width = self.viewer.scrollable_content_region.width
        if tab == "Facts":
            return leaf_of(fact_lines(self._comparison, width=self._width, glyphs=self.glyphs))
        text = self._texts[tab]
        if not text:
            return Leaf(TextDocument("Both attempts have the same text here."), paint_plain)
        return Leaf(TextDocument(text.removesuffix("\n")), paint_diff)

    def note(self, tab: str) -> str:
        if tab == "Facts":
            return ""
        lines = self._texts[tab].splitlines()
        added = sum(1 for line in lines if line.startswith("+") and not line.startswith("+++ "))
        gone = sum(1 for line in lines if line.startswith("-") and not line.startswith("--- "))
        return f"-{gone} +{added} " if lines else "the same "

    @property
    def _texts(self) -> Mapping[str, str]:
        found = self._comparison
        return {
            "Prompt": found.prompt,
            "Response": found.response,
            "Diff": found.changes,
            "Output": found.output,
        }

    def on_resize(self) -> None:
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        if self.tabs.chosen == "Facts" and self._width != self.viewer.scrollable_content_region.width:
            self.show_leaf()


def fact_lines(found: Comparison, *, width: int, glyphs: Glyphs) -> Lines:
    """A table with a column for each side; what differs stands out, by sign and by tone."""
    cells = max((width - NAME_CELLS - 5) // 2, 8)
    names = Fact("", found.old.name, found.new.name)
    lines: Lines = [_row(names, cells, glyphs, tone="strong", sign=" ")]
    for fact in found.facts:
        is_same = fact.is_same
        lines.append(
            _row(fact, cells, glyphs, tone="quiet" if is_same else "plain", sign=" " if is_same else "*")
        )
    lines += [[], [Span(" What the model saw", "title")]]
    if not found.leaves:
        known = found.old.meta.get("inputs") and found.new.meta.get("inputs")
        lines.append([Span("   the same inputs" if known else "   it was not written down", "quiet")])
    lines += [_leaf_line(change, glyphs) for change in found.leaves]
    return lines


def _row(fact: Fact, cells: int, glyphs: Glyphs, *, tone: str, sign: str) -> list[Span]:
    old, new = (_cut(clean_line(text), cells, glyphs) for text in (fact.old, fact.new))
    return [
        Span(f" {sign} ", "warn"),
        Span(f"{fact.name:<{NAME_CELLS}}", "label"),
        Span(f"{old} {new}", tone),
    ]


def _leaf_line(change: LeafChange, glyphs: Glyphs) -> list[Span]:
    kind = (
        "only in the newer one"
        if not change.old
        else "only in the older one"
        if not change.new
        else "changed"
    )
    spans = [Span("   "), Span(clean_line(change.leaf), "hunk"), Span(f"  {kind}", "quiet")]
    if change.old and change.new:
        spans.append(
            Span(f"  {clean_line(change.old[:8])} {glyphs.arrow} {clean_line(change.new[:8])}", "faint")
        )
    return spans


def _cut(text: str, cells: int, glyphs: Glyphs) -> str:
    if cell_len(text) > cells:
        return set_cell_size(text, cells - cell_len(glyphs.ellipsis)) + glyphs.ellipsis
    return text + " " * (cells - cell_len(text))
