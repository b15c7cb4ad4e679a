"""The whole screen in which a question is answered hunk by hunk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.screen import ModalScreen

from ossature.domain.decision import Decision
from ossature.domain.plain_text import clean_line
from ossature.domain.wish import Wish, parse_wish
from ossature.errors import UsageError
from ossature.tui.keys.actions import bindings
from ossature.tui.keys.keymap import HasKeys
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span
from ossature.tui.screens.hunk_text import HunkText, deed_lines, head_of, hunk_rows, hunk_text
from ossature.tui.screens.marking import Review
from ossature.tui.text.document import TextDocument
from ossature.tui.text.view import Place
from ossature.tui.text.viewer import LineViewer
from ossature.tui.widgets.bar import Asking, Bar, SpanLines
from ossature.tui.widgets.footer import Footer
from ossature.tui.widgets.rows import RowList

BESIDE_COLUMNS = 100
"""From here on the list stands beside the text, else above it."""
COLUMNS_FROM = 120
"""From here on the text begins in two columns."""
BY = "tui"


class HunkList(RowList, inherit_bindings=False):
    """Moves as the screen says: its keys are those of the review."""

    BINDINGS: ClassVar[list[BindingType]] = []


class ReviewScreen(ModalScreen[Decision | None], inherit_bindings=False):
    """Returns the decision to send; None leaves the question open, with what was marked as a draft."""

    BINDINGS = bindings("review")
    AUTO_FOCUS = "HunkList"
    DEFAULT_CSS = """
    ReviewScreen { align: left top; background: $background; }
    ReviewScreen #review { height: 1fr; layout: vertical; background: $background; }
    ReviewScreen #review.-beside { layout: horizontal; }
    ReviewScreen HunkList { height: 3; background: $background; }
    ReviewScreen.-tall HunkList { height: 30%; }
    ReviewScreen #review.-beside HunkList { height: 1fr; width: 36; }
    ReviewScreen LineViewer { height: 1fr; width: 1fr; border-top: solid $border-blurred; }
    ReviewScreen.-ascii LineViewer { border-top: ascii $border-blurred; }
    ReviewScreen #review.-beside LineViewer { border-top: none; border-left: solid $border-blurred; }
    ReviewScreen.-ascii #review.-beside LineViewer { border-left: ascii $border-blurred; }
    """

    class EditWanted(Message):
        """The person wants to change the staged file of that path instead, from that line on."""

        def __init__(self, path: str, line: int) -> None:
            super().__init__()
            self.path = path
            self.line = line

    class HelpWanted(Message):
        """The person wants to see the keys."""

    def __init__(
        self, review: Review, *, glyphs: Glyphs, save: Callable[[str], None], is_read_only: bool = False
    ) -> None:
        super().__init__(classes="-ascii" if glyphs.is_ascii else "")
        self.review = review
        self.glyphs = glyphs
        self.is_read_only = is_read_only
        self.head = SpanLines(glyphs=glyphs)
        self.rows = HunkList(glyphs=glyphs)
        self.viewer = LineViewer(glyphs=glyphs)
        self.viewer.can_focus = False
        self.bar = Bar(glyphs=glyphs)
        self.footer = Footer()
        self._body = Container(id="review")
        self._save = save
        self._text = HunkText()
        self._wants_columns: bool | None = None
        """None: as the width says."""
        self._shown: tuple[int, bool] = (0, False)

    def compose(self) -> ComposeResult:
        yield self.head
        with self._body:
            yield self.rows
            yield self.viewer
        yield self.bar
        yield self.footer

    def on_mount(self) -> None:
        self._lay_out()
        self._show()
        self.rows.action_cursor_down()
        self.call_after_refresh(self._write)

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()
        self.call_after_refresh(self._write)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are text while words are typed."""
        return not self.bar.is_busy and super().check_action(action, parameters)

    def action_step(self, step: int) -> None:
        (self.rows.action_cursor_down if step > 0 else self.rows.action_cursor_up)()

    def action_page(self, pages: float) -> None:
        self.viewer.action_page(pages)

    def action_turn(self) -> None:
        self._mark(self.review.toggled(*self._spot))
        self.rows.action_cursor_down()

    def action_mark_all(self, is_refused: bool) -> None:
        self._mark(self.review.all_marked(is_refused=is_refused))

    def action_words(self) -> None:
        """Words on the hunk under the cursor."""
        path, digest = self._spot
        if not digest:
            self._say("words are about a hunk: go to one first")
            return

        def take(text: str) -> None:
            self._mark(self.review.with_words(path, digest, text))

        self.bar.ask(
            Asking(
                "words on this hunk, for the model",
                submit=take,
                initial=self.review.mark(path, digest).words,
                hint="enter keeps them, escape does not",
            )
        )

    def action_find(self) -> None:
        pattern = self.viewer.pattern
        self.bar.ask(
            Asking(
                "search (a regular expression)",
                submit=self._search,
                initial=pattern.text if pattern else "",
                hint="enter searches, empty ends it",
            )
        )

    def action_next_match(self, step: int) -> None:
        self.viewer.action_next_match(step)

    def action_columns(self) -> None:
        """Two columns, or one."""
        self._wants_columns = not self._is_wide
        self._write()

    def action_edit(self) -> None:
        if self._may_act() and "edit" in self.review.question.verbs:
            path, digest = self._spot
            lines = [h.span.after_start + 1 for h in self.review.changes[path].hunks if h.digest == digest]
            self.post_message(self.EditWanted(path, lines[0] if lines else 0))
        else:
            self._say("this question takes no edited file")

    def action_keys(self) -> None:
        self.post_message(self.HelpWanted())

    def action_send(self) -> None:
        if self.review.verb == "retry":
            self.action_retry()
        elif self._may_act() and self.review.verb is not None:
            _ = self.dismiss(self.review.decision(by=BY))

    def action_retry(self) -> None:
        """Have it generated anew, by a model that is told of the marks."""
        if not self._may_act() or "retry" not in self.review.question.verbs:
            self._say("this question takes no retry")
            return

        def send(text: str) -> None:
            try:
                wish = parse_wish(text)
            except UsageError as error:
                self._say(f"{error} ({error.hint})")
                return
            self._send_retry(wish)

        label = "generate anew, told of your marks; more words may follow"
        self.bar.ask(Asking(label, submit=send, hint="@provider:model first asks another model"))

    def action_close(self) -> None:
        _ = self.dismiss(None)

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._go_to(event.key)
        self.viewer.refresh_document()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        event.stop()
        self.action_turn()

    def on_text_view_changed(self, event: LineViewer.Changed) -> None:
        """It has scrolled, found something, or has another size."""
        event.stop()
        self._write()
        self._tell()

    def on_bar_turned(self, event: Bar.Turned) -> None:
        event.stop()
        self._tell()

    def _send_retry(self, wish: Wish) -> None:
        _ = self.dismiss(self.review.decision(by=BY, is_retry=True, wish=wish))

    def _may_act(self) -> bool:
        return not self.is_read_only

    @property
    def _spot(self) -> tuple[str, str]:
        """Path and, on a hunk, its digest."""
        digest, _, path = self.rows.key.partition(":")
        return path, digest

    @property
    def _is_wide(self) -> bool:
        wants = self._wants_columns
        return self.app.size.width >= COLUMNS_FROM if wants is None else wants

    def _lay_out(self) -> None:
        width, height = self.app.size
        self._body.set_class(width >= BESIDE_COLUMNS, "-beside")
        self.set_class(height >= 20, "-tall")

    def _mark(self, review: Review) -> None:
        if self.is_read_only:
            self._say("this viewer only looks")
            return
        self.review = review
        self._save(review.saved())
        self._show()
        self.viewer.refresh_document()

    def _show(self) -> None:
        """Rows, and what the answer would do."""
        self.rows.set_rows(hunk_rows(self.review, self.glyphs))
        self._tell()

    def _write(self) -> None:
        """The text anew, where its width or its form is another one."""
        width = self.viewer.size.width - 1
        if width < 1 or (width, self._is_wide) == self._shown:
            return
        self._shown = width, self._is_wide
        self._text = hunk_text(self.review, width, is_wide=self._is_wide)
        self.viewer.open(TextDocument(self._text.text), self._paint)
        self._go_to(self.rows.key)

    def _paint(self, number: int, text: str) -> Sequence[Span]:
        head = self._text.heads.get(number)
        if head is None:
            return self._text.lines[number]
        is_current = self._text.starts.get(self.rows.key) == number
        return head_of(self.review, head, self.glyphs, is_current=is_current)

    def _go_to(self, key: str) -> None:
        start = self._text.starts.get(key)
        if start is not None:
            self.viewer.go(Place(max(start - 1, 0)))

    def _search(self, text: str) -> None:
        self.viewer.find(text)
        if self.viewer.pattern and self.viewer.pattern.note:
            self._say(self.viewer.pattern.note)

    def _tell(self) -> None:
        review, table = self.review, cast(HasKeys, self.app).table
        kept = f"{review.kept} of {review.total} kept"
        note = f"   {self.viewer.state}" if self.viewer.search else ""
        title = f" {review.question.task or review.question.spec}  {clean_line(review.question.subject)}"
        tone = "good" if review.kept == review.total else "warn"
        self.head.show([[Span(f" {kept}{note} ", tone), Span(title, "strong")]])
        keys = [(table.key("review-send"), "send")]
        if review.verb != "retry" and "retry" in review.question.verbs:
            keys.append((table.key("review-retry"), "generate anew instead"))
        keys = [("", "waits for whoever runs it")] if self.is_read_only else keys
        self.bar.show(deed_lines(f"{review.deed()}?", keys, self.app.size.width))
        self.footer.show(table.footer("review"))

    def _say(self, text: str) -> None:
        self.bar.show([[Span(f" {clean_line(text)}", "warn")]])
