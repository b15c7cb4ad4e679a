"""The top line: project, run, progress, cost, time."""

from __future__ import annotations

from datetime import UTC, datetime

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


class Header(Widget):
    """Drawn from spans; is refreshed only when they change."""

    DEFAULT_CSS = "Header { height: 1; background: $panel; }"

    def __init__(self, *, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self.glyphs = glyphs
        self._parts: list[list[Span]] = []

    def show(self, bridge: Bridge, now: datetime | None, *, is_stepping: bool = False) -> None:
        """*now* is None where the clock is not to run."""
        parts = header_parts(bridge, self.glyphs, now)
        if is_stepping:
            parts.insert(2, [Span("step", "warn")])
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


def joined(parts: list[list[Span]], width: int) -> list[Span]:
    """As many parts as fit, in their order; the later ones are the less important ones."""
    line: list[Span] = [Span(" ")]
    for part in parts:
        room = width - width_of(line)
        if len(line) > 1 and width_of(part) + 3 > room:
            break
        line += [*([Span("   ")] if len(line) > 1 else []), *part]
    return line


def header_parts(bridge: Bridge, glyphs: Glyphs, now: datetime | None) -> list[list[Span]]:
    """Groups of spans, most important first."""
    settings = bridge.project.settings
    state = bridge.state
    parts = [[Span(clean_line(settings.name), "strong")]]
    if bridge.replay:
        parts.insert(0, [Span(f" REPLAY {bridge.replay.place} ", "found")])
    outcome = bridge.outcome
    if outcome:
        parts.append(_run_part(bridge, glyphs))
    else:
        parts.append([Span("no run yet", "quiet")])
    total = len(bridge.board.lines)
    if total:
        full = round(BAR_CELLS * bridge.board.done / total)
        parts.append(
            [
                Span(f"{bridge.board.done}/{total} "),
                Span(glyphs.full * full, "good"),
                Span(glyphs.empty * (BAR_CELLS - full), "faint"),
            ]
        )
    if outcome:
        parts += _figures(bridge, now)
    if outcome == "live" and state.phase:
        parts.append([Span(state.phase, "quiet")])
    return parts


def _run_part(bridge: Bridge, glyphs: Glyphs) -> list[Span]:
    """Which run is shown, and how it is; of one that is not the latest, also when it ended."""
    state, outcome = bridge.state, bridge.outcome
    if bridge.replay:
        return [Span(f"run {bridge.number} of {bridge.count}", "quiet")]
    word = outcome
    if outcome == "live":
        word = "stopping" if state.is_stopping else "paused" if state.is_paused else "live"
    tone = _OUTCOME_TONES.get(outcome, "warn") if word == outcome else "warn"
    name = "landed" if tone == "good" else "failed"
    sign = glyphs.live if outcome == "live" else glyphs.status.get(name, "")
    if not bridge.is_earlier:
        return [Span(f"run {bridge.number} ", "quiet"), Span(f"{sign} {word}", tone)]
    ended = f", ended {state.ended_at.astimezone():%Y-%m-%d %H:%M}" if state.ended_at else ""
    name = f"run {bridge.number} of {bridge.count} "
    return [Span(name, "warn"), Span(f"{sign} {word}", tone), Span(ended, "warn")]


def _figures(bridge: Bridge, now: datetime | None) -> list[list[Span]]:
    state = bridge.state
    unknown = "+?" if state.has_unknown_cost else ""
    parts = []
    if state.replay:
        parts.append([Span("replay", "warn")])
    parts.append([Span(f"${state.cost_usd:.2f}{unknown}")])
    tokens = state.input_tokens + state.output_tokens
    cached = f", {100 * state.cached_tokens // state.input_tokens}% cached" if state.cached_tokens else ""
    if tokens:
        parts.append([Span(f"{_thousands(tokens)} tok{cached}", "quiet")])
    end = state.ended_at or (now if bridge.is_live else None) or state.last_at
    if state.started_at and end:
        parts.insert(0, [Span(clock((end - state.started_at).total_seconds()), "quiet")])
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
