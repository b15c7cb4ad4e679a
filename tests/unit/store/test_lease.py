import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ossature.errors import BusyError, DiskError, Exit
from ossature.store.lease import Lease, LeaseInfo, read_dead, read_holder

INFO = LeaseInfo(pid=os.getpid(), host="box", since="2026-01-02T03:04:05+00:00", run="20260102-ab12")

HOLDER = """
import os, sys
from pathlib import Path
from ossature.store.lease import Lease, LeaseInfo
lease = Lease(Path(sys.argv[1]))
lease.acquire(LeaseInfo(os.getpid(), "box", "2026-01-02T03:04:05+00:00", "run-1"))
print("held", flush=True)
sys.stdin.readline()
"""

CONTENDER = """
import os, sys
from pathlib import Path
from ossature.errors import BusyError
from ossature.store.lease import Lease, LeaseInfo
folder = Path(sys.argv[1])
lease = Lease(folder / "lease")
try:
    lease.acquire(LeaseInfo(os.getpid(), "box", "now", "run"))
except BusyError as error:
    print("busy")
    sys.exit(int(error.exit_code))
os.mkdir(folder / "critical")
for name in map(str, range(20)):
    (folder / "critical" / name).write_text(name)
if sys.argv[2] == "die":
    for name in map(str, range(20)):
        (folder / "critical" / name).unlink()
    os.rmdir(folder / "critical")
    os.kill(os.getpid(), 9)
for name in map(str, range(20)):
    (folder / "critical" / name).unlink()
os.rmdir(folder / "critical")
lease.release()
"""


def start_holder(path: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def end(child: subprocess.Popen[str]) -> None:
    child.communicate()


def test_nobody_holds_a_lease_that_is_not_there(tmp_path: Path):
    assert read_holder(tmp_path / "lease") is None
    assert not (tmp_path / "lease").exists()


def test_the_holder_is_known_until_it_lets_go(tmp_path: Path):
    path = tmp_path / "state" / "lease"
    lease = Lease(path)
    lease.acquire(INFO)
    assert read_holder(path) == INFO
    lease.release()
    lease.release()
    assert read_holder(path) is None
    assert path.exists()


def test_a_second_owner_is_told_who_is_first(tmp_path: Path):
    path = tmp_path / "lease"
    child = start_holder(path)
    with pytest.raises(BusyError) as caught:
        Lease(path).acquire(INFO)
    for word in ("run-1", f"pid {child.pid}", "box", "2026-01-02T03:04:05+00:00"):
        assert word in caught.value.message
    assert "ossature attach" in caught.value.hint
    assert "ossature stop" in caught.value.hint
    assert caught.value.exit_code == Exit.BUSY
    end(child)
    lease = Lease(path)
    lease.acquire(INFO)
    lease.release()


def test_a_command_that_is_no_run_is_told_as_one(tmp_path: Path):
    lease = Lease(tmp_path / "lease")
    lease.acquire(LeaseInfo(pid=7, host="here", since="now", run=""))
    with pytest.raises(BusyError, match=r"another command \(pid 7 on here, since now\) owns") as error:
        Lease(tmp_path / "lease").acquire(LeaseInfo(pid=8, host="here", since="", run="r"))
    assert "try again" in error.value.hint
    lease.release()


def test_a_second_lease_in_one_process_is_refused_too(tmp_path: Path):
    first = Lease(tmp_path / "lease")
    first.acquire(INFO)
    with pytest.raises(BusyError):
        Lease(tmp_path / "lease").acquire(INFO)
    with pytest.raises(RuntimeError):
        first.acquire(INFO)
    first.release()


def test_a_killed_owner_gives_the_lease_back(tmp_path: Path):
    path = tmp_path / "lease"
    for _ in range(5):
        child = start_holder(path)
        assert read_holder(path) == LeaseInfo(child.pid, "box", "2026-01-02T03:04:05+00:00", "run-1")
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert read_holder(path) is None
        lease = Lease(path)
        lease.acquire(INFO)
        assert read_holder(path) == INFO
        lease.release()


def test_children_do_not_inherit_the_lease(tmp_path: Path):
    path = tmp_path / "lease"
    lease = Lease(path)
    lease.acquire(INFO)
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False, text=True
    )
    lease.release()
    assert read_holder(path) is None
    end(child)


