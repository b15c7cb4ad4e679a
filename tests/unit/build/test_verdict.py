"""What a finished command means, for the engine, for people and for a fixer."""

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossature.build.command import HEAD_BYTES, TAIL_BYTES, Action, Finished, LocalExecutor
from ossature.build.verdict import (
    EXCERPT_BYTES,
    SUMMARY_CHARS,
    Verdict,
    excerpt,
    judge,
    missing_path_hint,
    normalise,
    telling_line,
)

ENVIRON = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def finished(output="", *, status: int | None = 1, timed_out=False, note="", tail="") -> Finished:
    size = len((output + tail).encode())
    return Finished(status, timed_out, 0.5, output, tail, size, Path("verify.log"), note)


def verdict_of(command, output="", *, known=(), **changes) -> Verdict:
    return judge(command, finished(output, **changes), on_path=lambda name: name in known)


def run(tmp_path, command) -> Finished:
    """What the real shell of this machine makes of *command*."""
    action = Action(command, tmp_path, ENVIRON, 20.0, tmp_path / "verify.log")
    return asyncio.run(LocalExecutor().run(action))


def judge_run(tmp_path, command, *, stage_files=()) -> Verdict:
    def on_path(name):
        return any((Path(folder) / name).exists() for folder in ENVIRON["PATH"].split(":"))

    return judge(command, run(tmp_path, command), on_path=on_path, stage_files=stage_files)


def test_exit_0_is_ok_whatever_was_written():
    assert verdict_of("make", "error: none\nFAILED: 0\nzig: not found\n", status=0) == Verdict(
        "ok", 0, "make"
    )


def test_timed_out_wins_over_exit_0():
    verdict = verdict_of("make", "begun\nwaiting for input", status=0, timed_out=True)
    assert verdict.name == "timed_out"
    assert verdict.summary.startswith("still running after")
    assert verdict.summary.endswith("waiting for input")


def test_command_that_could_not_start_is_the_environments_fault():
    verdict = verdict_of("x", status=None, note="the command cannot be started: Argument list too long")
    assert (verdict.name, verdict.summary) == (
        "environment",
        "the command cannot be started: Argument list too long",
    )


@pytest.mark.parametrize(
    "command",
    ["no-such-tool-7", "no-such-tool-7 build test", "true && no-such-tool-7", "! true || no-such-tool-7 x"],
)
def test_bare_name_that_is_not_on_path_is_command_not_found(tmp_path, command):
    verdict = judge_run(tmp_path, command)
    assert verdict.name == "command_not_found"
    assert verdict.summary == "no-such-tool-7: command not found"


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("./missing.sh", {}),
        ("bin/missing", {}),
        ("exit 127", {}),
        ("sh ./run.sh", {"run.sh": "echo '/bin/sh: 1: zig: not found'; exit 127\n"}),
        ("sh run.sh", {"run.sh": "no-such-tool-7 x\n"}),
        ("sh -c ./gone", {}),
        ("no-such-tool-7; echo went on; false", {}),
        ("if true; then exit 3; fi", {}),
        ("! true", {}),
        ("( exit 5 )", {}),
        ("if", {}),
        ("( echo", {}),
    ],
)
def test_any_other_failure_is_failed(tmp_path, command, files):
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert judge_run(tmp_path, command).name == "failed"


def test_127_from_a_name_that_exists_after_all_is_failed(tmp_path):
    assert judge_run(tmp_path, "no-such-tool-7", stage_files={"no-such-tool-7"}).name == "failed"
    message = "/bin/sh: 1: zig: not found\n"
    assert verdict_of("zig build", message, status=127, known={"zig"}).name == "failed"


@pytest.mark.parametrize(
    "message",
    [
        "sh: 1: zig: not found",
        "/bin/sh: 1: zig: not found",
        "/bin/sh: line 1: zig: command not found",
        "sh: zig: command not found",
        "bash: line 3: zig: command not found",
        "zsh:1: command not found: zig",
    ],
)
def test_every_shells_wording_is_understood(message):
    assert verdict_of("zig build", f"first\n{message}\n", status=127).name == "command_not_found"
    assert verdict_of("zig build", f"first\n{message}\n", status=1).name == "failed"
    assert verdict_of("make", f"first\n{message}\n", status=127).name == "failed"


