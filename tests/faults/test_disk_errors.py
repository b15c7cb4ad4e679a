"""A disk that refuses any change, once or for good: a sentence, an exit code, and a way on."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from ossature.errors import Exit
from tests.faults.lab import Lab
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.support.disk_faults import can_fail, fail
from tests.support.sampling import TRIES_ALL

MakeLab = Callable[[Scenario], Lab]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
FAULTS = [
    # error, whether it stays, scenario
    (errno.ENOSPC, False, "fixes"),
    (errno.ENOSPC, True, "rebuild"),
    (errno.EDQUOT, False, "by_hand"),
    (errno.EIO, False, "first"),
    (errno.EIO, True, "chain"),
    (errno.EROFS, True, "rebuild"),
    (errno.ENOSPC, False, "side_by_side"),
    (errno.EMFILE, False, "whole"),
    (errno.EMFILE, True, "first"),
]
STEP = 1 if TRIES_ALL else 27


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("error", "for_good", "name"),
    FAULTS,
    ids=[f"{errno.errorcode[error]}{'+' if good else ''}-{name}" for error, good, name in FAULTS],
)
def test_refused_change_ends_in_a_sentence_and_the_next_build_goes_on(
    lab: MakeLab, error: int, for_good: bool, name: str
):
    here = lab(BY_NAME[name])
    possible = [at for at, call in enumerate(here.calls, 1) if can_fail(call, error)]
    codes = set()
    for at in possible[:: 6 if error == errno.EMFILE and not TRIES_ALL else STEP]:
        where = f"{here.calls[at - 1]} {at}"
        kit = here.fresh()
        code = here.in_child(kit, fail(at, error, for_good=for_good))
        codes.add(code)
        # A log or a stamp that is not whole is no failure; a run that cannot begin or go on is one.
        assert code in (Exit.OK, Exit.FAILED), f"{where}: {here.said(kit)}"
        assert not list(kit.root.rglob("crash.log")), f"{where}: {here.said(kit)}"
        if code:
            sentence = here.why(kit)
            assert "cannot " in sentence or "takes no more" in sentence, f"{where}: {sentence}"
        assert not (kit.root / "synced-again.txt").exists(), (kit.root / "synced-again.txt").read_text()
        assert not (problems := here.recover(kit)), f"{where}, code {code}: {problems}"
        here.drop(kit)
    assert Exit.FAILED in codes
