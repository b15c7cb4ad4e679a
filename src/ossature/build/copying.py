"""Tasks without a model: outputs that are copies of context files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ossature.domain.paths import obeyed_part
from ossature.domain.plan import Task
from ossature.errors import OssatureError
from ossature.store.safe_root import SafeRoot

_SCHEME = "context://"


def copied_files(task: Task, context_root: Path) -> dict[str, bytes]:
    """Output path -> content, by the task's `source` patterns.

    `source[i]` belongs to `outputs[i]`; each may hold one `*` (a name) or `**` (a path), and what it catches
    is put into the output. Raises OssatureError where a pattern is wrong or matches nothing, UnsafePath.
    """
    if len(task.source) != len(task.outputs):
        raise OssatureError(
            f"task {task.id}: {len(task.source)} sources and {len(task.outputs)} outputs",
            hint="each source belongs to the output in the same position",
        )
    root = SafeRoot(context_root)
    names = list(root.walk(exclude=lambda _rel, _is_dir: False)) if context_root.is_dir() else []
    files: dict[str, bytes] = {}
    for source, output in zip(task.source, task.outputs, strict=True):
        for name, target in _matches(task, source, output, names):
            obeyed = obeyed_part(target)
            if obeyed:
                raise OssatureError(
                    f"task {task.id}: {source} would write {target}: other programs act upon {obeyed}",
                    hint="copy it by hand, or let the pattern leave it out",
                )
            files[target] = root.read(name)
    return files


def sources_of(task: Task, names: Iterable[str]) -> list[str]:
    """Those of the context files *names* that the `source` patterns take; a wrong pattern takes none."""
    patterns = [re.compile(regex) for source in task.source if (regex := _regex_or_none(_rest(source)))]
    return [name for name in names if any(pattern.fullmatch(name) for pattern in patterns)]


def _matches(task: Task, source: str, output: str, names: Iterable[str]) -> list[tuple[str, str]]:
    scheme, rest = source.rpartition("://")[0], _rest(source)
    if scheme and scheme != "context":
        raise OssatureError(f"task {task.id}: source {source} is not of {_SCHEME}")
    if (rest.count("*") > 0) != (output.count("*") > 0):
        raise OssatureError(f"task {task.id}: {source} -> {output}: a pattern on both sides or on neither")
    pattern = re.compile(_regex(rest))
    found = [(name, caught) for name in names if (caught := pattern.fullmatch(name))]
    if not found:
        raise OssatureError(f"task {task.id}: {source} matches no file in the context folder")
    return [(name, _put(output, match)) for name, match in found]


def _rest(source: str) -> str:
    return source.rpartition("://")[2]


def _regex_or_none(pattern: str) -> str | None:
    try:
        return _regex(pattern)
    except OssatureError:
        return None


def _regex(pattern: str) -> str:
    head, star, tail = pattern.partition("**") if "**" in pattern else pattern.partition("*")
    if not star:
        return re.escape(pattern)
    if "*" in tail:
        raise OssatureError(f"source {pattern}: one * or ** at most")
    caught = "(.+)" if star == "**" else "([^/]+)"
    return re.escape(head) + caught + re.escape(tail)


def _put(output: str, match: re.Match[str]) -> str:
    if not match.groups():
        return output
    star = "**" if "**" in output else "*"
    return output.replace(star, match[1], 1)
