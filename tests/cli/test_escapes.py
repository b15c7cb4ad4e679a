"""No command prints what moves the cursor, hides or turns text, wherever it came from."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ossature.cli.main import main
from ossature.domain.plain_text import clean, clean_line
from tests.cli.conftest import OPEN, Shell, TerminalShell
from tests.tui.test_escapes import BAD, SEQUENCES

PLACED = [text for payload in SEQUENCES for text in (f"{payload}start", f"mid{payload}dle", f"end{payload}")]
SAFE = [text for text in PLACED if not {"\ud800", "\x00"} & set(text)]
"""Those that a UTF-8 file, an argument and a TOML string can hold."""
ALL = " ".join(SAFE)
LOOKS = (
    "status",
    "status --json",
    "plan",
    "plan --json",
    "plan --check",
    "validate",
    "validate --json",
    "why 001",
    "runs",
    "runs --json",
    "logs",
    "logs 001",
    "logs 001 --list",
    "logs 001 --prompt",
    "logs 001 --response",
    "logs 001 --verify",
    "logs 001 --diff",
    "build -n",
    "build -n --json",
    "trust --show",
    "logs nonsense",
    "answer",
)
PRINTER = "import os\nfor byte in {!r}: os.write(1, bytes([byte]))\n"
"""Byte by byte, so that every sequence comes in pieces."""
PLAN = """\
[[task]]
id = "001"
spec = "GREETING"
title = {text}
description = {text}
notes = {text}
outputs = ["greeting.py"]
spec_refs = ["Greet one person"]
verify = ["python payload.py; exit 3"]
"""
MODEL = """\
import os, pathlib, sys
sys.stdin.read()
here = pathlib.Path(__file__).parent
text = here.joinpath("payload.txt").read_bytes()
said = b'notes ' + text + b'\\n<file path="greeting.py">\\n' + text + b'\\n</file>\\n' + text
for at in range(0, len(said)):
    os.write(1, said[at:at + 1])
