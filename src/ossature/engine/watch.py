"""Tell when files that people edit have changed: the only door to watchdog."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from ossature.project import Project
from ossature.settings import CONFIG_NAME
from ossature.store.disk import is_scratch

SETTLE_S = 0.15
"""So long nothing may happen before a change counts as complete: an editor's save is several steps."""
MAX_SETTLE_S = 1.0
"""Under steady changes a report is due after that."""
POLL_S = 2.0
"""How often files are looked at where the system does not tell of changes."""
MAX_FOLDERS = 64
"""Beside trees; each takes a thread of watchdog's. With more of them files are looked at now and then."""
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
"""Not those of opening and reading, which our own look at a change would set off again."""
_PASSED_OVER = frozenset({".git", ".hg", ".ossature", "__pycache__", ".venv", "venv", "node_modules"})
_SPECS = (".smd", ".amd")
_Looks = dict[str, tuple[int, int, int]]


class _Observer(Protocol):
    """What is used of watchdog's observers."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def join(self, timeout: float | None = None) -> None: ...
    def is_alive(self) -> bool: ...
    def unschedule_all(self) -> None: ...
    def schedule(
        self,
        event_handler: FileSystemEventHandler,
        path: str,
        *,
        recursive: bool = False,
        event_filter: list[type[FileSystemEvent]] | None = None,
    ) -> object: ...


@dataclass(frozen=True)
class Watched:
    """What is watched, as absolute paths; none of it has to exist."""

    root: Path
    trees: tuple[Path, ...]
    """Folders with all that lies in them."""
    files: frozenset[Path]

    def concerns(self, path: Path) -> bool:
        """A change at *path* may be one of what is watched."""
        if _is_passing(path.name):
            return False
        if path in self.files or path in self._above_files:
            return True
        return any(path.is_relative_to(tree) or tree.is_relative_to(path) for tree in self.trees)

    @cached_property
    def _above_files(self) -> frozenset[Path]:
        """Folders that come and go with files in them."""
        folders = {folder for file in self.files for folder in file.parents}
        return frozenset(folder for folder in folders if self.root in folder.parents)

    @property
    def is_wide(self) -> bool:
        """A tree holds the whole project, with stages and caches that change all the time."""
        return any(self.root.is_relative_to(tree) for tree in self.trees)

    def folders(self) -> Iterator[tuple[Path, bool]]:
        """Folders to be told of, and whether with all below: trees, and what they and files lie in."""
        yield from ((tree, True) for tree in self.trees)
        above = {folder for tree in self.trees for folder in tree.parents if folder.is_relative_to(self.root)}
        above |= self._above_files | {file.parent for file in self.files}
        for folder in sorted(above):
            if not any(folder.is_relative_to(tree) for tree in self.trees):
                yield folder, False


def watched_in(project: Project, outputs: Iterable[str] = ()) -> Watched:
    """The user's files of *project*: specs, context, plan, config, own prompts, and these *outputs*."""
    root = project.root
    trees = (root / project.settings.spec_dir, project.context_root, project.prompts_dir)
    files = {root / CONFIG_NAME, project.plan_path, project.rulings_path}
    files |= {project.output_root / path for path in outputs}
    return Watched(
        root, tuple(dict.fromkeys(Path(os.path.normpath(tree)) for tree in trees)), frozenset(files)
    )


