"""Moves whole tasks about in the text of a plan, and proves that nothing else changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ossature.errors import PlanError
from ossature.store.plan_reading import load_toml
from ossature.store.toml_text import Block, blocks

_SURROGATE = re.compile("[\ud800-\udfff]")


class ExactFloat(float):
    """A float that equals itself even as nan, so that a proof by comparison holds."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and repr(self) == repr(other)

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


def index_of(document: Mapping[str, Any], task_id: str) -> int:
    """Position of a task; raises PlanError."""
    tasks = document.get("task", ())
    if isinstance(tasks, list):
        for index, task in enumerate(tasks):
            if isinstance(task, dict) and task.get("id") == task_id:
                return index
    raise PlanError(f"the plan has no task {task_id}", hint="`ossature plan` lists the tasks")


def position_of(document: Mapping[str, Any], before_id: str) -> int:
    """Where something before that task goes; an empty id means the end. Raises PlanError."""
    return index_of(document, before_id) if before_id else len(document.get("task", ()))


def task_blocks(text: str, document: Mapping[str, Any]) -> list[Block]:
    """One block for each task; raises PlanError for tasks that are written as inline tables."""
    found = blocks(text, "task")
    if len(found) != len(document.get("task", ())):
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
