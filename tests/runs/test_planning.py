"""Audit and plan: what is asked, what is kept, and what becomes of a person's edits."""

from __future__ import annotations

import json

import pytest

from ossature.domain.decision import Approve, Skip
from ossature.domain.event import PlanWritten, ReplyRefused
from ossature.store.plan_reading import read_plan
from tests.runs.kit import Kit, ScriptedKit, block, cli, planned, until
from tests.runs.test_seam import decide
from tests.support.sampling import some

ALL = [
    "audit LIB",
    "audit APP",
    "cross_audit",
    "brief",
    "brief LIB",
    "brief APP",
    "plan LIB",
    "plan APP",
]


def two_tasks() -> str:
    first = planned("shelf", "shelf.txt", "LIB")
    return json.dumps({"tasks": [first, planned("label", "label.txt", "LIB", depends_on=["shelf"])]})


@pytest.fixture
def fresh(kit: Kit) -> Kit:
    """Specs and no plan."""
    kit.plan_path.unlink()
    kit.model.says("plan LIB", two_tasks())
    kit.model.says(
        "plan APP", json.dumps({"tasks": [planned("show", "show.txt", "APP", cross_spec_interfaces=["LIB"])]})
    )
    return kit


@pytest.fixture
def audited(fresh: Kit) -> Kit:
    assert fresh.own("audit").code == 0
    return fresh


def blocks(kit: Kit) -> dict[str, str]:
    """Task id -> its lines in the plan file."""
    parts = kit.plan_path.read_text("utf-8").split("[[task]]")[1:]
    return {part.split('id = "')[1][:3]: part.strip() for part in parts}


def test_everything_is_asked_once_in_order(fresh: Kit):
    run = fresh.own("audit")
    assert run.code == 0
    assert run.asked == ALL
    plan = read_plan(fresh.plan_path, name="plan")
    assert [(task.id, task.spec, task.outputs, task.depends_on) for task in plan.tasks] == [
        ("001", "LIB", ("shelf.txt",), ()),
        ("002", "LIB", ("label.txt",), ("001",)),
        ("003", "APP", ("show.txt",), ()),
    ]
    assert fresh.own().landed == ["001", "002", "003"]


def test_unchanged_specs_make_no_call(audited: Kit):
    before = audited.plan_path.read_bytes()
    for _ in range(2):
        run = audited.own("audit")
        assert (run.code, run.asked) == (0, [])
    assert audited.plan_path.read_bytes() == before


def test_goal_all_builds_and_then_has_nothing_to_do(fresh: Kit):
    assert fresh.own("all").landed == ["001", "002", "003"]
    again = fresh.own("all")
    assert (again.code, again.asked, again.ran) == (0, [], {})


def test_no_change_of_status_asks(audited: Kit):
    audited.edit("specs/lib.smd", "status: draft", "status: approved")
    assert audited.own("audit").asked == []


def test_changed_spec_is_planned_alone_and_the_rest_stays(audited: Kit):
    before = blocks(audited)
    audited.edit("specs/app.smd", "Prints the count.", "Prints each count.")
    run = audited.own("audit")
    assert run.code == 0
    assert run.asked == ["audit APP", "cross_audit", "brief", "brief APP", "plan APP"]
    after = blocks(audited)
    assert after["001"] == before["001"]
    assert after["002"] == before["002"]
    assert read_plan(audited.plan_path, name="plan").find("3").outputs == ("show.txt",)


def test_changed_upstream_spec_with_the_same_interface_is_planned_alone(audited: Kit):
    audited.edit("specs/lib.smd", "Weighs one parcel.", "Weighs a parcel.")
    run = audited.own("audit")
    assert "plan LIB" in run.asked
    assert "plan APP" not in run.asked


def test_changed_interface_plans_what_uses_it(audited: Kit):
    audited.edit("specs/lib.amd", "count() -> number", "count(all) -> number")
    run = audited.own("audit")
    assert "plan LIB" in run.asked
    assert "plan APP" in run.asked


