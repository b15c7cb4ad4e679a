"""What people decided about findings: JSON lines that are added to, and that git may merge one by one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from pydantic import ValidationError

from ossature.domain.ruling import Ruling
from ossature.errors import Diagnostic, Place
from ossature.store.disk import AppendFile, read_existing

RULINGS_NAME = ".ossature/rulings.jsonl"


class Rulings(dict[str, Ruling]):
    """Key of a finding -> the ruling that holds."""

    warnings: tuple[Diagnostic, ...] = ()
    """Lines that are no rulings."""


def read_rulings(path: Path) -> Rulings:
    """Of several rulings on one finding the last counts. Raises DiskError."""
    rulings = Rulings()
    warnings: list[Diagnostic] = []
    for number, line in enumerate((read_existing(path) or b"").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            ruling = Ruling.model_validate_json(line)
        except ValidationError:
            place, hint = Place(RULINGS_NAME, number), "mend the line or delete it"
            warnings.append(Diagnostic("ruling-unusable", "warning", place, "this is no ruling", hint))
            continue
        _ = rulings.pop(ruling.key, None)
        if ruling.kind != "open":
            rulings[ruling.key] = ruling
    rulings.warnings = tuple(warnings)
    return rulings


def append_ruling(path: Path, ruling: Ruling) -> None:
    """Add a line, behind whatever a person or a merge left there. Raises DiskError."""
    content = read_existing(path) or b""
    start = b"" if not content or content.endswith(b"\n") else b"\n"
    line = ruling.model_dump_json(exclude_defaults=True).encode("utf-8")
    with closing(AppendFile(path)) as file:
        file.append(start + line + b"\n", is_durable=True)
