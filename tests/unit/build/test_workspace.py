"""A stage holds exactly the tree it was given, whatever a command did to it before."""

import asyncio
import itertools
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossature.build import unowned as unowned_module
from ossature.build.unowned import unowned
from ossature.build.workspace import FileSource, Workspace, remove_whatever
from ossature.digest import digest_bytes
from ossature.errors import DiskError, UnsafePath
from ossature.store.blobs import Blobs


class Slot:
    """A workspace with its blobs, and a tree given as path -> text."""

    def __init__(self, folder: Path) -> None:
        self.blobs = Blobs(folder / "blobs")
        self.workspace = Workspace(folder / "work" / "0", self.blobs)
        self.folder = self.workspace.folder

    def prepare(self, tree, *, cache_dirs=(".cache",)):
        sources = {
            path: text if isinstance(text, FileSource) else FileSource(self.blobs.put(text.encode()))
            for path, text in tree.items()
        }
        asyncio.run(self.workspace.prepare(sources, cache_dirs=cache_dirs))

    def run(self, command):
        """What a verify might do in the stage."""
        subprocess.run(["/bin/sh", "-c", command], cwd=self.folder, check=True)

    def content(self):
        """path -> text of all that is there; None for empty folders, links and special files."""
        found = {}
        for folder, names, files in os.walk(self.folder):
            for name in [*names, *files]:
                path = Path(folder, name)
                rel = path.relative_to(self.folder).as_posix()
                if path.is_symlink() or not (path.is_file() or path.is_dir()):
                    found[rel] = None
                elif path.is_file():
                    found[rel] = path.read_text(encoding="utf-8", errors="replace")
                elif not any(path.iterdir()):
                    found[rel] = None
        return found

    def mtime_ns(self, path):
        return (self.folder / path).lstat().st_mtime_ns


@pytest.fixture
def slot(tmp_path):
    return Slot(tmp_path)


TREE = {"main.py": "print(1)\n", "app/money.py": "CENTS = 100\n", "app/deep/er/x.txt": "x\n"}


def test_stage_holds_exactly_the_tree(slot):
    slot.prepare(TREE)
    assert slot.content() == TREE
    slot.prepare({"main.py": "print(2)\n", "other/a.py": "a\n"})
    assert slot.content() == {"main.py": "print(2)\n", "other/a.py": "a\n"}
    slot.prepare({})
    assert slot.content() == {}


def test_unchanged_file_keeps_its_mtime_and_changed_one_gets_a_newer(slot):
    slot.prepare(TREE)
    before = {path: slot.mtime_ns(path) for path in TREE}
    slot.prepare({**TREE, "main.py": "print(2)\n"})
    assert slot.mtime_ns("app/money.py") == before["app/money.py"]
    assert slot.mtime_ns("app/deep/er/x.txt") == before["app/deep/er/x.txt"]
    assert slot.mtime_ns("main.py") > before["main.py"]


@pytest.mark.parametrize("ahead_s", [0, 3600])
def test_changed_file_is_strictly_newer_than_what_it_replaces(slot, ahead_s):
    slot.prepare(TREE)
    seen = []
    for number in range(20):
        if ahead_s and number == 0:
            future_ns = time.time_ns() + ahead_s * 1_000_000_000
            os.utime(slot.folder / "main.py", ns=(future_ns, future_ns))
            seen.append(future_ns)
        slot.prepare({**TREE, "main.py": f"print({number})\n"})
        seen.append(slot.mtime_ns("main.py"))
        slot.workspace.write({"main.py": f"write({number})\n"})
        seen.append(slot.mtime_ns("main.py"))
    assert all(earlier < later for earlier, later in itertools.pairwise(seen))


def test_python_runs_new_code_of_the_same_size_within_a_second(slot):
    """It takes compiled code for current by the size and the whole seconds of the mtime of the source."""
    slot.prepare(TREE)
    code = "import m, py_compile; py_compile.compile('m.py'); print(m.x)"
    for number in range(6):
        slot.workspace.write({"m.py": f"x = {number}\n"})
        done = subprocess.run([sys.executable, "-c", code], cwd=slot.folder, capture_output=True, text=True)
        assert done.stdout == f"{number}\n"


