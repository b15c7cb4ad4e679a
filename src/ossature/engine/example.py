"""The shipped example: where it is, and a fresh copy of it."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

from ossature.errors import DiskError, UsageError

NAME = "spenny"
RECORDINGS = "recordings"
_COPIED = ("ossature.toml", "specs", "README.md")


def example_dir() -> Path:
    """The folder of the example: beside the sources in a checkout, within the package when installed."""
    package = Path(str(resources.files("ossature")))
    checkout = package.parent.parent / "examples" / NAME
    installed = package / "_examples" / NAME
    for folder in (checkout, installed):
        if (folder / "ossature.toml").is_file():
            return folder
    raise UsageError("the example did not come with this installation", hint="install ossature again")


def copy_example(target: Path) -> Path:
    """Copy config and specs into *target*, which is new or empty; returns the folder of recordings.

    Nothing that is built is copied. Raises UsageError, DiskError.
    """
    source = example_dir()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is not empty", hint="name a new folder with `--dir DIR`")
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in _COPIED:
            if (source / name).is_dir():
                shutil.copytree(source / name, target / name)
            else:
                shutil.copy(source / name, target / name)
    except OSError as error:
        raise DiskError(f"cannot copy the example to {target}: {error.strerror}") from error
    return source / RECORDINGS