def test_readers_do_not_make_an_owner_fail(tmp_path: Path):
    path = tmp_path / "lease"
    path.write_bytes(b"")
    script = """
import sys
from pathlib import Path
from ossature.store.lease import read_holder
print("reading", flush=True)
while True:
    read_holder(Path(sys.argv[1]))
"""
    readers = [
        subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) for _ in range(2)
    ]
    try:
        for reader in readers:
            assert reader.stdout is not None
            reader.stdout.readline()
        for _ in range(300):
            lease = Lease(path)
            lease.acquire(INFO)
            assert read_holder(path) == INFO
            lease.release()
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()


def test_two_owners_are_never_inside_at_once(tmp_path: Path):
    for _ in range(4):
        children = [
            subprocess.Popen(
                [sys.executable, "-c", CONTENDER, str(tmp_path), "die" if number % 2 else "live"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(8)
        ]
        outcomes = [(*child.communicate(), child.returncode) for child in children]
        assert all(errors == "" for _, errors, _ in outcomes), outcomes
        assert {code for *_, code in outcomes} <= {0, -signal.SIGKILL, Exit.BUSY}
        assert any(code != Exit.BUSY for *_, code in outcomes)
        assert read_holder(tmp_path / "lease") is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"pid":"x"}', b"\xff\xfe", b"[" * 100_000])
def test_a_holder_that_cannot_be_read_is_still_a_holder(tmp_path: Path, content: bytes):
    path = tmp_path / "lease"
    lease = Lease(path)
    lease.acquire(INFO)
    path.write_bytes(content)
    holder = read_holder(path)
    assert holder is not None
    assert holder.pid == 0
    with pytest.raises(BusyError, match="another process owns this project"):
        Lease(path).acquire(INFO)
    lease.release()


def test_a_signature_of_a_dead_owner_counts_for_nothing(tmp_path: Path):
    path = tmp_path / "lease"
    path.write_text('{"pid": 1, "host": "box", "since": "then", "run": "old"}')
    assert read_holder(path) is None
    lease = Lease(path)
    lease.acquire(INFO)
    assert read_holder(path) == INFO
    lease.release()


def test_a_link_in_the_place_of_the_lease_is_refused(tmp_path: Path):
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "lease").symlink_to(tmp_path / "victim")
    with pytest.raises(DiskError):
        Lease(tmp_path / "lease").acquire(INFO)
    assert (tmp_path / "victim").read_bytes() == b"precious"


def test_a_folder_in_the_place_of_the_lease_is_a_disk_error(tmp_path: Path):
    (tmp_path / "lease").mkdir()
    with pytest.raises(DiskError):
        Lease(tmp_path / "lease").acquire(INFO)


class TestWhatADeadOwnerLeaves:
    def test_an_owner_that_gave_the_lease_back_left_nothing(self, tmp_path: Path):
        first = Lease(tmp_path / "lease")
        first.acquire(INFO)
        assert not first.was_left
        first.release()
        assert read_dead(tmp_path / "lease") is None
        second = Lease(tmp_path / "lease")
        second.acquire(INFO)
        assert not second.was_left
        second.release()

    def test_a_killed_owner_is_named_until_the_next_one_ends(self, tmp_path: Path):
        path = tmp_path / "lease"
        child = start_holder(path)
        assert read_dead(path) is None
        child.kill()
        end(child)
        dead = read_dead(path)
        assert dead is not None
        assert (dead.pid, dead.run) == (child.pid, "run-1")
        lease = Lease(path)
        lease.acquire(INFO)
        assert lease.was_left
        assert read_dead(path) is None
        assert read_holder(path) == INFO
        lease.release()
        assert read_dead(path) is None

    def test_a_longer_signature_is_written_over_whole(self, tmp_path: Path):
        path = tmp_path / "lease"
        path.write_text("x" * 5000)
        assert read_dead(path) == LeaseInfo(pid=0, host="", since="", run="")
        lease = Lease(path)
        lease.acquire(INFO)
        assert lease.was_left
        assert read_holder(path) == INFO
        lease.release()
