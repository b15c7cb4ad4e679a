"""The plan file: read, written anew, and edited so that everything a person wrote in it stays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from ossature.domain.plan import Task
from ossature.store.plan_reading import parse_plan, read_plan
from ossature.store.plan_text import (
    cut,
    exact,
    holds,
    index_of,
    insert,
    load_exact,
    position_of,
    proven,
    tables_of,
    task_blocks,
    unprovable,
    with_line_ends,
)
from ossature.store.toml_text import blocks, comments, statement_of

if TYPE_CHECKING:
    from tomlkit.items import Array, Item

__all__ = [
    "add_task",
    "edit_task",
    "edit_tasks",
    "move_task",
    "parse_plan",
    "read_plan",
    "remove_task",
    "render_plan",
    "splice_plan",
]

_HEADER = (
    "The build plan, written by `ossature audit`. Edit it freely: comments and unknown keys are kept.",
    'A task waits for its `depends_on`. `status` is yours alone: "skipped" or "manual".',
)


def render_plan(tasks: Sequence[Task], specs: Sequence[str], *, generated_at: str) -> str:
    """A whole new plan file; *generated_at* is UTC as `YYYY-MM-DDTHH:MM:SSZ`."""
    # Deferred: importing tomlkit takes as long as four bare interpreters, and a build only reads.
    import tomlkit

    document = tomlkit.document()
    for line in _HEADER:
        document.add(tomlkit.comment(line))
    meta = {"generated_at": generated_at, "total_tasks": len(tasks), "specs": list(specs)}
    parts = [f"{tomlkit.dumps(document)}\n[meta]\n{_render_keys(meta)}"]
    return "\n".join(parts + [_render_task(task) for task in tasks])


def edit_task(text: str, task_id: str, changes: Mapping[str, Any]) -> str:
    """*text* with some keys of one task changed; a value of None removes the key.

    Everything outside that task's block stays byte for byte; within it comments, unknown keys and the order
    stay. Raises PlanError when there is no such task or the text is not TOML.
    """
    before = load_exact(text)
    index = index_of(before, task_id)
    plain = {key: exact(value) for key, value in changes.items()}
    tasks = [*before["task"]]
    tasks[index] = _changed(tasks[index], plain)
    wanted = {**before, "task": tasks}
    if wanted == before:
        return text
    for candidate in _edits(text, index, plain):
        if holds(candidate, wanted):
            return candidate
    raise unprovable(f"task {task_id} cannot be edited without touching something else")


def edit_tasks(text: str, changes: Mapping[str, Mapping[str, Any]]) -> str:
    """*text* after `edit_task` with each task id in *changes* and what changes there. Raises PlanError."""
    at_once = _with_all(text, changes)
    if at_once is not None:
        return at_once
    for task_id, wanted in changes.items():
        text = edit_task(text, task_id, wanted)
    return text


def add_task(text: str, task: Task, before_id: str = "") -> str:
    """*text* with one more task, before another or at the end; raises PlanError."""
    wanted = load_exact(text)
    position = position_of(wanted, before_id)
    rendered = _render_task(task)
    wanted.setdefault("task", []).insert(position, load_exact(rendered)["task"][0])
    new = insert(text, rendered, position)
    return _counted(new, wanted, step=1, failure=f"task {task.id} cannot be added")


def remove_task(text: str, task_id: str) -> str:
    """*text* without one task; comments around its block stay. Raises PlanError."""
    wanted = load_exact(text)
    index = index_of(wanted, task_id)
    block = task_blocks(text, wanted)[index]
    del wanted["task"][index]
    new = cut(text, block.start, block.end)
    return _counted(new, wanted, step=-1, failure=f"task {task_id} cannot be removed")


def move_task(text: str, task_id: str, before_id: str) -> str:
    """*text* with one task, and the comment right above it, before another; an empty id means the end.

    Raises PlanError.
    """
    if task_id == before_id:
        return text
    wanted = load_exact(text)
    index = index_of(wanted, task_id)
    block = task_blocks(text, wanted)[index]
    moved = wanted["task"].pop(index)
    position = position_of(wanted, before_id)
    wanted["task"].insert(position, moved)
    new = insert(cut(text, block.lead, block.end), text[block.lead : block.end], position)
    return proven(new, wanted, f"task {task_id} cannot be moved")


def splice_plan(
    text: str,
    tasks: Sequence[Task],
    *,
    replaced_specs: Collection[str],
    specs: Sequence[str],
    generated_at: str,
) -> str:
    """*text* with the tasks of some specs replaced: exactly *tasks* in their order.

    A task of another spec keeps its block as it stands. One of a replaced spec whose id is known keeps its
    comments and unknown keys. What stands between tasks stays behind the task it follows, or moves to the end
    with a task that is gone. Raises PlanError, also for a kept task that *text* does not have.
    """
    document = load_exact(text)
    found = task_blocks(text, document)
    known = {str(table.get("id")): index for index, table in enumerate(tables_of(document))}
    first = found[0].lead if found else len(text)
    ends = [block.lead for block in found[1:]] + [len(text)]
    pieces = _Pieces()
    used: set[int] = set()
    for task in tasks:
        index = known.get(task.id)
        if index is None or index in used:
            if task.spec not in replaced_specs:
                raise unprovable(f"task {task.id} is not in the plan")
            rendered = _render_task(task)
            pieces.add(rendered, load_exact(rendered)["task"][0])
            continue
        used.add(index)
        block, table = found[index], document["task"][index]
        old = text[block.lead : block.end]
        if task.spec in replaced_specs:
            changes = _keys_of(task)
            old, table = edit_task(old, task.id, changes), _changed(table, exact(changes))
        pieces.add(old, table, text[block.end : ends[index]])
    left = [text[block.end : ends[index]] for index, block in enumerate(found) if index not in used]
    meta = {"generated_at": generated_at, "total_tasks": len(tasks), "specs": list(specs)}
    new = pieces.join(_with_meta(text[:first], meta), left)
    wanted = {**document, "task": pieces.tables, "meta": _changed(document.get("meta", {}), meta)}
    return proven(with_line_ends(new, text), wanted, "the new tasks do not fit into the plan")


class _Pieces:
    """The tasks of a plan that is put together anew."""

    def __init__(self) -> None:
        self.tables: list[dict[str, Any]] = []
        self._texts: list[str] = []

    def add(self, block: str, table: dict[str, Any], behind: str = "") -> None:
        """One task's text, what it says, and what stands behind it."""
        self.tables.append(table)
        self._texts += [block.strip("\r\n"), *filter(None, [behind.strip("\r\n")])]

    def join(self, preamble: str, rest: Iterable[str]) -> str:
        parts = [preamble, *self._texts, *rest]
        return "\n\n".join(filter(None, (part.strip("\r\n") for part in parts))) + "\n"


