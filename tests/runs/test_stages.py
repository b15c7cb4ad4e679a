"""What a stage holds: no more and no less than the plan says, with warm caches and a setup below it."""

import json

import pytest

from ossature.domain.event import Noticed, PhaseStarted, TaskFailed
from ossature.errors import ConfigError
from tests.runs.kit import Kit, block, task

LIST = "find . -type f | sort; exit 1"


def seen_by(kit: Kit, task_id: str) -> set[str]:
    """What `find` listed in the newest verify log of a task."""
    lineage = next(shown.lineage for shown in kit.look().tasks if shown.task.id == task_id)
    logs = sorted((kit.root / ".ossature" / "tasks" / lineage).glob("*/verify.log"))
    lines = logs[-1].read_text("utf-8").splitlines()
    return {line.removeprefix("./") for line in lines if line.startswith("./")}


def plan_of_four(kit: Kit, **keys) -> None:
    kit.plan(
        [
            task("001", "a.txt"),
            task("002", "b.txt", depends_on=["001"]),
            task("003", "stranger.txt"),
            task("004", "c.txt", depends_on=["002"], verify=[LIST.replace("exit 1", "true")], **keys),
        ]
    )


class TestExactTree:
    def test_a_stage_holds_what_the_task_waits_for_and_what_nobody_owns(self, kit: Kit):
        kit.write("output/mine.txt", "by hand")
        plan_of_four(kit)
        assert kit.own().code == 0
        assert (kit.output / "stranger.txt").exists()
        assert seen_by(kit, "004") == {"a.txt", "b.txt", "c.txt", "mine.txt"}

    def test_with_isolation_tree_it_holds_all_that_landed_before(self, kit: Kit):
        kit.config('[build]\nisolation = "tree"\n')
        plan_of_four(kit)
        assert kit.own().code == 0
        assert seen_by(kit, "004") == {"a.txt", "b.txt", "stranger.txt", "c.txt"}
        assert kit.own().ran == {}

    def test_with_isolation_tree_a_change_of_any_earlier_file_verifies_again(self, kit: Kit):
        kit.config('[build]\nisolation = "tree"\n')
        plan_of_four(kit)
        kit.own()
        kit.model.says("003", block("stranger.txt", "another"))
        run = kit.own(forced=("003",))
        assert run.ran == {"003": "generate: asked for"}
        run = kit.own()
        assert run.ran == {"004": "verify: input tree changed"}
        assert run.asked == []

    def test_changing_the_isolation_verifies_again_and_asks_no_model(self, kit: Kit):
        plan_of_four(kit)
        kit.own()
        kit.config('[build]\nisolation = "tree"\n')
        run = kit.own()
        assert set(run.ran.values()) == {"verify: input tree changed"}
        assert run.asked == []
        kit.config()
        assert kit.own().asked == []

    def test_an_unknown_isolation_is_refused_with_its_line(self, kit: Kit):
        kit.config('[build]\nisolation = "none"\n')
        with pytest.raises(ConfigError, match='has to be "deps" or "tree"') as caught:
            _ = kit.project
        assert caught.value.place is not None
        assert caught.value.place.line == 11


class TestWhatAVerifyLeaves:
    def test_leftovers_are_removed_and_named_and_do_not_reach_the_next_task(self, kit: Kit):
        kit.plan(
            [
                task("001", "a.txt", verify=["mkdir -p out && touch out/x junk.bin"]),
                task("002", "b.txt", depends_on=["001"], verify=["test ! -e junk.bin", "test ! -e out"]),
            ]
        )
        run = kit.own()
        assert run.code == 0
        assert any("junk.bin, out/" in event.text for event in run.of(Noticed))
        assert not (kit.output / "junk.bin").exists()

    def test_byproducts_land_with_the_task_and_are_no_strangers_to_what_follows(self, kit: Kit):
        kit.plan(
            [
                task("001", "a.txt", verify=["echo locked > a.lock; touch junk"], byproducts=["a.lock"]),
                task("002", "b.txt", depends_on=["001"], verify=["grep -q locked a.lock"]),
                task("003", "c.txt", verify=["test ! -e a.l''ock"]),
            ]
        )
        run = kit.own()
        assert run.code == 0
        assert kit.tree()["a.lock"] == b"locked\n"
        assert not (kit.output / "junk").exists()
        assert kit.own().ran == {}

    def test_a_byproduct_that_is_not_made_is_no_failure(self, kit: Kit):
        kit.plan([task("001", "a.txt", byproducts=["a.lock"])])
        assert kit.own().code == 0
        assert set(kit.tree()) == {"a.txt"}

    def test_two_tasks_may_not_make_one_byproduct_side_by_side(self, kit: Kit):
        kit.plan([task("001", "a.txt", byproducts=["x.lock"]), task("002", "b.txt", byproducts=["x.lock"])])
        assert kit.own().code == 3


