"""A whole build through the real client and real HTTP, in the protocols that providers speak."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.support.provider import KEY, serving

SPEC = """---
id: GREETING
status: draft
priority: low
---

# Greeting

## Overview

Greets.

## Requirements

### Greet

Prints a greeting.

**Accepts:** nothing

**Returns:** the line `grüße`
"""
PLAN = """
[[task]]
id = "001"
spec = "GREETING"
title = "The greeting"
outputs = ["a.py"]
spec_refs = ["Greet"]
verify = ["python a.py | grep -q gr"]
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "specs").mkdir()
    (tmp_path / ".ossature").mkdir()
    (tmp_path / "specs" / "greeting.smd").write_text(SPEC, "utf-8")
    (tmp_path / ".ossature" / "plan.toml").write_text(PLAN, "utf-8")
    return tmp_path


def build(project, model, url):
    (project / "ossature.toml").write_text(f'[llm]\nmodel = "{model}"\ntimeout_s = 30\n')
    environ = {
        **os.environ,
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": f"{url}/v1",
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": url,
    }
    environ.pop("OSSATURE_MODEL", None)
    command = [sys.executable, "-m", "ossature", "build", "--foreground", "--auto"]
    command += ["--sandbox", "danger-full-access"]
    return subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize("model", ["openai:gpt-4o-mini", "anthropic/claude-sonnet-4-5"])
def test_a_task_is_built_from_a_streamed_reply(project, model):
    with serving() as provider:
        done = build(project, model, provider.url)
        asked = json.dumps(provider.requests, ensure_ascii=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "grüße" in (project / "output" / "a.py").read_text("utf-8")
    assert len(provider.requests) == 1
    assert "Prints a greeting." in asked and "python a.py | grep -q gr" in asked


def test_a_refused_key_is_one_line_that_names_the_variable_and_never_the_key(project):
    with serving() as provider:
        provider.mode = "401"
        done = build(project, "openai:gpt-4o-mini", provider.url)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "OPENAI_API_KEY" in said
    assert "Traceback" not in said
    kept = "".join(
        path.read_text("utf-8", "replace") for path in (project / ".ossature").rglob("*") if path.is_file()
    )
    assert KEY not in said + kept
    assert len(provider.requests) == 1
