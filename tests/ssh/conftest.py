"""A server whose user has nothing but a home, `ossature` and a project."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ssh.server import Server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """With a `bin` that holds the program as it is here."""
    folder = tmp_path / "home"
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / "ossature"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ossature "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return folder


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    return {
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "SHELL": "/bin/sh",
        "XDG_CONFIG_HOME": str(home / ".config"),
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture
def server(home: Path, environ: dict[str, str]) -> Iterator[Server]:
    running = Server(home, environ)
    try:
        yield running
    finally:
        running.close()
