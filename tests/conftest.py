"""What every test starts from: nothing of the user who runs them, and projects that are trusted."""

from __future__ import annotations

import os
import tempfile

import pytest


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
