"""Prompts: templates, the values that go into them, and blocks that their content cannot close."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ossature.digest import digest_text, digest_tree
from ossature.errors import OssatureError, Place

TEMPLATE_NAMES = (
    "audit",
    "brief_project",
    "brief_spec",
    "cross_audit",
    "fix",
    "implement",
    "interface",
    "plan",
    "repair_blocks",
    "repair_json",
    "spec_fix",
)
USER_LINE = "---user---"
"""The line of a template between what goes to the model as system text and what goes as the user's."""
_USER = re.compile(rf"(?m)^({USER_LINE})[ \t]*(?:\n|\Z)")
_MARK = re.compile(r"\{\{([#/]|block )?([a-z][a-z0-9_]*)\}\}")
_SECTION = re.compile(
    r"\{\{#(?P<name>[a-z][a-z0-9_]*)\}\}(?P<open>\n?)(?P<body>.*?)\{\{/(?P=name)\}\}(?P<close>\n?)(?P<blank>\n?)",
    re.DOTALL,
)
_BLOCK_LINE = re.compile(r"(?m)^\{\{block (?P<name>[a-z][a-z0-9_]*)\}\}\n(?P<blank>\n?)")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is sent."""

    system: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Template:
    """The text of a prompt with `{{name}}` where a value goes.

    `{{block name}}` puts the value between `<name>` and `</name>`, and nothing where it is empty.
    `{{#name}}…{{/name}}` is left out when the value is empty. A line that holds nothing but a mark which puts
    nothing there leaves no line behind.
    """

    name: str
    text: str
    place: str
    """The file, for messages."""

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(found[2] for found in _MARK.finditer(self.text))

    def render(self, values: Mapping[str, str]) -> Prompt:
        """Put *values* in, in one pass: what looks like a placeholder within a value stays as it is.

        Raises OssatureError with file and line for a placeholder that has no value, a section that is not
        closed, and a template without the line that parts system from user.
        """
        self._check(values)
        system, line, user = (
            re.split(_USER, self.text, maxsplit=1) if _USER.search(self.text) else ("", "", "")
        )
        if not line:
            raise OssatureError(
                f"prompt template has no line `{USER_LINE}`",
                place=Place(self.place),
                hint="put it between the system text and the user text",
            )
        return Prompt(_fill(system, values).strip(), _fill(user, values).strip() + "\n")

    def _check(self, values: Mapping[str, str]) -> None:
        section: re.Match[str] | None = None
        for mark in _MARK.finditer(self.text):
            if mark[2] not in values:
                raise OssatureError(
                    f"unknown placeholder {mark[0]}",
                    place=Place(self.place, self._line_of(mark)),
                    hint="this template knows: " + ", ".join(sorted(values)),
                )
            if mark[1] == "#" and section is None:
                section = mark
            elif mark[1] == "/" and section is not None and section[2] == mark[2]:
                section = None
            elif mark[1] in ("#", "/"):
                raise self._unbalanced(mark)
        if section is not None:
            raise self._unbalanced(section)

    def _unbalanced(self, mark: re.Match[str]) -> OssatureError:
        return OssatureError(
            f"{mark[0]} has no counterpart",
            place=Place(self.place, self._line_of(mark)),
            hint="write {{#name}}…{{/name}}, one not within another",
        )

    def _line_of(self, mark: re.Match[str]) -> int:
        return self.text.count("\n", 0, mark.start()) + 1


def load_template(name: str, prompts_dir: Path | None) -> Template:
    """The project's own `<prompts_dir>/<name>.md` where it exists, else ours; raises OssatureError."""
    own = _own_path(name, prompts_dir)
    if own is None:
        text = resources.files("ossature.llm").joinpath("prompts", f"{name}.md").read_text("utf-8")
        return Template(name, text, f"<ossature>/prompts/{name}.md")
    place = f"{own.parent.name}/{own.name}"
    try:
        return Template(name, own.read_bytes().decode("utf-8-sig").replace("\r\n", "\n"), place)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise OssatureError("prompt template is not UTF-8", place=Place(place, line)) from error
    except OSError as error:
        raise OssatureError(
            f"prompt template cannot be read: {error.strerror}", place=Place(place)
        ) from error


def templates_digest(prompts_dir: Path | None) -> str:
    """Of all templates as they are in effect."""
    return digest_tree({name: digest_text(load_template(name, prompts_dir).text) for name in TEMPLATE_NAMES})


def override_digest(prompts_dir: Path | None, name: str) -> str:
    """Of the project's own template of that name; empty where ours is in effect."""
    if _own_path(name, prompts_dir) is None:
        return ""
    return digest_text(load_template(name, prompts_dir).text)


def join_parts(parts: Sequence[tuple[str, str]]) -> str:
    """Delimited blocks, one after the other; a tag may carry attributes (`specification name="A"`).

    Parts without text are left out.
    """
    return "\n\n".join(block(tag, text) for tag, text in parts if text.strip())


def block(tag: str, text: str) -> str:
    """*text* between `<tag …>` and `</tag>`; the name gets a number where the text could close it."""
    name, _, attributes = tag.partition(" ")
    number = 1
    closing = name
    lowered = text.lower()
    while f"</{closing}".lower() in lowered:
        number += 1
        closing = f"{name}-{number}"
    head = f"{closing} {attributes}" if attributes else closing
    return f"<{head}>\n{text.strip(chr(10))}\n</{closing}>"


def fence(path: str, text: str) -> str:
    """A file for a prompt, in the form in which a reply has to write one."""
    return block(f'file path="{path}"', text)


def estimate_tokens(text: str) -> int:
    """About how many tokens: a quarter of the characters, rounded up; within a third for English and code."""
    return -(-len(text) // 4)


def _fill(template: str, values: Mapping[str, str]) -> str:
    """*template* with every mark resolved; only the template is ever searched for marks."""

    def resolve_section(found: re.Match[str]) -> str:
        if not values[found["name"]].strip():
            return _blank_after_nothing(found)
        return found["body"] + ("" if found["open"] else found["close"]) + found["blank"]

    def drop_block(found: re.Match[str]) -> str:
        return found[0] if values[found["name"]].strip() else _blank_after_nothing(found)

    def put(found: re.Match[str]) -> str:
        value = values[found[2]]
        return block(found[2], value) if found[1] == "block " and value.strip() else value.strip("\n")

    return _MARK.sub(put, _BLOCK_LINE.sub(drop_block, _SECTION.sub(resolve_section, template)))


def _blank_after_nothing(found: re.Match[str]) -> str:
    """The blank line behind what was left out, unless there is one before it already."""
    return "" if found.string[: found.start()].endswith("\n\n") else found["blank"]


def _own_path(name: str, prompts_dir: Path | None) -> Path | None:
    path = prompts_dir / f"{name}.md" if prompts_dir else None
    return path if path and path.is_file() else None
