"""What became of tasks in runs: read from journals, the same as what a follower folds, and read once."""

from __future__ import annotations

import pytest

from ossature.engine.outcomes import Outcomes, outcomes_of
from ossature.engine.session import fold, run_ids
from tests.runs.kit import Kit, block, task


def test_outcomes_of_runs_are_what_their_followers_saw(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [
        task("001", "a.txt", verify=["grep -q green a.txt"]),
        task("002", "b.txt", depends_on=["001"]),
        task("003", "c.txt", verify=["false"]),
        task("004", "d.txt", depends_on=["003"]),
        task("005", "e.txt", status="manual"),
    ]
    kit.plan(tasks)
    kit.model.says("001", block("a.txt", "red"))
    kit.model.says("fix 001", block("a.txt", "green"))
    kit.config("[build]\nmax_fix_attempts = 1\nverify_attempts = 1\n")
    kit.own(keeps_going=True)
    kit.own(goal="audit")
    kit.own(keeps_going=True, tasks=("002",))
    reader = Outcomes(kit.project)
    first, *_, last = reader.read()
    by_id = {one.task: one for one in first.tasks.values()}
    assert {name: (one.kind, one.fixes) for name, one in by_id.items() if name != "005"} == {
        "001": ("landed", 1),
        "002": ("landed", 0),
        "003": ("failed", by_id["003"].fixes),
        "004": ("blocked", 0),
    }
    assert by_id["001"].folder.endswith("-2-fix")
    assert (first.number, first.outcome) == (1, "failed")
    assert {one.task: one.kind for one in last.tasks.values()}["001"] == "up-to-date"
    runs = run_ids(kit.project)
    for seen, run in zip((first, last), (runs[0], runs[-1]), strict=True):
        folded = outcomes_of(fold(kit.project.runs_dir / run))
        assert folded.keys() == seen.tasks.keys()
        for lineage, one in folded.items():
            other = seen.tasks[lineage]
            assert (one.task, one.kind, one.fixes, one.folder) == (
                other.task,
                other.kind,
                other.fixes,
                other.folder,
            )
            assert abs(one.seconds - other.seconds) < 1
    monkeypatch.setattr(
        "ossature.engine.outcomes.read_existing", lambda path: pytest.fail(f"read again: {path}")
    )
    assert reader.read() == [*reader.read()]
    assert len(reader.read(limit=1)) == 1