def test_new_spec_is_planned_and_others_are_not(audited: Kit):
    before = blocks(audited)
    text = (audited.root / "specs" / "app.smd").read_text("utf-8")
    audited.write(
        "specs/new.smd", text.replace("id: APP", "id: NEW").replace("depends: [LIB]", "depends: []")
    )
    audited.model.says(
        "plan NEW", json.dumps({"tasks": [planned("n", "new.txt", "NEW", spec_refs=["Show"])]})
    )
    run = audited.own("audit")
    assert run.code == 0, run.end
    assert [call for call in run.asked if call.startswith("plan")] == ["plan NEW"]
    after = blocks(audited)
    assert {key: after[key] for key in before} == before
    assert "004" in after


def test_spec_that_is_gone_leaves_the_plan(audited: Kit):
    before = blocks(audited)
    (audited.root / "specs" / "app.smd").unlink()
    run = audited.own("audit")
    assert run.code == 0
    assert [call for call in run.asked if call.startswith("plan")] == []
    assert blocks(audited) == {key: before[key] for key in ("001", "002")}


def test_lost_task_plans_those_that_waited_for_it(audited: Kit):
    tasks = json.dumps({"tasks": [planned("show", "show.txt", "APP", depends_on=["002"])]})
    audited.model.says("plan APP", tasks)
    audited.edit("specs/app.smd", "Prints the count.", "Prints each count.")
    assert audited.own("audit").code == 0
    audited.model.says("plan LIB", json.dumps({"tasks": [planned("shelf", "shelf.txt", "LIB")]}))
    audited.model.says(
        "plan APP", json.dumps({"tasks": [planned("show", "show.txt", "APP", depends_on=["001"])]})
    )
    audited.edit("specs/lib.smd", "Weighs one parcel.", "Weighs a parcel.")
    run = audited.own("audit")
    assert "plan APP" in run.asked
    assert not audited.look().loaded.plan_errors


