"""A stage with its folders, and executors that shut commands in one tier or another."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ossature.build.cage import Limits, Policy, base_interpreter
from ossature.build.command import Action, Finished, LocalExecutor
from ossature.build.sandbox import make_python_dir, scrubbed_environ
from ossature.build.tiers import Found, Machine
from tests.sandbox.world import run_here

TIERS = ("bubblewrap", "bubblewrap-nested", "landlock")


@dataclass
class Slot:
    """A stage, and beside it the folders of its commands."""

    root: Path
    """The project's."""
    mark: str = field(default_factory=lambda: f"mark-{secrets.token_hex(6)}")
    """In the environment of every command, and in the arguments of those who hide it."""

    @property
    def folder(self) -> Path:
        return self.root / ".ossature" / "work" / "0"

    @property
    def stage(self) -> Path:
        return self.folder / "tree"

    def environ(self) -> dict[str, str]:
        return scrubbed_environ(
            os.environ,
            home=self.folder / "home",
            temp_dir=self.folder / "tmp",
            python_dir=make_python_dir(self.folder / "bin", base_interpreter()),
            extra={"PROBE": self.mark},
        )

    def action(self, command: str, *, timeout_s: float = 60.0) -> Action:
        return Action(command, self.stage, self.environ(), timeout_s, self.folder / "verify.log")

    def survivors(self) -> list[int]:
        """Processes of this machine that have the mark in their environment or arguments."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                said = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if self.mark.encode() in said and int(entry.name) != os.getpid():
                found.append(int(entry.name))
        return found


@pytest.fixture
def slot() -> Iterator[Slot]:
    root = Path(tempfile.mkdtemp(prefix="ossature-slot-")).resolve()
    made = Slot(root)
    for name in ("tree", "home", "tmp"):
        (made.folder / name).mkdir(parents=True)
    yield made
    for pid in made.survivors() if sys.platform == "linux" else ():
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(root, ignore_errors=True)


def find(tier: str, root: Path, *, mode: str = "workspace-write", **policy: Any) -> Found:
    """The cage of *tier*; skips where it does not work here."""
    wanted = Policy(mode, hidden=(root, Path.home()), **policy)  # type: ignore[arg-type]
    found = Machine(os.environ, root).find(wanted, tier=tier)  # type: ignore[arg-type]
    if found.cage is None:
        pytest.skip(f"{tier} does not work here: {'; '.join(found.reasons) or 'not tried'}")
    return found


@pytest.fixture
def shut_in(slot: Slot) -> Callable[..., Finished]:
    """Run a command in a tier, `open` for none."""

    def run(tier: str, command: str, *, timeout_s: float = 60.0, limits: Limits | None = None, **policy: Any):
        cage = None
        if tier != "open":
            cage = find(tier, slot.root, limits=limits or Limits(), **policy).cage
        return run_here(LocalExecutor(cage, limits=limits), slot.action(command, timeout_s=timeout_s))

    return run