def test_usage_in_the_output_is_no_bad_command():
    verdict = verdict_of("python -m app", "usage: app [-h]\napp: error: the amount is missing\n", status=2)
    assert (verdict.name, verdict.summary) == ("failed", "app: error: the amount is missing")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            'Traceback (most recent call last):\n  File "./t.py", line 3, in <module>\n    f()\n'
            "AssertionError: 3 != 4\n\nRan 1 test in 0.001s\n\nFAILED (failures=1)\n",
            "AssertionError: 3 != 4",
        ),
        (
            "Traceback (most recent call last):\n  x\nspenny.errors.BadAmountError: -3\n",
            "spenny.errors.BadAmountError: -3",
        ),
        (
            "    def test():\n>       assert 1 == 2\nE       assert 1 == 2\n\nt.py:2: AssertionError\n",
            "assert 1 == 2",
        ),
        ("src/main.zig:3:5: error: expected ';'\nnote: here\n", "src/main.zig:3:5: error: expected ';'"),
        (
            "error[E0425]: cannot find value `x`\nerror: could not compile\n",
            "error[E0425]: cannot find value `x`",
        ),
        ("ok 1 - adds\nnot ok 2 - subtracts\n# done\n", "not ok 2 - subtracts"),
        ("--- FAIL: TestAdd (0.00s)\n    add_test.go:9: got 3\nFAIL\n", "--- FAIL: TestAdd (…s)"),
        (
            "main.c:3:10: fatal error: a.h: No such file or directory\n",
            "main.c:3:10: fatal error: a.h: No such file or directory",
        ),
        ("thread 'main' panicked at src/main.rs:2:5:\nboom\n", "thread 'main' panicked at src/main.rs:2:5:"),
        ("some words\nthe last words\n\n \n", "the last words"),
        ("lib/a.rb:12: wrong\nbye\n", "lib/a.rb:12: wrong"),
        ("", ""),
    ],
)
def test_summary_is_the_most_telling_line(output, expected):
    assert telling_line(normalise(output, stage_root="")) == expected


def test_silent_failure_still_has_a_summary():
    assert verdict_of("false").summary == "exit 1 without a word"
    assert verdict_of("crash", status=-11).summary == "ended by signal 11 without a word"


@given(st.text())
def test_summary_is_one_short_line_without_control_characters(output):
    summary = verdict_of("x", output, timed_out=len(output) % 2 == 0).summary
    assert 0 < len(summary) <= SUMMARY_CHARS
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", summary)


def test_escape_sequences_do_not_reach_the_summary():
    output = "\x1b[31merror:\x1b[0m \x1b]0;title\x07bad\x1b]52;c;aGk=\x1b\\ thing\u202e\n"
    assert verdict_of("x", output).summary == "error: bad thing"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('File "/w/0/tree/a/b.py", line 3', 'File "./a/b.py", line 3'),
        ("in /w/0/tree and /w/0/tree2 and /w/0/tree-x", "in . and /w/0/tree2 and /w/0/tree-x"),
        ("/tmp/other/place stays", "/tmp/other/place stays"),
        ("/tmp/tmpab12_cde/x", "/tmp/tmp…/x"),
        ("Ran 5 tests in 0.003s", "Ran 5 tests in …s"),
        ("took 0.12 seconds", "took …s"),
        ("mean 1.2ms, max 3.4 µs", "mean …s, max …s"),
        ("Finished in 12 seconds", "Finished in …s"),
        ("✓ adds (3 ms)", "✓ adds (…s)"),
        ("  duration_ms: 4.25", "  duration_ms …"),
        ("ok pkg 1m 2.5s", "ok pkg …s"),
        ("expected 3s but got 4s", "expected 3s but got 4s"),
        ("version 1.2.3 and 0.5 sets", "version 1.2.3 and 0.5 sets"),
        ("<Foo object at 0x7f3a12bc9d10>", "<Foo object at 0x…>"),
        ("goroutine at 0xc000012345", "goroutine at 0x…"),
        ("mask 0xff, magic 0xdeadbeef", "mask 0xff, magic 0xdeadbeef"),
        ("pid 4242 PID: 7 pid=12", "pid … PID: … pid=…"),
        ("==4242==ERROR: AddressSanitizer", "==…==ERROR: AddressSanitizer"),
        ("thread 'main' (91) panicked", "thread 'main' (…) panicked"),
        ("a\r\nb\rc\x1b[1;31md\x1b[0m\x00", "a\nb\ncd"),
    ],
)
def test_what_differs_from_run_to_run_is_taken_out(text, expected):
    once = normalise(text, stage_root="/w/0/tree")
    assert once == expected
    assert normalise(once, stage_root="/w/0/tree") == expected


def test_same_failure_has_the_same_fingerprint_in_any_stage_at_any_speed():
    def fingerprint(root, seconds, address):
        text = f"{root}/a.py: <X at 0x{address}>\nAssertionError: 1\nRan 1 test in {seconds}s\n"
        return judge("t", finished(text), on_path=lambda _name: True, stage_root=root).fingerprint

    first = fingerprint("/w/0/tree", "0.001", "7f0011223344")
    assert first == fingerprint("/w/11/tree", "1.250", "55aa11223344")
    assert first != verdict_of("t", "AssertionError: 2\n").fingerprint
    assert first != ""


def test_flood_that_is_cut_elsewhere_has_the_same_fingerprint():
    short, long = "y\n" * 1000, "y\n" * 3000
    assert (
        verdict_of("x", short, timed_out=True).fingerprint
        == verdict_of("x", long, timed_out=True).fingerprint
    )


def test_short_output_is_shown_whole():
    assert excerpt("a\nb\n", "", 4) == "a\nb"
    assert excerpt("", "", 0) == ""
    verdict = verdict_of("x", "error: a\n", tail="b\n")
    assert verdict.excerpt == "error: a\nb"


