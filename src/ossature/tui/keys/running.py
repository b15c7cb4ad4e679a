"""What keys do to runs: start, stop, pause."""

from __future__ import annotations

import functools

from textual.worker import Worker, WorkerState

from ossature.domain.decision import Command, Pause, Resume, Stop
from ossature.domain.event import Goal
from ossature.engine.session import RunRequest, spawn
from ossature.errors import OssatureError
from ossature.project import Project
from ossature.tui.showing import BY, Showing


class RunKeys(Showing):
    """Starting takes a moment and happens off the event loop; all else is a letter in the run's inbox."""

    def start(self, request: RunRequest) -> None:
        """Start an owner process and show its run."""
        if self.bridge.is_live:
            self.say("a run is live already; S stops it", "warn")
            return
        self.say(f"starting: {request.goal} …", "quiet")
        start = functools.partial(_spawned, self.bridge.project, request)
        self.run_worker(start, thread=True, group="start", name="start", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.name == "start" and event.state is WorkerState.SUCCESS:
            started = event.worker.result
            if isinstance(started, OssatureError):
                self.say_error(started)
            else:
                self.message = None
                self.follows = True
                self.show_run(str(started))

    def request_for(self, goal: Goal, *tasks: str) -> RunRequest:
        """Like what this screen was opened with (sandbox, recordings), for another goal."""
        return self.base.model_copy(update={"goal": goal, "tasks": tasks})

    def action_build(self) -> None:
        self.start(self.request_for("build"))

    def action_build_task(self) -> None:
        task = self.plan.key
        if not task:
            self.say("no task is selected", "warn")
            return
        self.start(self.request_for("build", task))

    def action_audit(self) -> None:
        self.start(self.request_for("audit"))

    def action_stop(self) -> None:
        """The first time work in flight may finish; the second time it may not."""
        is_second = self.bridge.state.is_stopping
        self.send(Stop(mode="now" if is_second else "drain", by=BY))
        if self.bridge.is_live:
            word = (
                "stopping now"
                if is_second
                else f"stopping when the work in flight is done; {self.table.key('stop')} again stops now"
            )
            self.say(word, "warn")

    def action_pause(self) -> None:
        self.send(Resume(by=BY) if self.bridge.state.is_paused else Pause(by=BY))

    def send(self, command: Command) -> bool:
        """Drop *command* into the run's inbox; False when there is nobody to hear it, which is said."""
        try:
            self.bridge.command(command)
        except OssatureError as error:
            self.say_error(error)
            return False
        return True


def _spawned(project: Project, request: RunRequest) -> str | OssatureError:
    """The id of the new run, or what kept it from starting."""
    try:
        return spawn(project, request)
    except OssatureError as error:
        return error
