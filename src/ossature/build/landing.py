"""Move verified files into the output folder: all or, after a crash, all at the next start."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from ossature.errors import UnsafePath
from ossature.store.blobs import Blobs
from ossature.store.ledger import Intent, Landing, Ledger
from ossature.store.safe_root import SafeRoot


class Recovery(NamedTuple):
    """What a start found half done."""

    finished: tuple[str, ...]
    """Task ids whose landing was completed; a title where no task stands behind it."""
    conflicts: tuple[str, ...]
    """Paths that changed since in a way that no landing explains; they were left as they are."""


class Landed(NamedTuple):
    """What a landing did to the disk."""

    changed: int
    """Files that were written."""
    left: tuple[str, ...]
    """Paths that somebody changed while it was under way; they were left as they are."""


def land(
    landing: Landing,
    contents: Mapping[str, bytes],
    *,
    ledger: Ledger,
    blobs: Blobs,
    output: SafeRoot,
    hidden: Collection[str] = (),
    seen: Mapping[str, str | None] | None = None,
) -> Landed:
    """Record, write and confirm *contents*.

    `seen` is what the disk showed when it was decided that *contents* may be written (path -> digest or
    None), where that was earlier; a file that is another one now stays. `hidden` paths are recorded but not
    written: a later writer of the same path has landed, and the disk shows that one. Raises DiskError;
    whatever was done by then, the next start finishes it.
    """
    looked = seen or {}
    before = {path: looked[path] if path in looked else output.digest(path) for path in contents}
    for content in contents.values():
        blobs.put(content)
    intent_id = ledger.append_intent(landing, before, tuple(hidden))
    changed = 0
    left: list[str] = []
    for path, content in contents.items():
        if path not in hidden and before[path] != landing.files[path]:
            # Looked at once more: syncing blobs and ledger takes long enough for an editor to save.
            if replace_output(output, path, content, expected=before[path]):
                changed += 1
            else:
                left.append(path)
    ledger.append_landed(intent_id)
    return Landed(changed, tuple(left))


def recover(*, ledger: Ledger, blobs: Blobs, output: SafeRoot) -> Recovery:
    """Finish every landing that a crash cut in two.

    Per path: the disk shows the new bytes: done; it shows the old ones: write the new; anything else was
    changed by somebody in between and stays.
    """
    finished: list[str] = []
    conflicts: list[str] = []
    for intent in ledger.open_intents:
        conflicts += _finish(intent, blobs, output)
        ledger.append_landed(intent.id)
        finished.append(intent.landing.task or intent.landing.title)
    return Recovery(tuple(finished), tuple(conflicts))


def _finish(intent: Intent, blobs: Blobs, output: SafeRoot) -> list[str]:
    conflicts: list[str] = []
    for path, digest in intent.landing.files.items():
        if path in intent.skip:
            continue
        try:
            now = output.digest(path)
        except UnsafePath:
            conflicts.append(path)
            continue
        if now == digest:
            continue
        before = intent.before.get(path)
        if now != before or not replace_output(output, path, blobs.get(digest), expected=before):
            conflicts.append(path)
    return conflicts


def replace_output(output: SafeRoot, path: str, content: bytes, *, expected: str | None) -> bool:
    """Write *content*, unless the disk shows something else than *expected* (None: nothing); True if written.

    Raises DiskError, UnsafePath.
    """
    if output.digest(path) != expected:
        return False
    write_output(output, path, content)
    return True


def write_output(output: SafeRoot, path: str, content: bytes) -> None:
    """A script stays one that can be run, as it was in the stage."""
    output.write(path, content, mode=0o755 if content.startswith(b"#!") else None)


def withdraw(
    files: Mapping[str, str], stand_in: Callable[[str], str], *, blobs: Blobs, output: SafeRoot
) -> list[str]:
    """Take back *files* (path -> digest as generated), which their task no longer writes; those that were.

    `stand_in` gives the digest of what another task has landed there, or empty. A file that somebody changed
    stays.
    """
    gone: list[str] = []
    for path, digest in files.items():
        try:
            if output.digest(path) != digest:
                continue
        except UnsafePath:
            continue
        other = stand_in(path)
        if other:
            write_output(output, path, blobs.get(other))
        else:
            output.remove(path)
            gone.append(path)
    return gone


def edited_outputs(
    outputs: Collection[str], *, shown: Mapping[str, str], output: SafeRoot, hidden: Collection[str]
) -> list[str]:
    """Outputs that are on disk with other bytes than those that landed there last: changed by hand."""
    found = {path: output.digest(path) for path in outputs if path in shown and path not in hidden}
    return [path for path, digest in found.items() if digest not in (None, shown[path])]