def test_long_output_shows_its_ends_and_its_errors():
    lines = [f"line {n}" for n in range(20_000)]
    lines[9_000] = "src/a.zig:4:1: error: the one that matters"
    text = "\n".join(lines) + "\n"
    shown = excerpt(text, "", len(text))
    assert len(shown.encode()) <= EXCERPT_BYTES
    assert shown.startswith("line 0\nline 1\n")
    assert shown.endswith("\nline 19998\nline 19999")
    assert "line 8999\nsrc/a.zig:4:1: error: the one that matters\nline 9001" in shown
    marks = re.findall(r"^… (\d+) lines left out …$", shown, re.MULTILINE)
    assert len(marks) == 2
    assert sum(map(int, marks)) + len(shown.split("\n")) - len(marks) == len(lines)


def test_bytes_between_head_and_tail_are_said_to_be_missing():
    shown = excerpt("begin\n", "end\n", HEAD_BYTES + TAIL_BYTES + 12_345)
    assert shown == "begin\n… 12345 bytes left out …\nend"
    head, tail = "h\n" * (HEAD_BYTES // 2), "t\n" * (TAIL_BYTES // 2)
    assert "… 5 bytes left out …" in excerpt(head, tail, HEAD_BYTES + TAIL_BYTES + 5)


def test_line_cut_between_head_and_tail_is_whole_again():
    assert excerpt("one two", " three\n", 14) == "one two three"


def test_huge_line_is_cut_in_the_middle():
    shown = excerpt("a" * 100_000 + "b" * 100_000, "", 200_000)
    assert shown == "a" * 1000 + " … 198000 characters left out … " + "b" * 1000


@given(
    st.lists(
        st.sampled_from(["x", "error: é", "AssertionError: 1", "w" * 500, "ü" * 3000, ""]), max_size=300
    ),
    st.integers(min_value=400, max_value=20_000),
)
def test_excerpt_never_exceeds_its_limit(lines, limit):
    text = "\n".join(lines)
    assert len(excerpt(text, "", len(text.encode()), limit_bytes=limit).encode()) <= limit
    lost = HEAD_BYTES + TAIL_BYTES + 99
    assert len(excerpt(text, text, lost, limit_bytes=limit).encode()) <= limit


@pytest.mark.parametrize(
    ("output", "path"),
    [
        ("FileNotFoundError: [Errno 2] No such file or directory: 'fixtures/a.json'", "fixtures/a.json"),
        ("cat: ./fixtures/a.json: No such file or directory", "fixtures/a.json"),
        ("python: can't open file './tools/gen.py': [Errno 2] No such file or directory", "tools/gen.py"),
        ("/bin/sh: 1: ./tools/run.sh: not found", "tools/run.sh"),
        ("ModuleNotFoundError: No module named 'app.money'", "src/app/money.py"),
        ("ModuleNotFoundError: No module named 'app.store'", "src/app/store/__init__.py"),
        ("ModuleNotFoundError: No module named 'app.plugins'", "src/app/plugins/csv.py"),
        ("ModuleNotFoundError: No module named 'app'", "src/app/money.py"),
        ("ImportError: cannot import name 'money' from 'app' (./app/__init__.py)", "src/app/money.py"),
        ("src/main.c:1:10: fatal error: ring.h: No such file or directory", "include/ring.h"),
        ("error[E0583]: file not found for module `ring`", "src/ring.rs"),
        ("Error: Cannot find module './parse'", "lib/parse.js"),
        (
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find module './lib/parse.js' imported from ./x.js",
            "lib/parse.js",
        ),
        ("src/main.zig:1:20: error: unable to load 'codec.zig': FileNotFound", "src/codec.zig"),
        ("lua: main.lua:1: module 'game.board' not found:", "game/board.lua"),
        ("main.go:3:8: package example.com/app/ledger is not in std", "ledger/ledger.go"),
    ],
)
def test_missing_path_names_the_task_that_would_make_it(output, path):
    produced = {
        "fixtures/a.json": "001", "tools/gen.py": "002", "tools/run.sh": "003", "src/app/money.py": "004",
        "src/app/store/__init__.py": "005", "src/app/plugins/csv.py": "006", "include/ring.h": "007",
        "src/ring.rs": "008", "lib/parse.js": "009", "src/codec.zig": "010", "game/board.lua": "011",
        "ledger/ledger.go": "012",
    }  # fmt: skip
    hint = missing_path_hint(f"before\n{output}\nafter\n", produced, dependencies={"099"})
    assert hint == (path, produced[path])
    assert missing_path_hint(output, produced, dependencies=set(produced.values())) is None


@pytest.mark.parametrize(
    "output",
    [
        "AssertionError: src/app/money.py is wrong",
        "ModuleNotFoundError: No module named 'requests'",
        "Error: Cannot find module 'express'",
        "cat: other.txt: No such file or directory",
        "cat: ..: No such file or directory",
        "No such file or directory: ''",
        "",
    ],
)
def test_other_failures_give_no_hint(output):
    produced = {"src/app/money.py": "004", "lib/express.js": "005", "another.txt": "006"}
    assert missing_path_hint(output, produced, dependencies=()) is None
