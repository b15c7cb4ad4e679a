"""An edit, and exactly what a build does about it: which tasks run, how, and why."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable

import pytest

from ossature.domain.event import ModelCalled, TaskLanded
from ossature.engine.stamp import Stamping, read_stamp
from tests.runs.invalidation import PAGE, SHELF_SAYS_MORE, TABLE, Case, render_page
from tests.runs.kit import LIB, Kit, Run, block, five_tasks, task


def look_foretells(kit: Kit) -> Callable[[Run], None]:
    """Checks that what `build -n` says now holds for the next build."""
    view = kit.look()
    will, may = set(view.will_run), set(view.may_run)

    def check(run: Run) -> None:
        ran = set(run.ran)
        assert will <= ran, f"build -n promised {sorted(will)}, the build ran {sorted(ran)}"
        assert ran <= will | may, f"{sorted(ran - will - may)} ran, which build -n did not foresee"

    return check


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_edit_runs_exactly_what_it_concerns(kit: Kit, case: Case):
    case.given(kit)
    assert kit.own().landed == ["001", "002", "003", "004", "005"]
    case.edit(kit)
    check = look_foretells(kit)
    assert_each_leaf_is_told(kit)
    before = len(kit.model.calls)
    run = kit.own()
    assert len(kit.model.calls) - before == len(case.paid)
    assert run.ran == case.ran
    assert run.asked == case.paid
    assert len(run.of(ModelCalled)) == len(case.paid)
    check(run)
    skipped = [event.task for event in run.events if event.kind == "task_skipped"]
    assert run.code == 0
    assert sorted([*run.ran, *run.rest, *skipped]) == planned_ids(kit)
    again = kit.own()
    assert (again.ran, again.asked, again.code) == ({}, [], 0), "the build after it still finds something"


def assert_each_leaf_is_told(kit: Kit) -> None:
    """Old and new digest, and how the text differs, or of an input tree which files."""
    for shown in kit.look().tasks:
        assert bool(shown.changes) == (shown.status in ("stale", "verify"))
        for change in shown.changes:
            assert change.old != change.new
            if change.leaf == "input tree":
                assert change.paths or change.note == "the same files, by other dependencies"
                assert all(path.difference and path.old != path.new for path in change.paths)
            else:
                assert change.difference, f"{change.leaf}: {change.note}"
                assert not change.note


def test_page_of_the_reference_shows_this_table():
    assert PAGE.read_text("utf-8") == render_page(), "write it anew: python -m tests.runs.invalidation"


@pytest.mark.parametrize("case", [case for case in TABLE if case.ran], ids=lambda case: case.name)
def test_edit_voids_the_stamp_that_nothing_is_to_do(kit: Kit, case: Case, monkeypatch):
    monkeypatch.setattr("ossature.engine.stamp._SETTLED_NS", -(10**12))
    case.given(kit)
    kit.own()
    assert read_stamp(str(kit.root)) is None
    outputs = [path for landing in kit.look().loaded.sources.landings.values() for path in landing.files]
    Stamping(kit.project).write(5, outputs, ["rates.csv"])
    assert read_stamp(str(kit.root)) == 5
    case.edit(kit)
    assert read_stamp(str(kit.root)) is None


def planned_ids(kit: Kit) -> list[str]:
    return sorted(one["id"] for one in tomllib.loads(kit.plan_path.read_text("utf-8"))["task"])


def step(kit: Kit) -> Run:
    """Build; what `build -n` foretold holds."""
    check = look_foretells(kit)
    run = kit.own()
    check(run)
    return run


@pytest.fixture
def built(kit: Kit) -> Kit:
    """A project of which everything has landed."""
    assert kit.own().landed == ["001", "002", "003", "004", "005"]
    return kit


def test_reverted_edit_is_another_change(built: Kit):
    before = built.tree()
    SHELF_SAYS_MORE(built)
    assert step(built).asked == ["implement 001", "implement 002"]
    built.write("specs/lib.smd", LIB)
    built.model.says("001", block("shelf.txt", "plain"))
    run = step(built)
    assert run.asked == ["implement 001", "implement 002"]
    assert run.ran["003"] == "verify: input tree changed"
    assert built.tree() == before
    assert step(built).ran == {}


def test_edit_that_is_reverted_before_a_build_runs_nothing(built: Kit):
    built.edit("specs/lib.smd", "Counts parcels on a shelf.", "Something else.")
    assert "001" in built.look().will_run
    built.write("specs/lib.smd", LIB)
    assert step(built).ran == {}


def test_project_in_another_folder_is_up_to_date(built: Kit, tmp_path):
    there = tmp_path / "elsewhere" / "moved"
    there.parent.mkdir()
    built.root.rename(there)
    moved = Kit(there, built.model)
    assert step(moved).ran == {}
    clone = tmp_path / "clone"
    ignored = [line.strip("/") for line in (there / ".ossature" / ".gitignore").read_text().splitlines()]
    shutil.copytree(there, clone, ignore=shutil.ignore_patterns(*ignored))
    assert not (clone / ".ossature" / "runs").exists()
    assert step(Kit(clone, built.model)).ran == {}


def test_version_of_ours_runs_nothing(built: Kit, monkeypatch):
    monkeypatch.setattr("ossature.engine.owner.__version__", "99.0")
    assert step(built).ran == {}


def test_same_bytes_wake_nobody(built: Kit):
    built.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all parcels.")
    run = step(built)
    assert run.asked == ["implement 001"]
    assert run.rest == ["002", "003", "004", "005"]
    assert run.of(TaskLanded)[0].changed == 0


def test_changed_comment_of_the_model_is_a_changed_byte(built: Kit):
    built.model.says("001", block("shelf.txt", "plain # other"))
    built.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all parcels.")
    assert step(built).asked == ["implement 001", "implement 002"]


def test_requirement_that_is_gone_is_an_error_of_the_plan(built: Kit):
    built.edit("specs/lib.smd", "### Weigh {#weigh}", "### Scale {#scale}")
    run = built.own()
    assert run.code == 3
    assert run.ran == {}
    assert "did you mean" in run.end.reason or "Weigh" in run.end.reason


class TestCopies:
    """Tasks that take files from the context folder."""

    @pytest.fixture
    def copies(self, kit: Kit) -> Kit:
        kit.write("context/art/a.svg", "a")
        kit.write("context/art/deep/b.svg", "b")
        kit.plan(
            [
                task("001", "rates.csv", source=["context://rates.csv"], verify=None),
                task("002", "art/**", source=["context://art/**"], verify=None),
                task("003", "use.txt", depends_on=["001", "002"], verify=["test -s art/deep/b.svg"]),
            ]
        )
        assert kit.own().landed == ["001", "002", "003"]
        assert kit.model.asked == ["implement 003"]
        return kit

    def test_copied_files_are_there(self, copies: Kit):
        assert copies.tree() == {
            "rates.csv": b"1\n",
            "art/a.svg": b"a",
            "art/deep/b.svg": b"b",
            "use.txt": b"plain\n",
        }
        assert step(copies).ran == {}

    def test_changed_file_is_copied_again(self, copies: Kit):
        copies.write("context/rates.csv", "2\n")
        run = step(copies)
        assert run.ran == {"001": "copy: context rates.csv changed", "003": "verify: input tree changed"}
        assert run.asked == []
        assert copies.tree()["rates.csv"] == b"2\n"
        assert step(copies).ran == {}

    def test_changed_file_of_a_pattern_is_copied_again(self, copies: Kit):
        copies.write("context/art/deep/b.svg", "B")
        run = step(copies)
        assert run.code == 0
        assert run.ran == {"002": "copy: context art/deep/b.svg changed", "003": "verify: input tree changed"}
        assert copies.tree()["art/deep/b.svg"] == b"B"

    def test_new_file_of_a_pattern_is_copied(self, copies: Kit):
        copies.write("context/art/c.svg", "c")
        copies.write("context/other.svg", "c")
        run = step(copies)
        assert run.ran["002"] == "copy: context art/c.svg changed"
        assert copies.tree()["art/c.svg"] == b"c"

    def test_copy_edited_by_hand_is_not_overwritten(self, copies: Kit):
        copies.write("output/art/a.svg", "mine")
        copies.write("context/art/a.svg", "A")
        run = copies.own()
        assert run.code == 5
        assert copies.tree()["art/a.svg"] == b"mine"

    def test_copy_that_is_gone_is_restored(self, copies: Kit):
        (copies.output / "art" / "a.svg").unlink()
        assert step(copies).ran == {"002": "restore: art/a.svg is gone"}
        assert copies.tree()["art/a.svg"] == b"a"


class TestSharedFile:
    """A file that three tasks write, one after the other."""

    @pytest.fixture
    def chain(self, kit: Kit) -> Kit:
        kit.plan(
            [
                task("001", "main.txt", title="One"),
                task("002", "main.txt", title="Two", spec_refs=["Weigh"], depends_on=["001"]),
                task("003", "main.txt", title="Three", spec_refs=["Constraints"], depends_on=["002"]),
                task("004", "use.txt", depends_on=["001"], inject_files=["main.txt"]),
            ]
        )
        for number, name in enumerate(("one", "two", "three"), 1):
            kit.model.says(f"00{number}", block("main.txt", name))
        assert kit.own().landed == ["001", "002", "003", "004"]
        return kit

    def test_each_saw_what_was_there_before_it(self, chain: Kit):
        prompts = {call.task: call.prompt for call in chain.model.calls}
        assert "main.txt" not in prompts["001"].split("The task:")[0]
        assert '<file path="main.txt">\none\n</file>' in prompts["002"]
        assert '<file path="main.txt">\ntwo\n</file>' in prompts["003"]
        assert '<file path="main.txt">\none\n</file>' in prompts["004"]
        assert chain.tree()["main.txt"] == b"three\n"
        assert step(chain).ran == {}

    def test_first_writer_again_with_the_same_bytes_leaves_the_head_on_disk(self, chain: Kit):
        chain.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts.")
        run = step(chain)
        assert run.asked == ["implement 001", "implement 004"]
        assert chain.tree()["main.txt"] == b"three\n"
        assert step(chain).ran == {}

    def test_first_writer_again_with_other_bytes_wakes_the_chain(self, chain: Kit):
        chain.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts.")
        chain.model.says("001", block("main.txt", "ONE"))
        chain.model.says("003", block("main.txt", "THREE"))
        run = step(chain)
        assert run.code == 0
        assert run.asked == ["implement 001", "implement 002", "implement 004"]
        assert run.ran["003"] == "verify: input tree changed"
        assert chain.tree()["main.txt"] == b"three\n"
        assert step(chain).ran == {}

    def test_middle_writer_that_fails_leaves_the_disk_as_it_was(self, chain: Kit):
        chain.edit("specs/lib.smd", "Weighs one parcel.", "Weighs.")
        chain.model.says("002", "nothing")
        assert chain.own().code == 1
        assert chain.tree()["main.txt"] == b"three\n"

    def test_deleted_file_comes_back_as_the_last_writer_left_it(self, chain: Kit):
        (chain.output / "main.txt").unlink()
        assert step(chain).ran == {"003": "restore: main.txt is gone"}
        assert chain.tree()["main.txt"] == b"three\n"

    def test_hand_edit_is_compared_with_the_head(self, chain: Kit):
        chain.write("output/main.txt", "mine\n")
        assert step(chain).ran == {}
        chain.edit("specs/lib.smd", "- Whole numbers only", "- Numbers")
        run = chain.own()
        assert run.code == 5
        assert chain.tree()["main.txt"] == b"mine\n"


class TestFileThatWasThere:
    """A person's file where the first task of its path writes."""

    @pytest.fixture
    def origin(self, kit: Kit) -> Kit:
        kit.write("output/shelf.txt", "mine\n")
        kit.write("output/other.txt", "other\n")
        kit.plan([task("001", "shelf.txt", verify=["test -s other.txt"]), task("002", "b.txt")])
        assert kit.own().code == 0
        return kit

    def test_it_is_shown_and_kept(self, origin: Kit):
        assert '<file path="shelf.txt">\nmine\n</file>' in origin.model.calls[0].prompt
        assert origin.tree()["shelf.txt"] == b"plain\n"
        blobs = [
            path.read_bytes() for path in (origin.root / ".ossature" / "blobs").rglob("*") if path.is_file()
        ]
        assert b"mine\n" in blobs
        assert step(origin).ran == {}

    def test_it_is_shown_again_when_the_task_runs_again(self, origin: Kit):
        origin.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts.")
        run = step(origin)
        assert run.asked == ["implement 001", "implement 002"]
        assert '<file path="shelf.txt">\nmine\n</file>' in origin.model.calls[-2].prompt

    def test_unowned_file_is_in_the_stage_and_stays(self, origin: Kit):
        assert origin.tree()["other.txt"] == b"other\n"


