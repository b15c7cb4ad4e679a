"""The streams of the process: answers to stdout, talk to stderr, nothing hidden in either."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

from ossature.domain.plain_text import clean, clean_line
from ossature.errors import DiskError, Exit, OssatureError, UsageError

PIPE_CLOSED = 141
"""What a shell reports for a process that SIGPIPE ended."""

Span = tuple[str, str]
"""Tone and text; the tones are those of `domain.wording`."""


class Painter(Protocol):
    """Writes one line of spans; the text is clean already."""

    def __call__(self, spans: Sequence[Span]) -> None: ...


@dataclass(slots=True)
class Terminal:
    """Where a command reads from and prints to."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    cwd: Path
    environ: Mapping[str, str]
    is_plain: bool = field(default=False, init=False)
    """No colours; every question says at once what its answers do: for screen readers."""
    is_read_only: bool = field(default=False, init=False)
    """The person only looks: not even what was read is remembered in the project."""
    _painter: Painter | None = field(default=None, init=False)

    @classmethod
    def of_process(cls) -> Terminal:
        """The streams that this process was started with; a closed one reads as empty and writes nowhere."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        return cls(
            stdin=sys.stdin or io.StringIO(),
            stdout=sys.stdout or io.StringIO(),
            stderr=sys.stderr or io.StringIO(),
            cwd=Path.cwd(),
            environ=os.environ,
        )

    @property
    def is_interactive(self) -> bool:
        """A person can read and type here."""
        return self.stdin.isatty() and self.stdout.isatty()

    def line(self, text: str = "", *, tone: str = "plain") -> None:
        """One line of the answer."""
        self.spans([(tone, text)])

    def spans(self, spans: Sequence[Span]) -> None:
        """One line of the answer, each part in its tone."""
        shown = [(tone, clean_line(text)) for tone, text in spans]
        self._guarded(lambda: self._paint(shown))

    def block(self, text: str) -> None:
        """Text of several lines, as it is in a file or a log."""
        shown = clean(text)
        self._guarded(lambda: self.stdout.write(shown if shown.endswith("\n") or not shown else f"{shown}\n"))

    def raw(self, content: bytes) -> None:
        """*content* byte by byte; raises UsageError at a terminal, which would obey what is in it."""
        if self.stdout.isatty():
            raise UsageError("--raw is for a pipe or a file", hint="leave it out to see the text here")
        self.flush()
        binary = getattr(self.stdout, "buffer", None)
        if binary is None:
            self._guarded(lambda: self.stdout.write(content.decode("utf-8", "surrogateescape")))
            return
        self._guarded(lambda: binary.write(content))
        self._guarded(binary.flush)

    def prompt(self, text: str) -> None:
        """*text*, with the cursor left behind it."""
        self._guarded(lambda: self.stdout.write(clean_line(text)))
        self.flush()

    def json(self, document: Any) -> None:
        """*document* on one line of ASCII: any stream can carry it and no character of it can harm."""
        # json costs a fifth of what `--help` may take, and most commands never need it.
        import json

        shown = json.dumps(document, ensure_ascii=True)
        self._guarded(lambda: self.stdout.write(f"{shown}\n"))

    def say(self, text: str) -> None:
        """One line of talk to stderr; where that is closed, nobody is left to tell."""
        try:
            self.stdout.flush()
            self.stderr.write(f"{clean_line(text)}\n")
            self.stderr.flush()
        except OSError:
            pass

    def fail(self, error: OssatureError) -> None:
        """What went wrong, where, and what to do."""
        self.say(f"ossature: error: {self.without_secrets(str(error))}")
        if error.hint:
            self.say(f"  → {self.without_secrets(error.hint)}")

    def without_secrets(self, text: str) -> str:
        """*text*, which may quote a config, a provider or an exception, fit to be shown."""
        # Only what goes wrong pays for looking.
        from ossature.domain.redaction import Redactor, secrets_in

        return Redactor(secrets_in(self.environ)).text(text)

    def flush(self) -> None:
        """Hand on what was printed; raises DiskError or BrokenPipeError where it cannot be."""
        self._guarded(self.stdout.flush)

    def mute(self) -> None:
        """Print nowhere from here on: what is left in the buffer would fail again at the end."""
        try:
            fd = self.stdout.fileno()
        except (OSError, ValueError):
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, fd)
        os.close(nowhere)

    def _paint(self, spans: Sequence[Span]) -> None:
        if self._painter is None:
            self._painter = self._write_plain if self.is_plain else self._pick_painter()
        self._painter(spans)

    def _pick_painter(self) -> Painter:
        if not self.stdout.isatty():
            return self._write_plain
        # rich costs four times what Python itself does, and only a screen can show its colours.
        from ossature.cli.render import painter

        return painter(self.stdout)

    def _write_plain(self, spans: Sequence[Span]) -> None:
        self.stdout.write("".join(text for _tone, text in spans).rstrip() + "\n")

    def _guarded(self, write: Callable[[], object]) -> None:
        try:
            write()
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.errno == errno.EIO:
                # A write may find the terminal gone before the signal that says so arrives.
                self.mute()
                raise DiskError("the terminal is gone", exit_code=Exit.HUP) from error
            raise DiskError(f"cannot write to standard output: {error.strerror}") from error
