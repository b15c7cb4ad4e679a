"""One `true`, as a build runs it, in each sandbox that works here, beside one without."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from _kit import call_s, command_s, report

from ossature.build.cage import Cage, Policy, base_interpreter
from ossature.build.command import Action, LocalExecutor
from ossature.build.sandbox import SANDBOX_TIERS, make_python_dir, scrubbed_environ
from ossature.build.tiers import Machine


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        slot = Path(folder).resolve()
        for name in ("tree", "home", "tmp"):
            (slot / name).mkdir()
        environ = scrubbed_environ(
            os.environ,
            home=slot / "home",
            temp_dir=slot / "tmp",
            python_dir=make_python_dir(slot / "bin", base_interpreter()),
        )
        action = Action("true", slot / "tree", environ, 60.0, slot / "log")

        def seconds(cage: Cage | None) -> float:
            executor = LocalExecutor(cage)
            return call_s(lambda: asyncio.run(executor.run(action)), repeats=31)

        figures: dict[str, float | str] = {
            "shell": command_s(["/bin/sh", "-c", "true"], repeats=31),
            "python": command_s([sys.executable, "-I", "-S", "-c", "pass"], repeats=31),
            "none": seconds(None),
        }
        machine = Machine(os.environ, slot)
        for tier in SANDBOX_TIERS:
            found = machine.find(Policy(hidden=(Path.home(),)), tier=tier)
            if found.cage is not None:
                figures[tier] = seconds(found.cage)
        report("sandbox", figures)


main()
