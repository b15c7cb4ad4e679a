"""The ids of runs."""

import re

from ossature.engine.owner import new_run_id


def test_id_is_a_time_and_four_digits():
    assert re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{4}", new_run_id())


def test_ids_sort_by_age_within_a_second():
    ids: list[str] = []
    for _ in range(200):
        ids.append(new_run_id(ids))
    assert ids == sorted(ids)
    assert len(set(ids)) == 200


def test_clock_that_was_set_back_does_not_reorder_runs():
    future = "29991231T235959-fffe"
    first = new_run_id([future])
    second = new_run_id([future, first])
    assert future < first < second


def test_folders_of_other_names_do_not_matter():
    assert new_run_id(["zzz", "99999999T999999-zzzz"]) < "3"
