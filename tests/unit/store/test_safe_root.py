import contextlib
import ctypes
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.digest import digest_bytes
from ossature.domain.paths import find_clashes, relative_parts
from ossature.domain.plain_text import clean_line
from ossature.errors import DiskError, UnsafePath
from ossature.store.disk import scratch_name
from ossature.store.safe_root import SafeRoot

TEXT_TRICKS = {
    "absolute": "/abs",
    "absolute twice": "//abs",
    "parent": "../x",
    "parent within": "a/../../x",
    "parent that stays": "a/../x",
    "dots within": "a/./../x",
    "here": ".",
    "here slash": "./",
    "here first": "./x",
    "parent alone": "..",
    "empty": "",
    "NUL": "a\0b",
    "NUL at the end": "a.py\0.txt",
    "trailing slash": "a/",
    "double slash": "a//b",
    "home": "~",
    "home of root": "~root",
    "home file": "~/.ssh/id_rsa",
    "drive": "C:\\x",
    "drive with slash": "c:/x",
    "drive-relative": "d:x",
    "UNC": "\\\\srv\\x",
    "backslash parent": "a\\..\\x",
    "device": "CON",
    "device with extension": "con.txt",
    "device below": "src/aux.c",
    "device with two extensions": "nul.tar.gz",
    "device with space": "prn .txt",
    "serial port": "COM1.log",
    "printer port, superscript": "lpt².x",
    "300-byte part": "a" * 300,
    "256-byte part": "é" * 128,
    "5,000-byte path": "/".join(["b" * 199] * 25),
    "33 parts": "/".join("a" * 33),
    "right-to-left": "a\u202egpj.py",
    "isolate": "a\u2066b",
    "zero width": "a\u200bb",
    "byte order mark": "\ufeffa",
    "soft hyphen": "a\u00adb",
    "tag": "a\U000e0041",
    "variation selector": "a\ufe0f",
    "newline": "a\nb",
    "carriage return": "a\rb",
    "escape": "a\x1b[2Jb",
    "delete": "a\x7fb",
    "C1": "a\x9bb",
    "line separator": "a\u2028b",
    "lone surrogate": "a\ud800b",
    "trailing dot": "a.",
    "trailing dot of a folder": "a./b",
    "trailing space": "a ",
    "git": ".git",
    "git below": "sub/.git/hooks/post-checkout",
    "git, other case": ".GIT/config",
    "git, short name": "GIT~1/config",
    "state": ".ossature/ledger.jsonl",
    "state below": "a/.Ossature/x",
}

OPERATIONS: dict[str, Callable[[SafeRoot, str], object]] = {
    "read": lambda root, rel: root.read(rel),
    "digest": lambda root, rel: root.digest(rel),
    "exists": lambda root, rel: root.exists(rel),
    "write": lambda root, rel: root.write(rel, b"evil"),
    "remove": lambda root, rel: root.remove(rel),
    "sweep": lambda root, rel: root.sweep([rel]),
}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def tree(folder: Path) -> dict[str, object]:
    """Everything below a folder: kind and content by relative path."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        kind = stat.S_IFMT(status.st_mode)
        content: object = b""
        if path.is_symlink():
            content = path.readlink()
        elif path.is_file():
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = (kind, content)
    return found


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A root beside a folder that must stay as it is."""
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"precious")
    return tmp_path


# --- text


@pytest.mark.parametrize("path", TEXT_TRICKS.values(), ids=TEXT_TRICKS.keys())
def test_a_tricky_path_is_refused_as_text(path: str):
    with pytest.raises(UnsafePath) as caught:
        relative_parts(path)
    assert clean_line(str(caught.value)) == str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@pytest.mark.parametrize("path", TEXT_TRICKS.values(), ids=TEXT_TRICKS.keys())
def test_a_tricky_path_does_nothing(world: Path, path: str, operation: Callable[[SafeRoot, str], object]):
    before = tree(world)
    with pytest.raises(UnsafePath):
        operation(SafeRoot(world / "root"), path)
    assert tree(world) == before


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "src/main.zig",
        ".gitignore",
        ".github/workflows/ci.yml",
        "..a",
        "a..b",
        "a b/c d",
        "backup~",
        "a/~b",
        "console.py",
        "com10.txt",
        "nullable.c",
        "auxiliary/x",
        "naïve/日本語.md",
        "a" * 255,
        "/".join("a" * 32),
        "ab:c",
        "-rf",
        "[slug]/page(1)@2+3,4=5.tsx",
        "emoji😀.txt",
    ],
)
def test_an_ordinary_path_is_taken_apart(path: str):
    assert relative_parts(path) == tuple(path.split("/"))