class TestEdits:
    """A person's edits of the plan."""

    @pytest.fixture
    def edited(self, audited: Kit) -> Kit:
        audited.edit(".ossature/plan.toml", 'id = "001"', 'id = "001"  # mine')
        audited.edit(
            ".ossature/plan.toml", 'title = "Write label.txt"', 'title = "Label it"\nnotes = "Trap."'
        )
        other = planned("show", "show.txt", "APP", cross_spec_interfaces=["LIB"], description="Shows all.")
        audited.model.says("plan APP", json.dumps({"tasks": [other]}))
        return audited

    def test_edits_alone_ask_nothing_and_stay(self, edited: Kit):
        before = edited.plan_path.read_bytes()
        assert edited.own("audit").asked == []
        assert edited.plan_path.read_bytes() == before

    def test_headless_writes_a_proposal_beside_it(self, edited: Kit):
        before = edited.plan_path.read_bytes()
        edited.edit("specs/app.smd", "Prints the count.", "Prints each count.")
        run = edited.own("audit")
        assert run.code == 1
        assert edited.plan_path.read_bytes() == before
        assert run.of(PlanWritten)[0].is_proposal
        proposal = (edited.root / ".ossature" / "plan.proposed.toml").read_text("utf-8")
        assert "# mine" in proposal
        assert "Label it" in proposal

    def test_proposal_that_was_not_taken_is_not_paid_for_again(self, edited: Kit):
        edited.edit("specs/app.smd", "Prints the count.", "Prints each count.")
        assert "plan APP" in edited.own("audit").asked
        again = edited.own("audit")
        assert again.code == 1
        assert again.asked == []

    def test_proposal_that_changes_nothing_asks_nothing(self, edited: Kit):
        same = planned("show", "show.txt", "APP", cross_spec_interfaces=["LIB"])
        edited.model.says("plan APP", json.dumps({"tasks": [same]}))
        before = edited.plan_path.read_bytes()
        edited.edit("specs/app.smd", "Prints the count.", "Prints each count.")
        assert edited.own("audit").code == 0
        assert edited.plan_path.read_bytes() == before
        assert edited.own("audit").asked == []

    def test_proposal_put_in_the_place_of_the_plan_settles_it(self, edited: Kit):
        edited.edit("specs/app.smd", "Prints the count.", "Prints each count.")
        assert edited.own("audit").code == 1
        (edited.root / ".ossature" / "plan.proposed.toml").replace(edited.plan_path)
        again = edited.own("audit")
        assert again.code == 0
        assert again.asked == []

    def test_approved_plan_keeps_comments_notes_and_other_blocks(self, edited: Kit):
        before = blocks(edited)
        edited.edit("specs/app.smd", "Prints the count.", "Prints each count.")
        run = edited.answering(decide(Approve), goal="audit")
        assert run.code == 0
        assert {key: blocks(edited)[key] for key in ("001", "002")} == {
            key: before[key] for key in ("001", "002")
        }
        assert edited.own("audit").asked == []

    @pytest.mark.parametrize("is_in_the_way", [False, True])
    def test_what_is_edited_while_the_question_is_open_counts_too(self, edited: Kit, is_in_the_way: bool):
        def edit_and_approve(attachment, question):
            edited.edit(".ossature/plan.toml", 'notes = "Trap."', 'notes = "Trap, mind it."')
            if is_in_the_way:
                edited.edit(".ossature/plan.toml", 'id = "002"', 'id = "003"')
            decide(Approve)(attachment, question)

        edited.edit("specs/app.smd", "Prints the count.", "Prints each count.")
        run = edited.answering(edit_and_approve, goal="audit")
        plan = edited.plan_path.read_text("utf-8")
        assert "Trap, mind it." in plan
        assert run.of(PlanWritten)[0].is_proposal is is_in_the_way
        assert ("Shows all." in plan) is not is_in_the_way

    @pytest.mark.parametrize("when", ["planning", "asked"])
    def test_plan_saved_in_another_encoding_meanwhile_stays_beside_a_proposal(self, edited: Kit, when: str):
        before = edited.plan_path.read_bytes()
        reply = edited.model.script["plan APP"][0]
        saved = b"# caf\xe9\n" + before

        def save_and_reply(request):
            edited.plan_path.write_bytes(saved)
            return reply

        def save_and_approve(attachment, question):
            edited.plan_path.write_bytes(saved)
            decide(Approve)(attachment, question)

        edited.edit("specs/app.smd", "Prints the count.", "Prints each count.")
        if when == "planning":
            edited.model.says("plan APP", save_and_reply)
        run = edited.answering(*([save_and_approve] if when == "asked" else []), goal="audit")
        assert [event.is_proposal for event in run.of(PlanWritten)] == [True]
        assert edited.plan_path.read_bytes() == saved
        assert "Shows all." in edited.project.proposed_plan_path.read_text("utf-8")

    def test_notes_and_skips_survive_a_new_plan_of_their_own_spec(self, edited: Kit):
        edited.edit(".ossature/plan.toml", 'notes = "Trap."', 'notes = "Trap."\nstatus = "skipped"')
        edited.edit("specs/lib.smd", "Weighs one parcel.", "Weighs a parcel.")
        run = edited.answering(decide(Approve), goal="audit")
        assert run.code == 0
        second = read_plan(edited.plan_path, name="plan").find("2")
        assert (second.notes, second.intent) == ("Trap.", "skipped")

    def test_declined_plan_stays_as_it_was(self, edited: Kit):
        before = edited.plan_path.read_bytes()
        edited.edit("specs/app.smd", "Prints the count.", "Prints each count.")
        assert edited.answering(decide(Skip), goal="audit").code == 0
        assert edited.plan_path.read_bytes() == before
        assert edited.own("audit").asked == []

    def test_plan_that_is_no_toml_is_refused_before_any_plan_is_paid(self, edited: Kit):
        edited.write(".ossature/plan.toml", "[[task")
        edited.edit("specs/app.smd", "Prints the count.", "Prints each count.")
        run = edited.own("audit")
        assert run.code == 3
        assert "invalid TOML" in run.end.reason
        assert not [call for call in run.asked if call.startswith("plan")]
        assert edited.plan_path.read_text() == "[[task"

    def test_replanning_over_a_broken_plan_is_a_proposal(self, edited: Kit):
        edited.write(".ossature/plan.toml", "[[task")
        run = edited.own("audit", replans=True)
        assert run.code == 1
        assert edited.plan_path.read_text() == "[[task"
        assert read_plan(edited.root / ".ossature" / "plan.proposed.toml", name="p").tasks

    def test_plan_by_hand_of_all_specs_is_left_alone(self, fresh: Kit):
        fresh.plan()
        before = fresh.plan_path.read_bytes()
        run = fresh.own("audit")
        assert run.code == 0
        assert not [call for call in run.asked if call.startswith("plan")]
        assert fresh.plan_path.read_bytes() == before