class TestInterfaceFromTheCode:
    """LIB has no architecture: a model reads its interface from what landed."""

    @pytest.fixture
    def plain(self, kit: Kit) -> Kit:
        (kit.root / "specs" / "lib.amd").unlink()
        tasks = five_tasks()
        del tasks[0]["arch_refs"]
        kit.plan(tasks)
        assert kit.own().code == 0
        assert kit.model.asked.count("interface LIB") == 1
        return kit

    def test_it_is_asked_once_and_shown(self, plain: Kit):
        shown = next(call.prompt for call in plain.model.calls if call.task == "004")
        assert shown.count("interface of LIB") == 1
        assert step(plain).asked == []

    def test_same_interface_from_other_sources_verifies_downstream_only(self, plain: Kit):
        plain.edit("specs/lib.smd", "- Whole numbers only", "- Numbers only")
        plain.model.says("003", block("label.txt", "other"))
        run = step(plain)
        assert run.asked == ["implement 003", "interface LIB"]
        assert run.ran == {
            "003": "generate: spec LIB:Constraints changed",
            "004": "verify: input tree changed",
            "005": "verify: input tree changed",
        }
        assert step(plain).asked == []

    def test_other_interface_generates_what_shows_it(self, plain: Kit):
        plain.edit("specs/lib.smd", "- Whole numbers only", "- Numbers only")
        plain.model.says("003", block("label.txt", "other"))
        plain.model.says("interface LIB", "count(all)")
        run = step(plain)
        assert run.asked == ["implement 003", "interface LIB", "implement 004"]
        assert run.ran["004"] == "generate: interface LIB changed"
        assert step(plain).asked == []

    def test_audit_after_the_build_asks_for_no_interface_again(self, plain: Kit):
        plain.own("audit")
        asked = plain.own("audit").asked
        assert asked == []
        assert step(plain).ran == {}


