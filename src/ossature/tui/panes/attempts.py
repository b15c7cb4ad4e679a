"""The attempts at a task over all runs, and the files that each left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ossature.domain.state import AttemptState
from ossature.engine.preview import AttemptView
from ossature.project import Project


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, from its folder or from the run that makes it now."""

    folder: Path
    run: str
    number: int
    kind: str
    verdict: str
    model: str
    note: str = ""
    """What the verify or the refusal said, in a line."""
    is_streaming: bool = False
    verify_log: Path | None = None

    @property
    def prompt(self) -> Path:
        return self.folder / "prompt.md"

    @property
    def response(self) -> Path:
        """The whole reply, else the part of it that is there."""
        whole = self.folder / "response.md"
        part = self.folder / "response.md.part"
        return part if self.is_streaming and part.exists() and not whole.exists() else whole

    @property
    def diff(self) -> Path:
        return self.folder / "changes.diff"

    @property
    def log(self) -> Path:
        return self.verify_log or self.folder / "verify.log"


def merged_attempts(
    project: Project, stored: Sequence[AttemptView], running: Sequence[AttemptState], run: str
) -> list[Attempt]:
    """Oldest first; what the run knows of an attempt wins over what its folder says."""
    live = {state.folder: state for state in running if state.folder}
    attempts: list[Attempt] = []
    seen: set[str] = set()
    for view in stored:
        folder = view.folder if view.folder.is_absolute() else project.root / view.folder
        name = _relative(project, folder)
        seen.add(name)
        attempts.append(_of_state(project, live[name], run) if name in live else _of_view(view, folder))
    attempts += [_of_state(project, state, run) for name, state in live.items() if name not in seen]
    return attempts


def _of_view(view: AttemptView, folder: Path) -> Attempt:
    note = str(view.meta.get("summary") or view.meta.get("reason") or "")
    return Attempt(
        folder=folder,
        run=view.run,
        number=view.number,
        kind=view.kind,
        verdict=view.verdict,
        model=view.model,
        note=note,
    )


def _of_state(project: Project, state: AttemptState, run: str) -> Attempt:
    return Attempt(
        folder=project.root / state.folder,
        run=run,
        number=state.number,
        kind=state.role,
        verdict=state.verdict or ("refused" if state.refusal else ""),
        model=state.model,
        note=state.summary or state.refusal,
        is_streaming=state.is_streaming,
        verify_log=project.root / state.log if state.log else None,
    )


def _relative(project: Project, folder: Path) -> str:
    return project.relative(folder) if folder.is_relative_to(project.root) else str(folder)