@settings(deadline=None, max_examples=500)
@given(st.text(alphabet="aAcoOnN1.~/\\: -_é\u200b\n", max_size=14))
def test_a_path_that_passes_cannot_leave(path: str):
    try:
        parts = relative_parts(path)
    except UnsafePath:
        return
    assert "/".join(parts) == path == os.path.normpath(path)
    assert not path.startswith(("/", "~"))
    assert all(part.rstrip(". ") == part for part in parts)
    assert all(part.split(".")[0].strip().lower() not in {"con", "com1"} for part in parts)


def test_every_reason_names_what_is_wrong():
    reasons = {"/a": "absolute", "a/..": "`..`", "a\\b": "backslash", "a\u202eb": "U+202E", ".git/x": ".git"}
    for path, word in reasons.items():
        with pytest.raises(UnsafePath, match="the path") as caught:
            relative_parts(path)
        assert word in str(caught.value)


def test_paths_that_are_one_file_elsewhere_are_found():
    composed, decomposed = "caf\u00e9.py", "cafe\u0301.py"
    assert find_clashes([composed, "x", decomposed]) == [(composed, decomposed)]
    assert find_clashes(["A.py", "b.py", "a.py"]) == [("A.py", "a.py")]
    assert find_clashes(["stra\u00dfe", "STRASSE"]) == [("stra\u00dfe", "STRASSE")]
    assert find_clashes(["a", "b", "a"]) == []


# --- files


def test_files_come_back_with_their_folders(tmp_path: Path):
    root = SafeRoot(tmp_path / "new" / "root")
    assert root.digest("a/b/c") is None
    assert not root.exists("a/b/c")
    root.write("a/b/c", b"one")
    assert root.read("a/b/c") == b"one"
    assert root.digest("a/b/c") == digest_bytes(b"one")
    assert root.exists("a/b/c")
    root.write("a/b/c", b"two")
    assert root.read("a/b/c") == b"two"
    root.remove("a/b/c")
    root.remove("a/b/c")
    root.remove("never/was")
    assert not root.exists("a/b/c")


def test_reading_a_missing_file_is_a_disk_error(tmp_path: Path):
    for rel in ("none", "no/where"):
        with pytest.raises(DiskError, match="No such file"):
            SafeRoot(tmp_path).read(rel)
        with pytest.raises(DiskError, match="No such file"):
            SafeRoot(tmp_path / "gone").read(rel)


def test_reading_makes_nothing(tmp_path: Path):
    root = SafeRoot(tmp_path / "root")
    for operation in ("digest", "exists", "remove", "sweep"):
        OPERATIONS[operation](root, "a/b")
    assert list(root.walk(exclude=lambda _path, _is_folder: False)) == []
    assert names(tmp_path) == []


def test_the_root_itself_may_be_a_link(world: Path):
    (world / "link").symlink_to(world / "root")
    SafeRoot(world / "link").write("a", b"x")
    assert (world / "root" / "a").read_bytes() == b"x"


def test_permissions_stay_and_new_files_follow_the_umask(tmp_path: Path):
    root = SafeRoot(tmp_path)
    old = os.umask(0o022)
    try:
        root.write("plain", b"1")
        root.write("tool", b"1", mode=0o755)
        root.write("tool", b"2")
        (tmp_path / "plain").chmod(0o600)
        root.write("plain", b"2")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "tool").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "plain").stat().st_mode) == 0o600


def test_set_id_bits_do_not_come_along(tmp_path: Path):
    (tmp_path / "tool").write_bytes(b"")
    (tmp_path / "tool").chmod(0o6755)
    SafeRoot(tmp_path).write("tool", b"new")
    assert stat.S_IMODE((tmp_path / "tool").stat().st_mode) == 0o755


def test_a_tree_that_is_not_synced_holds_the_same(tmp_path: Path):
    root = SafeRoot(tmp_path, syncs=False)
    root.write("a/b", b"x")
    assert root.read("a/b") == b"x"
    root.remove("a/b")
    assert names(tmp_path / "a") == []


# --- things in the way


def put_link(path: Path, world: Path) -> None:
    path.symlink_to(world / "outside" / "secret")


def put_dangling_link(path: Path, world: Path) -> None:
    path.symlink_to(world / "outside" / "new")


def put_folder(path: Path, world: Path) -> None:
    path.mkdir()


def put_fifo(path: Path, world: Path) -> None:
    os.mkfifo(path)


def put_socket(path: Path, world: Path) -> None:
    server = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket may have 108 bytes
    try:
        server.bind(path.name)
    finally:
        os.chdir(here)
        server.close()


