"""`own` (hidden): runs a run in this process, for another process that waits to hear of its start."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pydantic import ValidationError

from ossature.cli.command import Command
from ossature.cli.terminal import Terminal
from ossature.domain.redaction import Redactor, secrets_in
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
        return own(project, request, ready=lambda run: _begin(run, project, starter, terminal.environ))
    except OssatureError as error:
        starter.tell(error=str(error), hint=error.hint, exit_code=int(error.exit_code))
        raise


def _read_request(text: str) -> RunRequest:
    try:
        return RunRequest.model_validate_json(text)
    except ValidationError as error:
        raise UsageError(f"not a request: {error}") from error


def _begin(run: str, project: Project, starter: Starter, environ: Mapping[str, str]) -> None:
    """From here on nobody reads our streams."""
    log = os.open(project.runs_dir / run / "owner.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    # Libraries print what they please, keys among it.
    redactor = Redactor(secrets_in(environ))
    sys.stdout = RedactingWriter(sys.stdout, redactor)
    sys.stderr = RedactingWriter(sys.stderr, redactor)
    starter.tell(run=run)


class RedactingWriter(io.TextIOBase):
    """A stream that takes secrets out of each line before it hands it on."""

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream = stream
        self._redacting = redactor.stream(self._hand_on)

    def write(self, text: str) -> int:
        """Hand on what is whole; the rest waits for the end of its line."""
        self._redacting.add(text.encode("utf-8", "replace"))
        return len(text)

    def flush(self) -> None:
        """Hand on what was handed on so far, which is all that may be read yet."""
        self._stream.flush()

    def close(self) -> None:
        """Hand on the rest."""
        if not self.closed:
            self._redacting.end()
        super().close()

    def fileno(self) -> int:
        """Of the file behind."""
        return self._stream.fileno()

    def _hand_on(self, content: bytes) -> None:
        self._stream.write(content.decode("utf-8", "replace"))
        self._stream.flush()


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
