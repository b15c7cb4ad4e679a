"""The app: what keys do is joined here, and the clock that looks at the run."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

from rich.text import Text

from ossature.engine.session import RunRequest, live_holder
from ossature.errors import OssatureError
from ossature.project import Project
from ossature.store.crash import crash_sentence
from ossature.tui.bridge import Bridge
from ossature.tui.keys.findings import FindingKeys
from ossature.tui.keys.history import HistoryKeys
from ossature.tui.keys.panes import PaneKeys
from ossature.tui.keys.plan import PlanKeys
from ossature.tui.keys.program import ProgramKeys
from ossature.tui.keys.review import ReviewKeys
from ossature.tui.keys.settings import SettingsKeys
from ossature.tui.keys.steering import SteerKeys
from ossature.tui.keys.task import TaskKeys
from ossature.tui.look.scrollbars import use_whole_cells
from ossature.tui.watching import Watching

POLL_S = 0.1
"""At most so often the screen changes because of the run."""
TICK_S = 1.0


class OssatureApp(
    ReviewKeys,
    HistoryKeys,
    PaneKeys,
    TaskKeys,
    SteerKeys,
    PlanKeys,
    ProgramKeys,
    SettingsKeys,
    FindingKeys,
    Watching,
):
    """Opens, looks at the run now and then, and has the keys of every mixin."""

    def __init__(
        self,
        bridge: Bridge,
        *,
        request: RunRequest | None = None,
        base: RunRequest | None = None,
        is_demo: bool = False,
    ) -> None:
        super().__init__(bridge, is_demo=is_demo)
        self._request = request
        self.base = base or request or self.base

    def _handle_exception(self, error: Exception) -> None:
        """In place of Textual's traceback: a sentence, and a file with the rest. The run goes on."""
        if self.environ.get("OSSATURE_DEBUG"):
            super()._handle_exception(error)
            return
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
            # Who only looks writes nothing into the project.
            folder = Path(tempfile.gettempdir()) if self.bridge.is_read_only else self.bridge.project.root
            self._exit_renderables.append(Text(f"ossature: {crash_sentence(error, folder)}"))
        self._close_messages_no_wait()

    def on_mount(self) -> None:
        self.lay_out()
        self.go_to("plan")
        try:
            self.bridge.attach_latest()
        except OssatureError as error:
            self.say_error(error)
        self.log_pane.restart(self.bridge.log)
        self.poll()
        self.show_all()
        self.reload()
        self.start_watch()
        self.tell_config_problems()
        self.app_resume_signal.subscribe(self, lambda _: self.call_after_refresh(self.repaint))
        self.set_interval(POLL_S, self.poll)
        self.set_interval(TICK_S, self.tick)
        if self._request is not None:
            self.start(self._request)


def leave_message(bridge: Bridge) -> str:
    """What to say on the plain terminal once the screen is gone."""
    try:
        holder = live_holder(bridge.project)
    except OssatureError:
        return ""
    if not holder or not holder.run:
        return ""
    root = bridge.project.root
    at = "" if Path.cwd().is_relative_to(root) else f" -C {shlex.quote(str(root))}"
    return f"run {holder.run} goes on; come back with `ossature{at} tui`, or `ossature{at} attach`\n"


def make_app(
    project: Project,
    request: RunRequest | None,
    *,
    base: RunRequest | None = None,
    is_demo: bool = False,
    is_read_only: bool = False,
) -> OssatureApp:
    """An app on *project* that starts *request* when it is there, and later ones like *base*."""
    bridge = Bridge(project, is_read_only=is_read_only)
    use_whole_cells()
    return OssatureApp(bridge, request=request, base=base, is_demo=is_demo)
