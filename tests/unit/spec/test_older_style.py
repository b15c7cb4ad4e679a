"""Files of the first releases: @key lines, bullets under a label, blocks that the format does not name."""

from ossature.spec.amd import parse_amd
from ossature.spec.smd import parse_smd

SPEC = """\
# Loom
@id: LOOM_CARDS
@status: draft
@priority: low
@depends: []
## Requirements
### Punch Command (`loom punch`)
Reads a pattern (PNG or plain text)
and punches one card per row.
**Accepts:**
- `pattern` (positional): path of the pattern.
  It may be `-` for standard input.
- `cards` (positional): folder for the cards.
**Returns:**
- One file per card.
- A message: `Punched {n} cards`.
**Behavior:**
1. Read the header.
2. For each row (top to bottom):
- **Plain**: if the row equals the one before,
count it. At 62 write `REPEAT`.
- **Other**: write `ROW` -> 8 bytes.
3. Write the end card.
**Errors:**
- Pattern not found -> print a message and exit 1.
- Row wider than 400 -> print a message and exit 1.
"""

ARCHITECTURE = """\
# Architecture: Loom

@spec: LOOM_CARDS
@status: draft

## Overview

Two files.

## Components

### Reader

@path: src/reader.zig

Reads patterns.

**Interface:**

```zig
pub fn read(path: []const u8) !Pattern;
```

### Punch

Punches cards.
  @path: src/punch.zig

**Interface:**

```zig
pub fn punch(p: Pattern) !void;
```

**Depends on:** Reader
"""


def test_an_older_spec_loads_without_an_error():
    spec, found = parse_smd(SPEC, "loom.smd")
    assert {d.severity for d in found} == {"warning"}
    assert (spec.id, spec.title, spec.style, spec.priority) == ("LOOM_CARDS", "Loom", "at-keys", "low")
    (requirement,) = spec.requirements
    assert requirement.title == "Punch Command (`loom punch`)"
    assert requirement.accepts.split("\n") == [
        "- `pattern` (positional): path of the pattern.",
        "  It may be `-` for standard input.",
        "- `cards` (positional): folder for the cards.",
    ]
    assert requirement.returns.endswith("- A message: `Punched {n} cards`.")
    assert [(e.condition, e.line) for e in requirement.errors] == [
        ("Pattern not found", 25),
        ("Row wider than 400", 26),
    ]


def test_every_line_of_an_older_spec_reaches_the_model_but_its_keys():
    spec, _ = parse_smd(SPEC, "loom.smd")
    assert spec.requirements[0].text == SPEC[SPEC.index("### Punch") :]
    kept = [line for line in SPEC.split("\n") if not line.startswith("@")]
    assert spec.body.split("\n") == kept
    assert "".join(section.text for section in spec.sections if section.level < 3) == spec.body


def test_a_changed_status_changes_no_digest():
    digests = {
        parse_smd(SPEC.replace("draft", word), "loom.smd")[0].digest
        for word in ("draft", "review", "approved")
    }
    assert len(digests) == 1


def test_an_older_architecture_loads_without_an_error():
    architecture, found = parse_amd(ARCHITECTURE, "loom.amd")
    assert {d.code for d in found} == {"amd-missing-contracts"}
    assert (architecture.spec, architecture.title, architecture.style) == ("LOOM_CARDS", "Loom", "at-keys")
    reader, punch = architecture.components
    assert (reader.path, reader.description, reader.interface_language) == (
        "src/reader.zig",
        "Reads patterns.",
        "zig",
    )
    assert (punch.path, punch.description, punch.depends_on) == (
        "src/punch.zig",
        "Punches cards.",
        ("Reader",),
    )
