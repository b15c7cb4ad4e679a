"""The top line: project, run, progress, cost, time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from ossature.domain.plain_text import clean_line
from ossature.tui.bridge import Bridge
from ossature.tui.look.glyphs import UNICODE, Glyphs
from ossature.tui.look.spans import Span, fit, width_of
from ossature.tui.look.theme import tone_styles

BAR_CELLS = 12
_OUTCOME_TONES = {"live": "good", "succeeded": "good", "failed": "bad", "stopped": "warn", "crashed": "bad"}


class Part(NamedTuple):
    """A piece of the line; the greatest `rank` is the first to go where the room is small."""

    rank: int
    spans: tuple[Span, ...]
    gap: int = 3
    """Cells before it."""


class Header(Widget):
    """Drawn from spans; is refreshed only when they change."""

    DEFAULT_CSS = "Header { height: 1; background: $panel; }"

    def __init__(self, *, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self.glyphs = glyphs
        self._parts: list[Part] = []

    def show(self, bridge: Bridge, now: datetime | None, *, is_stepping: bool = False) -> None:
        """*now* is None where the clock is not to run."""
        parts = header_parts(bridge, self.glyphs, now, is_stepping=is_stepping)
        if parts != self._parts:
            self._parts = parts
            self.refresh()

    def render_line(self, y: int) -> Strip:
        styles = tone_styles(self.app.current_theme)
        ground = self.rich_style
        width = self.size.width
        spans = fit(joined(self._parts, width), width, ellipsis=self.glyphs.ellipsis)
        return Strip([Segment(s.text, ground + styles[s.tone]) for s in spans]).adjust_cell_length(
            width, ground
        )


def joined(parts: Sequence[Part], width: int) -> list[Span]:
    """The most important parts that fit, from left to right as they come."""
    kept: set[int] = set()
    used = 1
    for index in sorted(range(len(parts)), key=lambda index: parts[index].rank):
        cells = width_of(parts[index].spans) + (parts[index].gap if kept else 0)
        if kept and used + cells > width:
            break
        kept.add(index)
        used += cells
    line: list[Span] = [Span(" ")]
    for index in sorted(kept):
        line += [*([Span(" " * parts[index].gap)] if len(line) > 1 else []), *parts[index].spans]
    return line


def header_parts(
    bridge: Bridge, glyphs: Glyphs, now: datetime | None, *, is_stepping: bool = False
) -> list[Part]:
    """What can be said, from left to right."""
    settings, state = bridge.project.settings, bridge.state
    parts = [Part(0, (Span(clean_line(settings.name), "strong"),))]
    if bridge.replay:
        parts.insert(0, Part(-1, (Span(f" REPLAY {bridge.replay.place} ", "found"),)))
    if settings.language:
        parts.append(Part(11, (Span(f"{glyphs.dot} {clean_line(settings.language)}", "quiet"),), gap=1))
    parts.append(Part(1, _run_part(bridge, glyphs)))
    if is_stepping:
        parts.append(Part(2, (Span("step", "warn"),)))
    if bridge.outcome and state.replay:
        parts.append(Part(6, (Span("replay", "warn"),)))
    total = len(bridge.board.lines)
    if total:
        full = round(BAR_CELLS * bridge.board.done / total)
        parts.append(Part(3, (Span(f"{bridge.board.done}/{total}"),)))
        bar = (Span(glyphs.full * full, "good"), Span(glyphs.empty * (BAR_CELLS - full), "faint"))
        parts.append(Part(7, bar, gap=1))
    if bridge.outcome:
        parts += _figures(bridge, now)
    if bridge.outcome == "live" and state.phase:
        parts.append(Part(10, (Span(state.phase, "quiet"),)))
    return parts


def _run_part(bridge: Bridge, glyphs: Glyphs) -> tuple[Span, ...]:
    """Which run is shown, and how it is; of one that is not the latest, also when it ended."""
    state, outcome = bridge.state, bridge.outcome
    if not outcome:
        return (Span("no run yet", "quiet"),)
    if bridge.replay:
        return (Span(f"run {bridge.number} of {bridge.count}", "quiet"),)
    word = outcome
    if outcome == "live":
        word = "stopping" if state.is_stopping else "paused" if state.is_paused else "live"
    tone = _OUTCOME_TONES.get(outcome, "warn") if word == outcome else "warn"
    name = "landed" if tone == "good" else "failed"
    sign = glyphs.live if outcome == "live" else glyphs.status.get(name, "")
    if not bridge.is_earlier:
        return (Span(f"run {bridge.number} ", "quiet"), Span(f"{sign} {word}", tone))
    ended = f", ended {state.ended_at.astimezone():%Y-%m-%d %H:%M}" if state.ended_at else ""
    name = f"run {bridge.number} of {bridge.count} "
    return (Span(name, "warn"), Span(f"{sign} {word}", tone), Span(ended, "warn"))


def _figures(bridge: Bridge, now: datetime | None) -> list[Part]:
    state = bridge.state
    unknown = "+?" if state.has_unknown_cost else ""
    limit = bridge.project.settings.limits.of("run", "usd")
    budget = f" of ${limit:.2f}" if limit else ""
    parts = [Part(4, (Span(f"${state.cost_usd:.2f}{unknown}{budget}"),))]
    tokens = state.input_tokens + state.output_tokens
    cached = f", {100 * state.cached_tokens // state.input_tokens}% cached" if state.cached_tokens else ""
    if tokens:
        parts.append(Part(9, (Span(f"{_thousands(tokens)} tok{cached}", "quiet"),)))
    end = state.ended_at or (now if bridge.is_live else None) or state.last_at
    if state.started_at and end:
        parts.append(Part(5, (Span(clock((end - state.started_at).total_seconds()), "quiet"),)))
    if bridge.is_live and (left := bridge.remaining_s(end)) is not None:
        parts.append(Part(8, (Span(f"eta {clock(left)}", "quiet"),), gap=2))
    return parts


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    whole = max(int(seconds), 0)
    minutes = f"{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 3600}:{minutes}" if whole >= 3600 else minutes


def utc_now() -> datetime:
    """The clock of the screen."""
    return datetime.now(UTC)


def _thousands(number: int) -> str:
    return (
        str(number)
        if number < 1000
        else f"{number / 1000:.1f}k"
        if number < 100_000
        else f"{number // 1000}k"
    )