def test_file_that_was_away_comes_back_newer(slot):
    slot.prepare(TREE)
    future_ns = time.time_ns() + 3_600_000_000_000
    os.utime(slot.folder / "main.py", ns=(future_ns, future_ns))
    slot.prepare(TREE)
    slot.prepare({})
    slot.prepare({"main.py": "print(9)\n"})
    assert slot.mtime_ns("main.py") > future_ns


def test_make_sees_every_change(slot):
    if shutil.which("make") is None:
        pytest.skip("needs make")
    makefile = "out/copy: main.txt\n\t@mkdir -p out && cat main.txt > out/copy\n"
    for number in range(8):
        text = f"{number}\n"
        slot.prepare({"Makefile": makefile, "main.txt": text}, cache_dirs={"out"})
        slot.run("make -s 2>/dev/null")
        assert (slot.folder / "out" / "copy").read_text() == text


@pytest.mark.parametrize("same_size", [True, False])
def test_file_that_a_command_changed_is_put_back(slot, same_size):
    slot.prepare(TREE)
    for _ in range(5):
        slot.run("printf 'print(7)\\n' > main.py" if same_size else "echo more >> main.py")
        slot.prepare(TREE)
        assert slot.content() == TREE


@pytest.fixture
def settled(monkeypatch):
    """Any file counts as old enough to be known by its timestamps."""
    monkeypatch.setattr("ossature.build.workspace._SETTLED_NS", -1)


@pytest.mark.usefixtures("settled")
def test_change_is_seen_even_if_the_command_sets_the_mtime_back(slot):
    slot.prepare(TREE)
    slot.prepare(TREE)
    slot.run("cp -p main.py /tmp/ossature-test-$$ && printf 'print(7)\\n' > main.py"
             " && touch -r /tmp/ossature-test-$$ main.py && rm /tmp/ossature-test-$$")  # fmt: skip
    slot.prepare(TREE)
    assert slot.content() == TREE


@pytest.mark.usefixtures("settled")
def test_settled_files_are_not_read_again(slot, monkeypatch):
    slot.prepare(TREE)
    slot.prepare(TREE)
    reads = []
    monkeypatch.setattr("ossature.store.safe_root.SafeRoot.digest", lambda _self, path: reads.append(path))
    slot.prepare(TREE)
    assert reads == []


NASTY = {
    "extra files": "echo x > extra && mkdir -p new/er && echo y > new/er/y && echo z > app/z",
    "a link in a file's place": "rm main.py && ln -s /etc/passwd main.py",
    "a link in a folder's place": 'rm -r app && ln -s "$OUTSIDE" app',
    "a dangling link": "ln -s /nowhere dangling",
    "a folder in a file's place": "rm main.py && mkdir -p main.py/sub && echo x > main.py/sub/f",
    "a file in a folder's place": "rm -r app && echo file > app",
    "a FIFO in a file's place": "rm main.py && mkfifo main.py",
    "a FIFO": "mkfifo pipe",
    "a hard link to a file outside": 'rm main.py && ln "$OUTSIDE/kept.txt" main.py',
    "read-only folders": (
        "mkdir -p ro/sub && echo x > ro/sub/f && chmod 0 ro/sub && chmod 555 ro && chmod 555 app ."
    ),
    "locked files": "chmod 0 main.py app/money.py && chmod 0 app/deep app",
    "100 folders deep": "i=0; while [ $i -lt 100 ]; do mkdir d; cd d; i=$((i+1)); done; echo x > f",
    "deeper than a path can name": (
        "n=$(printf '%0200d' 0); i=0;"
        " while [ $i -lt 60 ]; do mkdir $n && cd -P $n; i=$((i+1)); done; echo x > f"
    ),
    "odd names": (
        "touch -- '-rf' 'a b' 'CON.txt' 'a\\b' \"$(printf 'new\\nline')\" \"$(printf '\\377')\" '...'"
    ),
    "a .git folder": "mkdir -p .git/hooks && echo x > .git/hooks/post-checkout && mkdir .ossature",
    "many files": "mkdir many && cd many && i=0; while [ $i -lt 500 ]; do : > f$i; i=$((i+1)); done",
    "a link in the cache's place": 'rm -rf .cache && ln -s "$OUTSIDE" .cache',
    "everything gone": "rm -rf app main.py",
    "a folder left open": "mkdir -p app/empty/er",
}


