"""SMD files: every value, every diagnostic, and no text that breaks the reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossature.domain.spec import ErrorCase
from ossature.spec.smd import parse_smd

FULL = """\
---
id: TIDES
status: draft
priority: high
depends: [MOON]
---
# Tide Table

## Overview

Says when the water is high.

## Goals

- Work offline

## Non-Goals

- Weather

## Requirements

### Look up a tide {#look-up}

Finds the next high water.

It never guesses.

**Accepts:** harbour (string),
and a day

**Returns:**

- the time
  - in local time

**Steps:**

| a | b |

**Errors:**

- Unknown harbour -> raises KeyError
- Day `a->b` is wrong → raises ValueError

### Warm up {.no-verify}

Loads the tables.

**Accepts:** nothing
**Returns:** nothing

## Constraints

- Standard library only

## Examples

### Kiel

**Input:**

```py
next_tide("Kiel")
```

**Output:**

~~~
06:12
~~~

## Acceptance Criteria

- Kiel works
"""


def codes(text):
    return [(d.code, d.severity, d.place.line) for d in parse_smd(text, "a.smd")[1]]


def errors(text):
    return [d for d in parse_smd(text, "a.smd")[1] if d.severity == "error"]


def with_errors(block):
    """The cases and the complaints of a requirement whose last block is *block*."""
    text = FULL.replace(
        "- Unknown harbour -> raises KeyError\n- Day `a->b` is wrong → raises ValueError\n", block
    )
    assert text != FULL
    spec, found = parse_smd(text, "a.smd")
    return [(c.condition, c.response) for c in spec.requirements[0].errors], [d.code for d in found]


def test_a_full_spec_has_every_value_and_no_diagnostic():
    spec, found = parse_smd(FULL, "specs/tides.smd")
    assert found == ()
    assert (spec.id, spec.title, spec.status, spec.priority) == ("TIDES", "Tide Table", "draft", "high")
    assert (spec.depends, spec.depends_line, spec.style) == (("MOON",), 5, "frontmatter")
    assert spec.path == "specs/tides.smd"
    first, second = spec.requirements
    assert (first.title, first.anchor, first.is_exempt, first.line, first.end_line) == (
        "Look up a tide",
        "look-up",
        False,
        23,
        45,
    )
    assert first.description == "Finds the next high water.\n\nIt never guesses."
    assert first.accepts == "harbour (string),\nand a day"
    assert first.returns == "- the time\n  - in local time"
    assert first.errors == (
        ErrorCase("Unknown harbour", "raises KeyError", 43),
        ErrorCase("Day `a->b` is wrong", "raises ValueError", 44),
    )
    assert "| a | b |" in first.text
    assert first.text.startswith("### Look up a tide {#look-up}\n")
    assert (second.title, second.anchor, second.is_exempt) == ("Warm up", "", True)
    (example,) = spec.examples
    assert (example.name, example.input, example.output) == ("Kiel", 'next_tide("Kiel")', "06:12")


def test_crlf_reads_like_lf():
    crlf, found = parse_smd(FULL.replace("\n", "\r\n"), "a.smd")
    assert found == ()
    assert crlf == parse_smd(FULL, "a.smd")[0]


def test_only_id_title_and_requirement_are_errors_when_missing():
    spec, found = parse_smd("---\nid: A\n---\n# T\n## Requirements\n### R\nwords\n", "a.smd")
    assert spec is not None
    assert (spec.status, spec.priority) == ("draft", "medium")
    assert {d.severity for d in found} == {"warning"}
    assert [d.message for d in found if d.code == "smd-missing-section"] == [
        f"Missing or empty section: ## {name}"
        for name in ("Overview", "Goals", "Non-Goals", "Constraints", "Acceptance Criteria")
    ]
    assert [d.code for d in errors("---\nstatus: draft\n---\nno title\n")] == [
        "smd-missing-id",
        "smd-missing-title",
        "smd-missing-requirements",
    ]


def test_a_spec_with_errors_is_still_a_spec_when_it_has_an_id():
    spec, found = parse_smd("---\nid: A\nstatus: nope\ndepends: [B]\n---\n## Overview\nx\n", "a.smd")
    assert (spec.id, spec.title, spec.depends) == ("A", "A", ("B",))
    assert [d.code for d in found if d.severity == "error"] == [
        "smd-invalid-status",
        "smd-missing-title",
        "smd-missing-requirements",
    ]


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("status", "aproved", "did you mean approved?"),
        ("priority", "critcal", "did you mean critical?"),
        ("priority", "zzz", ""),
    ],
)
def test_a_mistyped_word_names_the_closest(key, value, hint):
    old = {"status": "status: draft", "priority": "priority: high"}[key]
    (error,) = errors(FULL.replace(old, f"{key}: {value}"))
    assert (error.code, error.hint) == (f"smd-invalid-{key}", hint)
    assert error.message.startswith(f"Invalid {key}: '{value}'. Expected one of: ")
    assert (error.place.line, error.place.column) == ({"status": 3, "priority": 4}[key], 1)


@pytest.mark.parametrize("value", ["a b", "../x", "é", "a.b", "A" * 101, "[A]", "{A: B}", "a\u202eb"])
def test_an_id_with_other_characters_is_an_error(value):
    (error,) = errors(FULL.replace("id: TIDES", f"id: {value}"))
    assert (error.code, error.place.line) == ("smd-invalid-id", 2)
    assert error.message.isprintable()
    assert len(error.message) < 120


@pytest.mark.parametrize(
    ("value", "names"),
    [("[A, B, A]", ("A", "B")), ("A, B", ("A", "B")), ("\n  - A\n  - B", ("A", "B")), ("", ()), ("[]", ())],
)
def test_depends_may_be_written_in_every_way(value, names):
    spec, found = parse_smd(FULL.replace("depends: [MOON]", f"depends: {value}"), "a.smd")
    assert spec.depends == names
    assert found == ()


def test_depends_that_is_a_mapping_is_an_error():
    assert [d.code for d in errors(FULL.replace("[MOON]", "{A: B}"))] == ["smd-invalid-depends"]


def test_an_unknown_section_is_kept_and_costs_an_info_at_most():
    text = FULL.replace("## Goals", "## Gaols").replace(
        "## Non-Goals", "## Wire Format\n\nbits\n\n## Non-Goals"
    )
    spec, found = parse_smd(text, "a.smd")
    assert [(d.code, d.severity, d.hint) for d in found] == [
        ("smd-missing-section", "warning", ""),
        ("smd-unknown-section", "info", "did you mean ## Goals?"),
        ("smd-unknown-section", "info", ""),
    ]
    assert [s.text for s in spec.sections if s.title == "Wire Format"] == ["## Wire Format\n\nbits\n\n"]


def test_section_names_are_found_whatever_their_case():
    assert codes(FULL.replace("## Requirements", "## requirements").replace("## Goals", "##  GOALS")) == []


def test_twice_the_same_section_loses_no_requirement():
    text = FULL + "\n## Requirements\n\n### Third\n\nwords\n\n**Accepts:** a\n**Returns:** b\n"
    spec, found = parse_smd(text, "a.smd")
    assert [r.title for r in spec.requirements] == ["Look up a tide", "Warm up", "Third"]
    assert [d.code for d in found] == ["smd-duplicate-section"]


def test_an_anchor_is_taken_once_and_a_title_should_be():
    text = FULL.replace("### Warm up {.no-verify}", "### look up a  TIDE {#look-up}")
    assert codes(text) == [("smd-duplicate-anchor", "error", 46), ("smd-duplicate-title", "warning", 46)]


def test_a_requirement_and_an_example_may_share_a_title():
    assert codes(FULL.replace("### Kiel", "### Warm up")) == []


def test_a_marker_that_is_no_anchor_is_noticed():
    assert codes(FULL.replace("{#look-up}", "{#look up}")) == [("smd-bad-anchor", "warning", 23)]


def test_a_requirement_without_any_text_is_an_error():
    text = FULL.replace("## Constraints", "### Hollow\n\n**Accepts:**\n\n## Constraints")
    (error,) = errors(text)
    assert (error.code, error.message) == (
        "smd-empty-requirement",
        "Requirement 'Hollow': missing description",
    )


@pytest.mark.parametrize("inner", ["words", "**Behavior:** words", "**Accepts:** a"])
def test_a_description_or_any_block_is_enough(inner):
    assert errors(FULL.replace("## Constraints", f"### R\n\n{inner}\n\n## Constraints")) == []


def test_missing_accepts_and_returns_are_warnings():
    text = FULL.replace("**Accepts:** nothing\n", "").replace("**Returns:** nothing\n", "**Returns:**\n")
    assert codes(text) == [("smd-missing-accepts", "warning", 46), ("smd-missing-returns", "warning", 46)]


@pytest.mark.parametrize(
    ("block", "cases", "complaints"),
    [
        ("- a -> b -> c\n", [("a", "b -> c")], []),
        ("* a ->\n  b\n", [("a", "b")], []),
        ("1. a → b\n2. c → d\n", [("a", "b"), ("c", "d")], []),
        ("- a -> b\n  - more\n  - and more\n- c -> d\n", [("a", "b more and more"), ("c", "d")], []),
        ("- While loading:\n  - a -> b\n  - c -> d\n", [("a", "b"), ("c", "d")], []),
        ("- no arrow\n- a -> b\n", [("a", "b")], ["smd-error-without-arrow"]),
        ("- a ->\n", [("a", "")], ["smd-error-incomplete"]),
        ("- -> b\n", [("", "b")], ["smd-error-incomplete"]),
        ("a -> b,\nreally\nc -> d\n", [("a", "b, really"), ("c", "d")], []),
        ("None.\n", [], []),
        ("- a -> b\n\n**Notes:**\n\n- no case\n", [("a", "b")], []),
        ("- a -> b\n```\n- x -> y\n```\n", [("a", "b ``` - x -> y ```")], []),
    ],
)
def test_errors_are_split_at_their_arrows(block, cases, complaints):
    assert with_errors(block) == (cases, complaints)


def test_an_example_without_code_keeps_its_text():
    text = FULL.replace('```py\nnext_tide("Kiel")\n```', "the next tide\nin `Kiel`")
    spec, found = parse_smd(text, "a.smd")
    assert [d.code for d in found] == ["smd-example-without-code"]
    assert spec.examples[0].input == "the next tide\nin `Kiel`"
    lost = parse_smd(FULL.replace("**Output:**", "Out:"), "a.smd")[1]
    assert [d.code for d in lost] == ["smd-missing-output"]


def test_an_unclosed_fence_is_named():
    assert ("smd-unclosed-fence", "warning", 55) in codes(FULL.replace("- Standard library only", "~~~~"))


def test_hidden_characters_are_named_with_line_and_column():
    text = FULL.replace("Says when", "Says \u202ewhen\x1b[31m")
    found = [d for d in parse_smd(text, "a.smd")[1] if d.code == "smd-hidden-character"]
    assert [(d.place.line, d.place.column, d.message) for d in found] == [
        (11, 6, "Hidden character U+202E"),
        (11, 11, "Hidden character U+001B"),
    ]


def test_digest_follows_the_sections_and_depends_only():
    digest = parse_smd(FULL, "a.smd")[0].digest
    same = FULL.replace("status: draft", "status: approved").replace("high", "low", 1)
    assert parse_smd(same, "b.smd")[0].digest == digest
    assert parse_smd(FULL.replace("\n\n## Goals", "\n\n\n\n## Goals") + "\n\n", "a.smd")[0].digest == digest
    for old, new in [("[MOON]", "[SUN]"), ("Work offline", "Work online"), ("Tide Table", "Tides")]:
        assert parse_smd(FULL.replace(old, new), "a.smd")[0].digest != digest


def test_unreadable_metadata_is_one_error_and_no_list_of_missing_keys():
    spec, found = parse_smd("---\nid: [\n---\n" + FULL.split("---\n")[2], "a.smd")
    assert spec is None
    assert [d.code for d in found] == ["smd-invalid-yaml"]
    assert [d.code for d in parse_smd("---\nid: A\n# T\n", "a.smd")[1]] == ["smd-unterminated-frontmatter"]


PIECES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            *("# T", "## Requirements", "### R {#a}", "## Examples", "## X", "---", "id: A", "depends: [B"),
            *("```", "~~~", "````sh", "- a -> b", "  - ->", "**Errors:**", "**Accepts:** x", "**Input:**"),
            *("@id: A", "@depends: [B]", "- ```", "\ufeff", "\r", "{#", "   ```", "\t- x", "1. y"),
        ]
    ),
)
TEXTS = st.one_of(
    st.text(),
    st.lists(PIECES).map("\n".join),
    st.lists(PIECES).map(lambda parts: "---\nid: A\n---\n" + "\n".join(parts)),
)


@given(TEXTS)
def test_no_text_raises_and_none_loses_a_line(text):
    spec, found = parse_smd(text, "a.smd")
    assert all(d.code.startswith("smd-") and d.place.path == "a.smd" and d.message for d in found)
    assert all(d.place.line <= spec.text.count("\n") + 1 for d in found if spec)
    if spec is None:
        assert any(d.severity == "error" for d in found)
        return
    tops = [section for section in spec.sections if section.level < 3]
    assert "".join(section.text for section in tops) == spec.body
    lines = spec.text.split("\n")
    for section in spec.sections:
        if section.level > 1:
            assert "\n".join(lines[section.line - 1 : section.end_line]) == section.text.removesuffix("\n")
        if section.level == 3 and section.parent:
            assert any(section.text in top.text for top in tops if top.title == section.parent)


@given(TEXTS)
def test_reading_what_was_read_changes_nothing(text):
    spec, found = parse_smd(text, "a.smd")
    if spec is not None:
        assert parse_smd(spec.text, "a.smd") == (spec, found)
