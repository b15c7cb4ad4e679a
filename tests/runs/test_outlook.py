"""What a save would make stale, told by comparing two looks at a project."""

from __future__ import annotations

import pytest

from ossature.digest import digest_text
from ossature.engine.outlook import Outlook, outlook
from tests.runs.kit import Kit, block


@pytest.fixture
def built(kit: Kit) -> Kit:
    assert kit.own().code == 0
    return kit


def after(kit: Kit, name: str, old: str, new: str, *, is_live: bool = False) -> Outlook:
    before = kit.look()
    kit.edit(name, old, new)
    return outlook(before, kit.look(), is_live=is_live)


def test_a_save_tells_what_becomes_stale_what_may_follow_and_what_is_current_again(built: Kit) -> None:
    found = after(built, "specs/lib.smd", "on a shelf.", "on one shelf.")
    assert found.sentence == "LIB saved: would make 001 stale; 002, 003, 004, 005 may follow"
    assert found.tone == "warn"
    back = after(built, "specs/lib.smd", "on one shelf.", "on a shelf.")
    assert back.sentence == "LIB saved: 001, 002, 003, 004, 005 are up to date again"
    before = built.look()
    built.edit("specs/lib.smd", "Weighs one parcel.", "Weighs a parcel.")
    now = built.look()
    ours = digest_text(now.tree.specs["LIB"].text)
    told = outlook(before, now, by_run={ours}, is_live=True).sentence
    assert told.startswith("LIB edited by the run: would make 002 stale")
    built.edit("specs/lib.smd", "Weighs a parcel.", "Weighs one parcel.")
    unused = after(built, "specs/lib.smd", "Counts parcels.\n", "Counts all parcels.\n")
    assert unused.sentence == "LIB saved: makes no task stale"
    assert after(built, "context/rates.csv", "", "7\n").stale == ("005",)
    assert after(built, "specs/lib.smd", "Library", "Library").is_empty


def test_while_a_run_is_at_work_what_it_has_landed_is_up_to_date_until_the_save(kit: Kit) -> None:
    lib = "specs/lib.smd"
    first = kit.look()
    assert kit.own().code == 0
    kit.edit(lib, "on a shelf.", "on one shelf.")
    told = outlook(first, kit.look(), is_live=True).sentence
    assert told == "LIB saved: would make 001 stale; 002, 003, 004, 005 may follow"
    # From here on 001 is to be built anew and the others may follow it, as the run begins.
    begun = kit.look()
    kit.model.says("001", block("shelf.txt", "another shelf\n"))
    assert kit.own(tasks=("001",)).code == 0
    assert "002" in kit.look().will_run
    kit.edit(lib, "Counts parcels.\n", "Counts all parcels.\n")
    told = outlook(begun, kit.look(), is_live=True).sentence
    assert told == "LIB saved: makes no task stale"
    kit.edit(lib, "Weighs one parcel.", "Weighs a parcel.")
    assert outlook(begun, kit.look(), is_live=True).stale == ("002",)


def test_errors_are_told_first_even_of_a_file_that_is_no_spec_yet(built: Kit) -> None:
    broken = after(built, "specs/lib.smd", "### Weigh {#weigh}", "### Wiegh")
    assert broken.tone == "bad"
    assert "LIB saved: a new error at .ossature/plan.toml:" in broken.sentence
    mended = after(built, "specs/lib.smd", "### Wiegh", "### Weigh {#weigh}")
    assert "its error is gone" in mended.sentence
    before = built.look()
    built.write("specs/new.smd", "nothing yet")
    assert outlook(before, built.look(), is_live=False).sentence.startswith("specs/new.smd saved: ")


def test_plan_verify_and_outputs_are_told_unless_a_run_is_at_work(built: Kit) -> None:
    before = built.look()
    built.edit(".ossature/plan.toml", '"test -s label.txt"', '"test -f label.txt"')
    assert outlook(before, built.look(), is_live=True).is_empty
    found = outlook(before, built.look(), is_live=False)
    assert found.sentence == "the plan (003: verify) saved: would verify 003 again; 004, 005 may follow"
    assert after(built, "output/help.txt", "plain", "mine").saved == ("help.txt",)
