"""Which blobs are named by which: a blob that is JSON may name others, as the texts of a landing do."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from ossature.store.compaction import digests_in
from ossature.store.disk import read_existing

_JSON = (b"{", b"[")


def reach(names: Iterable[str], known: Collection[str], folder: Path) -> set[str]:
    """Those of *names* that are blobs in *folder*, all that these name, and so on. Raises DiskError.

    *known* are the digests of all blobs there.
    """
    found = {name for name in names if name in known}
    waiting = list(found)
    while waiting:
        for name in _named_in(waiting.pop(), folder):
            if name in known and name not in found:
                found.add(name)
                waiting.append(name)
    return found


def referring_first(names: Collection[str], folder: Path) -> list[str]:
    """*names* in an order in which a blob comes before those that it names. Raises DiskError.

    There are no cycles, since no content can hold its own digest.
    """
    below = {name: [other for other in _named_in(name, folder) if other in names] for name in sorted(names)}
    above = dict.fromkeys(below, 0)
    for others in below.values():
        for other in set(others):
            above[other] += 1
    ready = [name for name, count in above.items() if not count]
    for name in ready:
        for other in set(below[name]):
            above[other] -= 1
            if not above[other]:
                ready.append(other)
    return ready


def _named_in(name: str, folder: Path) -> list[str]:
    content = read_existing(folder / name[:2] / name[2:]) or b""
    return list(digests_in(content)) if content.startswith(_JSON) else []
