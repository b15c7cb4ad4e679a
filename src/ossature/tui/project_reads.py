"""Reads of the project off the event loop: what a build would do, and the prompt that it would send."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from textual.worker import Worker, WorkerState

from ossature.engine.preview import ProjectView, look, prompt_preview
from ossature.errors import OssatureError
from ossature.project import Project, load_project
from ossature.tui.answering import AnswerKeys
from ossature.tui.task_lines import TaskLine


class ProjectReads(AnswerKeys):
    """The newest read counts; an older one that is still on its way is dropped."""

    def reload(self) -> None:
        read = functools.partial(_looked, self.bridge.project, self.environ)
        self.run_worker(read, thread=True, group="look", name="look", exclusive=True, exit_on_error=False)

    def want_preview(self, line: TaskLine | None) -> None:
        """Fetch the prompt of a task that was not tried yet, when its tab is open."""
        pane, view = self.task_pane, self.bridge.view
        if pane.tab != "prompt" or pane.preview or pane.attempts or view is None:
            return
        if line and line.view:
            read = functools.partial(_previewed, view, line.id)
            self.run_worker(read, thread=True, group="preview", name="preview", exclusive=True)

    def show_all(self) -> None:
        """Draw everything anew."""
        raise NotImplementedError

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.SUCCESS and event.worker.name == "look":
            self._take_look(event.worker.result)
        elif event.state is WorkerState.SUCCESS and event.worker.name == "preview":
            task, prompt = event.worker.result or ("", "")
            if self.task_pane.line and self.task_pane.line.id == task:
                self.task_pane.preview = prompt
                self.task_pane.draw()
        elif event.state is WorkerState.ERROR and event.worker.name == "look":
            self.say(f"the project could not be read: {event.worker.error}", "bad")

    def _take_look(self, seen: object) -> None:
        if isinstance(seen, ProjectView):
            self.bridge.see(seen)
            self.show_all()
        elif isinstance(seen, OssatureError):
            self.say_error(seen)


def _looked(project: Project, environ: Mapping[str, str]) -> ProjectView | OssatureError:
    """Config, specs, plan, findings, and what a build would do."""
    try:
        view = look(load_project(project.root, environ))
        # Read here, since the first access reads files.
        _ = view.audits
    except OssatureError as error:
        return error
    return view


def _previewed(view: ProjectView, task: str) -> tuple[str, str]:
    """The task, and the prompt that a build would send for it now or why there is none."""
    try:
        return task, f"This would be sent now.\n\n{prompt_preview(view, task)}"
    except OssatureError as error:
        return task, f"The prompt cannot be made: {error}"
