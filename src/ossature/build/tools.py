"""What a job works with; made once per run and passed in."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from ossature.build.command import Executor
from ossature.build.prompting import Page
from ossature.build.workspace import Workspace
from ossature.domain.decision import Gate
from ossature.domain.record import Channel
from ossature.errors import DiskError, UnsafePath
from ossature.llm.caller import Caller
from ossature.project import Project
from ossature.settings import Edits
from ossature.store.blobs import Blobs
from ossature.store.ledger import Landing, Ledger
from ossature.store.safe_root import SafeRoot


@dataclass(frozen=True, slots=True)
class Tools:
    """Ports, stores and settings of a build."""

    project: Project
    run: str
    channel: Channel
    caller: Caller
    executor: Executor
    workspace: Workspace
    blobs: Blobs
    ledger: Ledger
    output: SafeRoot
    page: Page
    environ: Mapping[str, str]
    """The whole environment of every verify command."""
    cache_dirs: Collection[str]
    on_path: Callable[[str], bool]
    """A bare command name is found on the verify's PATH."""
    is_attended: bool
    """Somebody may answer questions."""
    edits: Edits
    """What was said before the run about outputs that people edited."""
    now: Callable[[], str]
    """UTC, ISO 8601."""
    asks: Callable[[Gate], bool] = lambda _gate: True
    """Questions of that gate are put to people as things stand."""

    def redact(self, text: str) -> str:
        """*text* without secrets, as it may be written."""
        return self.caller.redactor.text(text)

    @property
    def can_merge_edits(self) -> bool:
        """Once a new version is there, it can be merged with a person's: by an answer, or as was said."""
        return self.edits == "accept" or (self.edits == "ask" and self.is_attended)

    def output_digest(self, path: str) -> str | None:
        """Digest of an output on disk; None where it is missing or no regular file within the folder."""
        try:
            return self.output.digest(path)
        except UnsafePath:
            return None

    def leaf_texts(self, landing: Landing) -> dict[str, str]:
        """The texts that *landing* was made from, by leaf; empty where they are not kept."""
        try:
            texts: dict[str, str] = json.loads(self.blobs.get(landing.texts)) if landing.texts else {}
        except (DiskError, ValueError):
            return {}
        return texts
