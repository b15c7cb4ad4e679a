"""Keys on the text that is open."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ossature.domain.plain_text import clean_line
from ossature.tui.showing import Showing

MAX_CLIPBOARD_BYTES = 74_994
"""What the smallest of the usual limits on OSC 52 (100,000 characters of base64) leaves."""


class TextKeys(Showing):
    """Copied text always goes into a file too: not every terminal has a clipboard."""

    def action_yank(self) -> None:
        """Copy the whole text, as shown; what is too long for a terminal's clipboard is in the file."""
        document = self.viewer_in_use().document
        lines = document.lines(0, document.count)
        text = "\n".join(clean_line(line.text.expandtabs(4)) for line in lines) + "\n"
        handle, name = tempfile.mkstemp(prefix="ossature-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        size = len(text.encode("utf-8", "replace"))
        if size <= MAX_CLIPBOARD_BYTES:
            self.copy_to_clipboard(text)
            self.say(f"copied {len(lines)} lines; also in {Path(name)}", "good")
        else:
            self.say(f"too long for the clipboard; {len(lines)} lines are in {Path(name)}", "warn")
