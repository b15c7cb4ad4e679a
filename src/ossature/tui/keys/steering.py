"""Keys that steer a build: step mode, another try at a task, the next question."""

from __future__ import annotations

from ossature.domain.decision import Requeue, SetPreset
from ossature.domain.event import Preset
from ossature.domain.wish import Wish, parse_wish
from ossature.errors import UsageError
from ossature.tui.keys.answering import RETRY_LABEL, AnswerKeys
from ossature.tui.keys.running import RunKeys
from ossature.tui.panes.task_lines import TaskLine
from ossature.tui.showing import BY
from ossature.tui.widgets.bar import Asking


class SteerKeys(AnswerKeys, RunKeys):
    """A live run is told through its inbox; without one, the next run is what the key is about."""

    preset_before: Preset = "tui"
    """What step mode gives way to."""
    typed: str = ""
    """Feedback that was typed for another try and not sent."""

    def action_step(self) -> None:
        """Switch step mode for the live run and for the next one."""
        is_live = self.bridge.is_live
        wanted: Preset = "step"
        if self.is_stepping:
            wanted = self.preset_before
        elif (before := self.bridge.state.preset if is_live else self.base.preset) in _PRESETS:
            self.preset_before = _PRESETS[before]
        if is_live and not self.send(SetPreset(preset=wanted, by=BY)):
            return
        self.base = self.base.model_copy(update={"preset": wanted})
        text = "every prompt, fix and landing is asked about" if wanted == "step" else "off"
        self.say(f"step mode: {text}", "good")
        self.show_header()

    def action_retry(self) -> None:
        """Ask for a word to the model, and have the selected task generated anew."""
        line = self.bridge.board.find(self.plan.key)
        if line is None:
            self.say("no task is selected", "warn")
        elif refusal := self._why_not(line):
            self.say(refusal, "warn")
        else:
            self._ask_wish(line)

    def _why_not(self, line: TaskLine) -> str:
        """What keeps the task from being tried once more; empty where nothing does."""
        if line.status in ("manual", "skipped") or (line.view and line.view.status in ("manual", "skipped")):
            return f"{line.id} is {line.word}: no model is asked"
        if self.bridge.is_live and line.is_active:
            return f"{line.id} is {line.word}: it can be tried again when it has ended"
        if self.bridge.is_live and self.bridge.state.phase != "build":
            return "the run does not build yet: try again in a moment"
        return ""

    def _ask_wish(self, line: TaskLine) -> None:
        def keep(text: str) -> None:
            self.typed = text

        def send(text: str) -> None:
            keep(text)
            try:
                wish = parse_wish(text)
            except UsageError as error:
                self.say_error(error)
                self.call_after_refresh(self._ask_wish, line)
                return
            if self._try_again(line, wish):
                keep("")

        self.bar.ask(
            Asking(
                f"{line.id}: {RETRY_LABEL}",
                submit=send,
                initial=self.typed,
                change=keep,
                hint="enter sends, escape keeps it as a draft",
            )
        )

    def _try_again(self, line: TaskLine, wish: Wish) -> bool:
        """False when that could not be asked for."""
        if self.bridge.is_live:
            letter = Requeue(task=line.id, feedback=wish.feedback, model=wish.model, by=BY)
            if not self.send(letter):
                return False
            self.say(f"asked the run to take {line.id} up once more", "quiet")
            return True
        request = self.request_for("build", line.id)
        self.start(
            request.model_copy(
                update={"forced": (line.id,), "feedback": wish.feedback, "forced_model": wish.model}
            )
        )
        return True


_PRESETS: dict[str, Preset] = {"default": "default", "tui": "tui", "auto": "auto"}
