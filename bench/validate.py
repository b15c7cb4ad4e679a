"""What `validate` costs for 1,000 specs of 120 lines beside reading and hashing the same files."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from _kit import OSSATURE, command_s, report

COUNT = 1_000
READ_AND_HASH = (
    "import hashlib,pathlib,sys\n"
    "for p in sorted(pathlib.Path(sys.argv[1]).rglob('*.smd')): hashlib.sha256(p.read_bytes()).hexdigest()"
)


def spec(number: int) -> str:
    """A spec of about 120 lines without a problem."""
    requirement = (
        "### Thing {n}\n\nDoes thing {n} as it is described here.\n\n**Accepts:** a name (string)\n\n"
        "**Returns:** the thing\n\n**Errors:**\n\n- Empty name -> raises ValueError\n"
    )
    lines = [
        f"---\nid: S{number:04d}\nstatus: draft\npriority: low\ndepends: []\n---\n\n# Spec {number}\n",
        "## Overview\n\nKeeps things.\n\n## Goals\n\n- Be quick\n\n## Non-Goals\n\n- Be large\n\n## Requirements\n",
        *(requirement.format(n=n) for n in range(7)),
        "## Constraints\n\n- None\n\n## Examples\n\n### One\n\n**Input:**\n\n```\na\n```\n\n**Output:**\n\n```\nb\n```\n",
        "## Acceptance Criteria\n\n- It works\n",
    ]
    return "\n".join(lines)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "specs").mkdir()
        (root / "ossature.toml").write_text('[llm]\nmodel = "exec:true"\n')
        for number in range(COUNT):
            (root / "specs" / f"s{number}.smd").write_text(spec(number))
        reference = command_s([sys.executable, "-c", READ_AND_HASH, str(root / "specs")], repeats=5)
        ours = command_s([OSSATURE, "validate"], cwd=root, repeats=5)
    figures = {"specs": COUNT, "lines": spec(0).count("\n"), "seconds": ours, "read_and_hash": reference}
    report("validate", {**figures, "ratio": ours / reference, "goal": 15})


if __name__ == "__main__":
    main()
