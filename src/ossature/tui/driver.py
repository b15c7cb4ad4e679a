"""The terminal driver: Textual's, with clicks and the wheel but no report for every move of the mouse."""

from __future__ import annotations

from textual.drivers.linux_driver import LinuxDriver


class QuietDriver(LinuxDriver):
    """Mode 1003 sends bytes for every cell that the pointer crosses, which a slow link has to carry."""

    def _enable_mouse_support(self) -> None:
        if self._mouse:
            self.write("\x1b[?1000h\x1b[?1006h")
            self.flush()