class Watch:
    """Runs threads of its own from `start` to `stop`; they sleep while nothing changes."""

    def __init__(
        self,
        watched: Watched,
        *,
        changed: Callable[[], None],
        falls_back: Callable[[str], None] = lambda _reason: None,
        observer: Callable[[], _Observer] = Observer,
    ) -> None:
        """Called from threads: *changed* once a change is complete, *falls_back* where polling begins."""
        self._watched = watched
        self._changed = changed
        self._falls_back = falls_back
        self._make_observer = observer
        self._observer: _Observer | None = None
        self._scheduled: set[tuple[Path, bool, int]] = set()
        self._wake = threading.Condition()
        self._touched_at = 0.0
        """When the latest change came, by the monotonic clock; 0 for none since the last report."""
        self._is_stopping = False
        self._polls = False
        """The system does not tell of changes: files are looked at now and then."""
        self._looks: _Looks = {}
        self._thread = threading.Thread(target=self._run, name="ossature-watch", daemon=True)

    def start(self) -> None:
        """Begin; what changes from now on is told."""
        self._schedule()
        with self._wake:
            if not self._is_stopping:
                self._thread.start()
                return
        self._drop_observer()

    def stop(self) -> None:
        """End, and wait for every thread."""
        with self._wake:
            self._is_stopping = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._drop_observer()

    def turn_to(self, watched: Watched) -> None:
        """Watch these from now on; to say the same again costs nothing."""
        with self._wake:
            if watched == self._watched:
                return
            self._watched = watched
            self._touch()

    def _touch(self) -> None:
        """Note that there was something; the condition is held."""
        self._touched_at = time.monotonic()
        self._wake.notify()

    def note(self, event: FileSystemEvent) -> None:
        """Take an event of watchdog's, in one of its threads."""
        paths = [os.fsdecode(event.src_path), os.fsdecode(event.dest_path or "")]
        if any(self._watched.concerns(Path(path)) for path in paths if path):
            with self._wake:
                self._touch()

    def _run(self) -> None:
        while self._wait():
            if self._is_settled():
                self._schedule()
                self._changed()

    def _wait(self) -> bool:
        """Sleep until something may have changed; False when it is over."""
        with self._wake:
            self._wake.wait_for(
                lambda: self._is_stopping or self._touched_at, timeout=POLL_S if self._polls else None
            )
            if self._polls and not self._is_stopping and not self._touched_at:
                looks = _looks(self._watched)
                if looks != self._looks:
                    self._touched_at = time.monotonic()
        return not self._is_stopping

    def _is_settled(self) -> bool:
        """Wait until nothing comes any more; False where nothing had come, or it is over."""
        with self._wake:
            if not self._touched_at:
                return False
            latest = time.monotonic() + MAX_SETTLE_S
            while not self._is_stopping:
                rest = min(self._touched_at + SETTLE_S, latest) - time.monotonic()
                if rest <= 0:
                    break
                self._wake.wait(rest)
            self._touched_at = 0.0
            return not self._is_stopping

    def _schedule(self) -> None:
        """Be told of every folder that is there now; where the system cannot, look now and then."""
        if not self._polls:
            try:
                self._observe()
            except OSError as error:
                self._drop_observer()
                self._polls = True
                self._falls_back(error.strerror or str(error))
        if self._polls:
            self._looks = _looks(self._watched)

    def _observe(self) -> None:
        if self._watched.is_wide:
            raise OSError(0, "the specs' folder is the project itself")
        wanted = self._folders_there()
        if sum(not is_tree for _, is_tree, _ in wanted) > MAX_FOLDERS:
            raise OSError(0, f"the files lie in more than {MAX_FOLDERS} folders")
        if wanted == self._scheduled and self._observer is not None:
            return
        observer = self._observer
        if observer is None:
            observer = self._make_observer()
            observer.start()
            self._observer = observer
        observer.unschedule_all()
        handler = _Handler(self.note)
        for folder, is_tree, _ in sorted(wanted):
            try:
                observer.schedule(handler, str(folder), recursive=is_tree, event_filter=_EVENTS)
            except FileNotFoundError:
                # It went meanwhile; the folder above tells, and the next time round it is known.
                continue
        self._scheduled = wanted
        if self._folders_there() != wanted:
            # One came before the folder above it was watched: nothing tells of that.
            with self._wake:
                self._touch()

    def _folders_there(self) -> set[tuple[Path, bool, int]]:
        """With their inodes: a folder that was deleted and made anew is another one."""
        found: set[tuple[Path, bool, int]] = set()
        for folder, is_tree in self._watched.folders():
            try:
                seen = folder.stat()
            except OSError:
                continue
            if stat.S_ISDIR(seen.st_mode):
                found.add((folder, is_tree, seen.st_ino))
        return found

    def _drop_observer(self) -> None:
        observer, self._observer, self._scheduled = self._observer, None, set()
        if observer is not None and observer.is_alive():
            observer.stop()
            observer.join()


class _Handler(FileSystemEventHandler):
    """Hands on whatever comes."""

    def __init__(self, note: Callable[[FileSystemEvent], None]) -> None:
        self._note = note

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._note(event)


def _looks(watched: Watched) -> _Looks:
    """What changes when one of the files does."""
    found: _Looks = {}
    for path in watched.files:
        _note_looks(str(path), found)
    for tree in watched.trees:
        for parent, folders, files in os.walk(tree):
            folders[:] = [name for name in folders if name not in _PASSED_OVER]
            for name in files:
                is_asked = not watched.is_wide or name.lower().endswith(_SPECS)
                if is_asked and not _is_passing(name):
                    _note_looks(f"{parent}/{name}", found)
    return found


def _note_looks(path: str, found: _Looks) -> None:
    try:
        seen = os.stat(path)
    except OSError:
        return
    found[path] = (seen.st_mtime_ns, seen.st_size, seen.st_ino)


def _is_passing(name: str) -> bool:
    """A file that editors, or we, make on the way to a save."""
    return (
        name.endswith(("~", ".swp", ".swo", ".swx", ".swpx"))
        or name.startswith((".#", ".goutputstream-"))
        or name == "4913"  # vim tries with it whether it may write
        or (name.startswith("#") and name.endswith("#"))
        or is_scratch(name)
    )
