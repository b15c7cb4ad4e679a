"""Runs the command line: `python -m ossature`."""

from __future__ import annotations

import os
import sys

from ossature.cli.main import main


def leave(exit_code: int) -> None:
    """End the process; where litellm was loaded, without the second that its teardown takes."""
    if "litellm" in sys.modules:
        os._exit(exit_code)  # main has flushed the streams, and a run leaves nothing for exit handlers
    sys.exit(exit_code)


if __name__ == "__main__":
    leave(main())
