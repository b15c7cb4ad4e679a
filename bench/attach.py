"""How long a face takes to fold a run of 100,000 events, and what an owner's memory is before litellm."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _kit import report

from ossature.domain import event as ev
from ossature.engine.session import fold
from ossature.store.journal import Journal

EVENTS = 100_000
OWNER = (
    "import resource, sys\n"
    "import ossature.engine.owner\n"
    "assert 'litellm' not in sys.modules\n"
    "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        journal = Journal(path)
        rows = tuple(
            ev.TaskRow(id=f"{n:04d}", spec="S", title=f"Task {n}", lineage=f"t-{n}") for n in range(1_000)
        )
        journal.append(ev.PlanAdopted(tasks=rows))
        for number in range(EVENTS):
            journal.append(
                ev.VerifyStarted(task=f"{number % 1000:04d}", attempt=1, commands=("true",), log="verify.log")
            )
        journal.close()
        started = time.perf_counter()
        state = fold(Path(folder))
        seconds = time.perf_counter() - started
    assert state.seq == EVENTS + 1
    peak = subprocess.run([sys.executable, "-c", OWNER], capture_output=True, text=True, check=True).stdout
    scale = 1024 if sys.platform == "linux" else 1
    report("attach", {"events": EVENTS, "seconds": seconds, "goal_s": 1})
    report("owner_memory", {"mb": int(peak) * scale / 1e6, "goal_mb": 120})


if __name__ == "__main__":
    main()
