"""Projects for the tests of whole runs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runs import kit as kits
from tests.runs.kit import APP, LIB, LIB_AMD, FakeModel, FakeModels, Kit, Live, ScriptedKit


def fill(kit: Kit) -> None:
    kit.write("specs/lib.smd", LIB)
    kit.write("specs/app.smd", APP)
    kit.write("specs/lib.amd", LIB_AMD)
    kit.write("context/rates.csv", "1\n")
    kit.plan()


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory where there is one: whole runs sync hundreds of files."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="ossature-", dir=memory if memory.is_dir() else None)).resolve()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kit:
    """Two specs, an architecture, a plan of five tasks, and a model in this process."""
    monkeypatch.delenv("OSSATURE_MODEL", raising=False)
    model = FakeModel()
    monkeypatch.setattr("ossature.engine.owner.Models", lambda settings, **_: FakeModels(model, settings))
    made = Kit(tmp_path / "parcels", model)
    made.config()
    fill(made)
    return made


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScriptedKit:
    """The same project with a command as its model."""
    monkeypatch.delenv("OSSATURE_MODEL", raising=False)
    made = ScriptedKit(tmp_path / "parcels", FakeModel())
    made.prepare()
    fill(made)
    for number, name in enumerate(("shelf", "scale", "label", "show", "help"), 1):
        made.says(f"implement-{number:03d}", kits.block(f"{name}.txt", name))
    return made


@pytest.fixture
def live() -> Iterator[Callable[..., Live]]:
    """Starts runs in processes of their own; none outlives its test."""
    started: list[Live] = []

    def start(kit: Kit, **request: Any) -> Live:
        started.append(Live(kit, **request))
        return started[-1]

    yield start
    for one in started:
        one.kill()