class TestOutputsThatMove:
    """Tasks whose outputs change, and tasks that are gone."""

    def own(self, kit: Kit, *tasks: dict) -> Run:
        kit.plan(list(tasks))
        run = step(kit)
        assert run.code == 0, run.end
        assert kit.own().ran == {}
        return run

    def test_renamed_output_leaves_nothing_behind(self, kit: Kit):
        self.own(kit, task("001", "old.txt"), task("002", "b.txt"))
        self.own(kit, task("001", "new.txt"), task("002", "b.txt"))
        assert sorted(kit.tree()) == ["b.txt", "new.txt"]

    def test_renamed_output_that_a_person_changed_stays(self, kit: Kit):
        self.own(kit, task("001", "old.txt"))
        kit.write("output/old.txt", "mine\n")
        self.own(kit, task("001", "new.txt"))
        assert kit.tree() == {"old.txt": b"mine\n", "new.txt": b"plain\n"}

    def test_task_that_is_split_is_no_conflict(self, kit: Kit):
        self.own(kit, task("001", "a.txt", outputs=["a.txt", "b.txt"]))
        kit.model.says("002", block("b.txt", "other"))
        self.own(kit, task("001", "a.txt"), task("002", "b.txt"))
        assert kit.tree() == {"a.txt": b"plain\n", "b.txt": b"other\n"}

    def test_tasks_that_are_merged_are_no_conflict(self, kit: Kit):
        self.own(kit, task("001", "a.txt"), task("002", "b.txt"))
        kit.model.says("003", block("a.txt", "A") + "\n" + block("b.txt", "B"))
        self.own(kit, task("003", "a.txt", outputs=["a.txt", "b.txt"]))
        assert kit.tree() == {"a.txt": b"A\n", "b.txt": b"B\n"}

    def test_file_that_goes_to_another_task_is_no_conflict(self, kit: Kit):
        kit.model.says("001", block("a.txt", "one"), block("b.txt", "one"))
        kit.model.says("002", block("b.txt", "two"), block("a.txt", "two"))
        self.own(kit, task("001", "a.txt", title="One"), task("002", "b.txt", title="Two"))
        self.own(kit, task("001", "b.txt", title="One"), task("002", "a.txt", title="Two"))
        assert sorted(kit.tree()) == ["a.txt", "b.txt"]

    @pytest.fixture
    def chain(self, kit: Kit) -> Kit:
        """main.txt by 001, then by 002 beside a file of its own."""
        kit.model.says("001", block("main.txt", "one"))
        kit.model.says("002", block("main.txt", "two") + "\n" + block("b.txt", "two"), block("b.txt", "two"))
        second = task("002", "b.txt", title="Two", outputs=["main.txt", "b.txt"], depends_on=["001"])
        self.own(kit, task("001", "main.txt"), second)
        assert kit.tree()["main.txt"] == b"two\n"
        return kit

    def test_last_writer_that_stops_gives_the_file_back(self, chain: Kit):
        self.own(chain, task("001", "main.txt"), task("002", "b.txt", title="Two", depends_on=["001"]))
        assert chain.tree() == {"main.txt": b"one\n", "b.txt": b"two\n"}
        assert not chain.look().find("001").edited

    def test_last_writer_that_is_gone_gives_the_file_back(self, chain: Kit):
        run = self.own(chain, task("001", "main.txt"))
        assert run.ran == {"001": "restore: main.txt is gone"}
        assert chain.tree()["main.txt"] == b"one\n"

    def test_hand_edit_of_the_last_writers_file_is_still_seen(self, chain: Kit):
        chain.write("output/main.txt", "mine\n")
        chain.plan([task("001", "main.txt")])
        assert chain.look().find("001").edited == ("main.txt",)

    def test_persons_file_comes_back_when_no_task_writes_it(self, kit: Kit):
        kit.write("output/a.txt", "mine\n")
        self.own(kit, task("001", "a.txt"))
        assert kit.tree()["a.txt"] == b"plain\n"
        self.own(kit, task("001", "new.txt"))
        assert kit.tree() == {"a.txt": b"mine\n", "new.txt": b"plain\n"}

    def test_copy_whose_source_is_gone_goes(self, kit: Kit):
        kit.write("context/art/a.svg", "a")
        kit.write("context/art/b.svg", "b")
        copies = task("001", "art/*", source=["art/*"], verify=None)
        self.own(kit, copies)
        (kit.root / "context" / "art" / "b.svg").unlink()
        self.own(kit, copies)
        assert kit.tree() == {"art/a.svg": b"a"}


@pytest.mark.parametrize("name", ["mine.txt", "deep/mine.txt", "new.txt"])
def test_file_that_no_task_writes_voids_the_stamp(kit: Kit, name: str, monkeypatch):
    monkeypatch.setattr("ossature.engine.stamp._SETTLED_NS", -(10**12))
    kit.write("output/mine.txt", "1\n")
    kit.write("output/deep/mine.txt", "1\n")
    kit.plan([task("001", "a.txt", inject_files=["mine.txt"])])
    kit.own()
    Stamping(kit.project).write(1, ["a.txt"], [])
    assert read_stamp(str(kit.root)) == 1
    kit.write(f"output/{name}", "2\n")
    assert read_stamp(str(kit.root)) is None
    kit.write("output/mine.txt", "3\n")
    assert step(kit).ran == {"001": "generate: file mine.txt changed"}
