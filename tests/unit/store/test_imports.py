"""What may not be loaded on the way of a build that has nothing to do."""

import subprocess
import sys

import pytest

HEAVY = {"pydantic", "tomlkit", "textual", "asyncio", "litellm", "rich", "yaml", "mistletoe", "subprocess"}
LOADED = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"


def loaded_by(statement: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\n{LOADED}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "disk",
        "checked_lines",
        "ledger",
        "planfile",
        "plan_reading",
        "toml_text",
        "blobs",
        "safe_root",
        "lease",
        "tasklog",
    ],
)
def test_a_build_without_work_loads_nothing_heavy(module: str):
    assert not loaded_by(f"import ossature.store.{module}") & HEAVY


def test_reading_a_plan_does_not_load_tomlkit():
    text = '[meta]\\n[[task]]\\nid = "1"\\nspec = 7\\n'
    assert (
        not loaded_by(f"from ossature.store.planfile import parse_plan\nparse_plan('{text}', name='p')")
        & HEAVY
    )


def test_writing_a_plan_loads_tomlkit():
    write = "from ossature.store.planfile import render_plan\nrender_plan([], [], generated_at='')"
    assert "tomlkit" in loaded_by(write)
