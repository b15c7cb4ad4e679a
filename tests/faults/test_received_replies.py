"""A kill after a reply has come in: from the first moment that it can be kept, it is paid for once."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.lab import Lab
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.support.disk_faults import kill_before, kill_during
from tests.support.sampling import TRIES_ALL

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
BEFORE_IT_IS_KEPT = 8
"""Calls until the streamed text and the record of it are on the disk; what dies before is not known."""
AFTERWARDS = 20


def test_kill_after_a_reply_asks_for_it_again_only_before_it_can_be_known(lab: Callable[[Scenario], Lab]):
    here = lab(BY_NAME["fixes"])
    assert len(here.answers) == 4
    for answered in here.answers if TRIES_ALL else here.answers[:1]:
        asked_again = []
        for at in range(answered + 1, answered + 1 + BEFORE_IT_IS_KEPT + AFTERWARDS):
            for strike in (
                (kill_before, kill_during) if at <= answered + BEFORE_IT_IS_KEPT else (kill_before,)
            ):
                kit = here.fresh()
                here.in_child(kit, strike(at))
                asked = kit.model.noted()
                assert not here.recover(kit)
                if any(count > asked[who] for who, count in kit.model.noted().items() if asked[who]):
                    asked_again.append(at - answered)
                here.drop(kit)
        assert asked_again, "the kill comes too late to be a test"
        assert max(asked_again) <= BEFORE_IT_IS_KEPT, asked_again