@pytest.mark.parametrize("name", NASTY)
def test_nothing_a_command_does_stops_the_next_prepare(slot, tmp_path, monkeypatch, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("kept\n")
    monkeypatch.setenv("OUTSIDE", str(outside))
    slot.prepare(TREE)
    slot.run(NASTY[name])
    slot.prepare(TREE)
    assert slot.content() == TREE
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"kept.txt": "kept\n"}


@pytest.mark.parametrize("name", [name for name in NASTY if "100" not in name and "odd" not in name])
def test_nothing_a_command_does_stops_the_next_write(slot, tmp_path, monkeypatch, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("kept\n")
    monkeypatch.setenv("OUTSIDE", str(outside))
    slot.prepare(TREE)
    slot.run(NASTY[name])
    slot.workspace.write(TREE)
    assert {path: slot.workspace.read(path).decode() for path in TREE} == TREE
    assert (outside / "kept.txt").read_text() == "kept\n"
    assert [path.name for path in outside.iterdir()] == ["kept.txt"]


def test_stage_folder_itself_may_be_gone_or_swapped(slot, tmp_path):
    slot.prepare(TREE)
    shutil.rmtree(slot.folder)
    slot.prepare(TREE)
    assert slot.content() == TREE
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(slot.folder)
    slot.folder.symlink_to(outside)
    slot.prepare(TREE)
    assert slot.content() == TREE
    assert list(outside.iterdir()) == []
    assert not slot.folder.is_symlink()


def test_caches_stay_beside_files_of_the_tree_only(slot):
    slot.prepare(TREE)
    slot.run("mkdir -p .cache/a app/.cache gone/.cache && touch .cache/a/b app/.cache/c gone/.cache/d")
    slot.prepare(TREE)
    assert slot.content() == {**TREE, ".cache/a/b": "", "app/.cache/c": ""}
    slot.prepare({"main.py": "print(1)\n"})
    assert slot.content() == {"main.py": "print(1)\n", ".cache/a/b": ""}
    slot.prepare({}, cache_dirs=())
    assert slot.content() == {}


def test_folder_with_files_of_the_tree_is_no_cache(slot):
    tree = {"build/make.py": "x\n"}
    slot.prepare(tree, cache_dirs={"build"})
    slot.run("touch build/stale")
    slot.prepare(tree, cache_dirs={"build"})
    assert slot.content() == tree


def test_file_named_like_a_cache_is_removed(slot):
    slot.prepare(TREE)
    slot.run("touch .cache")
    slot.prepare(TREE)
    assert slot.content() == TREE


def test_temporary_files_go_and_home_stays(slot):
    slot.prepare(TREE)
    (slot.workspace.temp_dir / "left").mkdir()
    (slot.workspace.home_dir / ".cache").mkdir()
    slot.prepare(TREE)
    assert list(slot.workspace.temp_dir.iterdir()) == []
    assert [path.name for path in slot.workspace.home_dir.iterdir()] == [".cache"]


def test_users_file_is_staged_with_its_executable_bit(slot, tmp_path):
    script = tmp_path / "run.sh"
    script.write_text("echo hi\n")
    script.chmod(0o755)
    slot.prepare({"run.sh": FileSource(digest_bytes(b"echo hi\n"), script), "main.py": "x\n"})
    assert (slot.folder / "run.sh").read_text() == "echo hi\n"
    assert stat.S_IMODE((slot.folder / "run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((slot.folder / "main.py").stat().st_mode) == 0o644


def test_script_with_a_shebang_is_executable(slot):
    slot.prepare({"a.sh": "#!/bin/sh\necho a\n"})
    slot.workspace.write({"b.sh": "#!/bin/sh\necho b\n"})
    slot.run("./a.sh && ./b.sh")


def test_users_file_is_never_read_through_a_link(slot, tmp_path):
    (tmp_path / "secret").write_text("secret\n")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "secret")
    with pytest.raises(DiskError):
        slot.prepare({"a": FileSource("0" * 64, link)})
    assert slot.content() == {}


def test_users_file_that_is_gone_by_then_is_left_out(slot, tmp_path):
    slot.prepare({"main.py": "x\n", "gone.txt": "old\n"})
    slot.prepare({"main.py": "x\n", "gone.txt": FileSource("0" * 64, tmp_path / "gone.txt")})
    assert slot.content() == {"main.py": "x\n"}


def test_lost_blob_is_an_error(slot):
    with pytest.raises(DiskError):
        slot.prepare({"a": FileSource("0" * 64)})


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", ".git/config", "a\nb", "", "con.txt"])
def test_unsafe_paths_are_refused(slot, path):
    slot.prepare(TREE)
    for act in (
        lambda: slot.prepare({path: "x"}),
        lambda: slot.workspace.write({path: "x"}),
        lambda: slot.workspace.read(path),
        lambda: slot.workspace.exists(path),
        lambda: slot.workspace.collect([path]),
    ):
        with pytest.raises(UnsafePath):
            act()


def test_write_keeps_the_mtime_of_the_same_bytes(slot):
    slot.prepare(TREE)
    before = slot.mtime_ns("main.py")
    slot.workspace.write({"main.py": TREE["main.py"].encode(), "new/n.py": "n\n"})
    assert slot.mtime_ns("main.py") == before
    assert slot.workspace.read("new/n.py") == b"n\n"


def test_collect_tells_what_is_missing(slot):
    slot.prepare(TREE)
    slot.run("rm main.py && ln -s app/money.py link && mkdir folder && chmod 0 app/money.py && chmod 0 app")
    collected = slot.workspace.collect(["app/money.py", "main.py", "link", "folder", "app/no"])
    assert collected.files == {"app/money.py": b"CENTS = 100\n"}
    assert collected.missing == ("main.py", "link", "folder", "app/no")


def test_stray_names_what_a_command_made(slot):
    slot.prepare(TREE)
    slot.run("mkdir -p .cache junk/deep app/new && touch junk/a b.log app/new/x .cache/c && ln -s / root"
             " && rm main.py && mkdir main.py")  # fmt: skip
    expected = ["app/new/", "b.log", "junk/", "main.py/", "root"]
    assert slot.workspace.stray(TREE) == expected
    assert slot.workspace.clean_stray(TREE) == expected
    assert slot.workspace.stray(TREE) == []
    assert slot.content() == {k: v for k, v in TREE.items() if k != "main.py"} | {".cache/c": ""}


def test_known_byproduct_is_not_stray(slot):
    slot.prepare(TREE)
    slot.run("mkdir snaps && touch snaps/a.snap snaps/b.snap Cargo.lock")
    assert slot.workspace.stray([*TREE, "snaps/a.snap", "Cargo.lock"]) == ["snaps/b.snap"]


def test_names_that_are_not_utf_8_can_be_told(slot):
    slot.prepare(TREE)
    try:
        (slot.folder / os.fsdecode(b"bad\xff")).touch()
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    assert slot.workspace.clean_stray(TREE) == ["bad\ufffd"]
    assert slot.content() == TREE


def test_two_slots_share_nothing(tmp_path):
    one, two = Slot(tmp_path), Slot(tmp_path)
    two.workspace = Workspace(tmp_path / "work" / "1", two.blobs)
    two.folder = two.workspace.folder
    one.prepare(TREE)
    two.prepare({"main.py": "x\n"})
    assert one.content() == TREE
    assert two.content() == {"main.py": "x\n"}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b", "a/b", "a/c", "b/c/d", "c/d", "c/d/e"]),
            st.sampled_from(["1", "2", "33"]),
        ),
        max_size=6,
    )
)
def test_any_sequence_of_trees_is_followed(tmp_path_factory, trees):
    slot = Slot(tmp_path_factory.mktemp("slot"))
    for tree in trees:
        kept = {path: text for path, text in tree.items() if not any(o.startswith(f"{path}/") for o in tree)}
        slot.prepare(kept)
        assert slot.content() == kept


