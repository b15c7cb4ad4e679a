"""Which interfaces a build would have a model read anew, without asking it."""

from __future__ import annotations

from ossature.analysis.texts import is_interface_current
from ossature.digest import digest_text
from ossature.engine.sources import Loaded
from ossature.errors import DiskError
from ossature.store.blobs import Blobs


def outdated_interfaces(loaded: Loaded) -> frozenset[str]:
    """Ids of specs that tasks of others show, that no architecture speaks for, and whose sources changed."""
    shown = {spec for task in loaded.plan.tasks for spec in task.cross_spec_interfaces}
    return frozenset(
        spec
        for spec in shown
        if spec in loaded.tree.specs
        and not loaded.sources.is_shown_from_architecture(spec)
        and not _is_current(loaded, spec)
    )


def _is_current(loaded: Loaded, spec: str) -> bool:
    project, tree = loaded.project, loaded.tree
    digests: dict[str, str] = {}
    for task in loaded.plan.tasks:
        landing = loaded.sources.landings.get(task.id) if task.spec == spec else None
        digests |= landing.files if landing else {}
    if is_interface_current(project, tree, spec, digests):
        return True
    # What is no UTF-8 was shown with its bad bytes replaced, so its text has another digest than its bytes.
    blobs = Blobs(project.blobs_dir)
    try:
        texts = {path: blobs.get(digest).decode("utf-8", "replace") for path, digest in digests.items()}
    except DiskError:
        return False
    shown = {path: digest_text(text) for path, text in texts.items()}
    return shown != digests and is_interface_current(project, tree, spec, shown)
