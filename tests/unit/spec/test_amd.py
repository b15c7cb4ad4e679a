"""AMD files: components, their paths, interfaces and contracts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossature.spec.amd import parse_amd, why_unsafe

FULL = """\
---
spec: TIDES
status: review
---
# Architecture: Tide Table

## Overview

One module.

## Components

### Tables

@path: src/tides/tables.py

Holds the tables.

It is small.

**Interface:**

The functions:

```python title
**Contracts:** not a label
@path: not/a/path
def load() -> Table: ...
```

**Contracts:**

- Loads once,
  then never again
- Raises KeyError

**Depends on:** Clock (for now), `Disk`.

### Clock

**Contracts:** None
**Depends on:** none at all
**Interface:**
```
now()
```
@path: `src/tides/clock.py`
Tells the time.

## Data Models

### Row

```json
{}
```
"""


def codes(text):
    return [(d.code, d.severity, d.place.line) for d in parse_amd(text, "a.amd")[1]]


def test_a_full_architecture_has_every_value():
    architecture, found = parse_amd(FULL, "specs/a.amd")
    assert [d.code for d in found] == ["amd-missing-description"]
    assert (architecture.spec, architecture.title, architecture.status) == ("TIDES", "Tide Table", "review")
    tables, clock = architecture.components
    assert (tables.name, tables.path, tables.line, tables.path_line) == (
        "Tables",
        "src/tides/tables.py",
        13,
        15,
    )
    assert tables.description == "Holds the tables.\n\nIt is small."
    assert tables.interface == "**Contracts:** not a label\n@path: not/a/path\ndef load() -> Table: ..."
    assert tables.interface_language == "python"
    assert tables.contracts == ("Loads once, then never again", "Raises KeyError")
    assert (tables.depends_on, tables.depends_line) == (("Clock", "Disk"), 37)
    assert (clock.path, clock.contracts, clock.depends_on) == ("src/tides/clock.py", (), ())
    assert clock.interface == "now()"


def test_spec_and_a_component_are_required():
    architecture, found = parse_amd("---\nstatus: draft\n---\n# T\n\n## Overview\n\nx\n", "a.amd")
    assert architecture is None
    assert [(d.code, d.severity) for d in found] == [
        ("amd-missing-spec", "error"),
        ("amd-missing-components", "error"),
    ]


def test_what_else_a_component_lacks_is_a_warning():
    text = "---\nspec: A\nstatus: draft\n---\n# T\n## Overview\nx\n## Components\n### C\n"
    architecture, found = parse_amd(text, "a.amd")
    assert architecture.components[0].name == "C"
    assert {d.severity for d in found} == {"warning"}
    assert {d.code for d in found} == {
        "amd-missing-path",
        "amd-missing-description",
        "amd-missing-interface",
        "amd-missing-contracts",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/etc/x",
        "~/x",
        "../x",
        "a/../../x",
        "..",
        "C:/x",
        "c:x",
        "a\\b",
        "a\u202eb",
        "a\x1bb",
        "a\tb",
        "a\u200bb",
        "x" * 2_000,
        "x" * 256,
        ".",
        "./",
    ],
)
def test_a_path_that_could_leave_its_folder_is_an_error(path):
    assert why_unsafe(path)
    found = [d for d in parse_amd(FULL.replace("src/tides/tables.py", path), "a.amd")[1]]
    assert ("amd-unsafe-path", "error", 15) in [(d.code, d.severity, d.place.line) for d in found]
    assert all(d.message.isprintable() for d in found)


@pytest.mark.parametrize("path", ["a.py", "./a.py", "src/..a/b..c", "a b/ü.py", ".github/x.yml", "a/b:c"])
def test_an_ordinary_path_is_safe(path):
    assert why_unsafe(path) == ""


@pytest.mark.parametrize(
    ("contracts", "kept", "complaints"),
    [
        ("None", (), []),
        ("\n\nnone.", (), []),
        ("None\n\n- but this", ("but this",), ["amd-contracts-none"]),
        ("It is quick.", ("It is quick.",), ["amd-contracts-prose"]),
        ("\n* a\n+ b", ("a", "b"), []),
        ("", (), ["amd-missing-contracts"]),
    ],
)
def test_contracts_are_bullets_or_none(contracts, kept, complaints):
    text = FULL.replace("**Contracts:** None", f"**Contracts:** {contracts}")
    architecture, found = parse_amd(text, "a.amd")
    assert architecture.components[1].contracts == kept
    assert [d.code for d in found if d.code != "amd-missing-description"] == complaints


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("A, B", ("A", "B")),
        ("\n\n- A\n- B (later)", ("A", "B")),
        ("None", ()),
        ("None (stands alone)", ()),
        ("Nonesuch", ("Nonesuch",)),
        ("**A**, `B`", ("A", "B")),
    ],
)
def test_dependencies_are_names(value, names):
    text = FULL.replace("none at all", value)
    assert parse_amd(text, "a.amd")[0].components[1].depends_on == names


def test_a_model_without_code_and_a_stray_contracts_section_are_warnings():
    text = FULL.replace("```json\n{}\n```", "words") + "\n## Contracts\n\n- x\n"
    found = [code for code, severity, _ in codes(text) if severity == "warning"]
    assert found == ["amd-missing-description", "amd-model-without-code", "amd-contracts-section"]


def test_digest_ignores_the_status():
    digest = parse_amd(FULL, "a.amd")[0].digest
    assert parse_amd(FULL.replace("review", "draft"), "a.amd")[0].digest == digest
    assert parse_amd(FULL.replace("TIDES", "MOON"), "a.amd")[0].digest != digest


@given(
    st.lists(
        st.one_of(
            st.text(max_size=10),
            st.sampled_from(
                [
                    *("## Components", "### C", "@path: a", "@path:", "**Interface:**", "```", "~~~x"),
                    *("**Contracts:**", "- a", "none", ",", "**Depends on:**", "## Data Models", "---"),
                    *("spec: A", "@spec: A"),
                ]
            ),
        )
    ).map("\n".join)
)
def test_no_text_raises(text):
    for full in (text, "---\nspec: A\n---\n# T\n## Components\n" + text):
        architecture, found = parse_amd(full, "a.amd")
        assert architecture is not None or any(d.severity == "error" for d in found)