def test_remove_whatever_leaves_what_a_link_leads_to(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "f").touch()
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "link").symlink_to(tmp_path / "kept")
    remove_whatever(tmp_path / "top")
    remove_whatever(tmp_path / "missing")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    remove_whatever(tmp_path / "link")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["f", "kept"]


# --- files that no task owns


def make_files(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def test_unowned_files_are_those_that_nobody_writes(tmp_path):
    make_files(
        tmp_path, "own.py", "mine.py", "lib/own.py", "lib/mine.py", ".git/config", ".ossature/plan.toml",
        "lib/__pycache__/x.pyc", "lib/y.pyc", ".venv/bin/python", "node_modules/a/b.js", "target/debug/app",
        ".zig-cache/o", "zig-out/bin/app", ".DS_Store", "sub/.git/HEAD", ".env",
    )  # fmt: skip
    found = unowned(tmp_path, owned={"own.py", "lib/own.py"})
    assert found.files == {path: digest_bytes(path.encode()) for path in (".env", "lib/mine.py", "mine.py")}
    assert list(found.files) == sorted(found.files)
    assert found.skipped == {}


def test_what_is_reserved_in_the_project_folder_is_no_file_of_the_output(tmp_path):
    make_files(
        tmp_path, "specs/a.md", "context/b.md", "prompts/c.md", "ossature.toml", "specs.py", "src/specs/d.md"
    )
    reserved = ("specs/", "context", "prompts/", "ossature.toml")
    assert list(unowned(tmp_path, owned=(), reserved=reserved).files) == ["specs.py", "src/specs/d.md"]


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("*.log", ["a/b/x.txt", "a/x.txt", "docs/x.txt", "x.txt"]),
        ("x.???", ["a/b/y.log", "a/y.log"]),
        ("docs", ["a/b/x.txt", "a/b/y.log", "a/x.txt", "a/y.log", "x.txt"]),
        ("docs/", ["a/b/x.txt", "a/b/y.log", "a/x.txt", "a/y.log", "x.txt"]),
        ("a/*.log", ["a/b/x.txt", "a/b/y.log", "a/x.txt", "docs/x.txt", "x.txt"]),
        ("a/**", ["docs/x.txt", "x.txt"]),
        ("./a/", ["a/b/x.txt", "a/b/y.log", "a/x.txt", "a/y.log", "docs/x.txt", "x.txt"][4:]),
        ("**/y.log", ["a/b/x.txt", "a/x.txt", "docs/x.txt", "x.txt"]),
        ("a/**/y.log", ["a/b/x.txt", "a/x.txt", "docs/x.txt", "x.txt"]),
        ("/x.txt", ["a/b/x.txt", "a/b/y.log", "a/x.txt", "a/y.log", "docs/x.txt"]),
        ("[x-y].[!l]*", ["a/b/y.log", "a/y.log"]),
        ("[z-a]", ["a/b/x.txt", "a/b/y.log", "a/x.txt", "a/y.log", "docs/x.txt", "x.txt"]),
        ("b[", ["a/b/x.txt", "a/b/y.log", "a/x.txt", "a/y.log", "docs/x.txt", "x.txt"]),
        ("", ["a/b/x.txt", "a/b/y.log", "a/x.txt", "a/y.log", "docs/x.txt", "x.txt"]),
        ("*x*t*", ["a/b/y.log", "a/y.log"]),
    ],
)
def test_exclude_patterns_are_read_as_git_reads_them(tmp_path, pattern, left):
    make_files(tmp_path, "a/b/x.txt", "a/b/y.log", "a/x.txt", "a/y.log", "docs/x.txt", "x.txt")
    assert list(unowned(tmp_path, owned=(), exclude=[pattern]).files) == left


def test_links_and_special_files_are_passed_over(tmp_path):
    root = tmp_path / "output"
    make_files(tmp_path, "outside/secret", "output/a")
    (root / "link").symlink_to(tmp_path / "outside" / "secret")
    (root / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "pipe")
    assert list(unowned(root, owned=()).files) == ["a"]


def test_very_large_file_is_named_and_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(unowned_module, "MAX_BYTES", 1024 * 1024)
    make_files(tmp_path, "a")
    with (tmp_path / "big").open("wb") as file:
        file.truncate(1024 * 1024 + 1)
    found = unowned(tmp_path, owned=())
    assert list(found.files) == ["a"]
    assert found.skipped == {"big": "larger than 1 MiB"}


def test_output_folder_that_does_not_exist_has_no_files(tmp_path):
    assert unowned(tmp_path / "none", owned=()) == ({}, {})
