"""`own` (hidden): runs a run in this process, for another process that waits to hear of its start."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ossature.cli.command import Command
from ossature.cli.terminal import Terminal
from ossature.engine.owner import own
from ossature.engine.session import RunRequest
from ossature.errors import OssatureError, UsageError
from ossature.project import Project, load_project


@dataclass(slots=True)
class Starter:
    """The process that waits at the other end of a pipe until it has heard one word."""

    fd: int

    def tell(self, **word: object) -> None:
        """Say how the start went, once; a starter that has gone needs no word."""
        if self.fd < 0:
            return
        fd, self.fd = self.fd, -1
        try:
            with os.fdopen(fd, "wb") as pipe:
                pipe.write(json.dumps(word).encode())
        except OSError:
            pass


def own_run(args: argparse.Namespace, terminal: Terminal) -> int:
    """Own one run; what keeps it from starting goes through the pipe, the rest into `owner.log`."""
    starter = Starter(args.ready_fd)
    try:
        project = load_project(Path(args.project), terminal.environ)
        request = _read_request(args.request)
        return own(project, request, ready=lambda run: _begin(run, project, starter))
    except OssatureError as error:
        starter.tell(error=str(error), hint=error.hint, exit_code=int(error.exit_code))
        raise


def _read_request(text: str) -> RunRequest:
    try:
        return RunRequest.model_validate_json(text)
    except ValidationError as error:
        raise UsageError(f"not a request: {error}") from error


def _begin(run: str, project: Project, starter: Starter) -> None:
    """From here on nobody reads our streams."""
    log = os.open(project.runs_dir / run / "owner.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    starter.tell(run=run)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", required=True, metavar="DIR", help="root of the project")
    parser.add_argument("--request", required=True, metavar="JSON", help="what to run")
    parser.add_argument("--ready-fd", type=int, default=-1, metavar="N", help="where to say that it began")


COMMANDS = {
    "own": Command(
        about="Owns one run in this process. Other commands start it; people have no need to.",
        examples=(("""ossature own --project . --request '{"goal": "build"}'""", "what `build` starts"),),
        add_arguments=_add_arguments,
        run=own_run,
    )
}
