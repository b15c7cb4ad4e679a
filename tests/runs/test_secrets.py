"""Canaries in every place that a key may come from, and a search of every byte that is written."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ossature.cli.main import main
from ossature.domain.decision import Retry, Skip
from ossature.domain.event import ReplyRefused, TaskFailed
from ossature.domain.redaction import Redactor
from ossature.engine.session import Attachment
from ossature.llm.client import ModelError
from tests.runs.kit import OPEN, Kit, block, planned, task
from tests.support.provider import serving

IN_ENVIRONMENT = {
    "OPENAI_API_KEY": "canary1-Zq8Lw0pT4x",
    "SERVICE_TOKEN": 'canary2 "quo\\ted" é+/=',
    "DB_PASSWORD": "canary3/hunter2",
    "CLIENT_SECRET": "canary4%41&x=1",
}
"""Variable -> value; found because of the names."""
BY_SHAPE = {
    "config": "ghp_canary5" + "a1B2c3D4" * 4,
    "spec": "sk-canary6-" + "a1B2c3D4" * 4,
    "context": "glpat-canary7" + "a1B2c3D4" * 3,
    "reply": "xoxb-canary8-" + "1234567890-" * 3,
    "exception": "AKIACANARY9ABCDEFGHI",
    "url": "canary10-pa55word",
    "verify": "hf_canary11" + "a1B2c3D4" * 4,
    "header": "sk-canary12-" + "Z9y8X7w6" * 4,
}
"""Where it is planted -> a value that nothing but its shape gives away."""
CANARIES = (*IN_ENVIRONMENT.values(), *BY_SHAPE.values())
INPUTS = ("ossature.toml", "specs/lib.smd", "context/rates.csv", ".ossature/plan.toml")
"""What a person wrote themselves."""


def spelled(canary: str) -> dict[str, bytes]:
    """Every form that is searched for, made without the code under test.

    A value that only its shape gives away cannot be known in hex or base64.
    """
    raw = canary.encode()
    plain = {"raw": raw, "json": json.dumps(canary)[1:-1].encode(), "url": quote(canary, safe="").encode()}
    if canary not in IN_ENVIRONMENT.values():
        return plain
    cores = {"hex": raw.hex().encode()}
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + raw)
        cores[f"base64 at {offset}"] = coded[(0, 2, 3)[offset] : (offset + len(raw)) * 8 // 6]
    return {**plain, **cores}


def hits(root: Path, *, outside: tuple[Path, ...] = (), shown: str = "") -> list[str]:
    """`file: canary, form` for every canary in a file below *root* that no person wrote, or on the screen."""
    contents = {"the screen": shown.encode()}
    for folder in (root, *outside):
        for path in folder.rglob("*"):
            if path.is_file() and not (folder == root and path.relative_to(root).as_posix() in INPUTS):
                contents[str(path.relative_to(folder))] = path.read_bytes()
    return [
        f"{name}: {canary[:9]} {form}"
        for name, content in contents.items()
        for canary in CANARIES
        for form, bytes_ in spelled(canary).items()
        if bytes_ in content
    ]


def everything() -> str:
    """All canaries in all their forms, as a program that has them might print them."""
    around = {BY_SHAPE["url"]: "http://me:{}@localhost/"}
    return "\n".join(
        f"{name}: {around.get(canary, '{}').replace('{}', form.decode())}"
        for canary in CANARIES
        for name, form in spelled(canary).items()
    )


@pytest.fixture
def planted(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> Kit:
    """The project with canaries in its environment, config, spec and context."""
    for name, value in IN_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    kit.config(model=f"exec:ask --key {BY_SHAPE['config']} http://me:{BY_SHAPE['url']}@localhost/")
    kit.edit("specs/lib.smd", "Counts parcels on a shelf.", f"Counts with {BY_SHAPE['spec']} on a shelf.")
    kit.write("context/rates.csv", f"1,{BY_SHAPE['context']}\n")
    (kit.root.parent / "leak.txt").write_text(everything(), "utf-8")
    kit.plan([task("001", "shelf.txt", context_files=["rates.csv"])])
    return kit


def leaking_reply(content: str = "plain") -> str:
    return f"Here it is:\n{everything()}\n\n{block('shelf.txt', content)}\n\n{everything()}"


def after_reply(kit: Kit) -> None:
    kit.model.says("001", leaking_reply())
    assert kit.own().code == 0


def after_refusal(kit: Kit) -> None:
    kit.model.says("001", leaking_reply(f"key = {IN_ENVIRONMENT['OPENAI_API_KEY']}"))
    assert kit.own().code == 1


def after_exception(kit: Kit) -> None:
    said = f"no access with {everything()}"
    for kind in ("auth", "unknown", "exec"):
        kit.model.says("001", ModelError(said, kind=kind))  # type: ignore[arg-type]
        assert kit.own().code == 1
    for canary in CANARIES:
        kit.model.says("001", ModelError(f"{'x' * 290} {canary}", kind="auth"))
        assert kit.own().code == 1


def after_bug(kit: Kit) -> None:
    kit.model.says("001", RuntimeError(everything()))
    assert "internal error" in kit.own().end.reason


def after_verify(kit: Kit) -> None:
    leak = kit.root.parent / "leak.txt"
    canary = IN_ENVIRONMENT["OPENAI_API_KEY"]
    split = f"printf %s {canary[:7]}; (exec 1>&1; printf '%s\\n' {canary[7:]})"
    dump = f"cat {leak}; {split}; exit 3"
    kit.plan([task("001", "shelf.txt", context_files=["rates.csv"], verify=[dump])])
    assert kit.own().code == 1


def after_final_verify(kit: Kit) -> None:
    text = (kit.root / "ossature.toml").read_text()
    kit.write("ossature.toml", f'{text}\n[build]\nverify = ["cat {kit.root.parent}/leak.txt; false"]\n')
    assert kit.own().code == 1


def after_audit(kit: Kit) -> None:
    finding = {"severity": "warning", "category": "gap", "issue": everything(), "suggestion": everything()}
    kit.model.says("audit LIB", json.dumps({"findings": [finding]}))
    kit.model.says("brief LIB", everything())
    kit.model.says("brief", everything())
    made = planned("main", "lib.txt", "LIB", description=everything(), notes=everything())
    kit.model.says("plan LIB", json.dumps({"tasks": [made]}))
    kit.own("audit", replans=True)
    assert "lib.txt" in kit.project.proposed_plan_path.read_text() + kit.plan_path.read_text()


def after_feedback(kit: Kit) -> None:
    def retry(attachment: Attachment, question: Any) -> None:
        attachment.decide(Retry(question_id=question.id, by="test", feedback=everything()))

    def skip(attachment: Attachment, question: Any) -> None:
        attachment.decide(Skip(question_id=question.id, by="test"))

    kit.model.says("001", "no block at all")
    assert kit.answering(retry, skip).code == 1


FAULTS = [
    after_reply,
    after_refusal,
    after_exception,
    after_bug,
    after_verify,
    after_final_verify,
    after_audit,
    after_feedback,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_no_byte_that_is_written_or_shown_holds_a_canary(
    planted: Kit, fault: Callable[[Kit], None], capsys: pytest.CaptureFixture[str]
):
    fault(planted)
    for look in (
        ["status"],
        ["runs"],
        ["logs"],
        ["logs", "001"],
        ["logs", "001", "--response"],
        ["why", "001"],
    ):
        main(["-C", str(planted.root), *look])
    printed = capsys.readouterr()
    state = Path(os.environ["XDG_STATE_HOME"])
    assert hits(planted.root, outside=(state,), shown=printed.out + printed.err) == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_without_the_redactor_there_are_hits(
    planted: Kit, fault: Callable[[Kit], None], monkeypatch: pytest.MonkeyPatch
):
    """The control: each fault does bring canaries to where they are searched for."""
    monkeypatch.setattr(Redactor, "text", lambda _self, text: text)
    monkeypatch.setattr(Redactor, "content", lambda _self, content: content)
    fault(planted)
    assert hits(planted.root)


def test_a_file_with_a_key_is_refused_once_and_then_fails(planted: Kit):
    secret = IN_ENVIRONMENT["OPENAI_API_KEY"]
    planted.model.says("001", block("shelf.txt", f"x\nkey = {secret}"), block("shelf.txt", "mended"))
    run = planted.own()
    assert run.code == 0
    (refused,) = run.of(ReplyRefused)
    assert "`shelf.txt` holds the value of OPENAI_API_KEY in line 2" in refused.reason
    assert secret not in planted.model.calls[-1].prompt, "the reply is shown to the model without the key"
    assert (planted.output / "shelf.txt").read_text() == "mended\n"
    planted.edit("specs/lib.smd", "Counts with", "Counts all with")
    planted.model.says("001", block("shelf.txt", BY_SHAPE["reply"]))
    again = planted.own()
    assert again.code == 1
    assert "holds a key like xox" in again.of(TaskFailed)[0].reason
    assert (planted.output / "shelf.txt").read_text() == "mended\n"


def test_what_lands_is_what_was_verified_letter_by_letter(planted: Kit):
    """A key that a person put into their file stays there: nothing is changed behind a verify's back."""
    content = f"mine {BY_SHAPE['context']}\n"
    planted.write("output/shelf.txt", content)
    planted.model.says("001", block("shelf.txt", f"{content}and more"))
    planted.plan([task("001", "shelf.txt", verify=[f"grep -q {BY_SHAPE['context']} shelf.txt"])])
    assert planted.own().code == 0
    assert (planted.output / "shelf.txt").read_text() == f"{content}and more\n"


