"""Takes the pictures of the screen: `python -m tools.screenshots [folder]`, default `screenshots/`.

They show views of the gallery, without a terminal. A picture is drawn cell by cell, so that frames join.
"""

import asyncio
import html
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files
from pathlib import Path

os.environ.update(
    TEXTUAL_ANIMATIONS="none", LC_ALL="C.UTF-8", TERM="xterm-256color", COLORTERM="truecolor", TZ="UTC"
)
os.environ.pop("NO_COLOR", None)

import resvg_py
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from ossature.tui.app import OssatureApp
from tests.tui.gallery import ROUTES, Route, walk
from tests.tui.stage import strips as strips_of

CELL_WIDTH, CELL_HEIGHT, FONT_SIZE, MARGIN = 9.0, 20.0, 15.0, 12
BACKGROUND = "#10141b"
FONT = "JetBrains Mono"

STROKES = {
    "─": "lr", "│": "ud", "╭": "rd", "╮": "ld", "╰": "ru", "╯": "lu", "├": "udr", "┤": "udl",
    "┼": "udlr", "┴": "lru", "┬": "lrd", "└": "ru", "┘": "lu", "┌": "rd", "┐": "ld",
}  # fmt: skip
"""Frames and rails: which edges of its cell a sign joins."""


ZOOM = 1.25


async def take(route: Route, folder: Path) -> None:
    """Write the pictures of a route."""
    async for seen in walk(route, only_pictures=True):
        if seen.view.has_picture:
            picture = resvg_py.svg_to_bytes(svg_string=draw(seen.app), zoom=ZOOM, **fonts())
            (folder / f"{seen.name}.png").write_bytes(picture)
            print(seen.name)


def fonts() -> dict[str, object]:
    """JetBrains Mono (OFL), from a wheel."""
    return {
        "font_dirs": [str(Path(str(files("fontpkg_jetbrains_mono"))) / "files")],
        "skip_system_fonts": True,
        "monospace_family": FONT,
        "font_family": FONT,
    }


def draw(app: OssatureApp) -> str:
    """The screen as SVG: backgrounds, then frames and rails as lines, then text."""
    width, height = app.size
    strips = strips_of(app)
    boxes, lines, texts = [], [], []
    for row, strip in enumerate(strips):
        column = 0
        for segment in strip:
            for text, style in pieces(segment):
                cells = cell_len(text)
                x, y = MARGIN + column * CELL_WIDTH, MARGIN + row * CELL_HEIGHT
                front, back = colours(style)
                if back != BACKGROUND:
                    boxes.append(_box(x, y, cells * CELL_WIDTH, back))
                if text in STROKES:
                    lines.append(stroke(text, x, y, front))
                elif sign := drawn(text, x, y, front):
                    lines.append(sign)
                elif text.strip():
                    texts.append(label(text, style, x=x, y=y, colour=front))
                column += cells
    size = f'width="{2 * MARGIN + width * CELL_WIDTH}" height="{2 * MARGIN + height * CELL_HEIGHT}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-size="{FONT_SIZE}" '
            f'font-family="{FONT}, DejaVu Sans Mono, monospace">',
            f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
            *boxes,
            *lines,
            *texts,
            "</svg>\n",
        ]
    )


def pieces(segment: Segment) -> Iterator[tuple[str, Style]]:
    """Runs of letters, and each sign by itself: it sits in its cell and joins no ligature."""
    style = segment.style or Style()
    run = ""
    for char in segment.text:
        if char.isalnum() or char == " ":
            run += char
            continue
        if run:
            yield run, style
            run = ""
        yield char, style
    if run:
        yield run, style


def colours(style: Style) -> tuple[str, str]:
    front = style.color.get_truecolor().hex if style.color and style.color.triplet else "#dbe2ee"
    back = style.bgcolor.get_truecolor().hex if style.bgcolor and style.bgcolor.triplet else BACKGROUND
    return (back, front) if style.reverse else (front, back)


def stroke(sign: str, x: float, y: float, colour: str) -> str:
    """The middle of the cell joined with its edges; round corners where the sign has them."""
    middle_x, middle_y = x + CELL_WIDTH / 2, y + CELL_HEIGHT / 2
    ends = {
        "l": (x, middle_y),
        "r": (x + CELL_WIDTH, middle_y),
        "u": (middle_x, y),
        "d": (middle_x, y + CELL_HEIGHT),
    }
    if sign in "╭╮╰╯":
        (ax, ay), (bx, by) = (ends[edge] for edge in STROKES[sign])
        path = f"M{ax} {ay} Q{middle_x} {middle_y} {bx} {by}"
    else:
        path = " ".join(f"M{middle_x} {middle_y} L{ends[edge][0]} {ends[edge][1]}" for edge in STROKES[sign])
    return _path(path, colour)


def drawn(sign: str, x: float, y: float, colour: str) -> str | None:
    """Signs that the font lacks."""
    middle_x, middle_y, size = x + CELL_WIDTH / 2, y + CELL_HEIGHT / 2 + 0.5, 3.6
    match sign:
        case "○":
            return _circle(middle_x, middle_y, size, f'fill="none" stroke="{colour}" stroke-width="1.3"')
        case "●":
            return _circle(middle_x, middle_y, size + 0.4, f'fill="{colour}"')
        case "✓":
            return _path(f"M{middle_x - 4} {middle_y} l2.8 3.6 l5.2 -8", colour, width=1.8)
        case "✗":
            left, top = middle_x - size, middle_y - size
            return _path(f"M{left} {top} l7.2 7.2 M{left + 7.2} {top} l-7.2 7.2", colour, width=1.8)
        case "▮" | "▯":
            fill = colour if sign == "▮" else "none"
            place = f'x="{x + 1.2}" y="{y + 4}" width="{CELL_WIDTH - 2.4}" height="{CELL_HEIGHT - 8}" rx="1"'
            return f'<rect {place} fill="{fill}" stroke="{colour}" stroke-width="0.8"/>'
    return None


def _box(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{CELL_HEIGHT}" fill="{colour}"/>'


def _path(path: str, colour: str, *, width: float = 1.2) -> str:
    return f'<path d="{path}" stroke="{colour}" stroke-width="{width}" fill="none" stroke-linecap="round"/>'


def _circle(x: float, y: float, radius: float, paint: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{radius}" {paint}/>'


def label(text: str, style: Style, *, x: float, y: float, colour: str) -> str:
    weight = ' font-weight="700"' if style.bold else ""
    length = f' textLength="{cell_len(text) * CELL_WIDTH}"' if len(text) > 1 else ""
    shown = html.escape(text).replace(" ", "\u00a0")
    place = f'x="{x}" y="{y + CELL_HEIGHT * 0.74}"{length}'
    return f'<text {place} fill="{colour}"{weight} xml:space="preserve">{shown}</text>'


def take_route(name: str, folder: Path) -> None:
    """As `take`, in a process of its own."""
    asyncio.run(take(next(route for route in ROUTES if route.name == name), folder))


def main() -> None:
    """Take all pictures anew."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.png"), *folder.glob("*.svg")]:
        old.unlink()
    wanted = [route.name for route in ROUTES if any(view.has_picture for view in route.views)]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(take_route, wanted, [folder] * len(wanted)))


if __name__ == "__main__":
    main()
