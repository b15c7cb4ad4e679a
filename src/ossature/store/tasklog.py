"""The folders in which every attempt at a task is kept: prompt, response, diff, output, what came of it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ossature.digest import digest_json
from ossature.domain.paths import relative_parts
from ossature.domain.redaction import without_tokens
from ossature.store.disk import disk_errors, make_folder, read_existing, write_atomic

Redact = Callable[[str], str]
_MAX_SLUG = 40
_FOLDER = re.compile(r"(?P<run>.+)-(?P<number>\d+)-(?P<kind>[a-z_]+)(?:-(?P<again>\d+))?")
_SURROGATE = re.compile("[\ud800-\udfff]")


class AttemptName(NamedTuple):
    """What the name of an attempt's folder says, in the order in which attempts are sorted."""

    run: str
    number: int
    again: int
    """1, or more where the same attempt was made anew."""
    kind: str


class AttemptLog:
    """One attempt's folder. Writing methods raise DiskError."""

    def __init__(self, folder: Path, *, redact: Redact = without_tokens) -> None:
        """*redact* takes secrets out of what is written."""
        self.folder = folder
        self._redact = redact

    @property
    def name(self) -> AttemptName | None:
        """None where the folder is not named by us."""
        return parse_name(self.folder.name)

    @property
    def prompt_path(self) -> Path:
        return self.folder / "prompt.md"

    @property
    def response_path(self) -> Path:
        return self.folder / "response.md"

    @property
    def part_path(self) -> Path:
        """The response as it comes in; gone once it is whole."""
        return self.folder / "response.md.part"

    @property
    def changes_path(self) -> Path:
        return self.folder / "changes.diff"

    @property
    def verify_log(self) -> Path:
        """Where the verify commands' output goes; written by whoever runs them."""
        return self.folder / "verify.log"

    @property
    def meta_path(self) -> Path:
        return self.folder / "attempt.json"

    def write_prompt(self, text: str) -> None:
        """Keep the prompt; not durable before the response is."""
        write_atomic(self.prompt_path, utf8(self._redact(text)), is_durable=False)

    def append_response(self, text: str) -> None:
        """Add what came in, free of secrets; a reader may look at `part_path` meanwhile. Not durable."""
        with disk_errors(self.part_path, "write"), self.part_path.open("ab") as part:
            part.write(utf8(text))

    def finish_response(self, text: str) -> None:
        """Keep the whole response durably, whatever came in piece by piece."""
        write_atomic(self.response_path, utf8(self._redact(text)))
        with disk_errors(self.part_path, "delete"):
            self.part_path.unlink(missing_ok=True)

    def write_changes(self, diff: str) -> None:
        """Keep what the reply changed; not durable, since the reply says it too."""
        write_atomic(self.changes_path, utf8(self._redact(diff)), is_durable=False)

    def write_meta(self, meta: Mapping[str, Any], *, is_durable: bool = True) -> None:
        """Replace `attempt.json`; *meta* holds JSON values."""
        text = json.dumps(dict(meta), indent=2, ensure_ascii=False) + "\n"
        write_atomic(self.meta_path, utf8(self._redact(text)), is_durable=is_durable)

    def read_meta(self) -> dict[str, Any] | None:
        """None when it is missing or damaged."""
        content = read_existing(self.meta_path)
        try:
            meta = json.loads(content) if content is not None else None
        except (ValueError, RecursionError):
            return None
        return meta if isinstance(meta, dict) else None

    def read_prompt(self) -> str | None:
        return _text(read_existing(self.prompt_path))

    def read_response(self) -> str | None:
        """Only when it is whole."""
        return _text(read_existing(self.response_path))

    def read_part(self) -> str | None:
        """What came in so far; None where nothing did, or where it became whole."""
        return _text(read_existing(self.part_path))


def open_attempt(
    tasks_dir: Path, lineage: str, run: str, number: int, kind: str, *, redact: Redact = without_tokens
) -> AttemptLog:
    """Make `<lineage>/<run>-<number>-<kind>`, with `-2`, `-3`… behind it when it exists; raises DiskError."""
    base = f"{run}-{number}-{kind}"
    relative_parts(f"{lineage}/{base}")
    parent = tasks_dir / lineage
    with disk_errors(parent, "make"):
        make_folder(parent)
        again = 1
        while True:
            folder = parent / (base if again == 1 else f"{base}-{again}")
            try:
                folder.mkdir()
            except FileExistsError:
                again += 1
            else:
                return AttemptLog(folder, redact=redact)


def list_attempts(tasks_dir: Path, lineage: str, *, redact: Redact = without_tokens) -> list[AttemptLog]:
    """Oldest first, by run, then number; folders of other names come first."""
    relative_parts(lineage)
    folder = tasks_dir / lineage
    with disk_errors(folder, "read"):
        folders = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return [AttemptLog(path, redact=redact) for path in sorted(folders, key=_age)]


def parse_name(name: str) -> AttemptName | None:
    """Take a folder's name apart; None when it is not one of ours."""
    found = _FOLDER.fullmatch(name)
    if found is None:
        return None
    return AttemptName(found["run"], int(found["number"]), int(found["again"] or 1), found["kind"])


def slug(title: str) -> str:
    """*title* as lower-case ASCII words joined by `-`, at most 40 characters; `task` when nothing is left."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode("ascii")
    words = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")
    return words[:_MAX_SLUG].strip("-") or "task"


def lineage_name(title: str, spec: str, outputs: Iterable[str]) -> str:
    """What a task is called on disk, whatever its id: the slug of its title and four hex digits."""
    return f"{slug(title)}-{digest_json([spec, sorted(outputs), title])[:4]}"


def _age(folder: Path) -> tuple[str, int, int, str]:
    return parse_name(folder.name) or ("", 0, 0, folder.name)


def utf8(text: str) -> bytes:
    """*text* as the files here keep it: a model may send half a surrogate pair, which UTF-8 cannot carry."""
    return _SURROGATE.sub("\ufffd", text).encode("utf-8")


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("utf-8", "replace")
