"""Runs the command line: `python -m ossature`."""

from __future__ import annotations

import os
import sys

from ossature.cli.main import main


def run() -> None:
    """Run the command line and end the process; after litellm, without the second of its teardown."""
    exit_code = main()
    if "litellm" in sys.modules:
        os._exit(exit_code)  # main has flushed the streams, and a run leaves nothing for exit handlers
    sys.exit(exit_code)


if __name__ == "__main__":
    run()
