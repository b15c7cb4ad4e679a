"""Frontmatter and @key lines, and that the quick reader agrees with PyYAML."""

import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ossature.spec.metadata import MAX_FRONTMATTER, read_metadata, split_list
from ossature.spec.report import Report

KEYS = frozenset({"id", "status", "priority", "depends"})


def read(text):
    report = Report("smd", "a.smd")
    return read_metadata(text, KEYS, report), [(d.code, d.place.line) for d in report.found()]


def values(text):
    metadata, found = read(text)
    assert found == []
    return {
        key: entry.items if entry.kind == "list" else entry.text for key, entry in metadata.entries.items()
    }


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("id: A\nstatus: draft", {"id": "A", "status": "draft"}),
        ("id: 007\nstatus: yes", {"id": "007", "status": "yes"}),
        ("id: A # why\n# all\n\ndepends: [B, 'C', \"D\"]", {"id": "A", "depends": ("B", "C", "D")}),
        ("depends:\n  - A\n  - B # b\nid: X", {"depends": ("A", "B"), "id": "X"}),
        ("depends:\n- A\n- B", {"depends": ("A", "B")}),
        ("depends: []\nid:", {"depends": (), "id": ""}),
        ("id: ~\nstatus: null", {"id": "", "status": ""}),
        ("id: 'it''s'\nstatus: \"a\\tb\"", {"id": "it's", "status": "a\tb"}),
        ("id: A\nnotes: |\n  one\n  two", {"id": "A", "notes": "one\n  two".replace("  ", "")}),
        ("depends: [\n  A,\n  B,\n]", {"depends": ("A", "B")}),
        ("depends: A, B", {"depends": "A, B"}),
        ("depends:\n  - A\n    - B", {"depends": ("A - B",)}),
        ("", {}),
        ("# nothing", {}),
    ],
)
def test_frontmatter_values_are_as_written(block, expected):
    assert values(f"---\n{block}\n---\n# T\n") == expected


def test_the_body_begins_after_the_closing_line():
    text = "---\nid: A\nx: '---'\n--- \n# T\n"
    metadata, _ = read(text)
    assert text[metadata.body_start :] == "# T\n"
    assert metadata.entries["x"].line == 3


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("# T\n\n## A\n", "smd-missing-metadata", 1),
        (" ---\nid: A\n---\n", "smd-missing-metadata", 1),
        ("---\nid: A\n# T\n", "smd-unterminated-frontmatter", 1),
        ("---\nid: [A\nstatus: x\n---\n", "smd-invalid-yaml", 3),
        ("---\nid: a: b\n---\n", "smd-invalid-yaml", 2),
        ("---\n- A\n---\n", "smd-invalid-yaml", 2),
        ("---\ndepends: [A, B?]\n---\n", "smd-invalid-yaml", 2),
        ("---\njust words\n---\n", "smd-invalid-yaml", 2),
        ("---\nid: &a A\nstatus: *a\n---\n", "smd-invalid-yaml", 2),
        ("---\nid: *a\n---\n", "smd-invalid-yaml", 2),
        ("---\nid: \x01\n---\n", "smd-invalid-yaml", 1),
        ("---\nid: \ud800\n---\n", "smd-invalid-yaml", 1),
        (f"---\nid: {'A' * MAX_FRONTMATTER}\n---\n", "smd-invalid-yaml", 1),
        (f"---\nid: {'[' * 300}\n---\n", "smd-invalid-yaml", 1),
        (f"---\nid:\n{'- ' * 5000}\n---\n", "smd-invalid-yaml", 1),
        ("---\nid: A\nid: B\n---\n", "smd-duplicate-key", 3),
    ],
)
def test_bad_metadata_is_one_error_with_its_line(text, code, line):
    assert read(text)[1] == [(code, line)]


@pytest.mark.parametrize("value", ["{a: b}", "[[A]]", "\n  x: y"])
def test_a_nested_value_is_told_apart(value):
    assert read(f"---\ndepends: {value}\n---\n")[0].entries["depends"].kind == "other"


def test_at_keys_are_read_up_to_the_first_h2():
    text = "# T\n\n@id: A\nwords\n  @depends: [B, C]\n@other: 1\n@status:\n\n## S\n@priority: high\n"
    metadata, found = read(text)
    assert found == []
    assert metadata.style == "at-keys"
    assert {k: (e.text, e.line) for k, e in metadata.entries.items()} == {
        "id": ("A", 3),
        "depends": ("[B, C]", 5),
        "status": ("", 7),
    }
    assert "".join(text[a:b] for a, b in metadata.cuts) == "@id: A\n  @depends: [B, C]\n@status:\n"


def test_of_two_at_keys_the_last_counts():
    metadata, found = read("# T\n@id: A\n@id: B\n")
    assert metadata.entries["id"].text == "B"
    assert found == [("smd-duplicate-key", 3)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[A, B]", ("A", "B")),
        ("A,B,", ("A", "B")),
        (" [ 'A' , \"B\" ] ", ("A", "B")),
        ("[]", ()),
        ("", ()),
        (",,", ()),
    ],
)
def test_a_list_may_be_bracketed_or_bare(text, names):
    assert split_list(text) == names


WORDS = st.text(st.sampled_from("aB1-_ :#,[]{}'\"~&*?|>%@!é."), max_size=8)
LINES = st.one_of(
    st.builds("{}: {}".format, st.sampled_from(["id", "depends", "x-y", "n"]), WORDS),
    st.builds("{}:{}".format, st.sampled_from(["id", "depends"]), WORDS),
    st.builds("{}- {}".format, st.sampled_from(["", "  "]), WORDS),
    st.builds("{}: [{}, {}]".format, st.just("depends"), WORDS, WORDS),
    WORDS,
)


@given(st.lists(LINES, max_size=5))
def test_every_frontmatter_reads_as_pyyaml_reads_it(lines):
    block = "\n".join(lines) + "\n"
    metadata, found = read(f"---\n{block}---\n")
    try:
        node = yaml.compose(block, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        assert ("smd-invalid-yaml" in [code for code, _ in found]) or "\n---" in "\n" + block
        return
    if found and found[0][0] == "smd-invalid-yaml":
        assert not isinstance(node, yaml.MappingNode | None) or "&" in block or "\n---" in "\n" + block
        return
    expected = {str(key.value): value for key, value in node.value} if node else {}
    assert len(metadata.entries) == len(expected)
    for key, value in expected.items():
        entry = metadata.entries.get(key)
        if isinstance(value, yaml.ScalarNode) and entry is not None:
            null = value.tag.endswith(":null")
            assert (entry.kind, entry.text) == ("text", "" if null else value.value.strip())
        elif entry is not None and entry.kind == "list":
            items = ["" if n.tag.endswith(":null") else n.value.strip() for n in value.value]
            assert list(entry.items) == items


def test_yaml_is_imported_only_for_frontmatter_that_needs_it():
    code = (
        "import sys\n"
        "from ossature.spec.smd import parse_smd\n"
        "parse_smd('---\\nid: A\\nstatus: draft\\ndepends: [B]\\n---\\n# T\\n', 'a.smd')\n"
        "assert not {'yaml', 'pydantic', 'mistletoe'} & set(sys.modules), 'plain'\n"
        "parse_smd('---\\nid: {}\\n---\\n# T\\n', 'a.smd')\n"
        "assert 'yaml' in sys.modules, 'hard'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
