"""The recording of the demo can be played, and ends with everything built."""

from __future__ import annotations

import json

from tests.tui.terminals import Terminal
from tools.cast import LONGEST_PAUSE_S, TARGET

MAX_BYTES = 400_000


def test_the_recording_plays_to_a_finished_build() -> None:
    assert TARGET.stat().st_size <= MAX_BYTES
    text = TARGET.read_text("utf-8")
    header, *events = [json.loads(line) for line in text.splitlines()]
    assert header["version"] == 2
    terminal = Terminal(header["width"], header["height"])
    before = 0.0
    for at, kind, output in events:
        assert kind == "o"
        assert 0 <= at - before <= LONGEST_PAUSE_S + 0.001
        before = at
        terminal.send(output)
    shown = terminal.text()
    assert "succeeded" in shown
    assert "landed" in shown
    assert "/tmp/" not in text