sys.stderr.buffer.write(text)
"""


def toml(text: str) -> str:
    """*text* as a basic string of TOML."""
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub("[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04X}", quoted)


@pytest.fixture
def hostile(root: Path) -> Path:
    """A project whose every text carries every sequence, after a run that failed."""
    (root / "payload.txt").write_bytes(ALL.encode())
    spec = root / "specs" / "greeting.smd"
    text = spec.read_text("utf-8")
    line = clean_line(ALL).replace("`", "'")
    spec.write_text(text.replace("\n## Overview\n", f"\n## Overview\n\n{line} {_unseen(ALL)}\n", 1), "utf-8")
    (root / "model.py").write_text(MODEL, "utf-8")
    config = root / "ossature.toml"
    model = f"exec:{shlex.quote(sys.executable)} -I -S {shlex.quote(str(root / 'model.py'))}"
    config.write_text(config.read_text("utf-8").replace("anthropic:claude-sonnet-4-6", model, 1), "utf-8")
    state = root / ".ossature"
    state.mkdir(exist_ok=True)
    (root / "output").mkdir()
    raw = ALL.encode() + bytes(range(128, 256)) + b"\0"
    (root / "output" / "payload.py").write_text(PRINTER.format(raw))
    (state / "plan.toml").write_text(PLAN.format(text=toml(ALL)), "utf-8")
    return root


def _unseen(text: str) -> str:
    """What Markdown text may hold of it: no line breaks and no controls."""
    return "".join(char for char in text if not re.match("[\x00-\x1f\x7f-\x9f\u2028\u2029]", char))


def harmful(text: str) -> str:
    found = BAD.search(text.replace("\t", " "))
    return ascii(text[max(0, found.start() - 60) : found.end() + 20]) if found else ""


def test_no_command_prints_one_into_a_pipe(hostile: Path, shell: Shell):
    built = shell("build", "--auto", *OPEN, cwd=hostile)
    assert built.returncode == 1, built.stderr
    assert "midtagdle" in built.stdout, "the control: what the verify printed did get there"
    assert harmful(built.stdout) == "" and harmful(built.stderr) == ""
    as_json = shell("build", "--auto", "--json", *OPEN, cwd=hostile)
    assert harmful(as_json.stdout) == "" and as_json.stdout.isascii()


@pytest.mark.parametrize("where", ["pipe", "terminal"])
def test_no_look_prints_one(hostile: Path, shell: Shell, where: str, capfd: Any, monkeypatch: Any):
    shell("build", "--auto", *OPEN, cwd=hostile)
    carried = 0
    if where == "terminal":
        command = " ; ".join(f"main(['-C', {str(hostile)!r}, *{look.split()!r}])" for look in LOOKS)
        text = _at_a_terminal(hostile, f"from ossature.cli.main import main; {command}")
        assert harmful(text) == ""
        assert text.count("^[[2J") > 5 * len(LOOKS) / 10
        return
    for look in LOOKS:
        main(["-C", str(hostile), *look.split()])
        printed = capfd.readouterr()
        assert harmful(printed.out) == "", look
        assert harmful(printed.err) == "", look
        carried += "^[[2J" in printed.out + printed.err or "\\u001b[2J" in printed.out
    assert carried >= 6, "the control: the texts did get there"


def _at_a_terminal(cwd: Path, script: str) -> str:
    """What *script* leaves on a terminal, without what the line discipline adds."""
    fd, program_end = pty.openpty()
    environ = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "100"}
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=program_end,
        stderr=program_end,
    )
    os.close(program_end)
    shown = b""
    with contextlib.suppress(OSError):  # Linux: EIO once the other end is closed
        while chunk := os.read(fd, 65536):
            shown += chunk
    os.close(fd)
    assert process.wait(timeout=60) == 0
    return shown.decode("utf-8", "strict").replace("\r\n", "\n")


def test_a_question_shows_none_at_a_terminal(hostile: Path, terminal: Any, foreign: None):
    shown: TerminalShell = terminal("build", *OPEN)
    shown.expect("do you trust it")
    shown.expect("approve / abort")
    shown.type("abort\n")
    assert shown.wait() == 1
    assert harmful(shown.shown.replace("\r", "")) == ""


HARSH = ("\x1b[2J", "\x1b]0;x\x07", "\u202e", "\x9b2J", "a\rb", "\x1b]52;c;ZQ==\x1b\\")


@pytest.mark.parametrize("payload", HARSH, ids=ascii)
def test_errors_show_none(root: Path, capsys: pytest.CaptureFixture[str], payload: str):
    quoted = toml(f"x{payload}y")
    matter = f"---\nid: x{payload}y\npriority: {payload}\n---\n# {payload}\n\n## {payload}\n"
    for name, content in (
        ("ossature.toml", f"[output]\ndir = {quoted}\n[x{payload}]\n"),
        ("ossature.toml", f"[project]\nspec_dir = [{quoted}]\n"),
        ("ossature.toml", f"[output]\ndir = {toml('../x' + payload)}\n"),
        (".ossature/plan.toml", f"[[task]]\nid = {quoted}\nstatus = {quoted}\n{quoted} = 1\n"),
        ("specs/greeting.smd", matter),
    ):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        before = path.read_bytes() if path.exists() else None
        path.write_bytes(content.encode())
        for command in ("validate", "status", "build -n", "why 001"):
            main(["-C", str(root), *command.split()])
            printed = capsys.readouterr()
            assert harmful(printed.out) == "" and harmful(printed.err) == "", (name, command)
        path.unlink() if before is None else path.write_bytes(before)
    for words in ([f"x{payload}y"], ["logs", f"x{payload}y"], ["status", f"--x{payload}"], ["-C", payload]):
        assert main(["-C", str(root), *words]) == 2
        assert harmful(capsys.readouterr().err) == ""


def test_the_text_of_an_exception_shows_none(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def boom(*_: object) -> None:
        raise RuntimeError(ALL)

    monkeypatch.setattr("ossature.cli.commands.validate.load_project", boom)
    monkeypatch.setenv("OSSATURE_DEBUG", "1")
    assert main(["-C", str(root), "validate"]) == 1
    printed = capsys.readouterr()
    assert "internal error" in printed.err and harmful(printed.err) == ""


def test_ten_thousand_random_texts_come_out_harmless():
    random.seed(20260302)
    for _ in range(10_000):
        content = random.randbytes(random.randrange(1, 60))
        for text in (
            content.decode("utf-8", "replace"),
            content.decode("latin-1"),
            content.decode("utf-16", "replace"),
        ):
            shown = clean(text)
            assert not re.search(
                "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown
            )
            assert clean(shown) == shown and "\n" not in clean_line(text)


@pytest.mark.parametrize(
    "code",
    [0x61C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF, 0xE0041],
    ids=lambda code: f"U+{code:04X}",
)
def test_a_hidden_character_is_warned_about_and_refused_where_it_acts(
    root: Path, capsys: pytest.CaptureFixture[str], code: int
):
    char = chr(code)
    spec = root / "specs" / "greeting.smd"
    text = spec.read_text("utf-8")
    spec.write_text(text.replace("\n## Overview\n\n", f"\n## Overview\n\nab{char}c ", 1), "utf-8")
    line = text.split("\n## Overview\n\n")[0].count("\n") + 4
    (root / ".ossature").mkdir(exist_ok=True)
    plan = root / ".ossature" / "plan.toml"
    base = '[[task]]\nid = "001"\nspec = "GREETING"\ntitle = "t"\nspec_refs = ["Greet one person"]\n'

    def validate() -> str:
        capsys.readouterr()
        code = main(["-C", str(root), "validate"])
        return f"{code} {capsys.readouterr().out}"

    plan.write_text(f'{base}outputs = ["a.py"]\nverify = ["true"]\nnotes = "x{char}"\n', "utf-8")
    shown = validate()
    assert shown.startswith("0 ")
    assert f"specs/greeting.smd:{line}:3: warning: Hidden character U+{code:04X}" in shown
    assert f".ossature/plan.toml:8:11: warning: holds the invisible character U+{code:04X}" in shown
    for refused in (
        f'outputs = ["a{char}.py"]\nverify = ["true"]',
        f'outputs = ["a.py"]\nverify = ["true {char}"]',
    ):
        plan.write_text(f"{base}{refused}\n", "utf-8")
        shown = validate()
        assert shown.startswith("1 ") and f"U+{code:04X}" in shown
    plan.write_text(f'{base}outputs = ["a.py"]\nverify = ["true"]\n', "utf-8")
    config = root / "ossature.toml"
    config.write_text(f"{config.read_text('utf-8')}\n", "utf-8")
    assert validate().startswith("0 ")
