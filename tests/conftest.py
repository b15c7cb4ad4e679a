"""What every test starts from: nothing of the user who runs them, and projects that are trusted."""

from __future__ import annotations

import gc
import os
import tempfile

import pytest

GC_THRESHOLDS = (50_000, 50, 50)
"""Objects before a collection; with the default of 700 it takes a third of the time of the screen's tests."""


def pytest_configure() -> None:
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: many tests wait for processes."""
    return (os.cpu_count() or 1) + 2


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Grants are kept in a folder of the test session; `foreign` makes a test's projects strange again."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
    folders = (tempfile.gettempdir(), "/dev/shm", str(tmp_path_factory.getbasetemp()))
    monkeypatch.setenv("OSSATURE_TRUSTED_PATHS", os.pathsep.join(folders))


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder is trusted: every project came from elsewhere unless the test creates it with `init`."""
    monkeypatch.delenv("OSSATURE_TRUSTED_PATHS", raising=False)
