"""What a model sees, part by part: how much of the prompt is instructions, sections, files."""

from __future__ import annotations

from ossature.domain.plain_text import clean_line
from ossature.llm.anatomy import parts_of
from ossature.tui.look.glyphs import Glyphs
from ossature.tui.look.spans import Span

BAR_CELLS = 10


def context_lines(text: str, glyphs: Glyphs) -> list[list[Span]]:
    """A line for each part of the prompt *text*, the larger kinds first."""
    parts = parts_of(text)
    total = max(sum(part.tokens for part in parts), 1)
    kinds: dict[str, int] = {}
    for part in parts:
        kinds[part.kind] = kinds.get(part.kind, 0) + part.tokens
    lines = [[Span(f"about {total:,} tokens", "strong"), Span("   by our own estimate", "quiet")], []]
    for kind, tokens in sorted(kinds.items(), key=lambda item: -item[1]):
        full = round(BAR_CELLS * tokens / total)
        lines.append(
            [
                Span(f"{kind:<13}", "label"),
                Span(glyphs.full * full, "good"),
                Span(glyphs.empty * (BAR_CELLS - full), "faint"),
                Span(f" {100 * tokens / total:3.0f}% {tokens:>7,}"),
            ]
        )
        for part in sorted((p for p in parts if p.kind == kind and p.name), key=lambda p: -p.tokens):
            share = f" {100 * part.tokens / total:3.0f}% {part.tokens:>7,}  "
            lines.append([Span(" " * (13 + BAR_CELLS)), Span(share, "quiet"), Span(clean_line(part.name))])
    return lines
