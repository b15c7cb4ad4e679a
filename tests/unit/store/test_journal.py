import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.domain import event as ev
from ossature.domain.decision import Approve, Edit, Question, Stop
from ossature.domain.record import DURABLE, Record, UnknownRecord
from ossature.errors import DiskError, Exit, OssatureError
from ossature.store.checked_lines import encode_line
from ossature.store.journal import Follower, Journal, follow, read_ends, read_records, utc_now

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

STARTED = ev.RunStarted(run="r", goal="build", pid=1, host="box", project="p", version="0")
FINISHED = ev.RunFinished(outcome="succeeded", exit_code=0)
EVENTS: tuple[ev.Event, ...] = (
    STARTED,
    ev.Noticed(level="warning", text="naïve 日本語\nsecond line\r\n\x00\x1b[2J", hint="h"),
    ev.PlanAdopted(tasks=(ev.TaskRow(id="001", spec="S", title="T", outputs=("a", "b")),)),
    ev.QuestionAsked(question=Question(id="q", gate="fix", subject="s", verbs=("approve", "edit"))),
    ev.DecisionRefused(
        decision=Edit(question_id="q", by="t", path="p", base_digest="d", content="c"), reason="stale_edit"
    ),
    ev.QuestionClosed(question_id="q", decision=Approve(question_id="q", by="policy")),
    ev.QuestionClosed(question_id="r", decision=None),
    ev.CommandReceived(command=Stop(mode="now")),
    ev.ModelReplied(
        role="fix", lineage="l", attempt=2, folder="f", source="live", cost_usd=0.25, seconds=1.5
    ),
    FINISHED,
)


def clock() -> Callable[[], datetime]:
    """A second later at every call."""
    ticks = iter(range(10_000_000))
    return lambda: NOON + timedelta(seconds=next(ticks))


def write(path: Path, *events: ev.Event) -> list[Record]:
    journal = Journal(path, now=clock())
    records = [journal.append(event) for event in events]
    journal.close()
    return records


def test_what_is_appended_is_read_back_with_its_stamp(tmp_path: Path):
    path = tmp_path / "runs" / "r" / "events.jsonl"
    records = write(path, *EVENTS)
    assert [record.seq for record in records] == list(range(1, len(EVENTS) + 1))
    assert [record.at for record in records[:2]] == [NOON, NOON + timedelta(seconds=1)]
    assert list(read_records(path)) == records
    assert tuple(record.event for record in read_records(path)) == EVENTS


def test_the_clock_is_utc():
    assert utc_now().utcoffset() == timedelta(0)


def test_a_journal_that_is_opened_again_goes_on_counting(tmp_path: Path):
    path = tmp_path / "j"
    write(path, STARTED)
    journal = Journal(path)
    assert (journal.seq, journal.cut_bytes) == (1, 0)
    assert journal.append(FINISHED).seq == 2
    journal.close()
    journal.close()
    assert [record.seq for record in read_records(path, after=1)] == [2]


def test_reading_what_is_not_there_gives_nothing(tmp_path: Path):
    assert list(read_records(tmp_path / "none")) == []
    (tmp_path / "empty").write_bytes(b"")
    assert list(read_records(tmp_path / "empty")) == []


def test_a_folder_in_the_place_of_a_journal_is_a_disk_error(tmp_path: Path):
    with pytest.raises(DiskError):
        list(read_records(tmp_path))
    with pytest.raises(DiskError):
        Journal(tmp_path)


def test_only_durable_kinds_are_synced():
    # /dev/null takes writes and refuses to sync them.
    for event in EVENTS:
        journal = Journal(Path("/dev/null"))
        if event.kind in DURABLE:
            with pytest.raises(DiskError):
                journal.append(event)
            assert journal.seq == 0
        else:
            assert journal.append(event).seq == 1
        journal.close()


def test_a_cut_at_every_byte_loses_only_the_cut_line(tmp_path: Path):
    path = tmp_path / "j"
    records = write(path, *EVENTS)
    content = path.read_bytes()
    counts = []
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        found = list(read_records(path))
        assert found == records[: len(found)]
        counts.append(len(found))
    assert counts == sorted(counts)
    assert counts[-1] == len(records)
    assert counts == [content[:length].count(b"\n") for length in range(len(content) + 1)]


def test_a_journal_goes_on_after_a_cut_at_any_byte(tmp_path: Path):
    path = tmp_path / "j"
    records = write(path, *EVENTS[:4])
    content = path.read_bytes()
    for length in range(0, len(content) + 1, 3):
        path.write_bytes(content[:length])
        whole = content[:length].count(b"\n")
        journal = Journal(path)
        assert journal.cut_bytes == length - (content[:length].rfind(b"\n") + 1)
        new = journal.append(FINISHED)
        journal.close()
        assert new.seq == whole + 1
        assert list(read_records(path)) == [*records[:whole], new]


