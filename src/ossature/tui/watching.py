"""Follows the user's files: a save is validated at once, and the bar says what it would make stale."""

from __future__ import annotations

import functools

from textual.message import Message

from ossature.engine.outlook import outlook
from ossature.engine.preview import ProjectView
from ossature.engine.watch import Watch, watched_in
from ossature.tui.showing import Showing


class FilesChanged(Message):
    """Something that people edit was saved, made or deleted."""


class WatchEnded(Message):
    """The system tells of no changes; files are looked at now and then."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class Watching(Showing):
    """What a run writes is shown, and not told as somebody's edit."""

    file_watch: Watch | None = None
    _seen_at: tuple[str, int] = ("", 0)
    """The run that is shown, and how far it was, when the project was last looked at."""

    def start_watch(self) -> None:
        """Watch from now on; off the event loop, since a large folder takes its time."""
        self.file_watch = Watch(
            watched_in(self.bridge.project),
            changed=functools.partial(self._post, FilesChanged),
            falls_back=lambda reason: self._post(functools.partial(WatchEnded, reason)),
        )
        self.run_worker(self.file_watch.start, thread=True, group="watch", name="watch", exit_on_error=False)

    def on_unmount(self) -> None:
        if self.file_watch is not None:
            self.file_watch.stop()

    def _post(self, message: type[FilesChanged] | functools.partial[WatchEnded]) -> None:
        """From a thread of the watch."""
        if self.is_running:
            self.post_message(message())

    def on_files_changed(self) -> None:
        self.reload()

    def on_watch_ended(self, event: WatchEnded) -> None:
        self.say(f"saves are not told ({event.reason}): files are looked at every two seconds", "warn")

    def looked(self, before: ProjectView | None, after: ProjectView) -> None:
        """Say once what a save would make stale, and watch the outputs that there are now."""
        state = self.bridge.state
        seen_at = (state.run, state.seq)
        was_at_work = self.bridge.is_live or seen_at != self._seen_at
        self._seen_at = seen_at
        if self.file_watch is not None:
            outputs = {path for view in after.tasks if view.landing for path in view.landing.files}
            self.file_watch.turn_to(watched_in(after.project, outputs))
        if before is not None:
            found = outlook(before, after, by_run=state.spec_edits, is_live=was_at_work)
            if not found.is_empty:
                self.say(found.sentence, found.tone)
