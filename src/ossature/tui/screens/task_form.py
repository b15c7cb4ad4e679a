"""The form of one task: to change it, or to add one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, cast, get_args

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input, Label, TextArea

from ossature.domain.plan import Intent, Task
from ossature.engine.plan_edits import AddTask, Field, PlanEdit, SetFields, Value
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.screens.plan_dialog import Desk, PlanDialog
from ossature.tui.widgets.fields import ChoiceField, LineField, TextField

Kind = Literal["line", "text", "lines", "choice"]
FormKey = Literal[Field, "spec", "depends_on"]
"""Keys of a task that a form has a field for; the last two are a new task's alone."""


class FormField(NamedTuple):
    """What a field is for, and how it is typed into."""

    key: FormKey
    label: str
    kind: Kind


_FIELDS = (
    FormField("title", "title", "line"),
    FormField("description", "description", "text"),
    FormField("notes", "notes", "text"),
    FormField("outputs", "outputs, a file a line", "lines"),
    FormField("verify", "verify, a command a line", "lines"),
    FormField("spec_refs", "sections of the spec, one a line", "lines"),
    FormField("arch_refs", "parts of the architecture, one a line", "lines"),
    FormField("inject_files", "files to show in full, one a line", "lines"),
    FormField("context_files", "context files, one a line", "lines"),
    FormField("model", "model, empty for the project's", "line"),
    FormField("status", "status", "choice"),
)
_NEW_FIELDS = (
    FormField("spec", "spec", "line"),
    *_FIELDS[:5],
    FormField("depends_on", "waits for, an id a line", "lines"),
    *_FIELDS[5:],
)
_INTENTS: tuple[Intent, ...] = get_args(Intent)


class TaskForm(PlanDialog):
    """Every field that is not as it was is part of the edit."""

    HINT = "tab: next, ctrl+s saves, escape closes"

    def __init__(self, task: Task, desk: Desk, *, glyphs: Glyphs, after: str = "") -> None:
        """A *task* without an id is a new one, to stand behind *after*."""
        super().__init__(f"{task.id} {task.title}" if task.id else "New task", desk, glyphs=glyphs)
        self._subject = task
        self._after = after
        self._fields = _FIELDS if task.id else _NEW_FIELDS
        self._at_first = {field.key: text_of_field(task, field) for field in self._fields}
        self._locked = frozenset(field.key for field in self._fields if holds_scripts(task, field))

    def body(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            for field in self._fields:
                locked = " (of several lines: E edits them)" if field.key in self._locked else ""
                yield Label(f"{field.label}{locked}", markup=False, name=field.key)
                yield self._widget(field, self._at_first[field.key])

    def _widget(self, field: FormField, value: str) -> LineField | TextField | ChoiceField:
        match field.kind:
            case "line":
                return LineField(value, id=field.key)
            case "choice":
                return ChoiceField(_INTENTS, value, id=field.key)
            case _:
                area = TextField(value, id=field.key)
                area.disabled = field.key in self._locked
                return area

    def on_mount(self) -> None:
        self.query_one("#title").focus()

    def on_descendant_focus(self) -> None:
        self.call_after_refresh(self.show_focused)

    def show_focused(self) -> None:
        """A field is shown with its label."""
        super().show_focused()
        labels = [label for label in self.query(Label) if self.focused and label.name == self.focused.id]
        for label in labels:
            self.query_one(VerticalScroll).scroll_to_widget(label, animate=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.touched()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.touched()

    def on_choice_field_changed(self, event: ChoiceField.Changed) -> None:
        event.stop()
        self.touched()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()

    def edit(self) -> PlanEdit | None:
        typed = {field.key: self._typed(field) for field in self._fields}
        changed = {
            field.key: value_of(field, typed[field.key])
            for field in self._fields
            if typed[field.key] != self._at_first[field.key] and field.key not in self._locked
        }
        if not changed:
            return None
        if self._subject.id:
            return SetFields(self._subject.id, cast(tuple[tuple[Field, Value], ...], tuple(changed.items())))
        values = {field.key: value_of(field, typed[field.key]) for field in self._fields}
        return AddTask(new_task(values), self._after)

    def _typed(self, field: FormField) -> str:
        match self.query_one(f"#{field.key}"):
            case Input() as line:
                return line.value
            case TextArea() as area:
                return area.text
            case ChoiceField() as choice:
                return choice.value
        raise AssertionError(field)


def text_of_field(task: Task, field: FormField) -> str:
    """What stands in the field at first."""
    value = getattr(task, "intent" if field.key == "status" else field.key)
    return value if isinstance(value, str) else "\n".join(item.strip() for item in value)


def holds_scripts(task: Task, field: FormField) -> bool:
    """An item of the list is a text of several lines, which a field with an item a line would tear apart."""
    value = getattr(task, field.key, "") if field.kind == "lines" else ""
    return not isinstance(value, str) and any("\n" in item.strip() for item in value)


def value_of(field: FormField, typed: str) -> Value:
    """What the plan is to hold for it."""
    if field.kind == "lines":
        return tuple(line.strip() for line in typed.splitlines() if line.strip())
    return typed if field.kind == "text" and typed.strip() else typed.strip()


def new_task(values: Mapping[FormKey, Value]) -> Task:
    """A task of what was typed; its id is given when it is added."""

    def text(key: FormKey) -> str:
        return cast(str, values[key])

    def items(key: FormKey) -> tuple[str, ...]:
        return cast(tuple[str, ...], values[key])

    return Task(
        id="",
        spec=text("spec"),
        title=text("title"),
        description=text("description"),
        notes=text("notes"),
        outputs=items("outputs"),
        verify=items("verify"),
        depends_on=items("depends_on"),
        spec_refs=items("spec_refs"),
        arch_refs=items("arch_refs"),
        inject_files=items("inject_files"),
        context_files=items("context_files"),
        model=text("model"),
        intent=cast(Intent, text("status")),
    )
