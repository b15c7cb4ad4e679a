"""A leaf that changed, and how: its texts then and now, and the paths of an input tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest
from typing import NamedTuple

from ossature.build import staleness
from ossature.build.diffing import unified_text
from ossature.build.evidence import Node, read_node, texts_of, uncounted_texts
from ossature.build.material import BYPRODUCTS_LEAF, NEVER, TREE_LEAF, VERIFY_LEAF, Part, Sources, material_of
from ossature.build.prompting import Page
from ossature.digest import digest_text
from ossature.domain.plan import Task
from ossature.errors import DiskError, OssatureError
from ossature.store.blobs import Blobs
from ossature.store.ledger import Landing

_EMPTY = digest_text("")


@dataclass(frozen=True, slots=True)
class PathChange:
    """A file of an input tree that is not what it was."""

    path: str
    old: str
    """Digest; empty where there was no such file."""
    new: str
    difference: tuple[str, ...]
    """As in `Change`."""


class Telling(NamedTuple):
    """What is known of a changed leaf besides its digests."""

    old_text: str | None = None
    new_text: str | None = None
    paths: tuple[PathChange, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Change:
    """A leaf that differs from what landed last. What is known of its texts is read when it is asked for."""

    leaf: str
    old: str
    """Digest; empty where it was not there."""
    new: str
    tell: Callable[[], Telling] = field(default=Telling, repr=False, compare=False)

    @property
    def old_text(self) -> str | None:
        """None where it is not kept, or is no text."""
        return self._told.old_text

    @property
    def new_text(self) -> str | None:
        return self._told.new_text

    @property
    def paths(self) -> tuple[PathChange, ...]:
        """Of the input tree: the files that changed."""
        return self._told.paths

    @property
    def note(self) -> str:
        """Why there is no difference to show, where there is none."""
        return self._told.note

    @cached_property
    def difference(self) -> tuple[str, ...]:
        """Lines of a unified diff, without line ends; empty where a text is not known."""
        return lines_between(self.leaf, self.old_text, self.new_text)

    @cached_property
    def _told(self) -> Telling:
        return self.tell()


def lines_between(name: str, old: str | None, new: str | None) -> tuple[str, ...]:
    """Lines of a unified diff of two texts; empty where one of them is not known."""
    if old is None or new is None:
        return ()
    return tuple(unified_text(name, old, new).splitlines())


class Past:
    """What blobs and ledger still know of how things were, beside how they are."""

    def __init__(self, sources: Sources, blobs: Blobs, page: Page) -> None:
        self._sources = sources
        self._blobs = blobs
        self._page = page
        self._nodes: dict[str, Node | None] = {}

    def changes(
        self, task: Task, landing: Landing | None, found: Iterable[staleness.Change]
    ) -> tuple[Change, ...]:
        """*found* with what can be told of each."""
        return tuple(self._change(task, landing, change) for change in found)

    def nodes(self, landing: Landing) -> set[str] | None:
        """Digests of all nodes of the input tree of *landing*; None where one of them is not kept."""
        waiting = [landing.verify_leaves.get(TREE_LEAF, "")]
        found: set[str] = set()
        while waiting:
            digest = waiting.pop()
            if digest not in found:
                found.add(digest)
                node = self._node(digest)
                if node is None:
                    return None
                waiting += node.below
        return found

    def _change(self, task: Task, landing: Landing | None, change: staleness.Change) -> Change:
        def tell() -> Telling:
            if change.leaf == TREE_LEAF:
                return self._tell_tree(task, landing)
            old = self._old_text(landing, change)
            new = self._new_text(task, change)
            note = "how it is now is no text" if new is None else ""
            return Telling(old, new, note="how it was is not kept as text" if old is None else note)

        return Change(change.leaf, change.old, change.new, tell)

    def _old_text(self, landing: Landing | None, change: staleness.Change) -> str | None:
        if change.old in ("", NEVER, _EMPTY):
            return ""
        kept = texts_of(landing, self._blobs).get(change.leaf)
        return self._blob_text(change.old) if kept is None else kept

    def _new_text(self, task: Task, change: staleness.Change) -> str | None:
        if change.new in ("", NEVER, _EMPTY):
            return ""
        if change.leaf in (VERIFY_LEAF, BYPRODUCTS_LEAF):
            return "\n".join(task.verify if change.leaf == VERIFY_LEAF else task.byproducts)
        for part in material_of(task, self._sources).parts:
            if part.leaf == change.leaf:
                return self._text_of(part)
        return uncounted_texts(task, self._page).get(change.leaf)

    def _text_of(self, part: Part) -> str | None:
        try:
            return part.text if part.text is not None else _text(self._page.content_of(part))
        except OssatureError:
            return None

    def _blob_text(self, digest: str) -> str | None:
        try:
            return _text(self._blobs.get(digest)) if digest else ""
        except DiskError:
            return None

    def _tell_tree(self, task: Task, landing: Landing | None) -> Telling:
        root = landing.verify_leaves.get(TREE_LEAF, "") if landing else ""
        old = self._files_then(root) if root else None
        if old is None:
            return Telling(note="which files of it changed is not kept")
        changed = tuple(self._path_changes(old, self._files_now(task)))
        return Telling(paths=changed, note="" if changed else "the same files, by other dependencies")

    def _path_changes(
        self, old: Mapping[str, list[str]], new: Mapping[str, list[str]]
    ) -> Iterable[PathChange]:
        """One for each version of a path that only one side has; a path may have several writers."""
        for path in sorted({*old, *new}):
            before = [digest for digest in old.get(path, ()) if digest not in new.get(path, ())]
            after = [digest for digest in new.get(path, ()) if digest not in old.get(path, ())]
            for left, right in zip_longest(before, after, fillvalue=""):
                texts = (self._blob_text(left), self._blob_text(right))
                yield PathChange(path, left, right, lines_between(path, *texts))

    def _files_now(self, task: Task) -> dict[str, list[str]]:
        files = {path: [digest] for path, digest in self._sources.setup.items()}
        position = self._sources.position
        seen = self._sources.input_trees.seen_by(task.id)
        for name in sorted(seen, key=lambda name: position.get(name, 0)):
            landing = self._sources.landings.get(name)
            for path, digest in landing.files.items() if landing else ():
                files.setdefault(path, []).append(digest)
        return files

    def _files_then(self, root: str) -> dict[str, list[str]] | None:
        """Path -> digests in the tree of that node, the lowest first; None where a part of it is not kept."""
        files: dict[str, list[str]] = {}
        done: set[str] = set()
        waiting = [root]
        while waiting:
            node = self._node(waiting[-1])
            if node is None:
                return None
            above = [digest for digest in node.below if digest not in done]
            digest = waiting[-1]
            if above and digest not in done:
                waiting.extend(above)
                continue
            waiting.pop()
            if digest not in done:
                done.add(digest)
                for path, content in node.files:
                    files.setdefault(path, []).append(content)
        return files

    def _node(self, digest: str) -> Node | None:
        if digest not in self._nodes:
            self._nodes[digest] = read_node(digest, self._blobs)
        return self._nodes[digest]


def _text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None
