"""Keys that step through a run's journal: the panes show what was, and nothing can be done to the run."""

from __future__ import annotations

import functools

from textual.dom import DOMNode
from textual.worker import Worker, WorkerState

from ossature.engine.replay import Landmark, Recording
from ossature.engine.session import latest_run
from ossature.errors import OssatureError
from ossature.project import Project
from ossature.tui.bridge import Replay
from ossature.tui.keys.actions import Scope
from ossature.tui.showing import Showing
from ossature.tui.widgets.bar import Asking

_LOOKING: frozenset[Scope] = frozenset({"list", "tree", "chart", "viewer", "task", "page", "replay"})
"""Scopes whose keys only move and show."""
_ALLOWED = frozenset(
    {
        *("pane", "log", "zoom", "view", "filter", "step_back", "why", "follow_run", "uses", "next_question"),
        *("previous_pane", "attempts", "attempt", "yank", "runs", "spend", "compare", "help", "leave"),
        *("command_palette", "suspend_process"),
    }
)
"""Actions of the app that do no more than that, either."""


class ReplayKeys(Showing):
    """Texts of attempts are shown whole, as their files are now: the journal keeps only their names."""

    def action_replay(self) -> None:
        """Read the journal off the event loop; the first event is shown then."""
        attachment = self.bridge.attachment
        if attachment is None:
            self.say("there is no run to replay yet", "warn")
            return
        self.say("reading the whole journal …", "quiet")
        read = functools.partial(_recorded, self.bridge.project, attachment.run)
        self.run_worker(read, thread=True, group="replay", name="replay", exclusive=True, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.group != "replay" or event.state is not WorkerState.SUCCESS:
            return
        run, recording = event.worker.result or ("", None)
        attachment = self.bridge.attachment
        if attachment is None or attachment.run != run:
            return
        if isinstance(recording, Recording) and recording.count:
            self.begin_replay(recording)
        elif isinstance(recording, OssatureError):
            self.say_error(recording)
        else:
            self.say("the journal of this run holds nothing that can be believed", "warn")

    def begin_replay(self, recording: Recording) -> None:
        self.bridge.replay = Replay(recording)
        self._explain("the run had no plan yet")
        self.follows = True
        self.message = None
        self._show_moment()

    def action_end_replay(self) -> None:
        self._drop_replay()
        self.log_pane.restart(self.bridge.log)
        self.poll()
        self.bridge.rebuild()
        self.show_all()

    def _drop_replay(self) -> None:
        self.bridge.replay = None
        self._explain("this run had no plan" if self.bridge.is_earlier else self.plan.no_plan)

    def _explain(self, empty: str) -> None:
        """Say why there are no tasks, wherever they would be."""
        self.plan.empty = self.grid.empty = empty
        self.plan.refresh()
        self.grid.refresh()

    def show_run(self, run: str) -> None:
        self.bridge.replay = None
        super().show_run(run)
        self._drop_replay()

    def go_to_newest(self) -> bool:
        """From an earlier run to the live one, else the newest; False when it is shown already."""
        run = latest_run(self.bridge.project) if self.bridge.is_earlier else None
        if run is None:
            return False
        self.follows = True
        self.show_run(run)
        return True

    def action_move(self, landmark: Landmark, step: int) -> None:
        """To the next or previous event of this sort."""
        if self.bridge.replay:
            replay = self.bridge.replay
            found = replay.recording.find(replay.moment, landmark, step=step, task=self.plan.key)
            if found is None:
                what = {"event": "event", "task": f"event of {self.plan.key or 'a task'}"}.get(
                    landmark, landmark
                )
                self.say(f"no {'later' if step > 0 else 'earlier'} {what}", "quiet")
                return
            replay.go_to(found)
            self._show_moment(keeps_task=landmark == "task")

    def action_moment(self, end: str) -> None:
        """To the beginning or the end."""
        if self.bridge.replay:
            self.bridge.replay.go_to(0 if end == "first" else self.bridge.replay.recording.count)
            self._show_moment()

    def action_go_to_moment(self) -> None:
        """Ask for a number or a time."""
        replay = self.bridge.replay
        if replay is None:
            return

        def go(text: str) -> None:
            moment = replay.recording.moment_of(text)
            if moment is None:
                self.say(f"{text!r} is no place in a run: write 132, 10:15, 10:15:29 or +90s", "warn")
            elif self.bridge.replay is replay:
                replay.go_to(moment)
                self._show_moment()

        hint = "a number, 10:15:29, or +90s from the start; enter goes there"
        self.bar.ask(Asking("go to", submit=go, hint=hint))

    def _show_moment(self, *, keeps_task: bool = False) -> None:
        """Everything as it was; the cursor goes to the task of the event, unless the person moved it."""
        replay = self.bridge.replay
        if replay is None:
            return
        self.message = None
        self.bridge.rebuild()
        self.log_pane.show_until(replay.recording.log, replay.said)
        task = replay.mark.task if replay.mark else ""
        self.plan.show(self.bridge.board, follows=self.follows)
        if task and self.follows and not keeps_task:
            self.plan.show(self.bridge.board, follows=True, key=task)
        self.show_all()

    def follow(self) -> None:
        if self.bridge.replay is None:
            super().follow()

    def show_footer(self) -> None:
        if self.bridge.replay and not self.bar.is_busy:
            self.footer.show(self.table.footer("replay"))
        else:
            super().show_footer()

    async def run_action(
        self, action: object, default_namespace: DOMNode | None = None, namespaces: object = None
    ) -> bool:
        if self.bridge.replay and isinstance(action, str) and self._acts(action):
            self.say(f"a replay only shows what was; {self.table.key('replay-end')} leaves it", "warn")
            return True
        return await super().run_action(action, default_namespace, namespaces)  # type: ignore[arg-type]

    def _acts(self, name: str) -> bool:
        """It may do more than show something."""
        found = [action for action in self.table.actions if action.name == name]
        return bool(found) and not any(
            action.scope in _LOOKING or action.method.removeprefix("action_") in _ALLOWED for action in found
        )


def _recorded(project: Project, run: str) -> tuple[str, Recording | OssatureError]:
    try:
        return run, Recording(project.runs_dir / run)
    except OssatureError as error:
        return run, error
