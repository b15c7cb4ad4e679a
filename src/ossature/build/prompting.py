"""From a task's material to the prompts that a model gets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ossature.build.diffing import unified_text
from ossature.build.material import NEVER, Material, Part
from ossature.domain.plan import Task
from ossature.errors import DiskError
from ossature.llm.prompt import Prompt, Template, fence, join_parts, load_template
from ossature.store.blobs import Blobs
from ossature.store.ledger import Landing

_LINE_NUMBER = re.compile(r":(\d{1,6})\b|\bline (\d{1,6})\b")


@dataclass(frozen=True, slots=True)
class Page:
    """What prompts need besides the material."""

    project: str
    brief_of: Callable[[str], str]
    """Spec id -> the project's brief and the spec's."""
    prompts_dir: Path | None
    read_file: Callable[[str, str], bytes]
    """(path, digest) -> content of a file part."""
    read_context: Callable[[str], bytes]
    max_inline_lines: int
    shows_previous: bool = True
    """A task that is generated anew is shown the files that it landed before."""

    def content_of(self, part: Part) -> bytes:
        """The bytes that *part* stands for, as they are now. Raises OssatureError."""
        match part.kind:
            case "context":
                return self.read_context(part.name)
            case "file":
                return self.read_file(part.name, part.digest)
            case "template":
                return load_template(part.name, self.prompts_dir).text.encode("utf-8", "surrogatepass")
            case _:
                return (part.text or "").encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Failure:
    """What a fixer is told about a red verify."""

    command: str
    exit_text: str
    output: str
    history: str
    """What earlier attempts changed, as diffs."""
    files: Mapping[str, str]
    """Path -> current content, of the task's outputs."""


def implement_prompt(
    task: Task, material: Material, page: Page, *, previous: str = "", feedback: str = "", refused: str = ""
) -> Prompt:
    """The prompt for a task's first reply. `refused`: what a person said of hunks of an earlier one."""
    template = load_template("implement", page.prompts_dir)
    values = _head(task, material, page)
    values["files"] = _files(material, page)
    return _rendered(template, {**values, "previous": previous, "feedback": feedback, "refused": refused})


def fix_prompt(
    task: Task,
    material: Material,
    page: Page,
    failure: Failure,
    *,
    feedback: str = "",
    refused: str = "",
) -> Prompt:
    """The prompt for a fixer: the same head, then what is there and how it failed."""
    template = load_template("fix", page.prompts_dir)
    values = _head(task, material, page)
    shown = [fence(path, _window(text, failure.output, path, page)) for path, text in failure.files.items()]
    others = _files(material, page, leave_out=set(failure.files))
    values["files"] = "\n\n".join([*([others] if others else []), *shown])
    values |= {
        "command": failure.command,
        "output": failure.output,
        "exit": failure.exit_text,
        "history": failure.history,
        "feedback": feedback,
        "refused": refused,
    }
    return _rendered(template, values)


def previous_text(files: Mapping[str, bytes], old_texts: Mapping[str, str], material: Material) -> str:
    """What a task wrote the last time, and how what it was made from has changed since."""
    changes = [
        unified_text(part.leaf, old_texts.get(part.leaf, ""), part.text)
        for part in material.parts
        if part.text is not None and old_texts and part.text != old_texts.get(part.leaf, "")
    ]
    shown = [fence(path, _as_text(content)) for path, content in files.items()]
    return "\n\n".join([*shown, *(["".join(changes)] if changes else [])])


def previous_files(landing: Landing, task: Task, blobs: Blobs) -> dict[str, bytes]:
    """What *task* landed last, as far as it is kept: what is generated anew does not need it."""
    files: dict[str, bytes] = {}
    for path, digest in landing.files.items():
        if path in task.outputs:
            with suppress(DiskError):
                files[path] = blobs.get(digest)
    return files


def _rendered(template: Template, values: Mapping[str, str]) -> Prompt:
    """A template of the project's own that has no place for refused hunks gets them as feedback."""
    if "refused" in template.placeholders:
        return template.render(values)
    return template.render(
        {**values, "feedback": "\n\n".join(filter(None, (values["feedback"], values["refused"])))}
    )


def _head(task: Task, material: Material, page: Page) -> dict[str, str]:
    texts = {part.name: part.text or "" for part in material.of("task")}
    settings = {part.name: part.text or "" for part in material.of("project")}
    return {
        "project": page.project,
        "language": settings["language"],
        "framework": settings["framework"],
        "brief": page.brief_of(task.spec),
        "interfaces": _texts(material, "interface"),
        "specification": _texts(material, "spec"),
        "architecture": _texts(material, "arch"),
        "context": _context(material, page),
        "task_title": texts["title"],
        "task_description": texts["description"],
        "notes": texts["notes"],
        "outputs": "\n".join(f"- {path}" for path in task.outputs),
        "verify": "\n".join(task.verify),
    }


def _texts(material: Material, kind: str) -> str:
    parts = [part for part in material.parts if part.kind == kind and part.text]
    tag = {"interface": "interface", "spec": "section", "arch": "section"}[kind]
    return join_parts([(f'{tag} name="{part.name}"', part.text or "") for part in parts])


def _files(material: Material, page: Page, *, leave_out: set[str] | None = None) -> str:
    shown: list[str] = []
    for part in material.of("file"):
        if part.digest == NEVER or part.name in (leave_out or ()):
            continue
        content = page.read_file(part.name, part.digest)
        shown.append(fence(part.name, _as_text(content)))
    return "\n\n".join(shown)


def _context(material: Material, page: Page) -> str:
    parts = material.of("context")
    return "\n\n".join(fence(part.name, _as_text(page.read_context(part.name))) for part in parts)


def _as_text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return f"(a binary file of {len(content)} bytes)"


def _window(text: str, output: str, path: str, page: Page) -> str:
    """The whole file while it is short; else the lines around those that the output names."""
    lines = text.split("\n")
    if len(lines) <= page.max_inline_lines:
        return text
    named = {
        int(found[1] or found[2])
        for line in output.splitlines()
        if path in line or path.rsplit("/", 1)[-1] in line
        for found in _LINE_NUMBER.finditer(line)
    }
    keep = set(range(min(40, len(lines))))
    for number in named:
        keep |= set(range(max(0, number - 21), min(len(lines), number + 20)))
    shown: list[str] = []
    for index, line in enumerate(lines):
        if index in keep:
            shown.append(line)
        elif index - 1 in keep or index == 0:
            shown.append("[… lines left out …]")
    return "\n".join(shown)
