"""Moves whole tasks about in the text of a plan, and proves that nothing else changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ossature.errors import Place, PlanError
from ossature.store.plan_reading import TASK_HEADERS, WRONG_TASKS, load_toml
from ossature.store.toml_text import Block, blocks

_SURROGATE = re.compile("[\ud800-\udfff]")


class ExactFloat(float):
    """A float that equals itself even as nan, so that a proof by comparison holds."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and repr(self) == repr(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = float.__hash__


def load_exact(text: str) -> dict[str, Any]:
    """The document in *text*, ready to be compared; raises PlanError."""
    return load_toml(text, parse_float=ExactFloat)


def exact(value: Any) -> Any:
    """*value* as `load_exact` gives it back once it is written."""
    match value:
        case float():
            return ExactFloat(value)
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case Mapping():
            return {key: exact(item) for key, item in value.items()}
        case list() | tuple():
            return [exact(item) for item in value]
        case _:
            return value


def holds(text: str, wanted: Mapping[str, Any]) -> bool:
    """Whether *text* is TOML and says exactly *wanted*; no tasks are the same as an empty list of them."""
    try:
        found = load_exact(text)
    except PlanError:
        return False
    return found == {key: value for key, value in wanted.items() if key != "task" or value}


def proven(text: str, wanted: Mapping[str, Any], failure: str) -> str:
    """*text*, which has to say *wanted*; raises PlanError with *failure*."""
    if not holds(text, wanted):
        raise unprovable(failure)
    return text


def unprovable(message: str) -> PlanError:
    """What is raised where an edit by machine would lose something."""
    return PlanError(message, hint="edit plan.toml by hand")


def tables_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tasks; raises PlanError where `task` is something else than an array of tables."""
    tables = document.get("task", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise PlanError(WRONG_TASKS, hint=TASK_HEADERS)
    return tables


def index_of(document: Mapping[str, Any], task_id: str) -> int:
    """Position of a task; raises PlanError."""
    for index, task in enumerate(tables_of(document)):
        if task.get("id") == task_id:
            return index
    raise PlanError(f"the plan has no task {task_id}", hint="`ossature plan` lists the tasks")


def position_of(document: Mapping[str, Any], before_id: str) -> int:
    """Where something before that task goes; an empty id means the end. Raises PlanError."""
    return index_of(document, before_id) if before_id else len(tables_of(document))


def task_blocks(text: str, document: Mapping[str, Any]) -> list[Block]:
    """One block for each task; raises PlanError for tasks that are written as inline tables."""
    found = blocks(text, "task")
    if len(found) != len(tables_of(document)):
        raise unprovable("the tasks are not all written as [[task]] tables")
    return found


def insert(text: str, block: str, position: int) -> str:
    """Put the text of a task before the one at *position*, or at the end, with a blank line between."""
    block = with_line_ends(block if block.endswith("\n") else f"{block}\n", text)
    end = "\r\n" if "\r\n" in text else "\n"
    found = blocks(text, "task")
    if position < len(found):
        at = found[position].lead
        return f"{text[:at]}{block}{end}{text[at:]}"
    if text and not text.endswith("\n"):
        text += end
    return f"{text}{end if text.strip() else ''}{block}"


def cut(text: str, start: int, end: int) -> str:
    """Leave out a piece that consists of lines, and the blank lines after it if there are some before."""
    before, after = text[:start], text[end:]
    if not before.strip() or re.search(r"\n[ \t]*\r?\n\Z", before):
        after = re.sub(r"\A(?:[ \t]*\r?\n)+", "", after)
    return before + after


def with_line_ends(new: str, text: str) -> str:
    """*new* with the line ends of *text*."""
    return re.sub(r"(?<!\r)\n", "\r\n", new) if "\r\n" in text else new


def task_lines(text: str, task_id: str) -> str:
    """The lines of one task, with the comment right above it; raises PlanError."""
    document = load_exact(text)
    block = task_blocks(text, document)[index_of(document, task_id)]
    lines = text[block.lead : block.end]
    return lines if lines.endswith("\n") else f"{lines}\n"


def replace_block(text: str, task_id: str, lines: str) -> tuple[str, str]:
    """*text* with other lines for one task, and the id that they give it.

    Raises PlanError, for a fault within *lines* with its line there, counted from 1.
    """
    wanted = load_exact(text)
    index = index_of(wanted, task_id)
    block = task_blocks(text, wanted)[index]
    lines = lines.replace("\r\n", "\n")
    inner = load_exact(lines)
    tasks = inner.get("task")
    if list(inner) != ["task"] or not isinstance(tasks, list) or len(tasks) != 1:
        raise PlanError(
            "what stands there has to be one [[task]] and nothing else",
            hint="split, merge and delete have keys of their own",
        )
    made = tasks[0].get("id")
    if not isinstance(made, str) or not made:
        raise PlanError("the task has no `id`", place=Place("", 1))
    new = with_line_ends(f"{lines.rstrip()}\n", text)
    if not text[block.lead : block.end].endswith("\n"):
        new = new.rstrip("\r\n")
    wanted["task"][index] = tasks[0]
    new = text[: block.lead] + new + text[block.end :]
    return proven(new, wanted, f"task {task_id} cannot be replaced by that"), made
