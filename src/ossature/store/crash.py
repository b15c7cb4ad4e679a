"""Writes down a bug of ours so that it can be reported."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path

from ossature.domain.plain_text import clean_line
from ossature.domain.redaction import Redactor, secrets_in


def crash_sentence(error: Exception, cwd: Path) -> str:
    """One line about a bug of ours, and where the rest is."""
    path = write_crash_file(error, cwd)
    where = f"details in {path}" if path else "set OSSATURE_DEBUG=1 to see where"
    said = _redactor().text(f"{type(error).__name__}: {error}")
    return f"internal error: {clean_line(said)} ({where})"


def write_crash_file(error: Exception, cwd: Path) -> Path | None:
    """A new file with the traceback of *error*, in the project's `.ossature/` or the temporary folder.

    None where neither can be written. Holds no arguments and no environment: a key may be among them.
    """
    text = "".join(traceback.format_exception(error))
    text = _redactor().text(text)
    text = f"ossature crashed on Python {platform.python_version()}, {sys.platform}\n\n{text}"
    for folder in (_state_dir(cwd), Path(tempfile.gettempdir())):
        if folder is None:
            continue
        try:
            with tempfile.NamedTemporaryFile(
                "w",
                encoding="utf-8",
                errors="backslashreplace",
                dir=folder,
                prefix="crash-",
                suffix=".txt",
                delete=False,
            ) as file:
                file.write(text)
        except OSError:
            continue
        return Path(file.name)
    return None


def _redactor() -> Redactor:
    return Redactor(secrets_in(os.environ))


def _state_dir(cwd: Path) -> Path | None:
    """The nearest `.ossature/` that is there already; a crash makes no folder."""
    folders = (folder / ".ossature" for folder in (cwd, *cwd.parents))
    return next((folder for folder in folders if folder.is_dir()), None)
