"""Whatever a person, a model or a command gets wrong ends in a sentence and an exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ossature.domain.event import ReplyRefused, TaskFailed, VerifyFinished
from ossature.engine.preview import look
from ossature.errors import OssatureError
from ossature.llm.client import ModelError
from tests.runs.kit import (
    LIB,
    OPEN,
    Kit,
    ScriptedKit,
    block,
    build,
    cli,
    five_tasks,
    plan_text,
    refuse_traceback,
    task,
)


def one_task(kit: Kit, **keys: object) -> None:
    kit.plan([task("001", "shelf.txt", **keys)])


class TestReplies:
    """One round to mend a reply, then a typed failure."""

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("I cannot do that.", "no <file path"),
            ("", "no <file path"),
            (block("other.txt", "x"), "`other.txt` is not one that this task may write"),
            (block("shelf.txt", "x") + "\n" + block("other.txt", "x"), "`other.txt`"),
            (block("../shelf.txt", "x"), "not a plain relative path"),
            (block("a/../../shelf.txt", "x"), "not a plain relative path"),
            (block("/etc/passwd", "x"), "not a plain relative path"),
            (block("~/shelf.txt", "x"), "not a plain relative path"),
            (block("shelf.txt\u202e", "x"), "not a plain relative path"),
            (block("", "x"), "not a plain relative path"),
            ('<file path="shelf.txt">\nhalf of', "half a reply"),
            ("<file>\nx\n</file>", "Malformed tag"),
            (
                '<edit path="shelf.txt">\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n</edit>',
                "does not exist",
            ),
            (block("shelf.txt", "a") + "\n" + block("shelf.txt", "b"), "more than once"),
        ],
    )
    def test_bad_reply_is_answered_once_and_then_fails(self, kit: Kit, text: str, reason: str):
        kit.model.says("001", text)
        run = kit.own()
        assert run.code == 1
        assert run.asked == ["implement 001", "implement 001"]
        assert reason in kit.model.calls[1].prompt
        assert [event.reason for event in run.of(ReplyRefused)] == [run.of(ReplyRefused)[0].reason] * 2
        (failed,) = run.of(TaskFailed)
        assert reason in failed.reason
        assert kit.tree() == {}
        assert run.landed == []

    @pytest.mark.parametrize("text", ["I cannot do that.", block("../shelf.txt", "x")])
    def test_mended_reply_lands(self, kit: Kit, text: str):
        one_task(kit)
        kit.model.says("001", text, block("shelf.txt", "good"))
        run = kit.own()
        assert run.code == 0
        assert kit.tree() == {"shelf.txt": b"good\n"}
        folders = [json.loads((path / "attempt.json").read_text()) for path in kit.attempts()]
        assert [meta["verdict"] for meta in folders] == ["refused", "ok"]

    def test_missing_output_is_named(self, kit: Kit):
        kit.plan([task("001", "a.txt", outputs=["a.txt", "b.txt"])])
        kit.model.says("001", block("a.txt", "x"))
        run = kit.own()
        assert run.code == 1
        assert "b.txt" in run.of(TaskFailed)[0].reason

    def test_empty_file_is_a_file(self, kit: Kit):
        one_task(kit, verify=["test -e shelf.txt"])
        kit.model.says("001", block("shelf.txt", ""))
        assert kit.own().code == 0
        assert kit.tree() == {"shelf.txt": b""}

    def test_reply_of_ten_megabytes_lands(self, kit: Kit):
        one_task(kit)
        kit.model.says("001", block("shelf.txt", "x" * 79 + "\n" + ("y" * 79 + "\n") * 131072))
        run = kit.own()
        assert run.code == 0
        assert len(kit.tree()["shelf.txt"]) > 10_000_000

    def test_lone_surrogates_and_controls_do_no_harm(self, kit: Kit):
        one_task(kit)
        kit.model.says("001", "note \ud800 \x1b[2J\n" + block("shelf.txt", "a\ud800b\x00\x1b]52;c;x\x07"))
        run = kit.own()
        assert run.code in (0, 1)
        assert run.end.kind == "run_finished"

    @pytest.mark.parametrize("kind", ["auth", "timeout", "content_filter", "quota", "unknown"])
    def test_model_that_fails_fails_the_task(self, kit: Kit, kind: str):
        kit.model.says("001", ModelError("no", kind=kind, hint="pay", is_retryable=False))
        run = kit.own()
        assert run.code == 1
        assert run.of(TaskFailed)[0].reason == "no"
        assert run.of(TaskFailed)[0].hint == "pay"
        kit.model.script.clear()
        assert kit.own().code == 0

    def test_bug_of_ours_is_told_and_the_journal_is_whole(self, kit: Kit):
        kit.model.says("001", RuntimeError("boom"))
        run = kit.own()
        assert run.code == 1
        assert "internal error" in run.end.reason
        (log,) = (kit.root / ".ossature" / "runs").glob("*/crash.log")
        assert "boom" in log.read_text()


class TestPlaces:
    """What stands where a file should go."""

    @pytest.fixture
    def outside(self, tmp_path: Path) -> Path:
        folder = tmp_path / "outside"
        folder.mkdir()
        (folder / "shelf.txt").write_text("theirs")
        return folder

    def refused(self, kit: Kit, outside: Path) -> None:
        run = kit.own()
        assert run.code != 0
        assert run.end.kind == "run_finished"
        assert (outside / "shelf.txt").read_text() == "theirs"
        assert sorted(path.name for path in outside.iterdir()) == ["shelf.txt"]
        assert not run.landed

    def test_output_that_is_a_link(self, kit: Kit, outside: Path):
        one_task(kit)
        kit.output.mkdir()
        (kit.output / "shelf.txt").symlink_to(outside / "shelf.txt")
        self.refused(kit, outside)

    def test_folder_of_an_output_that_is_a_link(self, kit: Kit, outside: Path):
        kit.plan([task("001", "deep/shelf.txt")])
        kit.output.mkdir()
        (kit.output / "deep").symlink_to(outside)
        self.refused(kit, outside)

    def test_output_that_is_a_folder(self, kit: Kit, outside: Path):
        one_task(kit)
        (kit.output / "shelf.txt").mkdir(parents=True)
        self.refused(kit, outside)

    def test_output_folder_that_is_a_file(self, kit: Kit, outside: Path):
        one_task(kit)
        kit.write("output", "a file")
        self.refused(kit, outside)

    def test_output_that_is_a_pipe(self, kit: Kit, outside: Path):
        one_task(kit)
        kit.output.mkdir()
        os.mkfifo(kit.output / "shelf.txt")
        self.refused(kit, outside)

    def test_link_that_a_verify_leaves_is_not_landed(self, kit: Kit, outside: Path):
        one_task(kit, verify=[f"rm shelf.txt; ln -s {outside}/shelf.txt shelf.txt"])
        self.refused(kit, outside)

    def test_output_that_a_verify_removes_fails(self, kit: Kit):
        one_task(kit, verify=["rm shelf.txt"])
        run = kit.own()
        assert run.code == 1
        assert "the verify removed shelf.txt" in run.of(TaskFailed)[0].reason

    def test_output_that_a_verify_rewrites_lands_as_it_left_it(self, kit: Kit):
        one_task(kit, verify=["echo more >> shelf.txt"])
        assert kit.own().code == 0
        assert kit.tree() == {"shelf.txt": b"plain\nmore\n"}
        assert kit.own().ran == {}

    def test_what_else_a_verify_makes_does_not_land(self, kit: Kit):
        kit.plan(
            [
                task("001", "a.txt", verify=["mkdir -p junk/deep && touch junk/deep/x y"]),
                task("002", "b.txt", depends_on=["001"], verify=["test ! -e junk && test ! -e y"]),
            ]
        )
        assert kit.own().code == 0
        assert sorted(kit.tree()) == ["a.txt", "b.txt"]

    def test_stage_holds_only_what_a_task_may_see(self, kit: Kit):
        kit.plan(
            [
                task("001", "a.txt"),
                task("002", "b.txt", verify=['test "$(ls)" = b.txt']),
                task("003", "c.txt", depends_on=["001"], verify=["test $(ls | wc -l) = 2", "test -s a.txt"]),
            ]
        )
        assert kit.own().code == 0

    def test_broken_ledger_blob_is_an_error_with_a_way_out(self, kit: Kit):
        one_task(kit)
        assert kit.own().code == 0
        for path in (kit.root / ".ossature" / "blobs").glob("*/*"):
            path.write_bytes(b"junk")
        (kit.output / "shelf.txt").unlink()
        run = kit.own()
        assert run.code == 1
        assert "damaged" in run.end.reason
        assert "--force" in run.end.hint
        assert kit.own(forced=("*",)).code == 0
        assert kit.tree() == {"shelf.txt": b"plain\n"}


class TestVerify:
    def verdicts(self, run) -> list[str]:
        return [event.verdict for event in run.of(VerifyFinished)]

    def test_command_that_does_not_exist_pays_no_fixer(self, kit: Kit):
        one_task(kit, verify=["no-such-tool --check shelf.txt"])
        run = kit.own()
        assert run.code == 1
        assert run.asked == ["implement 001"]
        assert self.verdicts(run) == ["command_not_found"]
        assert "no fixer was paid" in run.of(TaskFailed)[0].hint

    def test_command_that_hangs_is_ended_and_fixed(self, kit: Kit):
        one_task(kit, verify=["test -e go || sleep 600", "grep -q good shelf.txt"], timeout_s=0.3)
        kit.config("[build]\nmax_fix_attempts = 1\n")
        kit.model.says("fix 001", block("shelf.txt", "good"))
        run = kit.own()
        assert run.code == 1
        assert self.verdicts(run) == ["timed_out", "timed_out"]
        assert run.asked == ["implement 001", "fix 001"]
        assert "time limit" in kit.model.calls[1].prompt

    def test_output_of_thirty_megabytes_is_no_trouble(self, kit: Kit):
        one_task(kit, verify=["head -c 30000000 /dev/zero | tr '\\0' x; exit 1"])
        kit.config("[build]\nmax_fix_attempts = 0\n")
        run = kit.own()
        assert run.code == 1
        assert self.verdicts(run) == ["failed"]
        size = sum(path.stat().st_size for path in (kit.root / ".ossature").rglob("*") if path.is_file())
        assert size < 20_000_000

    @pytest.mark.parametrize("command", ["kill -9 $$", "kill -9 0", "kill -SEGV $$"])
    def test_shell_that_is_killed_is_a_failure(self, kit: Kit, command: str):
        one_task(kit, verify=[command])
        kit.config("[build]\nmax_fix_attempts = 0\n")
        run = kit.own()
        assert run.code == 1
        assert self.verdicts(run) == ["failed"]
        assert "signal" in run.of(TaskFailed)[0].reason

    @pytest.mark.parametrize("limit", [0, 1, 2, 5])
    def test_fixes_are_as_many_as_the_config_says(self, kit: Kit, limit: int):
        one_task(kit, verify=["cat shelf.txt; exit 1"])
        kit.config(f"[build]\nmax_fix_attempts = {limit}\n")
        kit.model.says("fix 001", *(block("shelf.txt", f"version {chr(97 + n)}") for n in range(9)))
        run = kit.own()
        assert run.code == 1
        assert run.asked == ["implement 001", *["fix 001"] * limit]
        assert kit.tree() == {}

    def test_same_failure_twice_ends_early(self, kit: Kit):
        one_task(kit, verify=["echo still wrong; exit 1"])
        kit.model.says("fix 001", block("shelf.txt", "a"), block("shelf.txt", "b"))
        run = kit.own()
        assert run.asked == ["implement 001", "fix 001"]
        assert "changed nothing about it" in run.of(TaskFailed)[0].reason

    def test_fixer_sees_the_spec_the_command_its_output_and_the_file(self, kit: Kit):
        one_task(kit, verify=["echo the shelf leans; grep -q good shelf.txt"])
        kit.model.says("fix 001", block("shelf.txt", "good"))
        run = kit.own()
        assert run.code == 0
        prompt = kit.model.calls[1].prompt
        for part in ("Counts parcels on a shelf.", "grep -q good shelf.txt", "the shelf leans", "plain"):
            assert part in prompt

    def test_later_commands_do_not_run_after_a_red_one(self, kit: Kit, tmp_path: Path):
        one_task(kit, verify=["false", f"touch {tmp_path}/ran"])
        kit.config("[build]\nmax_fix_attempts = 0\n")
        assert kit.own().code == 1
        assert not (tmp_path / "ran").exists()

    def test_no_command_at_all_lands(self, kit: Kit):
        one_task(kit, verify=None)
        assert kit.own().code == 0

    def test_verify_sees_no_key(self, kit: Kit, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
        one_task(kit, verify=["env > shelf.txt"])
        assert kit.own().code == 0
        assert b"canary" not in kit.tree()["shelf.txt"]

    def test_final_verify_that_is_red_is_exit_1_and_nothing_is_rolled_back(self, kit: Kit):
        kit.config('[build]\nverify = ["test -s help.txt", "test -e missing"]\n')
        run = kit.own()
        assert run.code == 1
        assert len(run.landed) == 5
        assert len(kit.tree()) == 5

    def test_keep_going_builds_what_does_not_wait(self, kit: Kit):
        tasks = [*five_tasks(), task("006", "other.txt")]
        tasks[1]["verify"] = ["false"]
        kit.plan(tasks)
        run = kit.own(keeps_going=True)
        assert run.code == 1
        assert run.landed == ["001", "003", "006"]
        assert run.blocked == ["004", "005"]
        again = kit.own(keeps_going=True)
        assert (again.code, again.landed, again.rest) == (1, [], ["001", "003", "006"])

    def test_without_keep_going_the_first_failure_ends_the_run(self, kit: Kit):
        tasks = five_tasks()
        tasks[1]["verify"] = ["false"]
        kit.plan(tasks)
        run = kit.own()
        assert (run.code, run.landed) == (1, ["001"])


def broken_plan(**keys: object) -> str:
    return plan_text([task("001", "shelf.txt", **keys)])


NESTED = "[" * 3000
PLANS = [
    ("", 0, "nothing to do"),
    ("[[task", 3, "invalid TOML"),
    ("\x00", 3, "invalid TOML"),
    (b"\xff\xfe", 3, "not UTF-8"),
    (f"a = {NESTED}", 3, "nested too deeply"),
    ("task = 3", 3, "array of tables"),
    ("task = [3]", 3, "array of tables"),
    ("[task]\nid = 'x'", 3, "array of tables"),
    ("[[task]]\n", 3, "`id` is missing"),
    (broken_plan(id=7), 3, "`id` has to be a string"),
    (broken_plan(outputs="shelf.txt"), 3, "`outputs` has to be a list"),
    (broken_plan(outputs=[]), 3, "`outputs` is empty"),
    (broken_plan(outputs=["../x"]), 3, "outputs: the path"),
    (broken_plan(outputs=["/etc/passwd"]), 3, "is absolute"),
    (broken_plan(outputs=["a/.git/hooks/x"]), 3, "goes into .git"),
    (broken_plan(outputs=[".ossature/ledger.jsonl"]), 3, "goes into .ossature"),
    (broken_plan(outputs=["a.txt", "A.txt"]), 3, "twice"),
    (broken_plan(outputs=["a\x1b[2J"]), 3, "invisible character"),
    (broken_plan(outputs=["x" * 300]), 3, "more than 255 bytes"),
    (broken_plan(depends_on=["009"]), 3, "depends on 009"),
    (broken_plan(depends_on=["001"]), 3, "depends on itself"),
    (broken_plan(spec="NOPE"), 3, "NOPE, which is no spec"),
    (broken_plan(spec_refs=["Cuont"]), 3, "did you mean"),
    (broken_plan(arch_refs=["Components > Shelv"]), 3, "did you mean"),
    (broken_plan(inject_files=["missing.txt"]), 3, "shows missing.txt"),
    (broken_plan(context_files=["missing.txt"]), 3, "does not exist"),
    (broken_plan(context_files=["../ossature.toml"]), 3, "context_files: the path"),
    (broken_plan(cross_spec_interfaces=["NOPE"]), 3, "NOPE"),
    (broken_plan(kind="verify"), 3, "not supported yet"),
    (broken_plan(kind="dance"), 3, "not known"),
    (broken_plan(timeout_s=-1), 3, "not negative"),
    (broken_plan(timeout_s="soon"), 3, "not negative"),
    (broken_plan() + broken_plan(), 3, "taken by the task"),
    (broken_plan() + broken_plan(id="002"), 3, "without depending on it"),
    (
        plan_text([task("001", "a.txt", depends_on=["002"]), task("002", "b.txt", depends_on=["001"])]),
        3,
        "wait for each other",
    ),
    (broken_plan(status="dancing"), 0, "1 landed"),
    (broken_plan(title="[/x] \x1b[2J" + "long " * 100), 0, "1 landed"),
    (broken_plan(unknown=[[1], ["a"]]), 0, "1 landed"),
]


@pytest.mark.parametrize(("plan", "code", "said"), PLANS, ids=range(len(PLANS)))
def test_plan_that_cannot_be_built_is_told(kit: Kit, plan: str | bytes, code: int, said: str):
    kit.write(".ossature/plan.toml", plan)
    view = look(kit.project)
    run = kit.own()
    assert run.code == code
    assert said in run.end.reason, run.end.reason
    if code:
        assert run.end.hint
        assert run.asked == []
        assert any(item.severity == "error" for item in view.diagnostics)


def test_no_plan_is_exit_3(kit: Kit):
    kit.plan_path.unlink()
    run = kit.own()
    assert run.code == 3
    assert "ossature audit" in run.end.hint


SPECS = [
    ("", "lib.smd"),
    ("# Library\n", "lib.smd"),
    (b"\xff\xfe\x00", "NUL bytes"),
    (b"\xff\xfe", "lib.smd"),
    (LIB.replace("id: LIB", "id: ../LIB"), "lib.smd"),
    (LIB.replace("id: LIB", "id: APP"), "APP"),
    (LIB.replace("depends: []", "depends: [NOPE]"), "NOPE"),
    (LIB.replace("depends: []", "depends: [APP]"), "LIB -> APP"),
    (LIB.replace("depends: []", "depends: [LIB]"), "lib.smd"),
    (LIB.replace("depends: []", "depends: {"), "lib.smd"),
    (LIB.replace("---\n\n# Library", "\n\n# Library"), "lib.smd"),
]


@pytest.mark.parametrize(("text", "said"), SPECS, ids=range(len(SPECS)))
@pytest.mark.parametrize("goal", ["build", "audit"])
def test_spec_with_an_error_stops_before_any_call(kit: Kit, text: str | bytes, said: str, goal: str):
    kit.write("specs/lib.smd", text)
    run = kit.own(goal)
    assert run.code == 1
    assert "the specs have" in run.end.reason
    told = [f"{e.place} {e.text}" for e in run.events if e.kind == "noticed" and e.level == "error"]
    assert any(said in line for line in told), told
    assert run.asked == []


def test_no_specs_at_all_is_told(kit: Kit):
    (kit.root / "specs" / "lib.smd").unlink()
    (kit.root / "specs" / "app.smd").unlink()
    (kit.root / "specs" / "lib.amd").unlink()
    kit.plan_path.unlink()
    run = kit.own("audit")
    assert run.code == 1
    assert run.asked == []


CONFIGS = [
    ("", 0),
    ("[project", 2),
    (b"\xff", 2),
    ("[build]\nmax_fix_attempts = 'three'\n", 2),
    ("[build]\nmax_fix_attempts = true\n", 2),
    ("[build]\nmax_fix_attempts = -1\n", 2),
    ("[build]\ntimeout_s = nan\n", 2),
    ("[build]\ntimeout_s = inf\n", 2),
    ("[build]\ntimeout_s = 0\n", 2),
    ("[llm]\ntimeout_s = 0\n", 2),
    ("[build]\nverify = [3]\n", 2),
    ("[build]\nmax_fix_attempts = 99999999999999999999\n", 2),
    ("build = 3\n", 2),
    ("[[build]]\n", 2),
    ("[output]\ndir = '../x'\n", 2),
    ("[output]\ndir = '/tmp'\n", 2),
    ("[output]\ndir = ''\n", 2),
    ("[output]\ndir = '.ossature/x'\n", 2),
    ("[output]\ndir = 'specs'\n", 2),
    ("[output]\ndir = '.git'\n", 2),
    ("[project]\nspec_dir = '../specs'\n", 2),
    ("[llm]\nmodel = 3\n", 2),
    ("[mood]\ngood = true\n", 0),
    (f"a = {NESTED}", 2),
]


@pytest.mark.parametrize(("text", "code"), CONFIGS, ids=range(len(CONFIGS)))
def test_config_that_cannot_be_used_is_exit_2(kit: Kit, text: str | bytes, code: int):
    kit.write("ossature.toml", text)
    try:
        found = 0
        kit.project  # noqa: B018  # reading is the act
    except OssatureError as error:
        found = error.exit_code
        assert "ossature.toml" in str(error)
        assert str(error).count("\n") == 0
    assert found == code


@pytest.mark.parametrize(
    "arguments",
    [
        ["build", "--sandbox", OPEN],
        ["status"],
        ["audit"],
        ["validate"],
        ["plan"],
        ["why", "001"],
        ["build", "-n"],
    ],
)
@pytest.mark.parametrize("what", ["plan", "spec", "config", "ledger", "folder"])
def test_no_command_shows_a_traceback(scripted: ScriptedKit, what: str, arguments: list[str]):
    junk = os.urandom(300) + b"\n[[task]]\n\xff"
    name = {
        "plan": ".ossature/plan.toml",
        "spec": "specs/lib.smd",
        "config": "ossature.toml",
        "ledger": ".ossature/ledger.jsonl",
    }
    if what == "folder":
        (scripted.root / ".ossature" / "ledger.jsonl").mkdir()
    else:
        scripted.write(name[what], junk)
    scripted.says("audit", '{"findings": []}')
    scripted.says("cross_audit", '{"findings": []}')
    done = cli(scripted.root, *arguments)
    assert done.returncode in (0, 1, 2, 3)
    if what == "config":
        assert done.returncode == 2
        assert "ossature.toml" in done.stderr


class TestExecModel:
    @pytest.mark.parametrize("junk", [bytes(range(256)) * 40, b"\xff\xfe" * 1000, b"\x00" * 5000])
    def test_binary_reply_is_refused(self, scripted: ScriptedKit, junk: bytes):
        scripted.says("implement-001", junk)
        done = build(scripted.root)
        assert done.returncode == 1
        assert scripted.calls() == ["implement 001"] * 2

    def test_reply_that_never_ends_is_cut(self, scripted: ScriptedKit):
        scripted.config(model="exec:yes")
        done = build(scripted.root)
        assert done.returncode == 1
        assert "MiB" in done.stdout + done.stderr

    def test_command_that_is_not_there(self, scripted: ScriptedKit):
        scripted.config(model="exec:/no/such/model")
        done = build(scripted.root)
        assert done.returncode == 1
        assert "was not found" in done.stdout

    def test_model_that_is_not_set(self, scripted: ScriptedKit):
        scripted.config(model="")
        done = build(scripted.root)
        assert done.returncode == 1
        assert "no model is set" in done.stdout


def test_internal_errors_would_be_seen():
    with pytest.raises(AssertionError):
        refuse_traceback("x\nTraceback (most recent call last):\n")
