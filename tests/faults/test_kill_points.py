"""`kill -9` at every change of the disk, also while a crash is recovered from.

Each point is a process of its own that really dies. Then a second build has to come to what an undisturbed
one comes to: the tree, the landings, no request asked again whose response was recorded, every journal with
an end, no scratch files, blobs and ledger whole, nothing left to do.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.lab import Lab
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.support.disk_faults import Strike, kill_before, kill_during
from tests.support.sampling import TRIES_ALL, chance

HALVES = (0, 1)
"""Two tests a scenario, so that two processes finish at about the same time."""
KILLED = -signal.SIGKILL
MakeLab = Callable[[Scenario], Lab]


def points(calls: list[str]) -> Iterator[tuple[int, Callable[[int], Strike]]]:
    """Before every call, and in the middle of every write; elsewhere the middle is the next one's before."""
    for number, name in enumerate(calls, 1):
        yield number, kill_before
        if name == "write":
            yield number, kill_during


def share(everything: list[Any], half: int) -> list[Any]:
    """One of twenty-four, or all: neighbours are alike."""
    return everything[half::2] if TRIES_ALL else everything[half * 24 :: 48]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_kill_at_any_change_of_the_disk_loses_nothing(lab: MakeLab, scenario: Scenario, half: int):
    here = lab(scenario)
    chosen = share(list(points(here.calls)), half)
    assert len(chosen) > (140 if TRIES_ALL else 4)
    for at, strike in chosen:
        kit = here.fresh()
        assert here.in_child(kit, strike(at)) == KILLED, here.said(kit)
        assert not (problems := here.recover(kit)), (
            f"{strike.__name__}({at}), {here.calls[at - 1]}: {problems}"
        )
        here.drop(kit)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_kill_while_a_crash_is_recovered_from_loses_nothing(lab: MakeLab, scenario: Scenario, half: int):
    here = lab(scenario)
    rng = chance(scenario.name, half)
    wanted = 120 if TRIES_ALL else 5
    crashes = 0
    while crashes < wanted:
        kit = here.fresh()
        first = rng.randrange(1, len(here.calls) + 1)
        # Mostly before the first task: closing journals, sweeping, landing what was begun.
        second = rng.randrange(1, 40 if rng.random() < 0.7 else len(here.calls) - first + 60)
        code = here.in_child(kit, rng.choice((kill_before, kill_during))(first))
        assert code == KILLED or (scenario.varies and code == 0), here.said(kit)
        paid = here.recorded(kit)
        code = here.in_child(kit, rng.choice((kill_before, kill_during))(second), between=True)
        assert code in (KILLED, 0), here.said(kit)
        crashes += code == KILLED
        problems = [*here.asked_again(kit, paid), *here.recover(kit, has_been_between=True)]
        assert not problems, f"{first}, then {second}: {problems}"
        here.drop(kit)


def test_a_reply_that_is_lost_is_noticed(lab: MakeLab):
    """The check itself can fail: without the record of a reply, its request is asked again."""
    here = lab(SCENARIOS[0])
    kit = here.fresh()
    landed = next(at for at, name in enumerate(here.calls, 1) if name == "fdatasync" and at > 100)
    assert here.in_child(kit, kill_before(landed)) == KILLED
    paid = here.recorded(kit)
    assert paid
    for folder in kit.attempts():
        (folder / "response.md").unlink(missing_ok=True)
    here.recover(kit)
    assert here.asked_again(kit, paid)


def test_a_tree_that_differs_is_noticed(lab: MakeLab):
    here = lab(SCENARIOS[0])
    kit = here.fresh()
    assert here.in_child(kit, kill_before(len(here.calls))) == KILLED
    kit.write("output/by-hand.md", "somebody else's\n")
    assert any("by-hand.md" in problem for problem in here.recover(kit))
