"""What runs came to and spent: sums against a plain reference, damaged journals, what is remembered."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.domain import event as ev
from ossature.domain.record import Record
from ossature.engine import accounts as under_test
from ossature.engine.accounts import CACHE_NAME, RunAccount, account_of, accounts
from ossature.engine.run_query import matching
from ossature.engine.session import fold
from ossature.engine.spend import BYS, Sums, book_of, daily, levels, spend_by
from ossature.engine.totals import RunTotals
from ossature.project import Project
from ossature.store.checked_lines import encode_line

START = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
ROWS = tuple(
    ev.TaskRow(id=f"00{n}", spec=f"S{n % 2}", title=f"Thing {n}", lineage=f"l-{n}") for n in range(3)
)
REPLIES = st.tuples(
    st.integers(0, 3),
    st.sampled_from(("m/a", "m/b")),
    st.sampled_from(("live", "exec", "replayed")),
    st.none() | st.integers(0, 100).map(float),
    st.integers(0, 1000),
    st.integers(0, 50),
)


def journal(run: str, *events: ev.Event, hours: float = 1.0) -> bytes:
    """The bytes of a journal whose events are *hours* apart."""
    records = [
        Record(seq=n, at=START + timedelta(hours=hours * n), event=event) for n, event in enumerate(events, 1)
    ]
    return b"".join(encode_line(record.model_dump_json().encode()) for record in records)


def started(run: str, goal: ev.Goal = "build", schema_number: int = 1) -> ev.RunStarted:
    return ev.RunStarted(
        run=run, goal=goal, pid=1, host="h", project="p", version="1", schema_number=schema_number
    )


def call(
    number: int, model: str, source: str, cost: float | None, *, tokens: int, cached: int
) -> list[ev.Event]:
    """A call for one of the tasks, or, beyond them, for the audit."""
    row = ROWS[number] if number < len(ROWS) else None
    task, lineage = (row.id, row.lineage) if row else ("", "audit-x")
    role: ev.Role = "implement" if row else "audit"
    spec = "" if row else "AUDITED"
    called = ev.ModelCalled(
        role=role, task=task, spec=spec, lineage=lineage, attempt=1, model=model, folder=f"f-{number}"
    )
    replied = ev.ModelReplied.model_validate(
        {
            **{"role": role, "task": task, "spec": spec, "lineage": lineage, "attempt": 1},
            **{"folder": f"f-{number}", "source": source, "cost_usd": cost},
            **{"input_tokens": tokens, "output_tokens": tokens // 2, "cached_tokens": cached},
        }
    )
    return [called, replied]


def add_run(project: Project, run: str, *events: ev.Event) -> Path:
    path = project.runs_dir / run / "events.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(journal(run, started(run), *events))
    return path


@given(st.lists(REPLIES, max_size=25))
@settings(deadline=None, max_examples=60)
def test_sums_are_those_of_the_paid_replies(
    replies: list[tuple[int, str, str, float | None, int, int]],
) -> None:
    events = [event for n, m, s, c, t, k in replies for event in call(n, m, s, c, tokens=t, cached=k)]
    account = account_of("r", journal("r", started("r"), ev.PlanAdopted(tasks=ROWS), *events))
    reference: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0, 0, 0, 0])
    for place, (number, model, source, cost, tokens, cached) in enumerate(replies):
        if source == "replayed":
            continue
        day = f"{START + timedelta(hours=2 * place + 4):%Y-%m-%d}"
        spec = ROWS[number].spec if number < len(ROWS) else "AUDITED"
        task = ROWS[number].lineage if number < len(ROWS) else "audit AUDITED"
        for by in (("day", day), ("spec", spec), ("task", task), ("model", model), ("run", "r")):
            for index, value in enumerate((1, tokens, tokens // 2, cached, cost or 0, cost is None)):
                reference[by][index] += value
    found = {
        (by, group.key): [
            *(group.sums.calls, group.sums.input_tokens, group.sums.output_tokens),
            *(group.sums.cached_tokens, group.sums.cost_usd, group.sums.unpriced),
        ]
        for by in BYS
        for group in spend_by(account.shares, by)
    }
    assert found == dict(reference)
    book = book_of(account.shares)
    assert book.total.cost_usd == account.totals.cost_usd
    assert book.total.input_tokens == account.totals.input_tokens


def test_a_call_without_a_reply_is_told_apart() -> None:
    called, _ = call(0, "m/a", "live", 1.0, tokens=5, cached=0)
    charged = ev.CallCharged(role="implement", task="000", lineage="l-0", cost_usd=0.25, tokens=9)
    account = account_of("r", journal("r", started("r"), ev.PlanAdopted(tasks=ROWS), called, charged))
    (group,) = spend_by(account.shares, "model")
    assert (group.key, group.sums) == ("m/a", Sums(charged=1, charged_usd=0.25))


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_a_damaged_journal_counts_up_to_the_damage(data: st.DataObject) -> None:
    events = [e for n in range(4) for e in call(n, "m/a", "live", 1.0, tokens=10, cached=1)]
    whole = journal("r", started("r"), ev.PlanAdopted(tasks=ROWS), *events)
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
    good = whole[: whole.rfind(b"\n", 0, place) + 1]
    assert account_of("r", damaged) == account_of("r", good)


def test_one_bad_journal_hides_no_other(tmp_path: Path) -> None:
    project = Project(tmp_path)
    add_run(project, "20260101-a", ev.RunFinished(outcome="failed", exit_code=1, reason="red"))
    for run, content in (
        ("20260102-b", b"\xff" * 100),
        ("20260103-c", journal("c", started("c", schema_number=99))),
        ("20260104-d", encode_line(b'{"seq":1,"at":7,"event":{"kind":"run_started"}}')),
        ("20260105-e", encode_line(b'[{"kind":"run_started"}]')),
    ):
        path = project.runs_dir / run / "events.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    (project.runs_dir / "20260106-f" / "events.jsonl").mkdir(parents=True)
    add_run(project, "20260107-g")
    found = accounts(project)
    unreadable = "unreadable"
    assert [run.outcome for run in found] == ["failed", "crashed", *([unreadable] * 4), "crashed"]
    assert all(run.reason for run in found if run.outcome == unreadable)
    assert [run.number for run in found] == [1, 2, 3, 4, 5, 6, 7]


def test_what_is_remembered_is_what_the_journals_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(tmp_path)
    for number in range(under_test.WORTH_KEEPING):
        events = call(number % 4, "m/a", "live", 0.5, tokens=number, cached=0)
        add_run(project, f"2026010{number}-x", *events, ev.RunFinished(outcome="succeeded", exit_code=0))
    first = accounts(project)
    states = [fold(project.runs_dir / run.run) for run in first]
    assert [(run.totals.input_tokens, run.totals.cost_usd, run.started_at) for run in first] == [
        (state.input_tokens, state.cost_usd, state.started_at) for state in states
    ]
    kept = project.work_dir / CACHE_NAME
    assert kept.exists()
    read: list[str] = []
    account_of_bytes = under_test.account_of

    def counted(run: str, content: bytes) -> RunAccount:
        read.append(run)
        return account_of_bytes(run, content)

    monkeypatch.setattr(under_test, "account_of", counted)
    assert accounts(project) == first
    assert read == []
    changed = project.runs_dir / first[2].run / "events.jsonl"
    os.utime(changed, ns=(1, 1))
    assert accounts(project) == first
    assert read == [first[2].run]
    kept.write_bytes(kept.read_bytes().replace(b"succeeded", b"failed..."))
    assert accounts(project) == first


def test_series_have_every_day_and_as_many_places_as_fit() -> None:
    events = [e for n in range(3) for e in call(n, "m/a", "live", 1.0, tokens=1, cached=0)]
    account = account_of("r", journal("r", started("r"), *events, hours=30))
    days = daily(spend_by(account.shares, "day"))
    assert [day.key for day in days] == [f"2026-03-{n:02d}" for n in (6, 7, 8, 9, 10, 11)]
    assert levels([day.sums.cost_usd for day in days], steps=8, width=50) == [8, 0, 0, 8, 0, 8]
    assert levels([1, 2, 3, 4, 5], steps=8, width=2) == [2, 8]
    assert levels([0.001, 100], steps=8, width=9) == [1, 8]
    assert levels([], steps=8, width=9) == levels([1], steps=8, width=0) == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [1, 2, 3]),
        ("failed", [2]),
        ("goal:audit", [1]),
        ("state:succ goal:build", [3]),
        (">2026-03-02", [3]),
        (">=2026-03-02", [2, 3]),
        ("<2026-03", [1]),
        ("cost>0.5", [3]),
        ("failed>0", [2]),
        ("time<60 tokens<=0", [1]),
        ("3", [3]),
        ("#2", [2]),
        ("task:thing model:m/b", [3]),
        ("spec:s1 why:red", []),
        ("why:RED", [2]),
        ("nothing:known", []),
    ],
)
def test_filter_words(text: str, numbers: list[int]) -> None:
    base = RunAccount("2026-x", goal="build", outcome="succeeded")
    events = call(0, "m/b", "live", 1.0, tokens=8, cached=0)
    shares = account_of("r", journal("r", started("r"), ev.PlanAdopted(tasks=ROWS), *events)).shares
    at = datetime(2026, 2, 27, 12, tzinfo=UTC).astimezone()
    runs = [
        replace(base, number=1, goal="audit", started_at=at),
        replace(base, number=2, outcome="failed", reason="red", started_at=at + timedelta(days=3)),
        replace(base, number=3, started_at=at + timedelta(days=4), shares=shares),
    ]
    runs[1] = replace(runs[1], totals=RunTotals(failed=1, seconds=100, input_tokens=1))
    runs[2] = replace(runs[2], totals=RunTotals(cost_usd=1.0, seconds=100, input_tokens=1))
    assert [run.number for run in matching(runs, text)] == numbers