FINDING = {
    "severity": "error",
    "place": "Requirements > Count",
    "issue": "Says nothing.",
    "suggestion": "Say it.",
}


class TestFindings:
    def test_open_error_stops_planning(self, fresh: Kit):
        fresh.model.says("audit LIB", json.dumps({"findings": [FINDING]}))
        run = fresh.own("audit")
        assert run.code == 1
        assert run.asked == ["audit LIB", "audit APP", "cross_audit"]
        assert "specs/lib.smd:16: Says nothing." in run.end.reason
        assert "--plan-anyway" in run.end.hint
        assert not fresh.plan_path.exists()
        report = (fresh.root / ".ossature" / "audit" / "report.md").read_text("utf-8")
        assert "Says nothing." in report

    def test_plan_anyway_plans(self, fresh: Kit):
        fresh.model.says("audit LIB", json.dumps({"findings": [FINDING]}))
        assert fresh.own("audit").code == 1
        run = fresh.own("audit", plans_anyway=True)
        assert run.code == 0
        assert run.asked[0] == "brief"
        assert "Says nothing." in next(
            c.prompt for c in fresh.model.calls if c.role == "plan" and c.spec == "LIB"
        )

    def test_mended_spec_is_audited_again(self, fresh: Kit):
        fresh.model.says("audit LIB", json.dumps({"findings": [FINDING]}), '{"findings": []}')
        assert fresh.own("audit").code == 1
        fresh.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts all parcels.")
        run = fresh.own("audit")
        assert run.code == 0
        assert run.asked[:3] == ["audit LIB", "audit APP", "cross_audit"]

    def test_warnings_do_not_stop(self, fresh: Kit):
        fresh.model.says("audit LIB", json.dumps({"findings": [{**FINDING, "severity": "warning"}]}))
        assert fresh.own("audit").code == 0

    @pytest.mark.parametrize(
        "bad", ["no json", '{"findings": 3}', '{"findings": [{"severity": "fatal", "issue": "x"}]}', ""]
    )
    def test_bad_json_is_mended_once(self, fresh: Kit, bad: str):
        if bad:
            fresh.model.says("audit LIB", bad, '{"findings": []}')
            run = fresh.own("audit")
            assert run.code == 0
            assert len(run.of(ReplyRefused)) == 1
            assert run.asked == ["audit LIB", *ALL]
        fresh.model.says("audit APP", bad)
        fresh.edit("specs/app.smd", "Prints the count.", "Prints each count.")
        run = fresh.own("audit")
        assert run.code == 1
        assert run.asked.count("audit APP") == 2
        assert "audit.APP could not be used" in run.end.reason

    def test_plan_with_an_unknown_section_is_mended_once(self, fresh: Kit):
        wrong = json.dumps({"tasks": [planned("shelf", "shelf.txt", "LIB", spec_refs=["Cuont"])]})
        fresh.model.says("plan LIB", wrong, two_tasks())
        run = fresh.own("audit")
        assert run.code == 0
        assert run.asked.count("plan LIB") == 2
        mended = [call for call in fresh.model.calls if call.role == "plan" and call.spec == "LIB"][1]
        assert "Cuont" in mended.prompt

    def test_plan_that_stays_wrong_leaves_no_plan(self, fresh: Kit):
        fresh.model.says("plan LIB", json.dumps({"tasks": [planned("a", "../x", "LIB")]}))
        run = fresh.own("audit")
        assert run.code == 1
        assert not fresh.plan_path.exists()
        assert run.asked.count("plan LIB") == 2


