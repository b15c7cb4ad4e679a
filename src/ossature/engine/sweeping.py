"""Delete what a killed process left half written."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path, PurePosixPath

from ossature.errors import UnsafePath
from ossature.project import Project
from ossature.store.disk import disk_errors, is_scratch
from ossature.store.ledger import Ledger
from ossature.store.safe_root import SafeRoot

_FACES = frozenset({"inbox", "drafts"})
"""Folders of a run that other processes write into at any time."""


def sweep(project: Project, ledger: Ledger) -> None:
    """Delete scratch files from the output folder and from the state folder.

    Only for the owner of the project, before it writes anything. Raises DiskError.
    """
    output = SafeRoot(project.output_root)
    landings = [*ledger.landings.values(), *(intent.landing for intent in ledger.open_intents)]
    for rel in {PurePosixPath(path).parent: path for one in landings for path in one.files}.values():
        with suppress(UnsafePath):
            output.sweep([rel])
    for folder, folders, names in os.walk(project.state_dir):
        is_work = Path(folder) == project.work_dir
        # A stage is made anew before each task, whatever is in it.
        folders[:] = [] if is_work else [name for name in folders if name not in _FACES]
        for name in filter(is_scratch, names):
            path = Path(folder, name)
            with disk_errors(path, "delete"):
                path.unlink(missing_ok=True)
