"""Contents of files by their digest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ossature.digest import digest_bytes, short
from ossature.errors import DiskError, Place
from ossature.store.disk import disk_errors, read_existing, sync_file, write_atomic

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """`ab/cdef…` under one folder; what is written once never changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes, *, is_durable: bool = True) -> str:
        """Keep *content*, durably unless said otherwise, and return its digest; a damaged copy is replaced.

        Raises DiskError.
        """
        digest = digest_bytes(content)
        path = self._path(digest)
        if read_existing(path) != content:
            write_atomic(path, content, is_durable=is_durable)
        elif is_durable:
            # It may have been put there by somebody to whom that did not matter.
            sync_file(path)
        return digest

    def get(self, digest: str) -> bytes:
        """The content; raises DiskError when it is missing or not what was put in."""
        path = self._path(digest)
        content = read_existing(path)
        if content is None:
            raise self._lost(path, f"the stored content {short(digest)} is missing")
        if digest_bytes(content) != digest:
            raise self._lost(path, f"the stored content {short(digest)} is damaged")
        return content

    def has(self, digest: str) -> bool:
        """Whether there is a blob of that name; only `get` checks what is in it."""
        return self._path(digest).is_file()

    def sizes(self) -> Iterator[tuple[str, int]]:
        """Digest and bytes of every blob, sorted; files of other names are passed over. Raises DiskError."""
        with disk_errors(self.folder, "read"):
            shelves = sorted(path for path in self.folder.iterdir()) if self.folder.is_dir() else []
            for shelf in shelves:
                for path in sorted(shelf.iterdir()) if shelf.is_dir() and not shelf.is_symlink() else ():
                    digest = shelf.name + path.name
                    if _DIGEST.fullmatch(digest) and path.is_file():
                        yield digest, path.stat().st_size

    def remove(self, digest: str) -> None:
        """Forget the content, for good; a missing one is fine. Raises DiskError."""
        path = self._path(digest)
        with disk_errors(path, "delete"):
            path.unlink(missing_ok=True)

    def size(self, digest: str) -> int | None:
        """Bytes of the blob of that name; None where there is none."""
        try:
            return self._path(digest).stat().st_size
        except OSError:
            return None

    def path_of(self, digest: str) -> Path:
        """Where the content is, or would be. Raises DiskError for what is no digest."""
        return self._path(digest)

    def _path(self, digest: str) -> Path:
        # Digests come from a ledger that others may have committed: they must not name a path.
        if not _DIGEST.fullmatch(digest):
            raise DiskError(
                f"{digest[:80]!r} is not a digest", hint="the ledger names it; restore ledger.jsonl from git"
            )
        return self.folder / digest[:2] / digest[2:]

    @staticmethod
    def _lost(path: Path, message: str) -> DiskError:
        return DiskError(
            message,
            place=Place(str(path)),
            hint="restore it from git, or build its task again with `ossature build --force`",
        )
