import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ossature.errors import DiskError
from ossature.store.disk import (
    AppendFile,
    disk_error,
    is_scratch,
    make_folder,
    read_bytes,
    read_existing,
    scratch_name,
    write_atomic,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run_with_file_limit(limit: int, script: str, *args: object) -> subprocess.CompletedProcess[str]:
    """Run *script* in a child that may write no file longer than *limit* bytes."""
    return subprocess.run(
        [sys.executable, "-c", script, str(limit), *map(str, args)], capture_output=True, text=True
    )


LIMITED = """
import resource, sys
from pathlib import Path
limit, path = int(sys.argv[1]), Path(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from ossature.errors import DiskError
from ossature.store.disk import AppendFile, write_atomic
"""


def test_write_atomic_makes_folders_and_file(tmp_path: Path):
    path = tmp_path / "a" / "b" / "c.txt"
    write_atomic(path, b"one")
    assert path.read_bytes() == b"one"
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert names(path.parent) == ["c.txt"]


def test_write_atomic_follows_the_umask(tmp_path: Path):
    old = os.umask(0o027)
    try:
        write_atomic(tmp_path / "plain", b"")
        write_atomic(tmp_path / "tool", b"", mode=0o755)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "plain").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "tool").stat().st_mode) == 0o750


def test_write_atomic_replaces_a_link_instead_of_following_it(tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(victim)
    write_atomic(tmp_path / "link", b"new")
    assert victim.read_bytes() == b"precious"
    assert (tmp_path / "link").read_bytes() == b"new"
    assert not (tmp_path / "link").is_symlink()


def test_write_atomic_that_hits_a_limit_keeps_the_old_file_and_leaves_nothing(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    script = (
        LIMITED
        + """
try:
    write_atomic(path, b"x" * (limit + 1))
except DiskError as error:
    print(error, "|", error.hint)
"""
    )
    done = run_with_file_limit(4096, script, path)
    assert "cannot write: File too large" in done.stdout, done.stderr
    assert "ulimit -f" in done.stdout
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_write_atomic_over_a_folder_is_a_disk_error_and_leaves_nothing(tmp_path: Path):
    (tmp_path / "name" / "child").mkdir(parents=True)
    with pytest.raises(DiskError) as caught:
        write_atomic(tmp_path / "name", b"x")
    assert str(tmp_path / "name") in str(caught.value)
    assert names(tmp_path) == ["name"]


def test_write_atomic_below_a_file_is_a_disk_error(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskError):
        write_atomic(tmp_path / "file" / "below", b"x")


def test_write_atomic_shows_one_of_two_versions_whenever_the_writer_is_killed(tmp_path: Path):
    path = tmp_path / "file"
    versions = {b"a" * 50_000, b"b" * 70_000}
    script = """
import sys
from pathlib import Path
from ossature.store.disk import write_atomic
path = Path(sys.argv[1])
count = 0
while True:
    write_atomic(path, b"a" * 50_000)
    write_atomic(path, b"b" * 70_000)
    count += 1
    print(count, flush=True)
"""
    left = set()
    for rounds in range(1, 9):
        child = subprocess.Popen(
            [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, start_new_session=True
        )
        assert child.stdout is not None
        for _ in range(rounds):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert path.read_bytes() in versions
        left |= set(names(tmp_path))
    assert all(name == "file" or is_scratch(name) for name in left)


def test_reading_what_is_missing_is_a_disk_error_or_none(tmp_path: Path):
    with pytest.raises(DiskError, match="cannot read: No such file"):
        read_bytes(tmp_path / "none")
    assert read_existing(tmp_path / "none") is None


def test_reading_a_folder_is_a_disk_error(tmp_path: Path):
    with pytest.raises(DiskError, match="Is a directory"):
        read_bytes(tmp_path)
    with pytest.raises(DiskError, match="Is a directory"):
        read_existing(tmp_path)


def test_a_full_disk_tells_what_to_do():
    log = AppendFile(Path("/dev/full"))
    with pytest.raises(DiskError) as caught:
        log.append(b"line\n", is_durable=True)
    log.close()
    assert "No space left on device" in str(caught.value)
    assert caught.value.hint == "free some space and run the same command again; nothing is lost"


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permissions"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EIO, "fault"),
    ],
)
def test_every_disk_error_has_its_hint(number: int, word: str):
    error = disk_error(OSError(number, os.strerror(number)), "a/b", "write")
    assert word in error.hint
    assert str(error) == f"a/b: cannot write: {os.strerror(number)}"


def test_a_failed_append_leaves_no_trace_and_the_file_goes_on(tmp_path: Path):
    path = tmp_path / "log"
    script = (
        LIMITED
        + """
log = AppendFile(path)
log.append(b"first\\n", is_durable=True)
for _ in range(3):
    try:
        log.append(b"x" * limit + b"\\n", is_durable=True)
    except DiskError as error:
        print("refused", path.stat().st_size)
log.append(b"second\\n", is_durable=True)
print("end")
"""
    )
    done = run_with_file_limit(100, script, path)
    assert done.stdout == "refused 6\n" * 3 + "end\n", done.stderr
    assert path.read_bytes() == b"first\nsecond\n"


def test_a_file_whose_failed_append_cannot_be_taken_back_takes_no_more():
    log = AppendFile(Path("/dev/full"))
    for message in ("No space left", "takes no more lines"):
        with pytest.raises(DiskError, match=message):
            log.append(b"line\n", is_durable=False)
    log.close()


def test_a_failed_sync_is_never_tried_again():
    # /dev/null takes writes and refuses to sync them, like a disk that went bad.
    log = AppendFile(Path("/dev/null"))
    log.append(b"line\n", is_durable=False)
    with pytest.raises(DiskError, match="Invalid argument"):
        log.append(b"line\n", is_durable=True)
    with pytest.raises(DiskError, match="takes no more lines"):
        log.append(b"line\n", is_durable=False)
    log.close()


def test_opening_cuts_only_after_what_is_to_be_kept(tmp_path: Path):
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\ntor")
    log = AppendFile(path, keep=8)
    log.append(b"three\n", is_durable=True)
    log.close()
    log.close()
    assert path.read_bytes() == b"one\ntwo\nthree\n"


def test_opening_a_link_is_refused(tmp_path: Path):
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    with pytest.raises(DiskError):
        AppendFile(tmp_path / "log", keep=0)
    assert (tmp_path / "victim").read_bytes() == b"precious"


def test_an_append_is_refused_when_no_descriptor_is_left(tmp_path: Path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(names(Path("/proc/self/fd"))) if Path("/proc/self/fd").is_dir() else 64
    held = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 4, hard))
        with pytest.raises(OSError):
            while True:
                held.append(os.open(tmp_path, os.O_RDONLY))
        with pytest.raises(DiskError, match="Too many open files"):
            write_atomic(tmp_path / "file", b"x")
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    write_atomic(tmp_path / "file", b"x")
    assert names(tmp_path) == ["file"]


def test_make_folder_stops_at_a_file(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):
        make_folder(tmp_path / "file")
    make_folder(tmp_path / "x" / "y")
    make_folder(tmp_path / "x" / "y")
    assert (tmp_path / "x" / "y").is_dir()


def test_scratch_names_are_known_and_differ():
    names = {scratch_name() for _ in range(100)}
    assert len(names) == 100
    assert all(map(is_scratch, names))
    assert not any(map(is_scratch, ("notes.tmp", ".ossature", ".ossature-.tmp", "x.ossature-0.tmp")))