def test_a_reply_that_was_not_kept_whole_is_not_taken_up(planted: Kit):
    planted.model.says("001", leaking_reply("a"))
    planted.plan([task("001", "shelf.txt", verify=["nonsense-command-that-is-missing"])])
    assert planted.own().code == 1
    planted.plan([task("001", "shelf.txt", verify=["nonsense-command-that-is-missing"])])
    assert planted.own().asked == ["implement 001"], "what was kept is not what the model said"
    planted.model.says("001", block("shelf.txt", "a"))
    planted.edit("specs/lib.smd", "Counts with", "Counts all with")
    assert planted.own().asked == ["implement 001"]
    assert planted.own().asked == [], "the control: a reply that was kept whole is taken up"


def test_a_redacted_prompt_has_the_digest_of_the_one_that_was_sent(planted: Kit):
    assert planted.own().code == 0
    sent = planted.model.calls[0].prompt
    assert BY_SHAPE["spec"] in sent
    (attempt,) = planted.attempts()
    prompt = (attempt / "prompt.md").read_text()
    assert BY_SHAPE["spec"] not in prompt and "[redacted]" in prompt
    recordings = planted.root / ".ossature" / "tasks"
    planted.edit("specs/lib.smd", "Counts with", "Counts all with")
    planted.edit("specs/lib.smd", "Counts all with", "Counts with")
    replayed = planted.own(forced=("001",), replay=str(recordings))
    assert planted.model is not None and replayed.code in (0, 1)


