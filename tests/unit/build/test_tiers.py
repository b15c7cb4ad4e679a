"""The best sandbox that works is found, tried once, and never one that the project brings along."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from ossature.build import tiers
from ossature.build.bubblewrap import BubblewrapCage, candidates, optional_flags
from ossature.build.cage import Limits, Policy, folders_of, neutral_names
from ossature.build.landlock import LandlockCage, gaps_of
from ossature.build.seatbelt import SeatbeltCage
from ossature.build.tiers import Machine

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="these sandboxes are Linux's")


class Fake(Machine):
    """A machine of which is told what works."""

    def given(self, *, bwrap: Path | None = None, abi: int = 0, works: tuple[str, ...] = ()) -> Fake:
        self.__dict__.update(found=bwrap, abi=abi, works=works, tried=[])
        return self

    def bwrap(self):
        return self.__dict__["found"]

    def landlock_abi(self):
        return self.__dict__["abi"]

    def try_out(self, cage):
        name = (
            "landlock" if isinstance(cage, LandlockCage) else "fresh" if cage.bwrap.mounts_proc else "nested"
        )
        self.__dict__["tried"].append(name)
        return "" if name in self.__dict__["works"] else "mount refused"


@pytest.fixture
def bwrap(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "bwrap"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\necho '--disable-userns --size BYTES'\n")
    path.chmod(0o755)
    return path


def machine(tmp_path: Path, **given) -> Fake:
    return Fake({"XDG_CACHE_HOME": str(tmp_path / "cache")}, tmp_path / "project").given(**given)


@needs_linux
@pytest.mark.parametrize(
    ("works", "abi", "tier", "tried"),
    [
        (("fresh", "nested", "landlock"), 7, "bubblewrap", ["fresh"]),
        (("nested", "landlock"), 7, "bubblewrap-nested", ["fresh", "fresh", "nested"]),
        (("landlock",), 7, "landlock", ["fresh", "fresh", "nested", "nested", "landlock"]),
        ((), 7, "none", ["fresh", "fresh", "nested", "nested", "landlock"]),
        (("landlock",), 0, "none", ["fresh", "fresh", "nested", "nested"]),
    ],
)
def test_best_tier_that_works_is_taken(
    tmp_path: Path, bwrap: Path, works, abi: int, tier: str, tried: list[str]
):
    fake = machine(tmp_path, bwrap=bwrap, abi=abi, works=works)
    found = fake.find(Policy())
    assert (found.tier, fake.__dict__["tried"]) == (tier, tried)
    assert (found.cage is None) == (tier == "none")
    if tier != "bubblewrap":
        assert "bubblewrap: mount refused" in found.reasons


@needs_linux
def test_tier_that_is_asked_for_is_taken_or_nothing(tmp_path: Path, bwrap: Path):
    fake = machine(tmp_path, bwrap=bwrap, abi=7, works=("fresh", "landlock"))
    assert fake.find(Policy(), tier="landlock").tier == "landlock"
    assert fake.find(Policy(), tier="bubblewrap-nested").cage is None
    assert machine(tmp_path).find(Policy(), tier="landlock").reasons == (
        "Landlock is not in this kernel, or switched off",
    )


@needs_linux
def test_trial_that_went_well_is_not_repeated_until_something_changes(tmp_path: Path, bwrap: Path):
    fake = machine(tmp_path, bwrap=bwrap, works=("fresh",))
    assert [fake.find(Policy()).tier for _ in range(3)] == ["bubblewrap"] * 3
    assert fake.__dict__["tried"] == ["fresh"]
    os.utime(bwrap, ns=(1, 1))
    fake.find(Policy())
    assert fake.__dict__["tried"] == ["fresh", "fresh"]


@needs_linux
def test_trial_that_failed_is_repeated(tmp_path: Path, bwrap: Path):
    fake = machine(tmp_path, bwrap=bwrap, works=())
    assert fake.find(Policy()).tier == "none"
    fake.__dict__["works"] = ("fresh",)
    assert fake.find(Policy()).tier == "bubblewrap"


@needs_linux
@pytest.mark.parametrize("content", ["", "{", "{}", "7", '["x"]', "\udcff"])
def test_damaged_cache_costs_a_trial(tmp_path: Path, bwrap: Path, content: str):
    path = tmp_path / "cache" / "ossature" / "sandbox.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    fake = machine(tmp_path, bwrap=bwrap, works=("fresh",))
    assert fake.find(Policy()).tier == "bubblewrap"
    assert fake.__dict__["tried"] == ["fresh"]
    assert len(json.loads(path.read_text())) in (1, 2)


@needs_linux
@pytest.mark.parametrize("environ", [{}, {"XDG_CACHE_HOME": "relative"}, {"XDG_CACHE_HOME": "/dev/null"}])
def test_cache_that_cannot_be_kept_costs_a_trial_each_time(tmp_path: Path, bwrap: Path, environ):
    fake = Fake(environ, tmp_path / "project").given(bwrap=bwrap, works=("fresh",))
    assert [fake.find(Policy()).tier for _ in range(2)] == ["bubblewrap"] * 2
    assert fake.__dict__["tried"] == ["fresh", "fresh"]


def test_bubblewrap_of_the_project_or_of_the_current_folder_is_not_run(
    tmp_path: Path, bwrap: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tiers, "_BWRAP", tmp_path / "nowhere")
    root = tmp_path / "project"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "bwrap").write_bytes(bwrap.read_bytes())
    (root / "bin" / "bwrap").chmod(0o755)
    monkeypatch.chdir(root / "bin")
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "bwrap").symlink_to(root / "bin" / "bwrap")
    own = f".::{root}/bin:bin:{tmp_path}/link"
    assert Machine({"PATH": own}, root).bwrap() is None
    assert Machine({"PATH": f"{own}:{bwrap.parent}"}, root).bwrap() == bwrap
    bwrap.chmod(0o644)
    assert Machine({"PATH": str(bwrap.parent)}, root).bwrap() is None


def test_flags_that_a_bubblewrap_lacks_are_left_out(tmp_path: Path):
    old = optional_flags("--unshare-all --tmpfs DEST")
    assert old == frozenset()
    ways = candidates(tmp_path / "bwrap", old)
    assert [(way.flags, way.mounts_proc) for way in ways] == [(old, True), (old, False)]
    new = optional_flags("--disable-userns  --size BYTES")
    assert [sorted(way.flags) for way in candidates(tmp_path / "bwrap", new)] == [
        ["--disable-userns", "--size"], ["--size"], ["--disable-userns", "--size"], ["--size"],
    ]  # fmt: skip


def read_arguments(cage: BubblewrapCage, tmp_path: Path) -> tuple[list[str], list[str]]:
    """The command line, and what stands in the file of arguments."""
    launch = cage.enter("true", cwd=tmp_path, environ={"PATH": "/usr/bin", "HOME": "/h", "TMPDIR": "/t"})
    try:
        fd = int(launch.argv[launch.argv.index("--args") + 1])
        return list(launch.argv), os.read(fd, 1 << 20).decode().split("\0")[:-1]
    finally:
        launch.close()


@needs_linux
def test_command_line_tells_nothing_of_the_machine(tmp_path: Path):
    way = candidates(Path("/usr/bin/bwrap"), frozenset({"--size"}))[0]
    argv, arguments = read_arguments(BubblewrapCage(way, Policy(hidden=(tmp_path,))), tmp_path)
    assert str(tmp_path) not in " ".join(argv)
    assert ["--bind", str(tmp_path), "/workspace"] == arguments[arguments.index("/workspace") - 2 :][:3]
    assert "--share-net" not in arguments
    assert "--unshare-all" in arguments
    assert "--disable-userns" not in arguments


@needs_linux
def test_mode_and_network_change_the_arguments(tmp_path: Path):
    way = candidates(Path("/usr/bin/bwrap"), frozenset())[0]
    policy = Policy("read-only", has_network=True)
    _, arguments = read_arguments(BubblewrapCage(way, policy), tmp_path)
    assert "--share-net" in arguments
    assert ["--ro-bind", str(tmp_path), "/workspace"] == arguments[arguments.index("/workspace") - 2 :][:3]


@needs_linux
def test_what_a_kernel_lacks_is_not_asked_of_landlock(tmp_path: Path):
    def ruleset(abi: int, *, has_network: bool = False) -> str:
        cage = LandlockCage(abi, Policy(has_network=has_network))
        options = cage.enter("true", cwd=tmp_path, environ={}).options
        return next(option for option in options if option.startswith("ruleset="))

    first = 0x1FFF
    assert ruleset(1) == f"ruleset={first}:0:0"
    assert ruleset(2) == f"ruleset={first | 1 << 13}:0:0"
    assert ruleset(4) == f"ruleset={first | 3 << 13}:3:0"
    assert ruleset(7) == f"ruleset={first | 7 << 13}:3:3"
    assert ruleset(7, has_network=True) == f"ruleset={first | 7 << 13}:0:3"
    assert len(gaps_of(1)) > len(gaps_of(3)) > len(gaps_of(7)) > 0


def test_profile_of_macos_names_what_may_be_written_and_quotes_it(tmp_path: Path):
    stage = tmp_path / 'a "b" \\c' / "tree"
    environ = {"PATH": "", "HOME": f"{tmp_path}/home", "TMPDIR": f"{tmp_path}/tmp"}
    folders = folders_of(stage, environ)
    writable = SeatbeltCage(Policy(hidden=(tmp_path,))).profile(folders, environ)
    quoted = str(stage.resolve()).replace("\\", "\\\\").replace('"', '\\"')
    write_line = next(line for line in writable.splitlines() if line.startswith("(allow file-write* "))
    assert f'(subpath "{quoted}")' in write_line
    assert writable.splitlines()[:2] == ["(version 1)", "(deny default)"]
    assert "network" not in writable
    assert writable.count("(") == writable.count(")")
    reading = SeatbeltCage(Policy("read-only", has_network=True)).profile(folders, environ)
    write_line = next(line for line in reading.splitlines() if line.startswith("(allow file-write* "))
    assert quoted not in write_line
    assert "(allow network*)" in reading
    launch = SeatbeltCage(Policy(limits=Limits(file_mib=1))).enter("true", cwd=stage, environ=environ)
    assert launch.argv[-1] == "ulimit -c 0; ulimit -f 2048; ulimit -n 1024; true"


def test_folders_read_the_same_wherever_they_are(tmp_path: Path):
    slot = tmp_path / "slot"
    environ = {"PATH": f"{slot}/bin:/usr/bin", "HOME": f"{slot}/home", "TMPDIR": f"{slot}/tmp"}
    names = neutral_names(folders_of(slot / "tree", environ))
    assert names == {
        f"{slot}/tree": ".",
        f"{slot}/tmp": "/tmp",
        f"{slot}/home": "/home/sandbox",
        f"{slot}/bin": "/run/ossature/bin",
    }
    elsewhere = folders_of(slot / "tree", {"PATH": "/usr/bin"})
    assert (elsewhere.home, elsewhere.tools) == (slot / "tree", None)
