"""Which attempts hold the response to a request: an index that can be made anew from the attempts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from glob import escape
from pathlib import Path, PurePosixPath

from ossature.domain.paths import relative_parts
from ossature.errors import UnsafePath
from ossature.store.disk import disk_errors, read_existing, write_atomic
from ossature.store.tasklog import AttemptLog, list_attempts

_DIGEST = re.compile(r"[0-9A-Za-z_-]{1,128}")


class Exchanges:
    """One small file per request digest that lists attempt folders, oldest first."""

    def __init__(self, folder: Path, tasks_dir: Path) -> None:
        self.folder = folder
        self.tasks_dir = tasks_dir

    def record(self, request_digest: str, attempt_folder: str | Path) -> None:
        """Note that an attempt answers a request; a second time changes nothing. Raises DiskError.

        *attempt_folder* may be given from any root: its last two parts, lineage and attempt, count.
        """
        rel = _last_two(attempt_folder)
        known = self._read(request_digest) or []
        if rel not in known:
            self._write(request_digest, [*known, rel])

    def find(self, request_digest: str) -> list[Path]:
        """Attempt folders that hold a whole response and its record, oldest first; raises DiskError.

        Where the index is missing or damaged, the attempts themselves are searched.
        """
        known = self._read(request_digest)
        if known is None and self.folder.is_dir() and not self._path(request_digest).exists():
            return []
        if known is None:
            known = [rel for digest, rel in self._scan() if digest == request_digest]
        folders = [self.tasks_dir / rel for rel in known]
        return [folder for folder in folders if _answered(AttemptLog(folder)) == request_digest]

    def forget(self, request_digest: str, attempt_folder: str | Path) -> None:
        """Note that an attempt is about to go; nothing where it was not noted. Raises DiskError."""
        rel = _last_two(attempt_folder)
        known = self._read(request_digest)
        if known is None or rel not in known:
            return
        left = [name for name in known if name != rel]
        if left:
            self._write(request_digest, left)
            return
        path = self._path(request_digest)
        with disk_errors(path, "delete"):
            path.unlink(missing_ok=True)

    def record_run(self, run: str) -> None:
        """Note every whole attempt of *run*, which was killed before it could do so; raises DiskError."""
        for folder in self.tasks_dir.glob(f"*/{escape(run)}-*"):
            digest = _answered(AttemptLog(folder))
            if _DIGEST.fullmatch(digest):
                self.record(digest, folder)

    def rebuild(self) -> int:
        """Write the index anew from `attempt.json` of every attempt; returns how many requests it knows."""
        index: dict[str, list[str]] = {}
        for digest, rel in self._scan():
            index.setdefault(digest, []).append(rel)
        for digest, rels in index.items():
            self._write(digest, rels)
        with disk_errors(self.folder, "delete"):
            for path in self.folder.glob("*.json") if self.folder.is_dir() else ():
                if path.stem not in index:
                    path.unlink()
        return len(index)

    def _scan(self) -> Iterator[tuple[str, str]]:
        """Request digest and `lineage/attempt` of every whole attempt."""
        with disk_errors(self.tasks_dir, "read"):
            lineages = sorted(p.name for p in self.tasks_dir.iterdir()) if self.tasks_dir.is_dir() else []
        for lineage in lineages:
            if not (self.tasks_dir / lineage).is_dir():
                continue
            for attempt in list_attempts(self.tasks_dir, lineage):
                if digest := _answered(attempt):
                    yield digest, f"{lineage}/{attempt.folder.name}"

    def _path(self, request_digest: str) -> Path:
        if not _DIGEST.fullmatch(request_digest):
            raise UnsafePath(f"{request_digest[:80]!r} is not the digest of a request")
        return self.folder / f"{request_digest}.json"

    def _read(self, request_digest: str) -> list[str] | None:
        content = read_existing(self._path(request_digest))
        try:
            attempts = json.loads(content)["attempts"] if content is not None else None
            return None if attempts is None else [_last_two(rel) for rel in attempts]
        except (ValueError, TypeError, KeyError, RecursionError, UnsafePath):
            return None

    def _write(self, request_digest: str, rels: list[str]) -> None:
        text = json.dumps({"request": request_digest, "attempts": rels}, indent=2) + "\n"
        write_atomic(self._path(request_digest), text.encode("ascii"), is_durable=False)


def _last_two(folder: str | Path) -> str:
    rel = "/".join(PurePosixPath(folder).parts[-2:])
    relative_parts(rel)
    return rel


def _answered(attempt: AttemptLog) -> str:
    """Digest of the request that a whole attempt answers; empty where it is not whole."""
    digest = (attempt.read_meta() or {}).get("request_digest") if attempt.response_path.is_file() else ""
    return digest if isinstance(digest, str) else ""
