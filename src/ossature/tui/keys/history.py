"""Keys that look back: earlier runs, and what all of them spent."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from textual.worker import Worker, WorkerState

from ossature.engine.accounts import RunAccount, accounts
from ossature.engine.run_query import matching
from ossature.engine.spend import Book, book_of
from ossature.errors import OssatureError
from ossature.project import Project
from ossature.tui.keys.comparing import CompareKeys
from ossature.tui.keys.panes import PaneKeys
from ossature.tui.keys.replaying import ReplayKeys
from ossature.tui.panes.runs import run_row
from ossature.tui.screens.page import Page
from ossature.tui.screens.spend import SpendPage
from ossature.tui.text.viewer import LineViewer
from ossature.tui.widgets.picker import Picker
from ossature.tui.widgets.rows import Row

_RUNS_HINT = "words, goal:audit, >2026-11-01, cost>1; enter opens, ctrl+r replays"
_REPLAY = "replay "


class HistoryKeys(ReplayKeys, CompareKeys, PaneKeys):
    """Journals are read off the event loop; what was read of a run that is over is remembered."""

    def viewer_in_use(self) -> LineViewer:
        return self.screen.viewer if isinstance(self.screen, Page) else super().viewer_in_use()

    def say(self, text: str, tone: str = "plain") -> None:
        super().say(text, tone)
        if isinstance(self.screen, Page) and self.message:
            self.screen.tell(self.message)

    def action_runs(self) -> None:
        self._read(_accounts, "runs")

    def action_spend(self) -> None:
        self._read(_spend, "spend")

    def _read(self, read: Callable[..., object], name: str) -> None:
        self.say("reading the journals of all runs …", "quiet")
        read = functools.partial(read, self.bridge.project, keeps=not self.bridge.is_read_only)
        self.run_worker(read, thread=True, group="history", name=name, exclusive=True, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.group != "history" or event.state is not WorkerState.SUCCESS:
            return
        self.message = None
        self.show_bar()
        match event.worker.result:
            case OssatureError() as error:
                self.say_error(error)
            case _ if self.is_taken():
                pass
            case (Book() as book, names):
                _ = self.push_screen(SpendPage(book, names, glyphs=self.glyphs))
            case list() as found:
                self._choose_run(found)

    def _choose_run(self, found: list[RunAccount]) -> None:
        rows = {run.run: run_row(run, self.glyphs) for run in reversed(found)}

        def narrow(text: str) -> list[Row]:
            return [rows[run.run] for run in reversed(matching(found, text))]

        picker = Picker(
            "Runs",
            list(rows.values()),
            glyphs=self.glyphs,
            key=self.bridge.attachment.run if self.bridge.attachment else "",
            empty="no run matches" if found else "no run yet",
            hint=_RUNS_HINT,
            narrow=narrow,
            others={"ctrl+r": _REPLAY},
        )
        self.pick(picker, self._run_chosen)

    def _run_chosen(self, run: str | None) -> None:
        if run:
            self.follows = True
            self.show_run(run.removeprefix(_REPLAY))
            if run.startswith(_REPLAY):
                self.action_replay()

    def action_step_back(self) -> None:
        """As in a pane; with nothing left to close there, back to the newest run."""
        is_listed = self.focused_pane in ("specs", "findings", "plan")
        is_plain = is_listed and not self.is_zoomed and not self.list_of(self.focused_pane).filter
        if not (is_plain and self.go_to_newest()):
            super().action_step_back()


def _accounts(project: Project, *, keeps: bool) -> list[RunAccount] | OssatureError:
    try:
        return accounts(project, keeps=keeps)
    except OssatureError as error:
        return error


def _spend(project: Project, *, keeps: bool) -> tuple[Book, Mapping[str, str]] | OssatureError:
    try:
        found = accounts(project, keeps=keeps)
    except OssatureError as error:
        return error
    names = {run.run: f"{run.number} {run.goal}" for run in found}
    return book_of([share for run in found for share in run.shares]), names