def put_device(path: Path, world: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("making a device takes root")


TARGETS = [put_link, put_dangling_link, put_folder, put_fifo, put_socket, put_device]


@pytest.mark.parametrize("operation", ["read", "digest", "exists", "write", "remove"])
@pytest.mark.parametrize("put", TARGETS)
def test_only_regular_files_are_touched(world: Path, put: Callable[[Path, Path], None], operation: str):
    put(world / "root" / "x", world)
    before = tree(world)
    with pytest.raises(UnsafePath, match="not a file"):
        OPERATIONS[operation](SafeRoot(world / "root"), "x")
    assert tree(world) == before


def link_folder(path: Path, world: Path) -> None:
    path.symlink_to(world / "outside")


def link_to_itself(path: Path, world: Path) -> None:
    path.symlink_to(path.name)


def link_within(path: Path, world: Path) -> None:
    (path.parent / "real").mkdir()
    (path.parent / "real" / "secret").write_bytes(b"precious")
    path.symlink_to("real")


def file_for_folder(path: Path, world: Path) -> None:
    path.write_bytes(b"a file")


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@pytest.mark.parametrize("depth", ["d/secret", "a/d/secret", "a/d/e/secret"])
@pytest.mark.parametrize("put", [link_folder, link_to_itself, link_within, file_for_folder, put_fifo])
def test_no_path_goes_through_what_is_no_folder(
    world: Path, put: Callable[[Path, Path], None], depth: str, operation: Callable[[SafeRoot, str], object]
):
    place = world / "root" / depth.partition("d/")[0] / "d"
    place.parent.mkdir(exist_ok=True)
    put(place, world)
    before = tree(world)
    with pytest.raises(UnsafePath, match="goes through"):
        operation(SafeRoot(world / "root"), depth)
    assert tree(world) == before


def test_a_hard_link_is_replaced_and_its_other_name_keeps_its_bytes(world: Path):
    os.link(world / "outside" / "secret", world / "root" / "x")
    SafeRoot(world / "root").write("x", b"new")
    assert (world / "outside" / "secret").read_bytes() == b"precious"
    assert (world / "root" / "x").read_bytes() == b"new"
    SafeRoot(world / "root").remove("x")
    assert (world / "outside" / "secret").read_bytes() == b"precious"


def test_a_write_that_hits_a_limit_keeps_the_old_file_and_leaves_nothing(tmp_path: Path):
    root = SafeRoot(tmp_path)
    root.write("a/b", b"old")
    script = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
from ossature.errors import DiskError
from ossature.store.safe_root import SafeRoot
try:
    SafeRoot(Path(sys.argv[1])).write("a/b", b"x" * 5000)
except DiskError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True)
    assert "a/b: cannot write: File too large" in done.stdout, done.stderr
    assert tree(tmp_path) == {"a": (stat.S_IFDIR, b""), "a/b": (stat.S_IFREG, b"old")}


def test_sweeping_deletes_only_our_scratch_files_in_the_folders_named(tmp_path: Path):
    root = SafeRoot(tmp_path)
    left, other = scratch_name(), scratch_name()
    root.write("a/keep.tmp", b"")
    root.write("b/keep", b"")
    (tmp_path / "a" / left).write_bytes(b"half")
    (tmp_path / "b" / other).write_bytes(b"half")
    (tmp_path / other).write_bytes(b"half")
    root.sweep(["a/one", "a/two", "gone/x"])
    assert names(tmp_path / "a") == ["keep.tmp"]
    assert names(tmp_path / "b") == sorted([other, "keep"])
    root.sweep(["one"])
    assert other not in names(tmp_path)


# --- walk


def nothing(_path: str, _is_folder: bool) -> bool:
    return False


def test_a_walk_is_sorted_by_the_whole_path(tmp_path: Path):
    root = SafeRoot(tmp_path)
    paths = ["a/b", "a-b", "a.c", "a/b.c", "a0", "b", "a/b-c/d", "A", "é/x", "z/z/z"]
    for path in paths:
        root.write(path, b"")
    assert list(root.walk(exclude=nothing)) == sorted(paths)


def test_a_walk_passes_over_links_and_everything_unsafe(world: Path):
    root = world / "root"
    for name in ("keep", ".git", ".ossature", "aux.c", "a\nb", "dot.", scratch_name()):
        (root / name).write_bytes(b"")
    for name in (".GIT", "nul", "sub"):
        (root / name).mkdir()
        (root / name / "x").write_bytes(b"")
    (root / "link").symlink_to(world / "outside")
    (root / "file-link").symlink_to(world / "outside" / "secret")
    os.mkfifo(root / "fifo")
    (root / os.fsdecode(b"bad\xff")).write_bytes(b"")
    assert list(SafeRoot(root).walk(exclude=nothing)) == ["keep", "sub/x"]


def test_a_walk_does_not_enter_excluded_folders(tmp_path: Path):
    root = SafeRoot(tmp_path)
    for path in ("target/debug/x", "src/target", "src/x.pyc", "src/y"):
        root.write(path, b"")
    asked: list[tuple[str, bool]] = []

    def exclude(path: str, is_folder: bool) -> bool:
        asked.append((path, is_folder))
        return path.endswith(".pyc") or (is_folder and path == "target")

    assert list(root.walk(exclude=exclude)) == ["src/target", "src/y"]
    assert asked == [
        ("src", True),
        ("src/target", False),
        ("src/x.pyc", False),
        ("src/y", False),
        ("target", True),
    ]


