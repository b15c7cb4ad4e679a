"""`validate` reports everything, in a form that editors and CI can read."""

import json
import os
import pty
import re
import subprocess
import sys

BROKEN = """\
---
id: A
status: draft
priority: high
depends: [GREETNIG]
---

# A [/x] title

## Overview

Text.
"""
LINE = re.compile(r"^[^:]+(:\d+){0,2}: (error|warning): .+ \[[a-z0-9-]+\]$")


def test_every_problem_is_one_line_and_the_last_line_counts(shell, root):
    (root / "specs" / "a.smd").write_text(BROKEN, "utf-8")
    (root / "specs" / "b.smd").write_bytes(b"\xff\xfe")
    (root / "ossature.toml").write_text('[projct]\nname = "x"\n', "utf-8")
    done = shell("validate", cwd=root)
    *problems, tally = done.stdout.splitlines()
    assert done.returncode == 1
    assert all(LINE.match(line) for line in problems), problems
    assert any(line.startswith("ossature.toml:1: warning: unknown table [projct]") for line in problems)
    assert any("specs/b.smd" in line and "UTF-8" in line for line in problems)
    assert any("specs/a.smd:5" in line and "(did you mean GREETING?)" in line for line in problems)
    errors = sum(": error: " in line for line in problems)
    warnings = sum(": warning: " in line for line in problems)
    assert tally == f"2 specs: {errors} errors, {warnings} warnings".replace(" 1 warnings", " 1 warning")


def test_json_is_one_document_with_the_same(shell, root):
    (root / "specs" / "a.smd").write_text(BROKEN, "utf-8")
    plain = shell("validate", cwd=root)
    done = shell("validate", "--json", cwd=root)
    document = json.loads(done.stdout)
    assert done.returncode == plain.returncode == 1
    assert document["errors"] == sum(": error: " in line for line in plain.stdout.splitlines())
    found = document["diagnostics"][0]
    assert set(found) == {"code", "severity", "path", "line", "column", "message", "hint"}
    assert len(document["diagnostics"]) == len(plain.stdout.splitlines()) - 1


def test_strict_makes_warnings_of_specs_errors(shell, root):
    spec = root / "specs" / "greeting.smd"
    spec.write_text(spec.read_text("utf-8").replace("## Goals", "## Gaols"), "utf-8")
    assert shell("validate", cwd=root).returncode == 0
    strict = shell("validate", "--strict", cwd=root)
    assert strict.returncode == 1
    assert ": warning: " not in strict.stdout


def test_plan_is_checked_too(shell, root):
    (root / ".ossature").mkdir()
    plan = root / ".ossature" / "plan.toml"
    plan.write_text('[[task]]\nid = "001"\nspec = "GREETIN"\ntitle = "t"\noutputs = ["a.py"]\n', "utf-8")
    done = shell("validate", cwd=root)
    assert done.returncode == 1
    assert ".ossature/plan.toml:" in done.stdout
    plan.write_text("[[task]\n", "utf-8")
    done = shell("validate", cwd=root)
    assert done.returncode == 1
    assert "[plan-invalid-toml]" in done.stdout


def test_a_terminal_gets_colour_and_the_same_words(root):
    (root / "specs" / "a.smd").write_text(BROKEN, "utf-8")
    command = [sys.executable, "-m", "ossature", "validate"]
    plain = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8").stdout
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "40"}
    environ.pop("NO_COLOR", None)
    main_end, program_end = pty.openpty()
    process = subprocess.Popen(command, cwd=root, stdout=program_end, env=environ)
    os.close(program_end)
    shown = b""
    while chunk := _read(main_end):
        shown += chunk
    assert process.wait() == 1
    os.close(main_end)
    assert b"\x1b[" in shown
    assert re.sub(rb"\x1b\[[0-9;]*m", b"", shown).decode().replace("\r\n", "\n") == plain


def _read(fd):
    try:
        return os.read(fd, 65536)
    except OSError:  # Linux: EIO once the other end is closed
        return b""
