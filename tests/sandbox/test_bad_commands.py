"""Commands that behave badly end in time in every sandbox, their output is kept, and nothing is left."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ossature.build import command as module
from ossature.build.cage import Limits
from ossature.build.command import HEAD_BYTES, TAIL_BYTES
from tests.sandbox.conftest import TIERS, Slot, find

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these sandboxes are Linux's")

HERE = Path(__file__).parent
DAEMON = """
import os, sys, time
if os.fork():
    os.wait()
    print("parent", flush=True)
    raise SystemExit
os.setsid()
if os.fork():
    os._exit(0)
"""
SHELL = {
    "floods": ("yes flood", "flood\nflood", True),
    "ignores TERM": ("trap '' TERM HUP INT; echo deaf; while :; do sleep 0.05; done", "deaf", True),
    "leaves a child": ("sleep 60 & echo started", "started", False),
    "reads stdin": ("cat; echo end of input", "end of input", False),
    "reads the terminal": ("cat </dev/tty; echo no terminal", "no terminal", False),
    "stops itself": ("echo before; kill -STOP $$; echo after", "before", True),
    "kills its shell": ("sleep 60 & echo last; kill -9 $$", "last", False),
    "kills its parent": ("echo last; kill -9 $PPID; echo done", "last", False),
    "kills everything": ("echo last; kill -9 -1; echo done", "last", False),
    "forks a tree": (
        'f() { [ "$1" -gt 0 ] && { f $(($1-1)) & f $(($1-1)) & }; sleep 60; }; echo tree; f 4', "tree", True,
    ),
    "closes its output and goes on": ("echo only; exec >&- 2>&-; sleep 60", "only", True),
    "has last words": (
        "trap 'echo late; exit 3' TERM; echo early; while :; do sleep 0.05; done", "late\n", True,
    ),
    "spins": ("echo busy; while :; do :; done", "busy", True),
}  # fmt: skip
PYTHON = {
    "daemon that holds the pipe": (DAEMON + "time.sleep(60)", "parent", False),
    "daemon that lets go": (DAEMON + "[os.close(fd) for fd in (0, 1, 2)]\ntime.sleep(60)", "parent", False),
    "daemon that hides": (DAEMON + 'os.execve("/bin/sleep", [sys.argv[1], "60"], {})', "parent", False),
    "group of its own, deaf": (
        "import os, signal, time\nos.setpgid(0, 0)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        'print("own group", flush=True)\ntime.sleep(60)',
        "own group",
        True,
    ),
}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "GRACE_S", 0.4)
    monkeypatch.setattr(module, "DRAIN_S", 0.4)


@pytest.mark.parametrize("tier", ("bubblewrap", "landlock"))
@pytest.mark.parametrize("name", [*SHELL, *PYTHON])
def test_nothing_outlives_a_command(slot: Slot, shut_in, tier: str, name: str):
    if name in SHELL:
        command, said, is_timed_out = SHELL[name]
    else:
        source, said, is_timed_out = PYTHON[name]
        (slot.stage / "bad.py").write_text(source)
        command = f"python bad.py {slot.mark}; true"
    finished = shut_in(tier, command, timeout_s=1.0 if is_timed_out else 30.0)
    assert said in finished.head
    assert finished.is_timed_out is is_timed_out
    assert slot.survivors() == []


def test_survivors_are_seen_when_nobody_kills_them(slot: Slot):
    """The control of the test above."""
    (slot.stage / "bad.py").write_text(PYTHON["daemon that hides"][0])
    subprocess.run(
        [sys.executable, "bad.py", slot.mark], cwd=slot.stage, stdout=subprocess.DEVNULL, check=True
    )
    assert len(slot.survivors()) == 1


@pytest.mark.parametrize("tier", ("open", "bubblewrap", "landlock"))
def test_memory_stays_small_whatever_is_written(slot: Slot, shut_in, tier: str):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    finished = shut_in(tier, "yes | head -c 100000000; yes >/dev/full; echo; echo end")
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert finished.total_bytes > 100_000_000
    assert len(finished.head) <= HEAD_BYTES
    assert len(finished.tail) <= TAIL_BYTES
    assert finished.tail.endswith("end\n")
    assert grown_kib < 64 * 1024


@pytest.mark.parametrize("tier", ("open", "bubblewrap"))
def test_silence_ends_a_command_and_speaking_does_not(slot: Slot, shut_in, tier: str):
    limits = Limits(idle_timeout_s=1.0)
    silent = shut_in(tier, "echo first; sleep 60", limits=limits)
    assert (silent.is_timed_out, silent.idle_s, silent.head) == (True, 1.0, "first\n")
    talking = shut_in(tier, "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.25; done", limits=limits)
    assert (talking.exit_status, talking.is_timed_out, talking.idle_s) == (0, False, 0.0)
    assert slot.survivors() == []


@pytest.mark.parametrize("tier", ("open", *TIERS))
def test_memory_has_a_limit(slot: Slot, shut_in, tier: str):
    command = "python -c 'import time; x = b\"x\" * (300 << 20); print(len(x), flush=True); time.sleep(60)'"
    greedy = shut_in(tier, command, limits=Limits(memory_mib=150))
    assert (greedy.exit_status, greedy.is_timed_out) == (-9, False)
    assert "more than 150 MiB of memory" in greedy.head
    # What is shared counts once: seven children of a process of 60 MiB stay below.
    shared = (
        "import os, time\nx = b'x' * (60 << 20)\nchildren = [os.fork() for _ in range(3)]\ntime.sleep(1)\n"
        "if 0 not in children:\n    for pid in children: os.waitpid(pid, 0)\n"
    )
    (slot.stage / "shared.py").write_text(shared)
    modest = shut_in(tier, "python shared.py", limits=Limits(memory_mib=300))
    assert modest.exit_status == 0, modest.head
    assert slot.survivors() == []


@pytest.mark.parametrize("tier", ("open", *TIERS))
def test_number_of_processes_has_a_limit(slot: Slot, shut_in, tier: str):
    """For root, too, whom the system itself does not limit."""
    command = "i=0; while [ $i -lt 60 ]; do sleep 60 & i=$((i + 1)); done; wait"
    finished = shut_in(tier, command, limits=Limits(processes=40))
    assert not finished.is_timed_out
    assert finished.exit_status != 0
    assert slot.survivors() == []
    assert shut_in(tier, command.replace("60", "20"), limits=Limits(processes=40), timeout_s=1.0).is_timed_out


OWNER = """
import asyncio, os, sys
from pathlib import Path
from ossature.build.cage import Policy
from ossature.build.command import Action, LocalExecutor
from ossature.build.tiers import Machine
tier, slot, mark, source = sys.argv[1:]
slot = Path(slot)
environ = {"PATH": os.environ["PATH"], "HOME": f"{slot}/home", "TMPDIR": f"{slot}/tmp", "PROBE": mark}
cage = None if tier == "open" else Machine(os.environ, slot).find(Policy(), tier=tier).cage
action = Action(source, slot / "tree", environ, 300.0, slot / "log")
asyncio.run(LocalExecutor(cage).run(action))
"""


@pytest.mark.parametrize("tier", ("open", *TIERS))
def test_command_dies_with_its_owner(slot: Slot, tier: str):
    if tier != "open":
        find(tier, slot.root)
    # A child, a session of its own, and a process that hides: all are told by their arguments.
    words = f"exec -a {slot.mark} sleep 300"
    source = (
        f"bash -c '{words}' & setsid bash -c '{words}' & setsid env -i bash -c '{words}' & touch begun; wait"
    )
    owner = subprocess.Popen([sys.executable, "-c", OWNER, tier, slot.folder, slot.mark, source])
    try:
        _until(lambda: (slot.stage / "begun").exists() and len(slot.survivors()) >= 4)
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    _until(lambda: not slot.survivors())


def _until(claim) -> None:
    deadline = time.monotonic() + 60
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("tier", ("open", *TIERS))
def test_killed_supervisor_takes_its_command_along(slot: Slot, tier: str):
    """Out of memory or by hand: the run gets an answer, and no shell is left without anybody to watch it."""
    if tier != "open":
        find(tier, slot.root)
    source = "touch begun; sleep 300"
    owner = subprocess.Popen([sys.executable, "-c", OWNER, tier, slot.folder, slot.mark, source])
    try:
        _until((slot.stage / "begun").exists)
        for pid in _children_of(owner.pid):
            os.kill(pid, signal.SIGKILL)
        assert owner.wait(timeout=60) == 0
    finally:
        owner.kill()
        owner.wait()
    _until(lambda: not slot.survivors())


def _children_of(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(entry.name))
    return found
