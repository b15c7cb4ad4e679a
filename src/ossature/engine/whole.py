"""What is in the output folder as a whole, and whether the project's own verify has seen just that."""

from __future__ import annotations

from collections.abc import Mapping

from ossature.build.unowned import unowned_files
from ossature.digest import digest_json, digest_tree
from ossature.engine.sources import Loaded, digest_or_none

FINAL = "final."
"""Lineage of the record that says which tree the project's own verify found green."""


def is_verified(loaded: Loaded) -> bool:
    """The project's own verify was green on exactly what is in the output folder now, or there is none."""
    if not loaded.project.settings.verify:
        return True
    known = loaded.ledger.landings.get(FINAL)
    return known is not None and known.verify == whole_fingerprint(loaded, landed_files(loaded))


def landed_files(loaded: Loaded) -> dict[str, str]:
    """Path -> digest of everything in the output folder that a stage may hold."""
    writers = loaded.sources.writers
    files = dict(unowned_files(loaded.project, tuple(writers)).files)
    for path in writers:
        digest = digest_or_none(loaded.output, path)
        if digest is not None:
            files[path] = digest
    return files


def whole_fingerprint(loaded: Loaded, files: Mapping[str, str]) -> str:
    """Of what the project's own verify sees."""
    return digest_json([list(loaded.project.settings.verify), digest_tree(files)])