def test_keys_in_specs_and_context_are_warned_about(planted: Kit, capsys: pytest.CaptureFixture[str]):
    assert main(["-C", str(planted.root), "validate"]) == 0
    shown = capsys.readouterr().out
    line = (planted.root / "specs/lib.smd").read_text().split("sk-canary")[0].count("\n") + 1
    assert f"specs/lib.smd:{line}:" in shown and "context/rates.csv:1:3" in shown
    assert shown.count("would be sent to the model's provider") == 2


def test_a_provider_that_echoes_keys_leaves_none(planted: Kit, tmp_path: Path):
    """Real HTTP, through the real client, in a process of its own."""
    home = tmp_path / "home"
    home.mkdir()
    planted.config(model="openai:gpt-4o-mini")
    with serving() as provider:
        provider.mode = "400"
        provider.echo = everything()
        environ = {
            **os.environ,
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "OPENAI_BASE_URL": f"{provider.url}/v1",
            "PYTHONWARNINGS": "ignore",
        }
        command = [sys.executable, "-m", "ossature", "build", "--auto", "--sandbox", OPEN]
        done = subprocess.run(
            command, cwd=planted.root, env=environ, capture_output=True, text=True, timeout=110
        )
        assert provider.requests
    assert done.returncode == 1
    assert hits(planted.root, outside=(home,), shown=done.stdout + done.stderr) == []


def test_the_owners_log_is_clean(tmp_path: Path):
    script = (
        "import os, sys\n"
        "from ossature.cli.commands.own import RedactingWriter\n"
        "from ossature.domain.redaction import Redactor, secrets_in\n"
        "sys.stdout = RedactingWriter(sys.stdout, Redactor(secrets_in(os.environ)))\n"
        "text = sys.stdin.read()\n"
        "for char in text: sys.stdout.write(char)\n"
        "print(text, flush=True)\n"
        "print('the end', end='')\n"
    )
    environ = {**os.environ, **IN_ENVIRONMENT, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environ,
        input=everything().encode(),
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().endswith("the end")
    assert hits(tmp_path, shown=done.stdout.decode()) == []
