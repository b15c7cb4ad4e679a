"""Arguments, exit codes and what is left when printing fails."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ossature.cli import catalogue
from ossature.cli.commands import scaffold
from ossature.cli.main import main

NAMES = [entry.name for entry in catalogue.ENTRIES]


def test_help_lists_every_command_and_every_exit_code(shell):
    done = shell("--help")
    assert done.returncode == 0
    for entry in catalogue.ENTRIES:
        assert (f"  {entry.name} " in done.stdout) == bool(entry.group)
    for code in ("0", "1", "2", "3", "4", "5", "6", "7", "8", "129, 130, 143"):
        assert f"\n  {code} " in done.stdout


def test_without_a_command_the_help_is_shown_and_the_exit_code_is_usage(shell):
    done = shell()
    assert done.returncode == 2
    assert done.stdout == shell("help").stdout


def test_version_is_the_installed_one(shell):
    done = shell("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"ossature {version('ossature')}\n"


@pytest.mark.parametrize("name", NAMES)
def test_help_of_a_command_shows_examples_that_run_it(shell, name):
    done = shell(name, "--help")
    assert done.returncode == 0, done.stderr
    examples = done.stdout.split("examples:\n")[1].strip().splitlines()
    assert (1 if name == "own" else 2) <= len(examples) <= 6
    assert all(f"{name}" in line and line.strip().startswith("ossature ") for line in examples)


def test_unknown_command_names_the_closest_one(shell):
    done = shell("buidl")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "ossature: error: there is no command 'buidl'\n  → did you mean build?\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--versoin"], "did you mean --version?"),
        (["init"], "the following arguments are required: NAME"),
        (["validate", "--strcit"], "did you mean --strict?"),
        (["validate", "--str"], "validate does not take '--str'"),
        (["build", "-j", "many"], "invalid int value: 'many'"),
        (["build", "-j", "0"], "-j 0: from 1 to 256"),
        (["build", "--step", "--auto"], "choose one of them"),
        (["build", "--sandbox", "none"], "danger-full-access"),
        (["plan", "--check", "--replan"], "not allowed with"),
        (["-C"], "-C needs a folder"),
        (["-C", "nowhere", "status"], "nowhere is not a folder"),
        (["tui", "now"], "tui does not take 'now'"),
    ],
)
def test_wrong_arguments_are_refused_in_a_sentence(shell, root, arguments, said):
    done = shell(*arguments, cwd=root)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_of_a_project_the_next_step_is_named(shell):
    done = shell("status")
    assert done.returncode == 2
    assert "no ossature.toml" in done.stderr
    assert "ossature init NAME" in done.stderr


def test_folder_option_works_from_anywhere(shell, root):
    done = shell("-C", root.name, "validate", cwd=root.parent)
    assert done.returncode == 0, done.stderr


def test_closed_pipe_ends_quietly(root):
    reader, writer = os.pipe()
    os.close(reader)
    for command in ("--help", "validate"):
        done = subprocess.run(
            [sys.executable, "-m", "ossature", command], cwd=root, stdout=writer, stderr=subprocess.PIPE
        )
        assert (done.returncode, done.stderr) == (141, b"")
    os.close(writer)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", [["--help"], ["validate"], ["validate", "--json"], ["init", "x"]])
def test_full_disk_is_said_and_fails(shell, root, command):
    with open("/dev/full", "w") as full:
        done = shell(*command, cwd=root, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == (
        "ossature: error: cannot write to standard output: No space left on device"
    )
    assert "Traceback" not in done.stderr


def test_closed_streams_are_no_crash(root):
    script = f"exec '{sys.executable}' -m ossature validate >&- 2>&- <&-"
    assert subprocess.run(["sh", "-c", script], cwd=root).returncode == 0


def test_config_that_is_not_utf8_is_named_with_its_line(shell, root):
    (root / "ossature.toml").write_bytes(b'[project]\nname = "caf\xe9"\n')
    done = shell("validate", cwd=root)
    assert done.returncode == 2
    assert done.stderr == "ossature: error: ossature.toml:2: is not UTF-8\n"


def test_crash_is_one_line_and_a_file(root, monkeypatch, capsys):
    def explode(*_):
        raise ZeroDivisionError("a\x1b[31m bug")

    monkeypatch.setitem(scaffold.COMMANDS, "new", _with_run(scaffold.COMMANDS["new"], explode))
    (root / ".ossature").mkdir()
    assert main(["-C", str(root), "new", "X"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("ossature: internal error: ZeroDivisionError: a^[[31m bug (details in ")
    crash = next((root / ".ossature").glob("crash-*.txt"))
    assert str(crash) in said
    assert "in explode" in crash.read_text("utf-8")


def test_debug_shows_where_a_crash_came_from(root, monkeypatch, capsys):
    def explode(*_):
        raise ZeroDivisionError

    monkeypatch.setenv("OSSATURE_DEBUG", "1")
    monkeypatch.setitem(scaffold.COMMANDS, "new", _with_run(scaffold.COMMANDS["new"], explode))
    assert main(["-C", str(root), "new", "X"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (BrokenPipeError(), 141), (PermissionError(13, "no", "f"), 1)],
)
def test_how_a_command_ends_decides_the_exit_code(root, monkeypatch, error, code):
    def fail(*_):
        raise error

    monkeypatch.setattr("ossature.cli.terminal.Terminal.mute", lambda _self: None)
    monkeypatch.setitem(scaffold.COMMANDS, "new", _with_run(scaffold.COMMANDS["new"], fail))
    assert main(["-C", str(root), "new", "X"]) == code


def _with_run(command, run):
    return type(command)(command.about, command.examples, command.add_arguments, run)
