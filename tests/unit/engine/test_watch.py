"""Watching the user's files: real files, real threads."""

from __future__ import annotations

import errno
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ossature.engine import watch as watching
from ossature.engine.watch import Watch, Watched, watched_in
from ossature.project import Project

DEADLINE_S = 30.0


class Told:
    """Counts what a watch tells."""

    def __init__(self) -> None:
        self.times = 0
        self.reasons: list[str] = []

    def changed(self) -> None:
        self.times += 1

    def since(self, times: int) -> None:
        """Wait for another report."""
        end = time.monotonic() + DEADLINE_S
        while self.times <= times:
            assert time.monotonic() < end, "no change was told"
            time.sleep(0.005)

    def of(self, act: Callable[[], object]) -> None:
        """Do it, and wait until it is told."""
        before = self.times
        act()
        self.since(before)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "specs").mkdir()
    (tmp_path / ".ossature").mkdir()
    (tmp_path / "specs" / "lib.smd").write_text("# Lib\n")
    return Project(root=tmp_path)


@pytest.fixture
def watch(project: Project, told: Told) -> Iterator[Watch]:
    watch = Watch(watched_in(project), changed=told.changed, falls_back=told.reasons.append)
    watch.start()
    assert threads()
    yield watch
    watch.stop()
    assert not threads()
    assert told.reasons == []


def threads() -> list[str]:
    """Those of a watch."""
    return [t.name for t in threading.enumerate() if "watch" in f"{t.name} {type(t).__module__}"]


def save_by_rename(path: Path, text: str) -> None:
    """As editors do it: aside first, then over the old file."""
    aside = path.with_name(f".{path.name}.swp")
    aside.write_text(text)
    aside.replace(path)


@pytest.mark.usefixtures("watch")
def test_every_way_of_saving_is_told(project: Project, told: Told) -> None:
    spec, plan = project.root / "specs" / "lib.smd", project.plan_path
    told.of(lambda: spec.write_text("# Library\n"))
    told.of(lambda: save_by_rename(spec, "# Lib 2\n"))
    told.of(lambda: (project.root / "specs" / "new.smd").write_text("# New\n"))
    told.of((project.root / "specs" / "new.smd").unlink)
    told.of(lambda: plan.write_text("[meta]\n"))
    told.of(lambda: save_by_rename(plan, "[meta]\nx = 1\n"))
    told.of(lambda: (project.root / "ossature.toml").write_text("[project]\n"))


@pytest.mark.usefixtures("watch")
def test_folders_that_come_and_go_are_followed(project: Project, told: Told) -> None:
    specs, context = project.root / "specs", project.context_root
    told.of((specs / "deep").mkdir)
    told.of(lambda: (specs / "deep" / "a.smd").write_text("# A\n"))
    told.of(context.mkdir)
    told.of(lambda: (context / "rates.csv").write_text("1\n"))
    told.of(lambda: specs.rename(project.root / "elsewhere"))
    told.of(specs.mkdir)
    told.of(lambda: (specs / "lib.smd").write_text("# Lib\n"))


def test_other_files_and_readers_are_nothing_to_tell(project: Project, watch: Watch, told: Told) -> None:
    spec = project.root / "specs" / "lib.smd"
    output = project.output_root / "a.txt"
    output.parent.mkdir()
    output.write_text("a")
    for path in (project.ledger_path, project.root / "notes.txt", spec.with_name("lib.smd~")):
        path.write_text("x")
    spec.read_text()
    told.of(lambda: save_by_rename(spec, "# End\n"))
    assert told.times == 1
    told.of(lambda: watch.turn_to(watched_in(project, ["a.txt"])))
    told.of(lambda: output.write_text("b"))


def test_outputs_are_followed_when_their_folders_go_and_come_back(
    project: Project, watch: Watch, told: Told
) -> None:
    source = project.output_root / "src" / "a.py"

    def check_out() -> None:
        source.parent.mkdir(parents=True)
        source.write_text("a")

    check_out()
    told.of(lambda: watch.turn_to(watched_in(project, ["src/a.py"])))
    told.of(lambda: shutil.rmtree(project.output_root))
    told.of(check_out)
    told.of(lambda: source.write_text("edited"))
    told.of(lambda: source.parent.rename(project.output_root / "src2"))


def test_outputs_in_more_folders_than_can_be_watched_are_looked_at(
    project: Project, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "POLL_S", 0.02)
    outputs = [f"m{number:03}/a.py" for number in range(watching.MAX_FOLDERS)]
    for path in outputs:
        (project.output_root / path).parent.mkdir(parents=True)
        (project.output_root / path).write_text("a")
    watch = Watch(watched_in(project, outputs), changed=told.changed, falls_back=told.reasons.append)
    watch.start()
    try:
        told.of(lambda: (project.output_root / outputs[-1]).write_text("edited"))
    finally:
        watch.stop()
    assert told.reasons == ["the files lie in more than 64 folders"]


def test_without_watches_left_files_are_looked_at_and_it_is_said_once(
    project: Project, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left() -> None:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    monkeypatch.setattr(watching, "POLL_S", 0.02)
    watch = Watch(
        watched_in(project), changed=told.changed, falls_back=told.reasons.append, observer=none_left
    )
    watch.start()
    try:
        told.of(lambda: (project.root / "specs" / "lib.smd").write_text("# Longer than before\n"))
        told.of(lambda: (project.root / "specs" / "new.smd").write_text("# New\n"))
        told.of((project.root / "specs" / "new.smd").unlink)
    finally:
        watch.stop()
    assert told.reasons == ["inotify instance limit reached"]


def test_specs_beside_the_state_folder_are_polled_for() -> None:
    root = Path("/project")
    assert Watched(root, (root,), frozenset()).is_wide
    assert not Watched(root, (root / "specs",), frozenset()).is_wide


def test_stopping_before_the_start_leaves_no_thread(project: Project, told: Told) -> None:
    watch = Watch(watched_in(project), changed=told.changed)
    watch.stop()
    watch.start()
    assert not threads()
