"""What the measuring scripts share: timing of whole commands, ratios, and JSON out."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
OSSATURE = str(BIN / "ossature")


def command_s(argv: Sequence[str], *, cwd: Path | None = None, repeats: int = 7) -> float:
    """Median wall time in seconds of *argv*, after one run that does not count."""

    def run() -> None:
        subprocess.run(argv, cwd=cwd, check=True, stdout=subprocess.DEVNULL, env=environ())

    return call_s(run, repeats=repeats)


def call_s(call: Callable[[], object], *, repeats: int = 7) -> float:
    """Median wall time in seconds of *call*, after one call that does not count."""
    call()
    times: list[float] = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def environ() -> dict[str, str]:
    """The environment without a model and without the user's config."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OSSATURE")}
    # The projects are made here, by hand.
    kept["OSSATURE_TRUSTED_PATHS"] = os.pathsep.join((tempfile.gettempdir(), "/dev/shm"))
    return {**kept, "XDG_CONFIG_HOME": "/nonexistent"}


def sandboxed_nothing(slot: Path) -> Callable[[], object]:
    """What runs `true` as a build runs a verify command, in the sandbox that this machine has."""
    from ossature.build.cage import Policy, base_interpreter
    from ossature.build.command import Action, LocalExecutor
    from ossature.build.sandbox import make_python_dir, scrubbed_environ
    from ossature.build.tiers import Machine

    for name in ("tree", "home", "tmp"):
        (slot / name).mkdir(parents=True, exist_ok=True)
    cage = Machine(os.environ, slot).find(Policy(hidden=(Path.home(),))).cage
    assert cage is not None, "no sandbox works here"
    python_dir = make_python_dir(slot / "bin", base_interpreter())
    scrubbed = scrubbed_environ(os.environ, home=slot / "home", temp_dir=slot / "tmp", python_dir=python_dir)
    action = Action("true", slot / "tree", scrubbed, 60.0, slot / "log")
    executor = LocalExecutor(cage)
    return lambda: asyncio.run(executor.run(action))


def report(name: str, figures: Mapping[str, Any]) -> None:
    """One JSON line on standard output."""
    rounded = {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}
    print(json.dumps({"bench": name, **rounded}))
