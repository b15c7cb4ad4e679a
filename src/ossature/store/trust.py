"""Which projects may run what on this machine: one file a project, in the user's own state folder."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ossature.digest import digest_bytes, digest_json
from ossature.errors import DiskError
from ossature.project import Project, user_state_dir
from ossature.store.disk import disk_errors, read_existing, write_atomic
from ossature.store.layout import prepare_state_dir

FORMAT = 1
TRUSTED_PATHS = "OSSATURE_TRUSTED_PATHS"
"""Variable of the user's: folders, separated like PATH, in which every project counts as created here."""
IDENTITY_NAME = "identity"
Kind = Literal["model", "setup", "verify", "sandbox", "link"]


@dataclass(frozen=True, slots=True)
class TrustItem:
    """One thing that a project brings along and that acts on this machine."""

    kind: Kind
    text: str
    """The command, the `exec:` string, the setting or the link, whole."""
    place: str = field(default="", compare=False)
    """Where the project says so, for people."""
    files: tuple[str, ...] = ()
    """`path digest` of the project's own files that the command names: other contents are another item."""

    @property
    def digest(self) -> str:
        """What a grant is bound to; not where the project says it."""
        return digest_json([self.kind, self.text, list(self.files)])


@dataclass(frozen=True, slots=True)
class Grant:
    """What one project may do."""

    is_own: bool = False
    """Created here: everything, also what comes later."""
    items: Mapping[str, str] = field(default_factory=dict)
    """Digest -> what it is of, for people."""

    def covers(self, item: TrustItem) -> bool:
        """Whether *item* may act without a question."""
        return self.is_own or item.digest in self.items


class TrustBook:
    """The grants of one user. A grant holds for a folder and for the project that was in it at the time.

    The project is known by a random word in its state folder, which git does not take along: another one that
    is put into the same place has none.
    """

    def __init__(self, folder: Path, *, trusted: tuple[Path, ...] = ()) -> None:
        """*trusted* are folders in which every project counts as created here."""
        self._folder = folder
        self._trusted = trusted

    def read(self, project: Project) -> Grant:
        """The project's grant; an empty one where there is none, or where it cannot be believed."""
        root = canonical_root(project.root)
        if any(root.is_relative_to(folder) for folder in self._trusted):
            return Grant(is_own=True)
        record = self._record(project)
        identity = _identity(project)
        if not identity or record.get("identity") != identity or record.get("root") != str(root):
            return Grant()
        items = record.get("items")
        return Grant(
            is_own=record.get("is_own") is True,
            items={str(key): str(text) for key, text in items.items()} if isinstance(items, dict) else {},
        )

    def own(self, project: Project) -> None:
        """Write down that the project was created here, if it does not count as that. Raises DiskError."""
        if not self.read(project).is_own:
            self._write(project, Grant(is_own=True))

    def allow(
        self, project: Project, items: Iterable[TrustItem], *, redact: Callable[[str], str] = str
    ) -> Grant:
        """Add *items* to what the project may do; returns all of it. Raises DiskError."""
        grant = self.read(project)
        if grant.is_own:
            return grant
        added = {item.digest: redact(f"{item.kind}: {item.text}") for item in items}
        grant = Grant(items={**grant.items, **added})
        self._write(project, grant)
        return grant

    def revoke(self, project: Project) -> bool:
        """Forget the project's grant; false where there was none. Raises DiskError."""
        path = self._path(project)
        with disk_errors(path, "delete"):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def _word(self, project: Project) -> str:
        """The project's identity where it is ours already; one that came along with it is not."""
        word = _identity(project)
        return word if word and word == self._record(project).get("identity") else _new_identity(project)

    def _path(self, project: Project) -> Path:
        return self._folder / f"{digest_bytes(os.fsencode(canonical_root(project.root)))}.json"

    def _record(self, project: Project) -> dict[str, Any]:
        try:
            record = json.loads(read_existing(self._path(project)) or b"{}")
        except (DiskError, ValueError, RecursionError):
            return {}
        is_known = isinstance(record, dict) and record.get("format") == FORMAT
        return record if is_known else {}

    def _write(self, project: Project, grant: Grant) -> None:
        record = {
            "format": FORMAT,
            "root": str(canonical_root(project.root)),
            "identity": self._word(project),
            "is_own": grant.is_own,
            "items": dict(grant.items),
        }
        with disk_errors(self._folder, "make"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(self._path(project), json.dumps(record, indent=2).encode("ascii") + b"\n", mode=0o600)


def user_trust(environ: Mapping[str, str]) -> TrustBook:
    """The book of the user whose environment this is."""
    named = environ.get(TRUSTED_PATHS, "").split(os.pathsep)
    # A relative entry would mean another folder in every project.
    trusted = tuple(canonical_root(Path(name)) for name in named if name.startswith("/"))
    return TrustBook(user_state_dir(environ) / "trust", trusted=trusted)


def canonical_root(path: Path) -> Path:
    """*path* without links, also where it does not exist."""
    return Path(os.path.realpath(path))


def _identity(project: Project) -> str:
    try:
        content = read_existing(project.state_dir / IDENTITY_NAME)
    except DiskError:
        return ""
    return (content or b"").decode("ascii", "replace").strip()


def _new_identity(project: Project) -> str:
    prepare_state_dir(project)
    word = secrets.token_hex(16)
    write_atomic(project.state_dir / IDENTITY_NAME, f"{word}\n".encode("ascii"), mode=0o600)
    return word
