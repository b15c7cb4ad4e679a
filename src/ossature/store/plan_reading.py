"""Reads the plan as people and other tools write it, and reports what cannot be used."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ossature.domain.hazards import hidden_characters
from ossature.domain.plan import Intent, Plan, Task, TaskKind
from ossature.errors import Diagnostic, Place, PlanError, Severity
from ossature.store.disk import read_existing
from ossature.store.plain_toml import load_plain
from ossature.store.toml_text import Block, blocks, has_endless_key, line_of_key, skeleton

MAX_BYTES = 16 * 1024 * 1024
_INTENTS: Mapping[str, Intent] = {
    "skipped": "skipped",
    "manual": "manual",
    "pending": "pending",
    "done": "pending",
    "failed": "pending",
    "": "pending",
}
_KINDS: Mapping[str, TaskKind] = {"task": "task", "verify": "verify", "": "task"}
_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*task[ \t]*\]\]", re.MULTILINE)
T = TypeVar("T")

WRONG_TASKS = "`task` has to be an array of tables"
TASK_HEADERS = "start each task with `[[task]]`"


def read_plan(path: Path, *, name: str) -> Plan:
    """The plan in *path*, called *name* in messages; what is wrong with it is in its diagnostics.

    Raises PlanError when there is no file, DiskError when it cannot be read.
    """
    content = read_existing(path)
    if content is None:
        raise PlanError("there is no plan", place=Place(name), hint="run `ossature audit`")
    if len(content) > MAX_BYTES:
        size = f"the plan is larger than {MAX_BYTES // 1024 // 1024} MiB"
        return _unusable(name, "plan-too-large", 0, size)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return _unusable(name, "plan-not-utf8", line, "the plan is not UTF-8")
    return parse_plan(text, name=name)


def parse_plan(text: str, *, name: str) -> Plan:
    """The plan in *text*. Never raises: a text that is not TOML gives an empty plan with an error."""
    try:
        document = load_plain(text)
        if document is None:
            document = load_toml(text)
    except PlanError as error:
        return _unusable(name, "plan-invalid-toml", error.place.line if error.place else 0, error.message)
    diagnostics: list[Diagnostic] = []
    diagnostics += hidden_characters(text, name)
    tasks = _read_tasks(document, text, name, diagnostics)
    meta = document.get("meta", {})
    specs: tuple[str, ...] = ()
    if isinstance(meta, dict):
        specs = _Fields(meta, lambda key: _meta_place(text, name, key), diagnostics).texts("specs")
    else:
        _report(diagnostics, "plan-wrong-type", Place(name, 1), "`meta` has to be a table")
    specs = specs or tuple(dict.fromkeys(task.spec for task in tasks if task.spec))
    return Plan(tasks=tuple(tasks), specs=specs, path=name, diagnostics=tuple(diagnostics))


def load_toml(text: str, *, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Like `tomllib.loads`; raises PlanError with the line for a text that is not TOML or would hang it."""
    # The first look is cheap, and only prose or an attack needs the second.
    if has_endless_key(text) and has_endless_key(skeleton(text)):
        raise PlanError("invalid TOML: a key has more than 64 parts")
    try:
        return tomllib.loads(text, parse_float=parse_float)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        message = f"invalid TOML: {str(error).split(' (at ')[0]}"
        raise PlanError(message, place=Place("", line)) from error
    except (RecursionError, ValueError) as error:
        raise PlanError("invalid TOML: nested too deeply, or a number is too long") from error


