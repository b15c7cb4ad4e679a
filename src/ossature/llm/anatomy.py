"""What a prompt consists of: its blocks, and what stands around them, in tokens by our own estimate."""

from __future__ import annotations

import re
from typing import NamedTuple

from ossature.llm.prompt import USER_LINE, estimate_tokens

_OPENING = re.compile(r"<(?P<tag>(?P<kind>[a-z_]+?)(?:-\d+)?)(?: (?:name|path)=\"(?P<name>[^\"]*)\")?>")
_KINDS = {
    "brief": "brief",
    "interface": "interfaces",
    "section": "sections",
    "file": "files",
    "task_description": "task",
    "notes": "task",
    "command": "failure",
    "output": "failure",
    "history": "history",
    "feedback": "feedback",
}


class PromptPart(NamedTuple):
    """A stretch of a prompt, or several of one kind and name."""

    kind: str
    """`instructions` and `task` also hold what stands outside of all blocks."""
    name: str
    tokens: int


def parts_of(text: str) -> list[PromptPart]:
    """The parts of a prompt as it is kept, in the order in which they begin."""
    sizes: dict[tuple[str, str], int] = {}
    lines = text.split("\n")
    around = "instructions"
    number = 0
    while number < len(lines):
        line = lines[number]
        end = number + 1
        key = (around, "")
        if line == USER_LINE:
            around = "task"
        elif (opening := _OPENING.fullmatch(line)) and opening["kind"] in _KINDS:
            closing = f"</{opening['tag']}>"
            if closing in lines[number:]:
                end = lines.index(closing, number) + 1
                key = (_KINDS[opening["kind"]], opening["name"] or "")
        elif around == "instructions" and line.startswith(("Project: ", "Language: ", "Framework: ")):
            key = ("project", "")
        sizes[key] = sizes.get(key, 0) + len("\n".join(lines[number:end])) + 1
        number = end
    return [PromptPart(kind, name, estimate_tokens("x" * size)) for (kind, name), size in sizes.items()]
