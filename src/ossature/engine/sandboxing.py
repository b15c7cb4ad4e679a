"""The sandbox of a run: chosen before it begins, told as its first events."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ossature.build.command import LocalExecutor
from ossature.build.sandbox import SandboxChoice, choose, user_sandbox
from ossature.build.tiers import Machine
from ossature.domain import event as ev
from ossature.domain.redaction import Redactor
from ossature.engine.session import RunRequest
from ossature.project import Project
from ossature.store.trust import TrustItem, user_trust

_NETWORK = TrustItem("sandbox", "network = true")
"""What a project asks for, and a person has to have granted before the run begins."""


def chosen(project: Project, request: RunRequest) -> SandboxChoice:
    """What the commands of *request* run in.

    Raises OssatureError where no sandbox works and nobody allowed to do without one.
    """
    seen = (Path.home(), project.root)
    return choose(
        request.sandbox,
        user_sandbox(os.environ),
        Machine(os.environ, project.root),
        settings=project.settings,
        hidden=tuple(dict.fromkeys((*seen, *(path.resolve() for path in seen)))),
        network_allowed=user_trust(os.environ).read(project).covers(_NETWORK),
        is_demo=request.is_demo,
    )


def executor_of(choice: SandboxChoice | None, redactor: Redactor) -> LocalExecutor:
    """Runs commands as was chosen; where nothing was, none are run."""
    if choice is None:
        return LocalExecutor(redactor=redactor)
    return LocalExecutor(choice.cage, limits=choice.limits, redactor=redactor)


def announced(choice: SandboxChoice) -> Iterator[ev.Event]:
    """What the journal and its readers are told of it."""
    yield ev.SandboxChosen(
        mode=choice.mode, tier=choice.tier, has_network=choice.has_network, gaps=choice.gaps
    )
    for notice in choice.notices:
        yield ev.Noticed(level="warning", text=notice)