def test_no_flipped_bit_is_believed_and_the_journal_goes_on(tmp_path: Path):
    path = tmp_path / "j"
    records = write(path, *EVENTS)
    content = path.read_bytes()
    source = random.Random(11)
    for round_number in range(3_000):
        flipped = bytearray(content)
        flipped[source.randrange(len(content))] ^= 1 << source.randrange(8)
        path.write_bytes(flipped)
        found = list(read_records(path))
        assert found == records[: len(found)]
        assert len(found) < len(records)
        if round_number % 100 == 0:
            journal = Journal(path)
            assert journal.cut_bytes > 0
            new = journal.append(FINISHED)
            journal.close()
            assert list(read_records(path)) == [*found, new]


@pytest.mark.parametrize(
    "damage",
    [
        b"\n",
        b"\0" * 4096,
        b"{}\n",
        b"00000000 \n",
        b"\xff\xfe\n",
        b"<<<<<<< HEAD\n",
        encode_line(b"nonsense"),
    ],
)
def test_reading_ends_at_a_damaged_line(tmp_path: Path, damage: bytes):
    path = tmp_path / "j"
    records = write(path, *EVENTS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + damage + b"".join(lines[3:]))
    assert list(read_records(path)) == records[:3]


@pytest.mark.parametrize(
    "event",
    [
        b'{"kind":"task_teleported","task":"001","text":7}',
        b'{"kind":"task_landed","task":["of","another","shape"]}',
        b'{"kind":"noticed","level":"shout","text":"x"}',
    ],
)
def test_an_event_of_another_version_is_a_notice_and_reading_goes_on(tmp_path: Path, event: bytes):
    path = tmp_path / "j"
    write(path, STARTED)
    with path.open("ab") as file:
        file.write(encode_line(b'{"seq":2,"at":"2026-05-04T12:00:00Z","event":%b}' % event))
        file.write(
            encode_line(
                b'{"seq":3,"at":"2026-05-04T12:00:00Z","event":%b}' % FINISHED.model_dump_json().encode()
            )
        )
    first, unknown, last = read_records(path)
    assert isinstance(first, Record)
    assert isinstance(unknown, UnknownRecord)
    assert unknown.seq == 2
    assert unknown.event.kind in event.decode()
    assert last.event == FINISHED
    assert Journal(path).seq == 3


def test_fields_that_a_newer_version_added_are_passed_over(tmp_path: Path):
    path = tmp_path / "j"
    event = b'{"kind":"task_up_to_date","task":"1","new":2}'
    path.write_bytes(encode_line(b'{"seq":1,"at":"2026-05-04T12:00:00Z","more":1,"event":%b}' % event))
    (record,) = read_records(path)
    assert record.event == ev.TaskUpToDate(task="1")


def test_a_journal_of_a_future_format_is_refused(tmp_path: Path):
    path = tmp_path / "j"
    write(path, STARTED.model_copy(update={"schema_number": ev.SCHEMA + 1}), FINISHED)
    with pytest.raises(OssatureError, match=f"format {ev.SCHEMA + 1}") as caught:
        list(read_records(path))
    assert caught.value.exit_code == Exit.USAGE
    assert caught.value.hint == "update ossature"


def test_half_a_surrogate_pair_is_written_as_a_replacement(tmp_path: Path):
    path = tmp_path / "j"
    write(
        path,
        ev.Noticed(level="info", text="a\ud800b"),
        ev.FilesStaged(task="t", attempt=1, files=("\udfff",), folder=""),
    )
    first, second = read_records(path)
    assert first.event == ev.Noticed(level="info", text="a\ufffdb")
    assert second.event == ev.FilesStaged(task="t", attempt=1, files=("\ufffd",), folder="")


