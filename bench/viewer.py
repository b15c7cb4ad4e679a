"""A text of any size: first screen, end, count of rows and searches, beside `wc -l` and `grep` in one run.

`python bench/viewer.py --mb 1024` measures a log of a gigabyte. Rates are in MB/s; a pause is how long no
key would be heard.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from _kit import report

from ossature.tui.text.document import FileDocument
from ossature.tui.text.pattern import Pattern
from ossature.tui.text.searching import Search

ROWS = 50
PATTERNS = {
    "absent": "no-such-text",
    "literal": "artefact 4242 ",
    "alternatives": "error|failed|panic",
    "pattern": "wrote.*97 ms",
}
TICK_S = 0.001


def write_log(path: Path, megabytes: int) -> None:
    """Lines of about 100 bytes."""
    line = (
        "%012d INFO module.sub: wrote artefact %d to the stage in %d ms, with no complaints whatsoever....\n"
    )
    block = "".join(line % (n, n * 7, n % 97) for n in range(10_000)).encode()
    with path.open("wb") as file:
        for _ in range(max(megabytes * 1_000_000 // len(block), 1)):
            file.write(block)


def elapsed_s(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def in_thread(step: Callable[[], bool]) -> tuple[float, float]:
    """Seconds until *step* has no more to do, and the longest that this thread had to wait meanwhile."""

    def work() -> None:
        while step():
            pass

    thread = threading.Thread(target=work)
    longest, started = 0.0, time.perf_counter()
    thread.start()
    while thread.is_alive():
        longest = max(longest, elapsed_s(lambda: time.sleep(TICK_S)) - TICK_S)
    return time.perf_counter() - started, longest


def resident_mb() -> float:
    """The most memory so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def figures_of(path: Path) -> dict[str, float]:
    size = path.stat().st_size / 1e6
    documents: list[FileDocument] = []

    def open_first() -> None:
        document = FileDocument(path)
        document.advance()
        document.lines(0, ROWS)
        documents.append(document)

    figures = {"mb": size, "first_screen_ms": elapsed_s(open_first) * 1000}
    document = documents[0]
    figures["end_ms"] = elapsed_s(lambda: document.tail(ROWS)) * 1000
    before = resident_mb()
    seconds, pause = in_thread(document.advance)
    figures |= {"count_mb_per_s": size / seconds, "count_pause_ms": pause * 1000}
    figures["count_grows_mb"] = resident_mb() - before
    figures["middle_ms"] = (
        elapsed_s(lambda: document.lines(document.count // 2, document.count // 2 + ROWS)) * 1000
    )
    for name, expression in PATTERNS.items():
        search = Search(document, Pattern(expression))
        seconds, pause = in_thread(search.step)
        figures |= {
            f"search_{name}_mb_per_s": size / seconds,
            f"search_{name}_pause_ms": pause * 1000,
            f"search_{name}_found": search.found,
        }
    figures["search_grows_mb"] = resident_mb() - before
    for name, argv in {
        "wc": ["wc", "-l", str(path)],
        "grep_absent": ["grep", "-ci", PATTERNS["absent"], str(path)],
        "grep_alternatives": ["grep", "-ciE", PATTERNS["alternatives"], str(path)],
        "grep_pattern": ["grep", "-ci", PATTERNS["pattern"], str(path)],
    }.items():
        run = lambda argv=argv: subprocess.run(argv, stdout=subprocess.DEVNULL, check=False)  # noqa: E731  # timed
        figures[f"{name}_mb_per_s"] = size / elapsed_s(run)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=64, help="size of the log")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "verify.log"
        write_log(path, arguments.mb)
        report("viewer", figures_of(path))


if __name__ == "__main__":
    main()
