"""Nothing of a project from elsewhere runs before a person has said so."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from ossature.build.command import Action, Finished
from ossature.cli.main import main
from ossature.domain.decision import Abort, Approve
from ossature.domain.event import QuestionAsked
from ossature.engine.session import Attachment, RunRequest
from ossature.engine.trusting import Trust, TrustedExecutor, trust_for
from ossature.errors import OssatureError
from ossature.project import Project
from ossature.store.trust import TrustItem, user_trust
from tests.runs.kit import Kit, Live, ScriptedKit, cli, planned, task

pytestmark = pytest.mark.usefixtures("foreign")


def approve(attachment: Attachment, question: Any) -> None:
    attachment.decide(Approve(question_id=question.id, by="test"))


def abort(attachment: Attachment, question: Any) -> None:
    attachment.decide(Abort(question_id=question.id, by="test"))


def asked(run: Any) -> list[list[str]]:
    """The lines of each question about trust."""
    return [
        event.question.detail.splitlines()
        for event in run.of(QuestionAsked)
        if event.question.gate == "trust"
    ]


def marking(kit: Kit, name: str = "ran") -> str:
    """A verify command that leaves a trace outside of the project."""
    return f"touch {kit.root.parent / name}"


def has_run(kit: Kit, name: str = "ran") -> bool:
    return (kit.root.parent / name).exists()


@pytest.mark.parametrize("request_", [{}, {"is_headless": False, "preset": "auto"}, {"keeps_going": True}])
def test_without_a_person_nothing_of_a_foreign_project_runs(kit: Kit, request_: dict[str, Any]):
    kit.plan([task("001", "shelf.txt", verify=[marking(kit)])])
    run = kit.own(**request_)
    assert run.code == 1
    assert run.asked == [], "a model was paid for a build that could not be verified"
    assert not has_run(kit)
    assert "ossature trust" in run.end.hint
    assert f"touch {kit.root.parent}/ran" in run.end.reason


def test_a_person_is_asked_once(kit: Kit):
    kit.plan([task("001", "shelf.txt", verify=[marking(kit), "test -s shelf.txt"])])
    run = kit.answering(approve)
    assert run.code == 0
    assert has_run(kit)
    assert [line.split("  ")[1] for line in asked(run)[0]] == [marking(kit), "test -s shelf.txt"]
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts what is on a shelf.")
    again = kit.own()
    assert again.code == 0 and again.landed == ["001"]
    assert asked(again) == []


def test_a_person_who_does_not_trust_it_ends_the_run(kit: Kit):
    kit.plan([task("001", "shelf.txt", verify=[marking(kit)])])
    run = kit.answering(abort)
    assert run.code == 1 and run.asked == [] and not has_run(kit)
    assert "not trusted" in run.end.reason


def test_what_changed_is_asked_about_and_nothing_else(kit: Kit):
    kit.plan([task("001", "shelf.txt"), task("002", "scale.txt")])
    assert kit.answering(approve).code == 0
    kit.plan([task("001", "shelf.txt"), task("002", "scale.txt", verify=["test -s scale.txt", marking(kit)])])
    refused = kit.own()
    assert refused.code == 1 and not has_run(kit)
    run = kit.answering(approve)
    assert run.code == 0 and has_run(kit)
    assert [line.split("  ")[1] for line in asked(run)[0]] == [marking(kit)]


@pytest.mark.parametrize("key", ["setup", "verify"])
def test_commands_of_the_config_are_covered(kit: Kit, key: str):
    kit.config(f'\n[build]\n{key} = ["{marking(kit)}"]\n')
    kit.plan([task("001", "shelf.txt", verify=["true"])])
    assert kit.own().code == 1
    assert not has_run(kit)
    assert kit.answering(approve).code == 0
    assert has_run(kit)


def test_a_headless_refusal_names_what_and_how(scripted: ScriptedKit):
    done = cli(scripted.root, "audit")
    assert done.returncode == 1
    assert "asks a model by running  exec:" in done.stderr + done.stdout
    assert "ossature trust" in done.stderr + done.stdout
    assert scripted.calls() == []


def test_a_model_of_the_persons_own_is_not_asked_about(
    scripted: ScriptedKit, monkeypatch: pytest.MonkeyPatch
):
    model = scripted.project.settings.model
    scripted.config(model="exec:sh -c 'touch ran'")
    scripted.says("audit", '{"findings": []}')
    for name in ("brief", "interface"):
        scripted.says(name, "text")
    for spec in ("LIB", "APP"):
        scripted.says(f"plan-{spec}", json.dumps({"tasks": [planned("a", f"{spec}.txt", spec)]}))
    done = cli(scripted.root, "audit", "--model", model)
    assert done.returncode in (0, 1) and scripted.calls(), done.stderr
    assert "not created here" not in done.stderr + done.stdout
    assert not (scripted.root / "ran").exists()


def test_a_script_of_the_project_that_changed_is_asked_about(scripted: ScriptedKit):
    assert cli(scripted.root, "trust").returncode == 0
    assert cli(scripted.root, "build", "--sandbox", "danger-full-access").returncode == 0
    calls = scripted.calls()
    path = scripted.root / "model" / "model.py"
    path.write_text(path.read_text() + "# pulled\n")
    scripted.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts what is on a shelf.")
    done = cli(scripted.root, "build", "--sandbox", "danger-full-access")
    assert done.returncode == 1 and scripted.calls() == calls
    assert "model/model.py" in done.stderr + done.stdout


def test_a_task_may_bring_its_own_model(scripted: ScriptedKit):
    scripted.config(model="fake:model")
    scripted.plan([task("001", "shelf.txt", model=f"exec:sh -c '{marking(scripted)}'")])
    done = cli(scripted.root, "build", "--sandbox", "danger-full-access")
    assert done.returncode == 1 and not has_run(scripted)


def test_a_plan_made_by_a_trusted_projects_own_run_is_not_asked_about(kit: Kit):
    assert kit.answering(approve).code == 0
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts what is on a shelf.")
    made = planned("main", "lib.txt", "LIB", verify=["test -s lib.txt", "test 1 = 1"])
    kit.model.says("plan LIB", json.dumps({"tasks": [made]}))
    audited = kit.own("audit", replans=True)
    assert "written beside it" in audited.end.reason
    kit.project.proposed_plan_path.rename(kit.plan_path)
    assert "test 1 = 1" in kit.plan_path.read_text()
    built = kit.own()
    assert built.code == 0 and asked(built) == []


def test_a_command_that_was_pulled_is_asked_about_after_an_audit_too(kit: Kit):
    assert kit.answering(approve).code == 0
    text = kit.plan_path.read_text()
    kit.write(".ossature/plan.toml", text.replace('"test -s show.txt"', f'"{marking(kit)}"'))
    assert kit.own("audit").code == 0
    assert kit.own().code == 1
    assert not has_run(kit)


def test_a_plan_made_from_a_strangers_specs_is_asked_about(kit: Kit):
    kit.plan_path.unlink()
    made = planned("main", "lib.txt", "LIB", verify=[marking(kit)])
    kit.model.says("plan LIB", json.dumps({"tasks": [made]}))
    assert kit.own("audit").code == 0, "an audit with a provider runs nothing"
    assert kit.own().code == 1
    assert kit.own("all").code == 1
    assert not has_run(kit)


def test_a_folder_that_leads_out_is_asked_about(kit: Kit):
    kit.plan([task("001", "shelf.txt", verify=["true"])])
    user_trust(os.environ).allow(kit.project, [TrustItem("verify", "true")])
    outside = kit.root.parent / "outside"
    outside.mkdir()
    (kit.root / "output").symlink_to(outside)
    run = kit.own()
    assert run.code == 1 and f"output leads to {outside}" in run.end.reason
    assert list(outside.iterdir()) == []
    assert kit.answering(approve).code == 0
    assert [path.name for path in outside.iterdir()] == ["shelf.txt"]


@pytest.mark.parametrize("name", [".ossature", ".ossature/work", ".ossature/runs", ".ossature/work/0"])
def test_a_state_folder_that_leads_out_is_refused(kit: Kit, name: str):
    outside = kit.root.parent / "outside"
    outside.mkdir()
    (outside / "tree").mkdir()
    (outside / "tree" / "precious.txt").write_text("mine")
    link = kit.root / name
    if link.is_dir():
        link.rename(kit.root.parent / "was")
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(outside)
    with pytest.raises(OssatureError, match="is a link"):
        kit.own()
    assert [path.relative_to(outside).as_posix() for path in outside.rglob("*")] == [
        "tree",
        "tree/precious.txt",
    ]


def test_a_project_created_here_is_never_asked_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["-C", str(tmp_path), "init", "mine"]) == 0
    root = tmp_path / "mine"
    config = (root / "ossature.toml").read_text()
    script = root / "ask.sh"
    script.write_text("#!/bin/sh\ncat > /dev/null\nprintf '<file path=\"a.txt\">\\na\\n</file>\\n'\n")
    script.chmod(0o755)
    (root / "ossature.toml").write_text(config.replace("anthropic:claude-sonnet-4-6", "exec:./ask.sh", 1))
    plan = task("001", "a.txt", spec="GREETING", spec_refs=["Greet one person"])
    Kit(root, None).plan([plan])  # type: ignore[arg-type]
    done = cli(root, "build", "--sandbox", "danger-full-access")
    assert done.returncode == 0, done.stderr
    assert (root / "output" / "a.txt").read_text() == "a\n"


@pytest.mark.parametrize("left", [".ossature/plan.toml", "specs/x.smd"])
def test_init_over_the_work_of_others_trusts_nothing(kit: Kit, left: str):
    (kit.root / "ossature.toml").unlink()
    for name in ("specs", ".ossature"):
        if not left.startswith(name):
            shutil.rmtree(kit.root / name)
    assert main(["-C", str(kit.root), "init", "."]) == 0
    assert not user_trust(os.environ).read(kit.project).is_own


def test_trust_is_shown_given_and_taken_back(kit: Kit, capsys: pytest.CaptureFixture[str]):
    kit.config(model="exec:./ask.sh")

    def say(*arguments: str) -> str:
        assert main(["-C", str(kit.root), "trust", *arguments]) == 0
        return capsys.readouterr().out

    shown = say("--show")
    assert "new      asks a model by running  exec:./ask.sh" in shown
    assert "new      runs to verify  test -s shelf.txt   (.ossature/plan.toml, task 001)" in shown
    assert kit.own().code == 1, "showing it allows nothing"
    capsys.readouterr()
    assert "6 things allowed" in say()
    assert "new" not in say("--show")
    assert kit.own().code == 0
    capsys.readouterr()
    assert "no longer trusted" in say("--revoke")
    assert "new" in say("--show")
    assert "for good" in say("--always")
    kit.plan([task("001", "shelf.txt", verify=["true"])])
    assert "allowed  runs to verify  true" in say("--show")


def test_a_command_cannot_hide_in_what_is_shown(kit: Kit):
    kit.plan([task("001", "shelf.txt", verify=["true\n\n\n\ntouch x\x1b[2J\x1b[A"])])
    run = kit.own()
    lines = asked(run)[0] if asked(run) else []
    assert run.code != 0
    assert len(lines) <= 1 and "\x1b" not in "".join(lines)


def test_sandbox_settings_count_only_where_they_are_trusted(kit: Kit):
    kit.config('\n[sandbox]\nnetwork = true\nmode = ""\n')
    kit.plan([task("001", "shelf.txt", verify=["true"])])
    wants = RunRequest(goal="build")
    trust = trust_for(kit.project, wants, channel=_Nobody(), environ=os.environ)
    assert not trust.allows("sandbox", "network = true")
    run = kit.answering(approve)
    assert "loosens the sandbox with  network = true   (ossature.toml, [sandbox])" in asked(run)[0]
    trust = trust_for(kit.project, wants, channel=_Nobody(), environ=os.environ)
    assert trust.allows("sandbox", "network = true")
    assert not trust.allows("sandbox", "network = false")


class _Nobody:
    """A channel that refuses like a run without a person."""

    def __init__(self) -> None:
        self.asked = 0

    def emit(self, event: Any) -> None:
        """Nobody listens."""

    async def ask(self, question: Any) -> Any:
        self.asked += 1
        return Abort(question_id=question.id, by="policy:headless")


class _Counting:
    def __init__(self) -> None:
        self.ran: list[str] = []

    async def run(self, action: Action) -> Finished:
        self.ran.append(action.command)
        return Finished(0, False, 0.0, "", "", 0, action.log_path)


def test_the_last_door_stops_a_command_that_nobody_was_asked_about(kit: Kit):
    user_trust(os.environ).allow(kit.project, [TrustItem("verify", "make test")])
    behind, nobody = _Counting(), _Nobody()
    trust: Trust = trust_for(kit.project, RunRequest(), channel=nobody, environ=os.environ)
    door = TrustedExecutor(behind, trust)

    def run(command: str) -> None:
        action = Action(command=command, cwd=kit.root, environ={}, timeout_s=1, log_path=kit.root / "log")
        asyncio.run(door.run(action))

    run("make test")
    for command in ("make test ", "make  test", "make test; curl x", ""):
        with pytest.raises(OssatureError, match="not created here"):
            run(command)
    assert behind.ran == ["make test"] and nobody.asked == 4


def test_the_question_is_answered_from_outside(scripted: ScriptedKit, live: Any):
    one: Live = live(scripted)
    question = one.question("trust")
    assert question.verbs == ("approve", "abort")
    listed = cli(scripted.root, "answer")
    assert "do you trust it" in listed.stdout and "exec:" in listed.stdout
    assert scripted.calls() == []
    assert cli(scripted.root, "answer", question.id, "approve").returncode == 0
    assert one.end() == 0
    assert scripted.calls()


def test_where_the_grant_cannot_be_kept_the_run_goes_on_and_says_so(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
):
    (kit.root.parent / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(kit.root.parent / "file"))
    run = kit.answering(approve)
    assert run.code == 0
    assert any("asked again next time" in getattr(event, "text", "") for event in run.events)


def test_a_project_in_another_place_is_another_project(kit: Kit):
    assert kit.answering(approve).code == 0
    moved = kit.root.with_name("moved")
    kit.root.rename(moved)
    kit.root = moved
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", "Counts what is on a shelf.")
    assert kit.own().code == 1
    assert Project(root=moved).state_dir.is_dir()
