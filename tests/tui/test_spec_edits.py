"""`F` on a finding: a real owner process proposes an edit of the spec, and a key applies it."""

from __future__ import annotations

import sys
from pathlib import Path

from ossature.store.lease import read_holder
from tests.tui.scene import Scene
from tests.tui.stage import press, run, screen, shown, until

ANSWER = """\
import os, sys
sys.stdin.buffer.read()
print({{"spec_fix": {edit!r}, "audit": '{{"findings": []}}'}}[os.environ["OSSATURE_ROLE"]])
"""
NEW = "Ids are given once and never again."
EDIT = """\
An id is never given twice.

<edit path="specs/expenses.smd">
<<<<<<< SEARCH
### Record an expense {#record-expense}
=======
### Record an expense {#record-expense}

Ids are given once and never again.
>>>>>>> REPLACE
</edit>"""


def test_a_finding_is_settled_by_an_edit_that_is_seen_first(scene: Scene, tmp_path: Path) -> None:
    root = scene.project.root
    scene.audit()
    model = tmp_path / "model.py"
    model.write_text(ANSWER.format(edit=EDIT), "utf-8")
    config = root / "ossature.toml"
    lines = [line for line in config.read_text("utf-8").splitlines() if not line.startswith("model")]
    text = "\n".join(lines).replace("[llm]", f"[llm]\nmodel = 'exec:{sys.executable} -I -S {model}'")
    config.write_text(text, "utf-8")
    spec = root / "specs" / "expenses.smd"

    async def dialogue() -> None:
        async with shown(scene, (160, 45)) as (app, pilot):
            await press(pilot, "2", "F")
            await until(pilot, lambda: app.question is not None)
            if app.question.gate == "trust":
                await press(pilot, "a")
            await until(pilot, lambda: app.question is not None and app.question.gate == "spec_edit")
            await until(pilot, lambda: f"+{NEW}" in screen(app))
            assert "apply this edit of specs/expenses.smd?" in screen(app)
            assert NEW not in spec.read_text("utf-8")
            await press(pilot, "a")
            await until(pilot, lambda: app.bridge.outcome == "succeeded")
            assert NEW in spec.read_text("utf-8")
            await until(pilot, lambda: NEW in app.bridge.view.tree.specs["EXPENSES"].text)
            await until(pilot, lambda: "✗ EXPENSES" not in screen(app))
            await until(pilot, lambda: read_holder(scene.project.lease_path) is None)

    run(dialogue())