def run_ids(kit: ScriptedKit) -> list[str]:
    return sorted(path.name for path in (kit.root / ".ossature" / "runs").iterdir())


@pytest.mark.parametrize("step", range(1, 9, some(2, 1)))
def test_killed_audit_pays_for_nothing_twice(scripted: ScriptedKit, live, step: int):
    """The call number *step* hangs and the owner is killed; the next audit asks that one and the rest."""
    names = [
        "audit-LIB",
        "audit-APP",
        "cross_audit-",
        "brief-",
        "brief-LIB",
        "brief-APP",
        "plan-LIB",
        "plan-APP",
    ]
    for name in names:
        scripted.says(name, '{"findings": []}' if "audit" in name else "A brief.")
    scripted.says("plan-LIB", two_tasks())
    scripted.says("plan-APP", json.dumps({"tasks": [planned("show", "show.txt", "APP")]}))
    scripted.plan_path.unlink()
    gate = scripted.hold(names[step - 1])
    run = live(scripted, goal="audit", is_headless=True)
    until(lambda: len(scripted.calls()) == step)
    run.kill()
    gate.unlink()
    done = cli(scripted.root, "audit")
    assert done.returncode == 0, done.stdout + done.stderr
    expected = [name.replace("-", " ").strip() for name in names]
    asked = [call.strip() for call in scripted.calls()]
    assert asked == [*expected[:step], *expected[step - 1 :]]
    assert build_is_ready(scripted)


def build_is_ready(kit: ScriptedKit) -> bool:
    return not kit.look().loaded.plan_errors and len(kit.look().tasks) == 3


def test_drained_audit_stops_before_the_next_call(scripted: ScriptedKit, live):
    from ossature.domain.decision import Stop
    from ossature.domain.event import CommandReceived

    scripted.says("audit", '{"findings": []}')
    gate = scripted.hold("audit-LIB")
    run = live(scripted, goal="audit", is_headless=True)
    until(lambda: len(scripted.calls()) == 1)
    run.attachment.command(Stop(mode="drain", by="test"))
    run.event(CommandReceived)
    gate.unlink()
    assert run.end() == 130
    assert scripted.calls() == ["audit LIB"]
    assert (scripted.root / ".ossature" / "audit").is_dir()


def test_interface_of_the_code_is_not_the_planned_one(kit: Kit):
    """A spec without an architecture: planning and building keep an interface each."""
    (kit.root / "specs" / "lib.amd").unlink()
    kit.plan_path.unlink()
    kit.model.says("plan LIB", two_tasks())
    kit.model.says(
        "plan APP", json.dumps({"tasks": [planned("show", "show.txt", "APP", cross_spec_interfaces=["LIB"])]})
    )
    kit.model.says("interface LIB", "as planned", "as built", "as if planned anew", "as if built anew")
    run = kit.own("all")
    assert run.code == 0
    assert run.asked.count("interface LIB") == 2
    assert "as planned" in next(c.prompt for c in kit.model.calls if c.role == "plan" and c.spec == "APP")
    assert "as built" in next(c.prompt for c in kit.model.calls if c.task == "003")
    again = kit.own("all")
    assert (again.asked, again.ran) == ([], {})
    kit.model.says("002", block("label.txt", "other"))
