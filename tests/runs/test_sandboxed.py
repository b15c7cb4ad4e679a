"""Whole builds in the sandbox that is there: chosen unasked, told, and never given up in silence."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ossature.build.tiers import Machine
from ossature.domain import event as ev
from ossature.domain.decision import Approve
from ossature.engine.accounts import accounts
from ossature.engine.session import fold
from ossature.errors import Exit, OssatureError
from tests.runs.kit import Kit, ScriptedKit, block, cli, environ, task

TIERS = ("bubblewrap", "landlock")


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write the user's own config."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def write(text: str) -> None:
        path = tmp_path / "config" / "ossature" / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    write("")
    return write


def needs(tier: str | None, kit: Kit) -> None:
    from ossature.build.cage import Policy

    found = Machine(os.environ, kit.root).find(Policy(), tier=tier)  # type: ignore[arg-type]
    if found.cage is None:
        pytest.skip(f"no {tier or 'sandbox'} here: {'; '.join(found.reasons)}")


def chosen(run: Any) -> ev.SandboxChosen:
    (event,) = run.of(ev.SandboxChosen)
    return event


def test_sandbox_is_what_a_build_runs_in_unless_told_otherwise(kit: Kit, user):
    needs(None, kit)
    run = kit.own(sandbox=None)
    assert run.code == 0
    assert run.landed == ["001", "002", "003", "004", "005"]
    assert chosen(run).mode == "workspace-write"
    assert chosen(run).tier != "none"
    assert not chosen(run).has_network
    state = fold(kit.project.runs_dir / accounts(kit.project)[-1].run)
    assert state.sandbox.startswith("workspace-write (")


@pytest.mark.parametrize("tier", TIERS)
def test_command_of_a_build_reaches_nothing_and_the_fixer_hears_why(kit: Kit, user, tier: str):
    needs(tier, kit)
    user(f'[sandbox]\ntier = "{tier}"\n')
    secret = kit.write("secret.txt", "canary-of-the-project\n")
    kit.plan([task("001", "a.txt", verify=[f"cat {secret} && echo x >> {secret}"])])
    run = kit.own(sandbox=None)
    assert run.code == Exit.FAILED
    assert chosen(run).tier == tier
    assert secret.read_text() == "canary-of-the-project\n"
    verdict = run.of(ev.VerifyFinished)[0]
    assert verdict.verdict == "failed"
    everything = b"".join(path.read_bytes() for path in (kit.root / ".ossature").rglob("*") if path.is_file())
    assert b"canary-of-the-project" not in everything
    assert [call.role for call in kit.model.calls][:2] == ["implement", "fix"]


@pytest.mark.parametrize("tier", TIERS)
def test_prompt_of_a_fixer_is_the_same_in_every_sandbox(kit: Kit, user, tier: str):
    needs(tier, kit)
    kit.plan([task("001", "a.txt", verify=["pwd; echo $HOME $TMPDIR; cat missing.txt"])])
    prompts = []
    for mode, config in ((None, f'[sandbox]\ntier = "{tier}"\n'), ("danger-full-access", "")):
        user(config)
        kit.model.calls.clear()
        kit.own(sandbox=mode, forced=("001",))
        prompts.append(next(call.prompt for call in kit.model.calls if call.role == "fix"))
    assert prompts[0] == prompts[1]
    assert "/home/sandbox /tmp" in prompts[0]


def test_gaps_of_a_weaker_sandbox_are_told(kit: Kit, user):
    needs("landlock", kit)
    user('[sandbox]\ntier = "landlock"\n')
    kit.plan([task("001", "a.txt")])
    run = kit.own(sandbox=None)
    assert len(chosen(run).gaps) >= 2
    warning = next(event for event in run.of(ev.Noticed) if event.level == "warning")
    assert "Landlock" in warning.text
    assert all(gap in warning.text for gap in chosen(run).gaps)


def test_network_that_a_project_asks_for_is_given_with_trust(kit: Kit, user, monkeypatch: pytest.MonkeyPatch):
    needs(None, kit)
    kit.config("\n[sandbox]\nnetwork = true\n")
    kit.plan([task("001", "a.txt")])
    monkeypatch.setenv("OSSATURE_TRUSTED_PATHS", "")
    monkeypatch.setenv("XDG_STATE_HOME", str(kit.root.parent / "state"))

    def approve(attachment: Any, question: Any) -> None:
        assert question.gate == "trust"
        assert "network = true" in question.detail
        attachment.decide(Approve(question_id=question.id, by="test"))

    first = kit.answering(approve, sandbox=None)
    assert not chosen(first).has_network
    assert any("asks for the network" in event.text for event in first.of(ev.Noticed))
    second = kit.own(sandbox=None, forced=("001",))
    assert chosen(second).has_network
    assert not any("asks for the network" in event.text for event in second.of(ev.Noticed))


def test_network_of_the_users_config_is_for_all_projects(kit: Kit, user):
    needs(None, kit)
    kit.plan([task("001", "a.txt")])
    user("[sandbox]\nnetwork = true\n")
    assert chosen(kit.own(sandbox=None)).has_network


def test_project_cannot_loosen_the_mode(kit: Kit, user):
    needs(None, kit)
    kit.config('\n[sandbox]\nmode = "danger-full-access"\ntier = "none"\n')
    kit.plan([task("001", "a.txt")])
    assert chosen(kit.own(sandbox=None)).tier != "none"


def test_read_only_build_lands_what_the_model_wrote(kit: Kit, user):
    needs(None, kit)
    kit.plan([task("001", "a.txt", verify=["test -s a.txt", "! touch b.txt"])])
    run = kit.own(sandbox="read-only")
    assert (run.code, run.landed, chosen(run).mode) == (0, ["001"], "read-only")


class Bare(Machine):
    """A machine without bubblewrap whose kernel has no Landlock."""

    def bwrap(self) -> Path | None:
        return None

    def landlock_abi(self) -> int:
        return 0


@pytest.mark.skipif(sys.platform != "linux", reason="another system has another sandbox")
def test_nothing_runs_where_nothing_works(kit: Kit, user, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ossature.engine.sandboxing.Machine", Bare)
    with pytest.raises(OssatureError) as error:
        kit.own(sandbox=None)
    assert error.value.exit_code == Exit.NO_SANDBOX
    assert "bubblewrap is not installed" in error.value.message
    assert accounts(kit.project) == []
    assert kit.model.calls == []
    # What runs no command needs no sandbox, and who asks for none gets none.
    assert kit.own("audit", sandbox=None).code == 0
    run = kit.own(sandbox="danger-full-access")
    assert (run.code, chosen(run).tier) == (0, "none")


@pytest.mark.skipif(sys.platform != "linux", reason="another system has another sandbox")
def test_landlock_is_taken_where_there_is_no_bubblewrap(kit: Kit, user, monkeypatch: pytest.MonkeyPatch):
    needs("landlock", kit)
    monkeypatch.setattr(Machine, "bwrap", lambda _self: None)
    kit.plan([task("001", "a.txt")])
    run = kit.own(sandbox=None)
    assert (run.code, chosen(run).tier) == (0, "landlock")


def test_sandbox_of_a_run_is_its_second_line(scripted: ScriptedKit, user):
    needs(None, scripted)
    scripted.plan([task("001", "shelf.txt")])
    scripted.says("implement-001", block("shelf.txt", "shelf"))
    done = cli(scripted.root, "build", "--auto")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "commands run in a sandbox (" in done.stdout.splitlines()[1]
    assert environ()["XDG_CONFIG_HOME"]


def test_tier_of_the_config_that_does_not_exist_is_refused(scripted: ScriptedKit, user):
    user('[sandbox]\ntier = "docker"\n')
    done = cli(scripted.root, "build", "--auto")
    assert done.returncode == Exit.USAGE
    assert "config.toml:2" in done.stderr
    assert "bubblewrap" in done.stderr
