"""Writes every view as a terminal shows it, two also as SVG: `python -m tools.snapshots [route …]`."""

import asyncio
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console

from ossature.tui.app import OssatureApp
from tests.tui.gallery import ROUTES, Route, walk
from tests.tui.stage import strips
from tests.tui.terminals import Terminal

FOLDER = Path(__file__).parent.parent / "tests" / "tui" / "snapshots"
AS_SVG = ("built-80x24", "help-80x24")
"""Kept as Textual draws them, too."""


def terminal_text(app: OssatureApp) -> str:
    """What a terminal of the app's size shows once it got the whole screen, without blanks at the ends."""
    width, height = app.size
    terminal = Terminal(width, height)
    console = Console(width=width, height=height, force_terminal=True, color_system="truecolor")
    for row, strip in enumerate(strips(app)):
        terminal.send(f"\x1b[{row + 1};1H{strip.render(console)}")
    return terminal.text() + "\n"


async def drawn(route: Route) -> dict[str, str]:
    """File name -> content, for every view of a route at every size."""
    files: dict[str, str] = {}
    async for seen in walk(route):
        files[f"{seen.name}.txt"] = terminal_text(seen.app)
        if seen.name in AS_SVG:
            files[f"{seen.name}.svg"] = seen.app.export_screenshot()
    return files


def draw_route(name: str) -> dict[str, str]:
    """As `drawn`, in a process of its own."""
    return asyncio.run(drawn(next(route for route in ROUTES if route.name == name)))


def main(names: list[str]) -> None:
    """Rewrite the snapshots; with names only those of these routes."""
    FOLDER.mkdir(exist_ok=True)
    written: set[str] = set()
    wanted = names or [route.name for route in ROUTES]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for name, files in zip(wanted, pool.map(draw_route, wanted), strict=True):
            for file_name, content in files.items():
                (FOLDER / file_name).write_text(content, encoding="utf-8")
            written |= set(files)
            print(f"{name}: {len(files)}")
    if not names:
        for stale in {path.name for path in FOLDER.iterdir()} - written:
            (FOLDER / stale).unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
