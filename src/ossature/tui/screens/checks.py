"""Dialogs with rows to be checked: what a task waits for, and which part of a split gets what."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from textual import events
from textual.app import ComposeResult
from textual.widgets import Input

from ossature.domain.plain_text import clean_line
from ossature.domain.plan import Task
from ossature.engine.plan_checking import ring_text
from ossature.engine.plan_editor import Sheet
from ossature.engine.plan_edits import ChangeEdges, PlanEdit, Share, SharedKey, Side, Split
from ossature.engine.plan_parts import OWNED, SHARED
from ossature.spec.plan_check import named_in
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.screens.plan_dialog import Desk, PlanDialog
from ossature.tui.widgets.fields import LineField
from ossature.tui.widgets.rows import Row, RowList

_LIST_KEYS = {
    "down": "cursor_down",
    "up": "cursor_up",
    "pagedown": "page(1)",
    "pageup": "page(-1)",
}


class CheckDialog(PlanDialog):
    """Typing filters the rows; space turns the one under the cursor."""

    HINT = "space turns, enter saves, escape closes"

    def __init__(self, heading: str, desk: Desk, *, glyphs: Glyphs) -> None:
        super().__init__(heading, desk, glyphs=glyphs)
        self.rows = RowList(glyphs=glyphs, empty="nothing to choose")

    @abstractmethod
    def rows_now(self) -> list[Row]:
        """All rows, as they are turned now."""

    @abstractmethod
    def turn(self, key: str) -> None:
        """The row with that key was chosen with space."""

    def on_mount(self) -> None:
        self.rows.set_rows(self.rows_now())

    def turn_current(self) -> None:
        """Turn the row under the cursor."""
        if self.rows.key:
            self.turn(self.rows.key)
            self.rows.set_rows(self.rows_now())

    async def on_key(self, event: events.Key) -> None:
        if event.key == "space":
            event.stop()
            self.turn_current()
        elif event.key in _LIST_KEYS:
            event.stop()
            await self.app.run_action(_LIST_KEYS[event.key], self.rows)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        self.save()

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        event.stop()


class _Filter(Input):
    """No filter needs a space, which turns the row under the cursor instead."""

    def on_key(self, event: events.Key) -> None:
        if event.key == "space" and isinstance(self.screen, CheckDialog):
            event.stop()
            event.prevent_default()
            self.screen.turn_current()


class EdgesDialog(CheckDialog):
    """What one task waits for. An edge that would close a ring cannot be chosen, and says why."""

    def __init__(self, sheet: Sheet, task: Task, desk: Desk, *, glyphs: Glyphs) -> None:
        super().__init__(f"{task.id} {task.title} waits for", desk, glyphs=glyphs)
        self._sheet = sheet
        self._subject = task
        self._chosen = set(task.depends_on)
        self._others = [other for other in sheet.plan.tasks if other.id != task.id]
        self._refused = sheet.waiting(task.id) - self._chosen

    def body(self) -> ComposeResult:
        field = _Filter(select_on_focus=False, compact=True, placeholder="type to filter")
        field.cursor_blink = False
        yield field
        yield self.rows

    def rows_now(self) -> list[Row]:
        by_interface = {o.id for o in self._others if o.spec in self._subject.cross_spec_interfaces}
        by_interface -= {o.id for o in self._others if o.spec == self._subject.spec}
        return [self._row(other, is_shown=other.id in by_interface) for other in self._others]

    def _row(self, other: Task, *, is_shown: bool) -> Row:
        mark = "[x]" if other.id in self._chosen else "[ ]"
        right, tone = "", "plain"
        if is_shown:
            right = f"by the interface of {other.spec}"
        if other.id in self._refused:
            mark, tone = " - ", "quiet"
            right = f"waits for {self._subject.id}"
        is_known = other.id in self._subject.depends_on
        if (other.id in self._chosen) != is_known:
            right, tone = ("no more" if is_known else "new"), "strong"
        left = (
            Span(f"{mark} ", tone),
            Span(f"{clean_line(other.id)} ", "label"),
            Span(clean_line(other.title), tone),
        )
        return Row(other.id, left, (Span(f"{clean_line(right)} ", "quiet"),) if right else ())

    def turn(self, key: str) -> None:
        if key in self._refused:
            ring = self._sheet.ring(self._subject.id, key)
            self.tell(f"refused: {ring_text(self._sheet.plan, ring)}", "bad")
            return
        self._chosen ^= {key}
        self.touched()

    def edit(self) -> PlanEdit | None:
        before = self._subject.depends_on
        added = tuple(
            other.id for other in self._others if other.id in self._chosen and other.id not in before
        )
        removed = tuple(name for name in before if name not in self._chosen)
        return ChangeEdges(self._subject.id, added, removed) if added or removed else None

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.rows.set_filter(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.save()


_TURNED: Mapping[Side, Side] = {"first": "second", "second": "both", "both": "first"}
_MARKS: Mapping[Side, str] = {"first": " 1 ", "second": "  2", "both": " 12"}
_LABELS: Mapping[SharedKey, str] = {
    "outputs": "writes",
    "byproducts": "byproduct",
    "spec_refs": "section",
    "arch_refs": "architecture",
    "verify": "verify",
    "inject_files": "shows",
    "context_files": "context",
}


class SplitDialog(CheckDialog):
    """Two titles, and for each thing that the task has which part gets it: the first, the second, or both."""

    HINT = "space: 1, 2 or both; tab, enter saves"

    def __init__(self, task: Task, desk: Desk, *, glyphs: Glyphs) -> None:
        super().__init__(f"Split {task.id} {task.title}", desk, glyphs=glyphs)
        self._subject = task
        self._sides: dict[tuple[SharedKey, str], Side] = {}
        for key in (*OWNED, *SHARED):
            for index, item in enumerate(getattr(task, key)):
                # A start that is no split yet, but close to one: the last output goes to the second part.
                is_last = key == "outputs" and index and index == len(task.outputs) - 1
                self._sides[key, item] = "second" if is_last else "first" if key in OWNED else "both"
        self._turned: set[tuple[SharedKey, str]] = set()
        self._follow_outputs()
        self._at_first = dict(self._sides)
        self._titles = (
            LineField(task.title, id="first"),
            LineField("", id="second", placeholder="title of the second part"),
        )

    def body(self) -> ComposeResult:
        yield from self._titles
        yield self.rows

    def on_mount(self) -> None:
        super().on_mount()
        self._titles[1].focus()

    def rows_now(self) -> list[Row]:
        return [
            Row(
                f"{key} {item}",
                (
                    Span(f"{_MARKS[side]}  ", "strong"),
                    Span(f"{_LABELS[key]:<12} ", "label"),
                    Span(clean_line(item)),
                ),
            )
            for (key, item), side in self._sides.items()
        ]

    def turn(self, key: str) -> None:
        name, _, item = key.partition(" ")
        found = next(place for place in self._sides if place == (name, item))
        self._sides[found] = _TURNED[self._sides[found]]
        self._turned.add(found)
        self._follow_outputs()
        self.touched()

    def _follow_outputs(self) -> None:
        """A command goes to the part whose files it names, unless a person sent it elsewhere."""
        for command in self._subject.verify:
            if ("verify", command) not in self._turned:
                named = {self._sides["outputs", path] for path in named_in(command, self._subject.outputs)}
                side: Side = "both" if not named else "first" if named == {"first"} else "second"
                self._sides["verify", command] = side

    def edit(self) -> PlanEdit | None:
        first, second = (field.value.strip() for field in self._titles)
        if not second and first == self._subject.title and self._sides == self._at_first:
            return None
        shares = tuple(Share(key, item, side) for (key, item), side in self._sides.items())
        return Split(self._subject.id, first, second, shares)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.touched()
