"""`kill -9` of the real program by the clock, and many of it at once on one project."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

import pytest

from ossature.engine.session import RunRequest, run_ids, spawn
from ossature.errors import OssatureError
from ossature.store.journal import read_records
from ossature.store.lease import read_holder
from tests.runs.conftest import scripted, tmp_path  # noqa: F401  # fixtures
from tests.runs.kit import OPEN, ScriptedKit, build, refuse_traceback, start, until
from tests.runs.test_crash import FINISHED, check_whole
from tests.support.sampling import SEED, chance, some

KILLS = int(os.environ.get("OSSATURE_FAULTS_KILLS", some(6, 100)))
WAVES = int(os.environ.get("OSSATURE_FAULTS_WAVES", some(2, 30)))
AT_ONCE = 8


def answered_twice(kit: ScriptedKit) -> list[str]:
    """Requests that a model was paid for more than once although the first reply is on the disk."""
    found: Counter[str] = Counter()
    for folder in kit.attempts():
        if (folder / "response.md").exists():
            meta = json.loads((folder / "attempt.json").read_bytes())
            found[f"{meta['role']} {meta['task']} {meta['request_digest']}"] += meta["source"] == "exec"
    return [who for who, times in found.items() if times > 1]


def begin_anew(kit: ScriptedKit, number: int) -> None:
    """Everything is built: another wording of a section makes something to do."""
    path = kit.root / "specs" / "lib.smd"
    head, _, rest = path.read_text("utf-8").partition("### Count {#count}\n\n")
    kit.write("specs/lib.smd", f"{head}### Count {{#count}}\n\nWording {number}. {rest}")


def killed_owner(kit: ScriptedKit, rng: random.Random) -> bool:
    """Start a build as a command or as an owner apart from it, and kill it some time later."""
    if rng.random() < 0.7:
        process = start(kit.root, "build", "--sandbox", OPEN)
        before = len(run_ids(kit.project))
        if rng.random() < 0.8:
            until(lambda: process.poll() is not None or len(run_ids(kit.project)) > before)
        wait(rng.uniform(0, 0.5), lambda: process.poll() is not None)
        was_alive = process.poll() is None
        process.kill()
        refuse_traceback(process.communicate()[0])
        return was_alive
    with suppress(OssatureError):
        spawn(kit.project, RunRequest(sandbox=OPEN, preset="auto"))
        wait(rng.uniform(0, 0.4), lambda: read_holder(kit.project.lease_path) is None)
        if (holder := read_holder(kit.project.lease_path)) is not None:
            with suppress(ProcessLookupError):
                os.kill(holder.pid, signal.SIGKILL)
            until(lambda: read_holder(kit.project.lease_path) is None)
            return True
    return False


def wait(seconds: float, is_over) -> None:
    """What is killed is killed by the clock, so this is no wait for a state."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not is_over():
        time.sleep(0.002)


@pytest.mark.timeout(3600)
def test_killed_by_the_clock_again_and_again(scripted: ScriptedKit):  # noqa: F811
    rng = chance("kills")
    kills = tries = 0
    while kills < KILLS:
        tries += 1
        assert tries < 20 * KILLS, f"only {kills} of {tries} were killed in time"
        kills += killed_owner(scripted, rng)
        tree = scripted.tree()
        assert {
            path: content for path, content in tree.items() if ".tmp" not in path
        }.items() <= FINISHED.items()
        assert not answered_twice(scripted), f"seed {SEED}, kill {kills}"
        if tree == FINISHED and not scripted.look().will_run:
            begin_anew(scripted, kills)
    done = build(scripted.root)
    assert done.returncode == 0, done.stdout + done.stderr
    check_whole(scripted)
    assert not answered_twice(scripted)
    print(f"{kills} kills in {tries} builds, {len(scripted.calls())} model calls, seed {SEED}")


def spans(kit: ScriptedKit) -> Iterator[tuple[str, object, object]]:
    """When each run was at work; the end of a crashed one is written by a later owner."""
    for run in run_ids(kit.project):
        records = list(read_records(kit.project.runs_dir / run / "events.jsonl"))
        own = [one for one in records if getattr(one.event, "outcome", "") != "crashed"]
        own = [one for one in own if one.event.kind not in ("task_interrupted", "question_closed")]
        if own:
            yield run, own[0].at, own[-1].at


@pytest.mark.timeout(3600)
def test_many_at_once_on_one_project(scripted: ScriptedKit):  # noqa: F811
    rng = chance("waves")
    codes: Counter[int] = Counter()
    for wave in range(WAVES):
        if scripted.tree() == FINISHED:
            begin_anew(scripted, wave)
        # The first owner waits in its first model call until somebody else has been refused.
        gate = scripted.hold("implement-001")
        processes = [start(scripted.root, "build", "--sandbox", OPEN) for _ in range(AT_ONCE)]
        ends = {
            process: time.monotonic() + rng.uniform(0.2, 3) for process in processes if rng.random() < 0.6
        }
        while any(process.poll() is None for process in processes):
            watch(scripted)
            if any(process.poll() == 8 for process in processes) or sum(map(is_alive, processes)) < 2:
                gate.unlink(missing_ok=True)
            for process, at in ends.items():
                if process.poll() is None and time.monotonic() > at:
                    process.kill()
        gate.unlink(missing_ok=True)
        for process in processes:
            said = process.communicate()[0]
            refuse_traceback(said)
            codes[process.returncode] += 1
            assert process.returncode in (0, 8, -signal.SIGKILL), said
            if process.returncode == 8:
                assert "owns this project" in said
                assert "ossature attach" in said
    assert codes[8] >= WAVES / 2
    done = build(scripted.root)
    assert done.returncode == 0, done.stdout + done.stderr
    check_whole(scripted)
    assert not answered_twice(scripted)
    at_work = sorted(spans(scripted), key=lambda one: one[1])
    for (earlier, _, ended), (later, began, _) in pairwise(at_work):
        assert ended <= began, f"{earlier} and {later} ran at the same time"
    print(f"{WAVES * AT_ONCE} processes ended with {dict(codes)}, seed {SEED}")


def is_alive(process: subprocess.Popen[str]) -> bool:
    return process.poll() is None


def watch(kit: ScriptedKit) -> None:
    """What a status reader sees meanwhile: whole records, in order, and never an error."""
    for run in run_ids(kit.project)[-2:]:
        numbers = [record.seq for record in read_records(kit.project.runs_dir / run / "events.jsonl")]
        assert numbers == list(range(1, len(numbers) + 1))
    kit.look()


def test_the_check_for_paying_twice_can_fail(scripted: ScriptedKit):  # noqa: F811
    assert build(scripted.root).returncode == 0
    assert not answered_twice(scripted)
    folder = scripted.attempts()[0]
    meta = json.loads((folder / "attempt.json").read_bytes())
    twin = folder.with_name(folder.name + "-2")
    twin.mkdir()
    (twin / "attempt.json").write_text(json.dumps(meta))
    (twin / "response.md").write_bytes((folder / "response.md").read_bytes())
    assert answered_twice(scripted)