@settings(deadline=None, max_examples=60)
@given(texts=st.lists(st.text(), max_size=5))
def test_any_text_comes_back(texts: list[str], tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("journal") / "j"
    events = [ev.Noticed(level="info", text=text) for text in texts]
    write(path, *events)
    assert [record.event for record in read_records(path)] == events


def test_the_ends_are_read_without_the_middle(tmp_path: Path):
    path = tmp_path / "j"
    records = write(path, *EVENTS)
    assert read_ends(path) == (records[0], records[-1])
    with path.open("ab") as file:
        file.write(b"torn")
    assert read_ends(path) == (records[0], records[-1])
    path.write_bytes(b"")
    assert read_ends(path) == (None, None)


# --- following


def test_a_follower_waits_for_a_file_that_does_not_exist_yet(tmp_path: Path):
    path = tmp_path / "later" / "j"
    follower = Follower(path)
    assert follower.poll() == []
    records = write(path, STARTED)
    assert follower.poll() == records
    assert follower.poll() == []
    assert not follower.is_over
    (last,) = write(path, FINISHED)
    assert follower.poll() == [last]
    assert follower.is_over


def test_a_follower_that_starts_in_the_middle_still_sees_the_end(tmp_path: Path):
    path = tmp_path / "j"
    records = write(path, *EVENTS)
    assert Follower(path, after=3).poll() == records[3:]
    late = Follower(path, after=99)
    assert late.poll() == []
    assert late.is_over


def test_a_line_that_comes_in_pieces_is_given_when_it_is_whole(tmp_path: Path):
    path = tmp_path / "j"
    records = write(path, *EVENTS)
    content = path.read_bytes()
    path.write_bytes(b"")
    follower = Follower(path)
    found = []
    for position in range(0, len(content), 7):
        with path.open("ab") as file:
            file.write(content[position : position + 7])
        found += follower.poll()
        assert not follower.is_damaged
    assert found == records


def test_a_torn_line_that_is_taken_back_does_not_disturb_a_follower(tmp_path: Path):
    path = tmp_path / "j"
    first = write(path, STARTED)
    good = path.stat().st_size
    follower = Follower(path)
    with path.open("ab") as file:
        file.write(b"deadbeef {half of a li")
    assert follower.poll() == first
    with path.open("r+b") as file:
        file.truncate(good)
    assert follower.poll() == []
    second = write(path, FINISHED)
    assert follower.poll() == second


def test_a_follower_goes_on_when_the_next_owner_cuts_a_damaged_line(tmp_path: Path):
    path = tmp_path / "j"
    first = write(path, STARTED)
    with path.open("ab") as file:
        file.write(b"deadbeef {damaged}\n")
    follower = Follower(path)
    assert follower.poll() == first
    assert follower.is_damaged
    assert follower.poll() == []
    second = write(path, FINISHED)
    assert follower.poll() == second
    assert not follower.is_damaged


def test_a_follower_never_reads_again_what_it_has_read(tmp_path: Path):
    path = tmp_path / "j"
    write(path, STARTED, EVENTS[1])
    follower = Follower(path)
    assert len(follower.poll()) == 2
    size = path.stat().st_size
    write(path, FINISHED)
    with path.open("r+b") as file:
        file.write(b"x" * size)
    assert [record.event for record in follower.poll()] == [FINISHED]


def test_a_line_longer_than_a_read_is_read(tmp_path: Path):
    path = tmp_path / "j"
    records = write(path, STARTED, ev.Noticed(level="info", text="long " * 500_000), FINISHED)
    follower = Follower(path)
    found = []
    while new := follower.poll():
        found += new
    assert found == records


def test_one_poll_is_bounded_and_all_polls_give_everything(tmp_path: Path):
    path = tmp_path / "j"
    count = 5_000
    write(path, *(ev.Noticed(level="info", text=f"{number} " + "x" * 100) for number in range(count)))
    follower = Follower(path)
    sizes = []
    while new := follower.poll():
        sizes.append(len(new))
    assert sum(sizes) == count
    assert max(sizes) < 2_000


WRITER = """
import sys
from pathlib import Path
from ossature.domain import event as ev
from ossature.store.journal import Journal
journal = Journal(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    journal.append(ev.Noticed(level="info", text="x" * (number % 300)))
journal.append(ev.RunFinished(outcome="succeeded", exit_code=0))
"""


def test_another_process_is_followed_to_its_end(tmp_path: Path):
    path = tmp_path / "j"
    count = 3_000

    async def run() -> list[int]:
        async with asyncio.timeout(60):
            return [record.seq async for record in follow(path, poll_s=0.001)]

    with subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(count)]) as child:
        numbers = asyncio.run(run())
        child.wait()
    assert numbers == list(range(1, count + 2))


def test_following_a_run_that_is_over_ends(tmp_path: Path):
    path = tmp_path / "j"
    records = write(path, *EVENTS)

    async def run(after: int) -> list[Record | UnknownRecord]:
        async with asyncio.timeout(60):
            return [record async for record in follow(path, after=after)]

    assert asyncio.run(run(0)) == records
    assert asyncio.run(run(4)) == records[4:]
    assert asyncio.run(run(10)) == []


ACKNOWLEDGER = """
import sys
from pathlib import Path
from ossature.domain import event as ev
from ossature.store.journal import Journal
journal = Journal(Path(sys.argv[1]))
while True:
    journal.append(ev.Noticed(level="info", text="between"))
    record = journal.append(ev.TaskLanded(task="t", attempt=1, files=("a",), changed=1))
    print(record.seq, flush=True)
"""


def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path: Path):
    path = tmp_path / "j"
    acknowledged = 0
    for rounds in range(1, 9):
        child = subprocess.Popen(
            [sys.executable, "-c", ACKNOWLEDGER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(rounds * 3):
            acknowledged = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.communicate()[0].split()
        acknowledged = int(rest[-1]) if rest else acknowledged
        numbers = [record.seq for record in read_records(path)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= acknowledged
