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


HEAD = """---
id: S{number:04d}
status: draft
priority: low
depends: []
---

# Spec {number}

## Overview

Keeps things.

## Goals

- Be quick

## Non-Goals

- Be large

## Requirements

"""
REQUIREMENT = """### Thing {number}

Does thing {number} as it is described here.

**Accepts:** a name (string)

**Returns:** the thing

**Errors:**

- Empty name -> raises ValueError

"""
TAIL = """## Constraints

- None

## Examples

### One

**Input:**

```
a
```

**Output:**

```
b
```

## Acceptance Criteria

- It works
"""


def spec(number: int) -> str:
    """A spec of about 120 lines without a problem."""
    return HEAD.format(number=number) + "".join(REQUIREMENT.format(number=n) for n in range(6)) + TAIL


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
