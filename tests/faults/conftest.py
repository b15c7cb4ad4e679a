"""Labs: projects in which every change of the disk is counted and can be the last one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.lab import Lab, PlainExecutor, current_model
from tests.faults.scenarios import Scenario
from tests.runs.kit import FakeModels


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Scenario], Lab]]:
    """Makes a lab; in memory where there is room for it, since it syncs hundreds of thousands of times."""
    monkeypatch.delenv("OSSATURE_MODEL", raising=False)
    monkeypatch.setattr(
        "ossature.engine.owner.Models", lambda settings, **_: FakeModels(current_model(), settings)
    )
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="ossature-", dir=memory if os.access(memory, os.W_OK) else None))

    def make(scenario: Scenario) -> Lab:
        if scenario.is_plain:
            monkeypatch.setattr("ossature.engine.owner.executor_of", PlainExecutor)
        return Lab(scenario, folder.resolve())

    yield make
    shutil.rmtree(folder, ignore_errors=True)