class TestWarmCaches:
    def test_a_cache_folder_and_the_mtime_of_an_unchanged_file_stay_between_tasks(self, kit: Kit):
        kit.config("")
        kit.edit("ossature.toml", 'language = "text"', 'language = "rust"')
        first = "mkdir -p target && stat -c %Y.%y a.txt > target/stamp"
        kit.plan(
            [
                task("001", "a.txt", verify=[first]),
                task(
                    "002",
                    "b.txt",
                    depends_on=["001"],
                    verify=['test "$(stat -c %Y.%y a.txt)" = "$(cat target/stamp)"'],
                ),
            ]
        )
        assert kit.own().code == 0
        assert not (kit.output / "target").exists()


class TestSetup:
    def test_it_runs_once_and_what_it_creates_lands_and_is_seen_by_every_task(self, kit: Kit):
        kit.write("output/mine.txt", "by hand")
        commands = ["test -e mine.txt", "mkdir -p conf && echo 1 > conf/base.cfg", "echo n >> $HOME/ran"]
        kit.config(f"[build]\nsetup = {json.dumps(commands)}\n")
        kit.plan(
            [
                task("001", "a.txt", verify=["grep -q 1 conf/base.cfg"]),
                task("002", "b.txt", verify=[LIST.replace("exit 1", "true")]),
            ]
        )
        run = kit.own()
        assert run.code == 0
        assert kit.tree()["conf/base.cfg"] == b"1\n"
        assert seen_by(kit, "002") == {"b.txt", "conf/base.cfg", "mine.txt"}
        kit.edit(".ossature/plan.toml", "Write b.txt", "Write b.txt anew")
        kit.own()
        assert (kit.root / ".ossature" / "work" / "0" / "home" / "ran").read_text() == "n\n"

    def test_a_red_setup_ends_the_build_before_any_model_is_asked(self, kit: Kit):
        kit.config('[build]\nsetup = "echo error: no compiler; exit 3"\n')
        run = kit.own()
        assert run.code == 1
        assert run.asked == []
        assert "setup is red: error: no compiler" in run.end.reason
        folder = next((kit.root / ".ossature" / "runs").iterdir())
        assert "no compiler" in (folder / "setup.log").read_text()

    def test_other_commands_make_it_run_again_and_tasks_are_verified_without_a_model(self, kit: Kit):
        kit.config('[build]\nsetup = "echo 1 > base.cfg; echo old > old.cfg"\n')
        kit.plan([task("001", "a.txt")])
        kit.own()
        assert kit.look().is_verified
        kit.config('[build]\nsetup = "echo 2 > base.cfg"\n')
        assert not kit.look().is_verified
        assert kit.look().may_run == {"001": "if what [build] setup makes changes"}
        run = kit.own()
        assert run.asked == []
        assert run.ran == {"001": "verify: input tree changed"}
        assert kit.tree()["base.cfg"] == b"2\n"
        assert "old.cfg" not in kit.tree()
        assert [event.phase for event in kit.own().of(PhaseStarted)] == ["validate", "build"]

    def test_a_task_may_write_a_file_of_the_setup_and_is_shown_it(self, kit: Kit):
        kit.config('[build]\nsetup = "echo from the setup > main.txt"\n')
        kit.plan([task("001", "main.txt")])
        kit.model.says("001", block("main.txt", "from the task"))
        run = kit.own()
        assert run.code == 0
        assert "from the setup" in kit.model.calls[0].prompt
        assert kit.tree()["main.txt"] == b"from the task\n"
        assert kit.own().ran == {}
        assert kit.tree()["main.txt"] == b"from the task\n"

    def test_what_a_person_has_is_not_overwritten(self, kit: Kit):
        kit.write("output/mine.txt", "by hand")
        kit.write("output/a.txt", "mine, where a task will write")
        kit.config('[build]\nsetup = "echo x > mine.txt; echo x > a.txt; echo x > new.txt"\n')
        kit.plan([task("001", "b.txt"), task("002", "a.txt", verify=["exit 1"])])
        run = kit.own()
        assert any("setup changed" in event.text for event in run.of(Noticed))
        assert kit.tree()["mine.txt"] == b"by hand"
        assert kit.tree()["a.txt"] == b"mine, where a task will write"
        assert kit.tree()["new.txt"] == b"x\n"

    def test_a_deleted_file_of_the_setup_is_put_back_without_running_it(self, kit: Kit):
        kit.config('[build]\nsetup = "echo $RANDOM$$ > base.cfg"\n')
        kit.own()
        before = kit.tree()["base.cfg"]
        (kit.output / "base.cfg").unlink()
        kit.own()
        assert kit.tree()["base.cfg"] == before

    def test_environments_are_left_out_and_named(self, kit: Kit):
        kit.config(
            '[build]\nsetup = "mkdir -p node_modules/x && touch node_modules/x/y && touch lock.json"\n'
        )
        run = kit.own()
        assert any("left out node_modules/" in event.text for event in run.of(Noticed))
        assert "lock.json" in kit.tree()
        assert not (kit.output / "node_modules").exists()

    def test_its_time_is_limited(self, kit: Kit):
        kit.config('[build]\nsetup = "sleep 50"\nsetup_timeout_s = 0.2\n')
        run = kit.own()
        assert run.code == 1
        assert "still running" in run.end.reason

    def test_nothing_of_it_is_a_failure_of_a_task(self, kit: Kit):
        kit.config('[build]\nsetup = "exit 1"\n')
        run = kit.own()
        assert run.of(TaskFailed) == []
        assert run.code == 1