def test_a_walk_ends_where_paths_become_too_long(tmp_path: Path):
    deep = tmp_path
    for _ in range(40):
        deep = deep / "d"
        deep.mkdir()
        (deep / "f").write_bytes(b"")
    found = list(SafeRoot(tmp_path).walk(exclude=nothing))
    assert len(found) == 31
    assert all(relative_parts(path) for path in found)


def test_a_walk_that_is_left_half_way_closes_its_folders(tmp_path: Path):
    root = SafeRoot(tmp_path)
    for number in range(3):
        root.write(f"a/b/c/{number}", b"")
    before = names(Path("/proc/self/fd"))
    walk = root.walk(exclude=nothing)
    next(walk)
    walk.close()  # type: ignore[attr-defined]
    after = names(Path("/proc/self/fd"))
    assert len(before) == len(after)


# --- races


def exchange(first: Path, second: Path) -> None:
    """Swap two names in one step (renameat2 with RENAME_EXCHANGE)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(first), -100, os.fsencode(second), 2):
        raise OSError(ctypes.get_errno(), "renameat2")


class Attacker:
    """A thread that swaps a folder for a link to the outside, over and over."""

    def __init__(self, folder: Path, link: Path) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._swap, args=(folder, link))
        self.swaps = 0

    def _swap(self, folder: Path, link: Path) -> None:
        while not self._stop.is_set():
            try:
                exchange(folder, link)
            except FileNotFoundError:
                continue
            self.swaps += 1

    def __enter__(self) -> "Attacker":
        self._switch = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        sys.setswitchinterval(self._switch)


@pytest.fixture
def arena(world: Path) -> Path:
    (world / "root" / "d").mkdir()
    (world / "root" / "evil").symlink_to(world / "outside")
    try:
        exchange(world / "root" / "d", world / "root" / "evil")
        exchange(world / "root" / "d", world / "root" / "evil")
    except (OSError, AttributeError):
        pytest.skip("no RENAME_EXCHANGE here")
    return world


def escapes(world: Path) -> int:
    new = len(names(world / "outside")) - 1
    return new + ((world / "outside" / "secret").read_bytes() != b"precious")


def test_the_race_is_real_for_a_writer_that_checks_first(arena: Path):
    folder = arena / "root" / "d"
    with Attacker(folder, arena / "root" / "evil"):
        for number in range(200_000):
            path = folder / f"f{number}"
            with contextlib.suppress(OSError):
                if path.resolve().is_relative_to(arena / "root"):
                    path.write_bytes(b"evil")
            if escapes(arena):
                break
    assert escapes(arena) > 0


def test_no_write_escapes_while_a_folder_is_swapped_for_a_link(arena: Path):
    root = SafeRoot(arena / "root", syncs=False)
    written = refused = 0
    with Attacker(arena / "root" / "d", arena / "root" / "evil") as attacker:
        while written + refused < 5_000 or not (written and refused):
            try:
                root.write(f"d/f{(written + refused) % 50}", b"evil")
                written += 1
            except UnsafePath:
                refused += 1
    assert escapes(arena) == 0
    assert attacker.swaps > 0


def test_no_secret_is_read_or_deleted_while_a_folder_is_swapped_for_a_link(arena: Path):
    (arena / "root" / "d" / "secret").write_bytes(b"harmless")
    root = SafeRoot(arena / "root", syncs=False)
    read = refused = 0
    with Attacker(arena / "root" / "d", arena / "root" / "evil"):
        while read + refused < 5_000 or not (read and refused):
            try:
                assert root.read("d/secret") == b"harmless"
                read += 1
            except UnsafePath:
                refused += 1
        for _ in range(5_000):
            try:
                root.remove("d/secret")
                root.write("d/secret", b"harmless")
            except UnsafePath:
                continue
    assert escapes(arena) == 0


def test_no_write_follows_a_file_that_is_swapped_for_a_link(arena: Path):
    target, link = arena / "root" / "f", arena / "root" / "to-secret"
    target.write_bytes(b"")
    root = SafeRoot(arena / "root", syncs=False)
    refused = 0
    with Attacker(target, link):
        for _ in range(2_000):
            if not link.is_symlink() and not target.is_symlink():
                link.unlink(missing_ok=True)
                link.symlink_to(arena / "outside" / "secret")
            for operation in ("write", "read", "remove"):
                try:
                    assert OPERATIONS[operation](root, "f") in (None, b"", b"evil")
                except UnsafePath:
                    refused += 1
                except DiskError:
                    continue
    assert escapes(arena) == 0
    assert refused > 0