def _with_meta(preamble: str, meta: Mapping[str, Any]) -> str:
    """What stands before the first task, with `[meta]` brought up to date or added."""
    tables = blocks(preamble, "meta", is_array=False)
    if not tables:
        return f"{preamble.rstrip()}\n\n[meta]\n{_render_keys(meta)}"
    start, end = tables[0].start, tables[0].head_end
    return preamble[:start] + _with_keys(preamble[start:end], meta) + preamble[end:]


def _counted(text: str, wanted: dict[str, Any], *, step: int, failure: str) -> str:
    """Keep `[meta] total_tasks` in step with the number of tasks, where it was right, and prove the text."""
    now = len(wanted["task"])
    meta = wanted.get("meta")
    if isinstance(meta, dict) and meta.get("total_tasks") == now - step:
        wanted = {**wanted, "meta": {**meta, "total_tasks": now}}
        line = rf"(?m)^([ \t]*total_tasks[ \t]*=[ \t]*){now - step}\b"
        text = re.sub(line, rf"\g<1>{now}", text, count=1)
    return proven(text, wanted, failure)


def _changed(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """What a parsed table says after the edit."""
    return {key: value for key, value in {**table, **changes}.items() if value is not None}


def _with_all(text: str, changes: Mapping[str, Mapping[str, Any]]) -> str | None:
    """*text* with the keys of all tasks changed, parsed twice in all; None where one has to go by itself."""
    before = load_exact(text)
    tasks, found = tables_of(before), blocks(text, "task")
    if len(tasks) != len(found):
        return None
    left = {task_id: exact(wanted) for task_id, wanted in changes.items()}
    tables: list[dict[str, Any]] = []
    pieces: list[str] = []
    at = 0
    for block, table in zip(found, tasks, strict=True):
        plain = left.pop(table["id"], {}) if isinstance(table.get("id"), str) else {}
        tables.append(_changed(table, plain))
        if tables[-1] != table:
            lines = _with_keys(text[block.start : block.head_end], plain)
            pieces += [text[at : block.start], with_line_ends(lines, text)]
            at = block.head_end
    new = "".join((*pieces, text[at:]))
    return new if not left and holds(new, {**before, "task": tables}) else None


def _edits(text: str, index: int, changes: Mapping[str, Any]) -> Iterator[str]:
    """Candidates, the least invasive first: the keys alone, the whole block, the document."""
    found = blocks(text, "task")
    if index < len(found):
        start, head_end, end = found[index].start, found[index].head_end, found[index].end
        new = _with_keys(text[start:head_end], changes)
        yield text[:start] + with_line_ends(new, text) + text[head_end:]
        whole = _edited(text[start:end], ("task", 0), changes)
        if whole is not None:
            yield text[:start] + with_line_ends(whole, text) + text[end:]
    whole = _edited(text, ("task", index), changes)
    if whole is not None:
        yield whole


def _with_keys(lines: str, changes: Mapping[str, Any]) -> str:
    """The lines of one table, without its sub-tables, with some keys changed, removed or added at the end."""
    for key, value in changes.items():
        found = statement_of(lines, key)
        if found is None:
            if value is not None:
                joint = "" if lines.endswith("\n") else "\n"
                lines = f"{lines}{joint}{_render_keys({key: value})}"
            continue
        start, end = found
        old = lines[start:end]
        new = "" if value is None else _edited(old, (), {key: value})
        lost = Counter(comments(old)) - Counter(comments(new or ""))
        above = "".join(f"{comment}\n" for comment in lost.elements())
        lines = f"{lines[:start]}{above}{old if new is None else new}{lines[end:]}"
    return lines


def _edited(text: str, path: tuple[str | int, ...], changes: Mapping[str, Any]) -> str | None:
    """*text* with the table at *path* changed through tomlkit; None where that fails."""
    # Deferred: importing tomlkit takes as long as four bare interpreters, and a build only reads.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document: Any = tomlkit.parse(text if text.endswith("\n") else f"{text}\n")
        table = document
        for step in path:
            table = table[step]
        for key, value in changes.items():
            _set(table, key, value)
        new = tomlkit.dumps(document)
    except (TOMLKitError, KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None
    if not path:
        return new
    lost = Counter(comments(text)) - Counter(comments(new))
    found = blocks(new, "task")
    at = found[int(path[1])].head_end if int(path[1]) < len(found) else len(new)
    return new[:at] + "".join(f"{comment}\n" for comment in lost.elements()) + new[at:]


def _set(table: Any, key: str, value: Any) -> None:
    """Change one key of a tomlkit table with as little as possible of what stands around it."""
    from tomlkit.items import Array, Table  # deferred like tomlkit itself

    old = table.get(key)
    match old, value:
        case _, None:
            if old is not None:
                table.remove(key)
        case Table(), dict():
            for name in [name for name in old if name not in value]:
                old.remove(name)
            for name, item in value.items():
                _set(old, name, item)
        case Array(), list() if "\n" in old.as_string() and all(map(_is_text, [*old, *value])):
            _update(old, value)
        case _:
            table[key] = _item(value)


def _is_text(item: object) -> bool:
    return isinstance(item, str)


def _update(array: Array, wanted: list[str]) -> None:
    """Change only what differs, so that comments within the array stay with their lines."""
    old = [str(item) for item in array]
    for tag, start, end, first, last in reversed(SequenceMatcher(None, old, wanted).get_opcodes()):
        if tag == "equal":
            continue
        for position in reversed(range(start, end)):
            del array[position]
        for offset, item in enumerate(wanted[first:last]):
            array.insert(start + offset, _item(item))


def _render_task(task: Task) -> str:
    """A `[[task]]` block: what a task has to have, and what it has besides."""
    return f"[[task]]\n{_render_keys({key: v for key, v in _keys_of(task).items() if v is not None})}"


def _keys_of(task: Task) -> dict[str, Any]:
    """Every key of a task as it is written; None where it is left out."""
    optional = {
        "description": task.description,
        "depends_on": task.depends_on,
        "spec_refs": task.spec_refs,
        "arch_refs": task.arch_refs,
        "status": "" if task.intent == "pending" else task.intent,
        "verify": task.verify,
        "kind": "" if task.kind == "task" else task.kind,
        "inject_files": task.inject_files,
        "cross_spec_interfaces": task.cross_spec_interfaces,
        "context_files": task.context_files,
        "source": task.source,
        "covers": task.covers,
        "notes": task.notes,
        "model": task.model,
        "timeout_s": task.timeout_s,
        "verify_attempts": task.verify_attempts,
        "byproducts": task.byproducts,
        "context_budget_tokens": task.context_budget_tokens,
        "inject": task.inject,
    }
    needed = {"id": task.id, "spec": task.spec, "title": task.title, "outputs": task.outputs}
    return needed | {key: value or None for key, value in optional.items()}


def _render_keys(keys: Mapping[str, Any]) -> str:
    # Deferred: importing tomlkit takes as long as four bare interpreters, and a build only reads.
    import tomlkit

    document = tomlkit.document()
    for key, value in keys.items():
        document.add(key, _item(exact(value)))
    return tomlkit.dumps(document)


def _item(value: Any) -> Item:
    """A plain value as it is best read: long lists and texts on several lines."""
    # Deferred: importing tomlkit takes as long as four bare interpreters, and a build only reads.
    import tomlkit

    match value:
        case str():
            # A carriage return in a text of several lines would be read back as a plain line break.
            return tomlkit.string(value, multiline="\n" in value and "\r" not in value)
        case list():
            array = tomlkit.array()
            for item in value:
                array.append(_item(item))
            array.multiline(len(value) > 1)
            return array
        case dict():
            table = tomlkit.inline_table()
            for key, item in value.items():
                table.append(key, _item(item))
            return table
        case _:
            scalar: Item = tomlkit.item(value)
            return scalar
