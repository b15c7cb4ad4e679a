"""A scrolled view whose scroll bar is right whenever it is shown."""

from __future__ import annotations

from textual.scroll_view import ScrollView


class Scrolled(ScrollView, can_focus=True, inherit_bindings=False):
    """What lists and texts are made of."""

    def watch_show_vertical_scrollbar(self, is_shown: bool) -> None:
        """Textual tells the bar about scrolling only while it is shown: one that appears is behind."""
        if is_shown:
            self.vertical_scrollbar.position = self.scroll_y
