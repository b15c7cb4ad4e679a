"""What a command does not need, it does not import."""

import json
import os
import pty
import subprocess
import sys

import pytest

NEVER = {"textual", "litellm", "mistletoe", "tomlkit", "watchdog", "tenacity"}
LIGHT = NEVER | {"pydantic", "rich", "asyncio"}
LAUNCHED = """
import json, os, subprocess, sys
from ossature.cli.main import main

def started(*_, **__):
    print(json.dumps([0, sorted(sys.modules)]), file=sys.stderr, flush=True)
    os._exit(0)

subprocess.Popen = started
main(["tui"])
"""
PROBE = """
import json, sys
from ossature.cli.main import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def imported(arguments, cwd):
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], cwd=cwd, capture_output=True, encoding="utf-8"
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code in (0, 3), done.stderr
    return set(modules)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_import_next_to_nothing(root, arguments):
    modules = imported(arguments, root)
    assert not modules & (LIGHT | {"argparse", "dataclasses", "tomllib"})


@pytest.mark.parametrize("arguments", [["validate"], ["build", "--help"], ["status"], ["build"], ["plan"]])
def test_commands_that_only_read_import_no_models_and_no_screen(root, arguments):
    assert not imported(arguments, root) & LIGHT


@pytest.mark.parametrize("arguments", [["runs"], ["logs"]])
def test_commands_that_read_journals_import_no_engine_and_no_screen(root, arguments):
    modules = imported(arguments, root)
    assert not modules & (NEVER | {"rich"})
    assert "ossature.engine.owner" not in modules


def test_the_launcher_waits_with_next_to_nothing(root):
    ours, its = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHED],
        cwd=root,
        env={**os.environ, "TERM": "xterm-256color"},
        stdin=its,
        stdout=its,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    os.close(its)
    os.close(ours)
    modules = set(json.loads(done.stderr.splitlines()[-1])[1])
    assert not modules & LIGHT
    assert not [name for name in modules if name.startswith(("ossature.engine", "ossature.store"))]