def _read_tasks(
    document: Mapping[str, Any], text: str, name: str, diagnostics: list[Diagnostic]
) -> list[Task]:
    tables = document.get("task", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        _report(diagnostics, "plan-wrong-type", Place(name, 1), WRONG_TASKS, TASK_HEADERS)
        tables = [t for t in tables if isinstance(t, dict)] if isinstance(tables, list) else []
    places = _Places(text, name, count=len(tables))
    tasks: dict[str, Task] = {}
    for index, table in enumerate(tables):
        task = _read_task(table, index, places, diagnostics)
        if task is None:
            continue
        first = tasks.setdefault(task.id, task)
        if first is not task:
            message = f"the id {task.id!r} is taken by the task in line {first.line}"
            _report(
                diagnostics, "plan-duplicate-id", Place(name, task.line), message, "give it an id of its own"
            )
    return list(tasks.values())


def _read_task(
    table: Mapping[str, Any], index: int, places: _Places, diagnostics: list[Diagnostic]
) -> Task | None:
    fields = _Fields(table, lambda key: places.of_key(index, key), diagnostics)
    status = fields.text("status")
    task = Task(
        id=fields.text("id"),
        spec=fields.text("spec"),
        title=fields.text("title"),
        outputs=fields.texts("outputs"),
        description=fields.text("description"),
        depends_on=fields.texts("depends_on"),
        spec_refs=fields.texts("spec_refs"),
        arch_refs=fields.texts("arch_refs"),
        verify=fields.commands("verify"),
        inject_files=fields.texts("inject_files"),
        cross_spec_interfaces=fields.texts("cross_spec_interfaces"),
        context_files=fields.texts("context_files"),
        source=fields.texts("source"),
        covers=fields.texts("covers"),
        notes=fields.text("notes"),
        kind=fields.choice("kind", _KINDS, severity="error"),
        intent=fields.choice("status", _INTENTS, severity="warning"),
        was_done=status == "done",
        timeout_s=fields.number("timeout_s"),
        verify_attempts=int(fields.number("verify_attempts")),
        byproducts=fields.texts("byproducts"),
        inject=fields.inject("inject"),
        model=fields.text("model"),
        context_budget_tokens=int(fields.number("context_budget_tokens")),
        line=places.lines[index],
    )
    fields.require("id", "spec", "title", *(() if task.kind == "verify" else ("outputs",)))
    return task if task.id else None


class _Places:
    """Where the tasks of a plan stand in its text."""

    def __init__(self, text: str, name: str, *, count: int) -> None:
        self._text = text
        self._name = name
        self._blocks: list[Block] | None = None
        self.lines = _header_lines(text)
        """Of each task's header; 0 for tasks that are inline tables."""
        if len(self.lines) != count:
            # A text of several lines holds what looks like a header, or a header is missing.
            self._blocks = blocks(text, "task")
            if len(self._blocks) != count:
                self._blocks = []
            self.lines = [block.line for block in self._blocks] or [0] * count

    def of_key(self, index: int, key: str) -> Place:
        """The line of a key, or of its task's header. The blocks are found only once something is wrong."""
        if self._blocks is None:
            self._blocks = blocks(self._text, "task")
        if index >= len(self._blocks):
            return Place(self._name, self.lines[index])
        block = self._blocks[index]
        at = line_of_key(self._text, key, block.start, block.end)
        return Place(self._name, block.line + self._text.count("\n", block.start, at or block.start))


class _Fields:
    """The keys of one table, each as its type; what does not fit is reported and counts as absent."""

    def __init__(
        self, table: Mapping[str, Any], place_of: Callable[[str], Place], diagnostics: list[Diagnostic]
    ) -> None:
        self._table = table
        self._place_of = place_of
        self._diagnostics = diagnostics
        self._wrong: set[str] = set()

    def require(self, *keys: str) -> None:
        for key in keys:
            if not self._table.get(key) and key not in self._wrong:
                what = "is empty" if key in self._table else "is missing"
                _report(self._diagnostics, "plan-missing-key", self._place_of(key), f"`{key}` {what}")

    def text(self, key: str) -> str:
        value = self._table.get(key, "")
        return value if isinstance(value, str) else self._refuse(key, "a string", "")

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._table.get(key, ())
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        return () if value == () else self._refuse(key, "a list of strings", ())

    def commands(self, key: str) -> tuple[str, ...]:
        """A string or a list of them; empty ones are left out."""
        value = self._table.get(key, "")
        listed = (value,) if isinstance(value, str) else self.texts(key)
        return tuple(command for command in listed if command.strip())

    def number(self, key: str) -> float:
        value = self._table.get(key, 0)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15:
            return value
        return self._refuse(key, "a number that is not negative", 0)

    def choice(self, key: str, choices: Mapping[str, T], *, severity: Severity) -> T:
        """The value that stands for the text under *key*; the one for "" where the text is none of them."""
        word = self.text(key)
        if word in choices:
            return choices[word]
        default = choices[""]
        message = f"{key} = {word!r:.60} is not known and counts as {default!r}"
        hint = "use one of: " + ", ".join(filter(None, choices))
        place = self._place_of(key)
        self._diagnostics.append(Diagnostic("plan-unknown-value", severity, place, message, hint))
        return default

    def inject(self, key: str) -> Mapping[str, str]:
        value = self._table.get(key, {})
        if isinstance(value, dict) and all(how in ("full", "interface") for how in value.values()):
            return value
        return self._refuse(key, 'a table of path = "full" or "interface"', {})

    def _refuse(self, key: str, wanted: str, default: T) -> T:
        if key in self._wrong:
            return default
        self._wrong.add(key)
        message = f"`{key}` has to be {wanted}, not {self._table[key]!r:.60}; it counts as absent"
        _report(self._diagnostics, "plan-wrong-type", self._place_of(key), message)
        return default


def _meta_place(text: str, name: str, key: str) -> Place:
    at = line_of_key(text, key, 0, len(text)) or 0
    return Place(name, text.count("\n", 0, at) + 1)


def _header_lines(text: str) -> list[int]:
    """Lines that look like the header of a task."""
    lines: list[int] = []
    line, counted = 1, 0
    for header in _HEADER.finditer(text):
        line += text.count("\n", counted, header.start())
        counted = header.start()
        lines.append(line)
    return lines


def _report(diagnostics: list[Diagnostic], code: str, place: Place, message: str, hint: str = "") -> None:
    diagnostics.append(Diagnostic(code, "error", place, message, hint))


def _unusable(name: str, code: str, line: int, message: str) -> Plan:
    hint = "mend it by hand, or restore it from git"
    return Plan(path=name, diagnostics=(Diagnostic(code, "error", Place(name, line), message, hint),))
