"""`build -j 8` over 64 tasks and a model of 200 ms, beside the longest path of the graph."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from _kit import call_s, environ, report, sandboxed_nothing

from ossature.engine import owner
from ossature.engine.session import RunRequest
from ossature.llm.client import OnText, Reply, Request
from ossature.project import load_project

MODEL_S = 0.2
LEVELS, WIDTH = 16, 4
"""64 tasks: each waits for two of the level before it."""
SPEC = (
    "---\nid: BENCH\nstatus: draft\npriority: low\n---\n\n# Bench\n\n## Overview\n\nx\n\n"
    "## Requirements\n\n### Thing\n\nDoes it.\n"
)


class Slow:
    """A model that takes its time and then writes the one output of its task."""

    def __init__(self, settings: Any, **_: Any) -> None:
        self._settings = settings

    async def complete(self, request: Request, on_text: OnText) -> Reply:
        await asyncio.sleep(MODEL_S)
        text = f'<file path="f{int(request.task)}.txt">\n{request.task}\n</file>'
        on_text(text)
        return Reply(text, source="exec")

    async def close(self) -> None:
        pass


def main() -> None:
    os.environ.update(environ())
    owner.Models = Slow  # type: ignore[assignment,misc]
    figures = {f"j{jobs}_s": _build_s(jobs) for jobs in (8, 1)}
    with tempfile.TemporaryDirectory() as folder:
        verify_s = call_s(sandboxed_nothing(Path(folder).resolve()), repeats=15)
    longest = LEVELS * (MODEL_S + verify_s)
    figures |= {"verify_s": verify_s, "longest_path_s": longest}
    report("parallel", {**figures, "ratio": figures["j8_s"] / longest, "goal": 1.15})


def _build_s(jobs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("specs", ".ossature"):
            (root / name).mkdir()
        (root / "ossature.toml").write_text('[llm]\nmodel = "slow"\n')
        (root / "specs" / "b.smd").write_text(SPEC)
        tasks = [_task(level, place) for level in range(LEVELS) for place in range(WIDTH)]
        (root / ".ossature" / "plan.toml").write_text("\n".join(tasks))
        request = RunRequest(preset="auto", is_headless=True, jobs=jobs)
        started = time.perf_counter()
        code = owner.own(load_project(root), request)
        seconds = time.perf_counter() - started
        assert code == 0, code
        return seconds


def _task(level: int, place: int) -> str:
    number = level * WIDTH + place + 1
    above = (level - 1) * WIDTH + 1
    names = sorted({above + place, above + (place + 1) % WIDTH}) if level else []
    needs = f"depends_on = {[f'{name:03d}' for name in names]}\n" if names else ""
    return (
        f'[[task]]\nid = "{number:03d}"\nspec = "BENCH"\ntitle = "Thing {number}"\n'
        f'outputs = ["f{number}.txt"]\nspec_refs = ["Thing"]\nverify = ["true"]\n{needs}'
    )


if __name__ == "__main__":
    main()
