"""What `--help` and `--version` cost beside a Python that does nothing."""

from __future__ import annotations

import sys

from _kit import OSSATURE, command_s, report

reference = command_s([sys.executable, "-c", "pass"])
for flag in ("--help", "--version"):
    ours = command_s([OSSATURE, flag])
    report(
        "startup",
        {"flag": flag, "seconds": ours, "python_pass": reference, "ratio": ours / reference, "goal": 3},
    )
