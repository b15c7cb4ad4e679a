"""Lines as tools print them, and what they complain about."""

from __future__ import annotations

import pytest

from ossature.tui.text.document import TextDocument
from ossature.tui.text.problems import Problem, find_problem
from ossature.tui.text.walking import Walk

PLACES = {
    '  File "/srv/app/spenny/ledger.py", line 42, in add': Problem("/srv/app/spenny/ledger.py", 42),
    '  File "my folder/a b.py", line 3': Problem("my folder/a b.py", 3),
    "tests/test_ledger.py:17: AssertionError": Problem("tests/test_ledger.py", 17),
    'E   File "<string>", line 1': Problem("<string>", 1),
    "src/main.c:12:5: error: expected ';' before '}' token": Problem("src/main.c", 12, 5),
    "In file included from src/a.h:3,": Problem("src/a.h", 3),
    "/usr/include/x.hpp:9:1: warning: unused": Problem("/usr/include/x.hpp", 9, 1),
    "main.cpp(14): error C2065: 'x': undeclared identifier": Problem("main.cpp", 14),
    "   --> src/lib.rs:7:13": Problem("src/lib.rs", 7, 13),
    "thread 'tests::adds' panicked at src/lib.rs:21:9:": Problem("src/lib.rs", 21, 9),
    "src/encoder.zig:88:17: error: expected type 'u8', found 'i9'": Problem("src/encoder.zig", 88, 17),
    "    ledger_test.go:31: got 3, want 4": Problem("ledger_test.go", 31),
    "./cmd/main.go:10:2: undefined: fmt.Foo": Problem("./cmd/main.go", 10, 2),
    "\t/home/u/go/src/x/y.go:55 +0x1d": Problem("/home/u/go/src/x/y.go", 55),
    "    at Object.<anonymous> (/srv/app/test/add.test.js:8:11)": Problem("/srv/app/test/add.test.js", 8, 11),
    "    at file:///srv/app/index.mjs:3:7": Problem("/srv/app/index.mjs", 3, 7),
    "src/index.ts(5,12): error TS2322: Type 'string' is not assignable": Problem("src/index.ts", 5, 12),
    "src/index.ts:5:12 - error TS2322: Type": Problem("src/index.ts", 5, 12),
    "Makefile:9: *** missing separator.  Stop.": Problem("Makefile", 9),
    "build/../src/x.hs:4:1-8: error: parse error": Problem("build/../src/x.hs", 4, 1),
    "PHP Fatal error:  Uncaught Error in index.php on line 12": Problem("index.php", 12),
    "[tests/a.py:3] note (b.py:9)": Problem("tests/a.py", 3),
}
FAILURES = (
    "Traceback (most recent call last):",
    "ValueError: no digits",
    "E       assert 1250 == 1260",
    "FAILED tests/test_ledger.py::test_total - AssertionError",
    "FAIL: test_total (tests.test_ledger.Total)",
    "ERROR: test_total (tests.test_ledger.Total)",
    "test_total (tests.test_ledger.Total.test_total) ... FAIL",
    "FAILED (failures=1, errors=2)",
    "test tests::adds ... FAILED",
    "error[E0308]: mismatched types",
    "error: could not compile `spenny` (bin) due to 1 previous error",
    "--- FAIL: TestTotal (0.00s)",
    "FAIL\tgithub.com/x/ledger\t0.003s",
    "panic: runtime error: index out of range [3] with length 3",
    "not ok 3 - adds",
    "  ● ledger \u203a adds",
    "  ✕ adds (3 ms)",
    "TypeError: x is not a function",
    "/usr/bin/ld: main.o: undefined reference to `parse'",
    "make: *** [Makefile:9: test] Error 2",
    "collect2: error: ld returned 1 exit status",
    "Segmentation fault (core dumped)",
    "2026-11-26 19:45:04 ERROR ledger: no digits",
    "fatal: not a git repository",
    "=== 2 failed, 17 passed in 0.31s ===",
)
NEITHER = (
    "",
    "2026-11-26T19:45:04 INFO listening on 127.0.0.1:8080",
    "fetched https://example.com:443/index in 0.3 s",
    "test tests::adds ... ok",
    "ok  \tgithub.com/x/ledger\t0.003s",
    "=== 17 passed, 0 failed in 0.31s ===",
    "0 errors, 0 warnings",
    "compiling error.zig and failure.c",
    "version 3.11.7: ready",
    "error handling is described in the manual",
)


@pytest.mark.parametrize("text", PLACES)
def test_the_first_place_of_a_line_is_found(text: str) -> None:
    assert find_problem(text) == PLACES[text]


@pytest.mark.parametrize("text", FAILURES)
def test_a_failure_is_known(text: str) -> None:
    assert find_problem(text) is not None


@pytest.mark.parametrize("text", NEITHER)
def test_what_is_no_problem_is_passed_over(text: str) -> None:
    assert find_problem(text) is None


@pytest.mark.parametrize(
    ("start", "direction", "wanted"),
    [(0, 1, 300), (301, 1, 900), (901, 1, None), (899, -1, 300), (299, -1, None)],
)
def test_a_walk_stops_at_the_next_problem_of_its_direction(
    start: int, direction: int, wanted: int | None
) -> None:
    lines = ["ValueError: x" if row in (300, 900) else "fine" for row in range(1000)]
    walk = Walk(TextDocument("\n".join(lines)), start, direction)
    while walk.step():
        assert 0 <= walk.progress < 1
    assert walk.found == wanted
