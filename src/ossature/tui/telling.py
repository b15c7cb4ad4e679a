"""What header and bar say: questions, messages, the last sentence of the run, a hint."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap
from typing import Any

from textual import events
from textual.timer import Timer

from ossature.domain.plain_text import clean_line, count
from ossature.errors import OssatureError
from ossature.project import user_state_dir
from ossature.tui.frame import Frame, Ground
from ossature.tui.hints import Hint, Moment, hint_for, write_seen
from ossature.tui.keys.action import Action
from ossature.tui.keys.answers import question_lines
from ossature.tui.look.spans import Span
from ossature.tui.widgets.picker import Picker

ONLY_LOOKS = "this viewer only looks; `ossature tui` without --read-only acts"
SPARE_ROWS = 22
"""With fewer, an open question has the row of the hint."""
SETTLE_S = 0.2
"""After a change of size nothing changes any more for so long."""


class Telling(Frame):
    """A message stays until the next one or the next key."""

    _settling: Timer | None = None

    def say(self, text: str, tone: str = "plain") -> None:
        """Put a message into the bar; it stays until the next one or the next key."""
        self.message = Span(clean_line(text), tone)
        self.show_bar()

    def say_error(self, error: OssatureError) -> None:
        hint = f" ({error.hint})" if error.hint else ""
        self.say(f"{error}{hint}", "bad")

    def is_taken(self) -> bool:
        """Whether something else was opened since the key whose answer comes now; that is said."""
        if not self.bar.is_busy and len(self.screen_stack) == 1:
            return False
        self.say("something else was opened meanwhile; press the key again", "warn")
        return True

    def save_draft(self, question_id: str, text: str) -> None:
        """Keep what is typed, as far as the disk lets us; that it does not is said."""
        try:
            self.bridge.save_draft(question_id, text)
        except OssatureError as error:
            self.say(f"what you type is not kept: {error}", "bad")

    def show_bar(self) -> None:
        """Hint, question, else message or the last sentence of the run."""
        lines: list[list[Span]] = []
        question = self.question
        if self.message:
            lines += self._message_lines(self.message)
        elif self.size.height >= (SPARE_ROWS if question else 16):
            lines.append(self._hint_line())
        if question:
            questions = self.bridge.questions
            room = 4 if self.size.height >= 36 else 1 if self.size.height >= 20 else 0
            lines += question_lines(
                question,
                index=questions.index(question),
                count=len(questions),
                width=self.size.width,
                details=room,
                is_offered=not self.bridge.is_read_only,
                table=self.table,
            )
        elif (said := self.bridge.last_said) and not self.message:
            line = said.line
            tone = line.tone if line.tone in ("good", "bad", "warn") else "plain"
            room = 3 if tone == "bad" and self.size.height >= SPARE_ROWS else 1
            pieces = self._pieces(line.text, room) if room > 1 else [line.text]
            arrow = Span(f" {self.glyphs.arrow} ", "quiet")
            lines += [[Span("   ") if n else arrow, Span(piece, tone)] for n, piece in enumerate(pieces)]
        self.bar.show(lines)
        self.show_footer()

    def _message_lines(self, message: Span) -> list[list[Span]]:
        """The message on as many lines as it needs and the screen can spare."""
        pieces = self._pieces(message.text, 5 if self.size.height >= 24 else 2)
        return [[Span(" "), Span(piece, message.tone)] for piece in pieces]

    def _pieces(self, text: str, room: int) -> list[str]:
        """Beside a sign of up to three cells, on at most *room* lines."""
        return wrap(text, max(10, self.size.width - 4), max_lines=room, placeholder=" …")

    def _hint_line(self) -> list[Span]:
        tip = self.first_hint()
        if tip is None:
            return [Span(f" {self.hint()}", "quiet")]
        key = self.table.key("step-back")
        return [Span(f" {tip.text}", "label"), Span(f"  ({key} hides it)", "quiet")]

    def first_hint(self) -> Hint | None:
        """For who is here for the first time; one at a time, and after it is hidden none of its moment."""
        if self.bridge.is_past:
            return None
        moment: Moment = (
            "question"
            if self.question
            else "live"
            if self.bridge.is_live
            else "ended"
            if self.bridge.outcome
            else "start"
        )
        if self.bridge.is_read_only or moment in self._hidden_moments:
            return None
        return hint_for(moment, self.seen_hints, self.table)

    def hide_hint(self) -> None:
        """Never show the present one again by itself."""
        tip = self.first_hint()
        if tip is not None:
            self._hidden_moments.add(tip.moment)
            self.seen_hints |= {tip.name}
            write_seen(user_state_dir(self.environ), self.seen_hints)
            self.show_bar()

    def hint(self) -> str:
        """What a person who sees this for the first time wants to know now."""
        state, key = self.bridge.state, self.table.key
        parts: list[str] = []
        if self.bridge.replay:
            asked = len(state.questions)
            parts.append("a replay changes nothing")
            return f" {self.glyphs.dot} ".join(
                parts + ([f"{count(asked, 'question')} open then"] if asked else [])
            )
        if self.bridge.is_earlier and not self.bridge.is_live:
            newest = "the live run" if self.bridge.elsewhere else "the newest run"
            return f"an earlier run, as it ended; {key('replay')} replays it, escape goes to {newest}"
        if state.replay and self.bridge.is_live:
            parts.append("recorded replies: no model is called")
        if self.bridge.is_read_only:
            parts.append("this viewer only looks: keys that act do nothing")
        elif self.question:
            parts.append("the run waits for you")
        elif self.bridge.is_live:
            parts.append(f"{key('leave')} leaves, the run goes on")
        else:
            parts.append(self._next_step())
        return f" {self.glyphs.dot} ".join(parts)

    def _next_step(self) -> str:
        """Where no run is live."""
        key, outcome = self.table.key, self.bridge.outcome
        if outcome in ("failed", "crashed", "stopped"):
            if self.bridge.state.goal == "spec_fix":
                return f"{key('findings-fix')} on a finding asks again, {key('build')} builds"
            return f"{key('build')} goes on where it stopped, {key('why')} says why a task runs"
        if self.is_demo and outcome == "succeeded":
            around = f"look around (1-5), {key('why')} why, {key('help')} keys, {key('leave')} leaves"
            return f"all is built and verified: {around}"
        if outcome == "succeeded":
            edit = f"{key('pane-specs')}, {key('edit')}"
            return f"the run is over; edit a spec ({edit}) and {key('build')} builds what changed"
        return (
            f"{key('audit')} reviews the specs and plans, {key('build')} builds, {key('help')} shows all keys"
        )

    def show_header(self) -> None:
        now = self.now() if self.bridge.is_live and not self.is_remote else None
        self.header.show(self.bridge, now, is_stepping=self.is_stepping)

    def pick(self, picker: Picker, chosen: Callable[[str | None], Any]) -> None:
        """Open a dialog; *chosen* gets the key of the row, or None."""
        _ = self.push_screen(picker, chosen)

    def key_complaints(self) -> list[str]:
        """What of `[tui.keys]` has no effect, with file and line."""
        return [f"{self.config.place('tui.keys', name)}: {message}" for name, message in self.key_problems]

    def tell_config_problems(self) -> None:
        """Say what of the user's config has no effect."""
        if self.config.error is not None:
            self.say(f"{self.config.error}; the defaults hold", "warn")
            return
        found = [*self.key_complaints(), *self.prefs.problems, *self.theme_problems]
        if found:
            more = f" (and {len(found) - 1} more: {self.table.key('settings')})" if len(found) > 1 else ""
            self.say(f"{found[0]}{more}", "warn")

    def on_key(self, event: events.Key) -> None:
        """A message has been read when the next key comes."""
        if self.bar.is_busy:
            return
        meant = self._meant(event.key) if isinstance(self.screen, Ground) else None
        if meant and meant.acts and self.bridge.is_read_only:
            self.say(ONLY_LOOKS, "warn")
        elif meant and meant.scope == "question":
            what = "takes that answer" if self.question else "waits for an answer"
            self.say(f"no open question {what}", "quiet")
        elif self.message:
            self.message = None
            self.show_bar()

    def _meant(self, key: str) -> Action | None:
        """What the key would do here: as the pane means it, else as an answer."""
        here = (*self.HELP_SCOPES[self.focused_pane], "question")
        found = self.table.on(key)
        return next((action for scope in here for action in found if action.scope == scope), None)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._resized)
        # Textual paints only what has another place than before. A window that was made smaller and large
        # again at once has lost cells that, for Textual, never moved.
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(SETTLE_S, self.repaint)

    def _resized(self) -> None:
        self.lay_out()
        self.show_bar()
