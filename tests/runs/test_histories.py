"""Whatever a model, a person and a crash do to the same files: no line that the person wrote is lost.

`HISTORIES=2000 pytest tests/runs/test_histories.py` tries as many; `FIRST_HISTORY` is the first seed.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from ossature.engine.policy import answer
from ossature.store.lease import Lease, LeaseInfo
from ossature.store.ledger import Ledger
from tests.runs.conftest import fill
from tests.runs.histories import History, Instant
from tests.runs.kit import FakeModel, FakeModels, Kit
from tests.support.sampling import some

COUNT = int(os.environ.get("HISTORIES", some("10", "24")))
FIRST = int(os.environ.get("FIRST_HISTORY", "0"))
STEPS = 16
SHARES = 12
"""Tests that the histories are dealt to, so that they run side by side."""


append_intent = Ledger.append_intent


def lived(root: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> History:
    """One history from its beginning to its end; checked after every step."""
    model = FakeModel()
    monkeypatch.setattr("ossature.engine.owner.Models", lambda settings, **_: FakeModels(model, settings))
    monkeypatch.setattr("ossature.engine.owner.executor_of", lambda *_: Instant())
    kit = Kit(root, model)
    kit.config("[build]\nmax_fix_attempts = 1\n")
    fill(kit)
    history = History(kit, random.Random(seed))

    class CalmLease(Lease):
        """A lock of this process would outlive the kill, unlike one of a process that died."""

        def acquire(self, info: LeaseInfo) -> None:
            with history.kill.paused():
                super().acquire(info)

    def saved_meanwhile(ledger: Ledger, *args: Any) -> str:
        """The person's editor saves between the last look at the disk and the write."""
        history.meddle(0.08)
        return append_intent(ledger, *args)

    monkeypatch.setattr("ossature.engine.owner.Lease", CalmLease)
    monkeypatch.setattr(Ledger, "append_intent", saved_meanwhile)
    monkeypatch.setattr(
        "ossature.engine.gate.answer",
        lambda question, **how: history.answer(question, answer(question, **how)),
    )
    history.begin()
    for _ in range(STEPS):
        history.step()
        check(history, seed)
    history.end()
    check(history, seed)
    return history


def check(history: History, seed: int) -> None:
    lost = history.lost()
    assert not lost, f"history {seed} lost {sorted(lost)}:\n" + "\n".join(history.steps)


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.timeout(3600 if COUNT > 500 else 300)
def test_no_line_of_a_person_is_lost(share: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OSSATURE_MODEL", raising=False)
    for seed in range(FIRST + share, FIRST + COUNT, SHARES):
        root = tmp_path / str(seed)
        lived(root, seed, monkeypatch)
        shutil.rmtree(root)
