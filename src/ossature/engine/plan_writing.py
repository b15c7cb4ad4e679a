"""Writes edits of the plan to the disk: never over what somebody else has written meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from ossature.build.merging import merge
from ossature.engine import plan_edits as ed
from ossature.engine.plan_editing import NAME
from ossature.errors import Place, PlanError
from ossature.project import Project
from ossature.store.disk import read_existing, write_atomic
from ossature.store.plan_lock import plan_lock
from ossature.store.plan_text import load_exact, tables_of, task_lines

_BOM = "\ufeff"
_TRIES = 5
_LABELS = ("on disk", "as it was", "yours")
T = TypeVar("T")


class PlanText(NamedTuple):
    """The plan as it is on disk."""

    text: str
    """Without a byte order mark; its line ends as they are."""
    has_mark: bool = False

    @property
    def content(self) -> bytes:
        return f"{_BOM if self.has_mark else ''}{self.text}".encode()


def read_plan_text(project: Project) -> PlanText:
    """Raises PlanError where there is no plan or it is not UTF-8, DiskError."""
    content = read_existing(project.plan_path)
    if content is None:
        raise PlanError("there is no plan yet", hint="A reviews the specs and makes one")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise PlanError("the plan is not UTF-8", place=Place(NAME, line), hint="mend it by hand") from error
    return PlanText(text.removeprefix(_BOM), text.startswith(_BOM))


class Written(NamedTuple):
    """What stood on the disk, and what stands there now."""

    before: str
    after: str


def rewrite(project: Project, change: Callable[[str], tuple[str, T]]) -> tuple[Written, T]:
    """Write what *change* makes of the text on disk. What is saved by others while it works counts, too.

    Raises what *change* raises, PlanError where the file never holds still, BusyError, DiskError.
    """
    with plan_lock(project.state_dir):
        found = read_plan_text(project)
        for _ in range(_TRIES):
            text, made = change(found.text)
            again = read_plan_text(project)
            if again == found:
                if text != found.text:
                    write_atomic(project.plan_path, found._replace(text=text).content)
                return Written(found.text, text), made
            found = again
    raise PlanError("the plan changes on disk all the time", hint="try again when it is at rest")


class Clash(PlanError):
    """What an edit is about was changed on disk since the edit began."""

    def __init__(self, what: str, text: str, lines: str = "") -> None:
        super().__init__(
            f"{what} was changed on disk meanwhile, so nothing was written",
            hint="look at it; saved once more, yours is written all the same",
        )
        self.text = text
        """The plan as it is on disk: what an edit goes by that a person makes all the same."""
        self.lines = lines
        """Of a block: both versions in one, with conflict markers; empty where nothing could merge them."""


def settle(edit: ed.PlanEdit, base: str, text: str) -> ed.PlanEdit:
    """What is to be done to *text* for an edit that was made on *base*; two versions of a block are merged.

    Raises Clash where *text* is not as *base* in what the edit is about.
    """
    if base == text:
        return edit
    for what, old, new in _touched(edit, base, text):
        if old == new:
            continue
        if not isinstance(edit, ed.ReplaceBlock) or not new:
            raise Clash(what, text)
        merged = merge(old.encode(), new.encode(), edit.lines.encode(), labels=_LABELS)
        if merged is None:
            raise Clash(what, text)
        lines = merged.content.decode()
        if not merged.is_clean:
            raise Clash(what, text, lines)
        return ed.ReplaceBlock(edit.task, lines)
    return edit


def _touched(edit: ed.PlanEdit, base: str, text: str) -> Iterator[tuple[str, Any, Any]]:
    """What the edit takes the place of: its name, as it was and as it is."""
    match edit:
        case ed.SetFields():
            old, new = _table(base, edit.task), _table(text, edit.task)
            for key, _ in edit.fields:
                yield f"{key} of {edit.task}", old.get(key), new.get(key)
        case ed.SetStatus():
            old, new = _table(base, edit.task), _table(text, edit.task)
            yield f"status of {edit.task}", old.get("status"), new.get("status")
        case ed.Split() | ed.RemoveTask() | ed.ReplaceBlock() | ed.Merge():
            names = (edit.task, edit.other) if isinstance(edit, ed.Merge) else (edit.task,)
            for name in names:
                yield name, _lines(base, name), _lines(text, name)
        case ed.ChangeEdges() | ed.Move() | ed.AddTask():
            pass


def _table(text: str, task_id: str) -> Mapping[str, Any]:
    """Raises PlanError where *text* is no TOML or has no tasks as tables; empty where the task is gone."""
    return next((task for task in tables_of(load_exact(text)) if task.get("id") == task_id), {})


def _lines(text: str, task_id: str) -> str:
    return task_lines(text, task_id) if _table(text, task_id) else ""
