"""References to parts of specs: every form in use, and what names nothing."""

import pytest

from ossature.spec.refs import Refs, Resolved, Unresolved, resolve_arch_ref, resolve_spec_ref
from ossature.spec.tree import build_tree

SPEC = """\
---
id: LOOM
status: draft
priority: low
depends: [YARN]
---
# The Loom

Woven.

## Overview

Weaves.

## Requirements

### Add a  thread {#add-thread}

one

### Punch Command (`loom punch`) {#punch .no-verify}

two

### Overview

three

### Shared name

four

## Examples

### Shared name

five

### First cloth

six

## Wire: Format

### Bits > Bytes

seven

## Goals

- eight


"""
YARN = SPEC.replace("id: LOOM", "id: YARN").replace("depends: [YARN]", "depends: []").replace("seven", "yarn")
ONE = """\
---
spec: LOOM
status: draft
---
# Architecture: Loom

## Overview

from one

## Components

### Store

@path: a.py

## Data Models

### Row

```
x
```
"""
TWO = """\
---
spec: LOOM
status: draft
---
# Second

## Overview

from two

## Components

### Core

@path: b.py

## Flow

a to b
"""
TREE = build_tree(
    {"loom.smd": SPEC.encode(), "yarn.smd": YARN.encode(), "one.amd": ONE.encode(), "two.amd": TWO.encode()}
)


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        ("Overview", "LOOM:Overview"),
        ("  oVERVIEW ", "LOOM:Overview"),
        ("## Overview", "LOOM:Overview"),
        ("requirements", "LOOM:Requirements"),
        ("goals", "LOOM:Goals"),
        ("add a thread", "LOOM:Requirements > Add a  thread"),
        ("add-thread", "LOOM:Requirements > Add a  thread"),
        ("#add-thread", "LOOM:Requirements > Add a  thread"),
        ("Requirements > Add a thread", "LOOM:Requirements > Add a  thread"),
        ("requirements>ADD A THREAD", "LOOM:Requirements > Add a  thread"),
        ("Requirements > add-thread", "LOOM:Requirements > Add a  thread"),
        ("Add a thread {#add-thread}", "LOOM:Requirements > Add a  thread"),
        ("Punch Command (`loom punch`)", "LOOM:Requirements > Punch Command (`loom punch`)"),
        ("punch command (loom  punch)", "LOOM:Requirements > Punch Command (`loom punch`)"),
        ("LOOM:Punch Command (loom punch)", "LOOM:Requirements > Punch Command (`loom punch`)"),
        ("Requirements > Overview", "LOOM:Requirements > Overview"),
        ("Shared name", "LOOM:Requirements > Shared name"),
        ("Examples > Shared name", "LOOM:Examples > Shared name"),
        ("first cloth", "LOOM:Examples > First cloth"),
        ("LOOM:Goals", "LOOM:Goals"),
        ("loom : goals", "LOOM:Goals"),
        ("LOOM:Requirements > Add a thread", "LOOM:Requirements > Add a  thread"),
        ("LOOM:punch", "LOOM:Requirements > Punch Command (`loom punch`)"),
        ("Wire: Format", "LOOM:Wire: Format"),
        ("LOOM:Wire: Format", "LOOM:Wire: Format"),
        ("bits > bytes", "LOOM:Wire: Format > Bits > Bytes"),
        ("Wire: Format > Bits > Bytes", "LOOM:Wire: Format > Bits > Bytes"),
        ("YARN:Goals", "YARN:Goals"),
        ("YARN:Bits > Bytes", "YARN:Wire: Format > Bits > Bytes"),
        ("The Loom", "LOOM:The Loom"),
    ],
)
def test_every_form_of_reference_resolves(ref, name):
    found = resolve_spec_ref(TREE, "LOOM", ref)
    assert isinstance(found, Resolved), found
    assert found.name == name
    assert resolve_spec_ref(TREE, "LOOM", found.name) == found


def test_what_is_resolved_is_the_raw_section_with_its_place():
    found = resolve_spec_ref(TREE, "LOOM", "punch")
    assert found.text == "### Punch Command (`loom punch`) {#punch .no-verify}\n\ntwo"
    assert (found.path, found.line) == ("loom.smd", 21)
    assert resolve_spec_ref(TREE, "LOOM", "goals").text == "## Goals\n\n- eight"
    assert "yarn" in resolve_spec_ref(TREE, "LOOM", "YARN:Bits > Bytes").text
    assert resolve_spec_ref(TREE, "LOOM", "requirements").text.endswith("four")


@pytest.mark.parametrize(
    ("ref", "near"),
    [
        ("Gaols", "Goals"),
        ("LOOM:Gaols", "LOOM:Goals"),
        ("LOM:Goals", "LOOM:Goals"),
        ("Requirements > Add a thred", "Requirements > Add a  thread"),
        ("Constraints", ""),
        ("", ""),
        (":", ""),
        (" > ", ""),
        ("x" * 100_000, ""),
    ],
)
def test_what_names_nothing_says_what_is_near(ref, near):
    found = resolve_spec_ref(TREE, "LOOM", ref)
    assert isinstance(found, Unresolved), found
    assert (found.ref, found.closest) == (ref, near)
    assert found.message.isprintable()
    assert len(found.message) < 200
    if near:
        assert isinstance(resolve_spec_ref(TREE, "LOOM", near), Resolved)


def test_an_unknown_spec_names_the_closest_reference():
    found = resolve_spec_ref(TREE, "LOOMS", "Goals")
    assert (found.message, found.closest) == ("'Goals' names nothing: LOOMS has no spec", "LOOM:Goals")


@pytest.mark.parametrize(
    ("ref", "name", "text"),
    [
        ("Components > Store", "LOOM:Components > Store", "### Store\n\n@path: a.py"),
        ("core", "LOOM:Components > Core", "### Core\n\n@path: b.py"),
        ("LOOM:Components > core", "LOOM:Components > Core", "### Core\n\n@path: b.py"),
        ("data models > row", "LOOM:Data Models > Row", "### Row\n\n```\nx\n```"),
        ("flow", "LOOM:Flow", "## Flow\n\na to b"),
        ("overview", "LOOM:Overview", "## Overview\n\nfrom one\n\n## Overview\n\nfrom two"),
    ],
)
def test_an_architecture_is_searched_in_all_of_its_files(ref, name, text):
    found = resolve_arch_ref(TREE, "LOOM", ref)
    assert isinstance(found, Resolved), found
    assert (found.name, found.text) == (name, text)


def test_a_spec_without_architecture_resolves_nothing():
    found = resolve_arch_ref(TREE, "YARN", "Overview")
    assert isinstance(found, Unresolved)
    assert found.message == "'Overview' names nothing: YARN has no architecture"
    assert found.closest == ""


def test_a_spec_reference_does_not_reach_into_the_architecture():
    assert isinstance(resolve_spec_ref(TREE, "LOOM", "Components"), Unresolved)


def test_many_references_share_one_index():
    refs = Refs(TREE)
    assert refs.spec("LOOM", "goals") == resolve_spec_ref(TREE, "LOOM", "goals")
    assert refs.architecture("LOOM", "flow") == resolve_arch_ref(TREE, "LOOM", "flow")


def test_a_section_that_occurs_twice_is_joined():
    tree = build_tree({"a.smd": (SPEC + "## goals\n\n- nine\n").encode()})
    assert resolve_spec_ref(tree, "LOOM", "Goals").text == "## Goals\n\n- eight\n\n## goals\n\n- nine"
