"""Folders of specs: what is read, what is refused, and in which order it comes."""

import os

import pytest

from ossature.spec.tree import MAX_BYTES, MAX_LINES, build_tree, load_specs, with_strict


def smd(spec_id, depends=""):
    return (
        f"---\nid: {spec_id}\nstatus: draft\npriority: low\ndepends: [{depends}]\n---\n# {spec_id}\n\n"
        "## Requirements\n\n### One\n\nwords\n"
    ).encode()


def amd(spec, *components):
    parts = "".join(f"### {name}\n\n@path: {name}.py\n\nx\n\n{more}\n\n" for name, more in components)
    return (
        f"---\nspec: {spec}\nstatus: draft\n---\n# A\n\n## Overview\n\nx\n\n## Components\n\n{parts}".encode()
    )


def errors(tree):
    return [(d.code, d.place.path, d.place.line) for d in tree.diagnostics if d.severity == "error"]


def messages(tree):
    return [d.message for d in tree.diagnostics if d.severity == "error"]


def write(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def test_specs_come_after_what_they_depend_on_and_ties_by_id():
    tree = build_tree(
        {"1.smd": smd("A", "Z"), "2.smd": smd("Z"), "3.smd": smd("M"), "4.smd": smd("B", "A, M")}
    )
    assert list(tree.specs) == ["M", "Z", "A", "B"]
    assert tree.upstream("B") == ("M", "Z", "A")
    assert not tree.has_errors


def test_members_of_a_cycle_come_last_and_are_named():
    tree = build_tree(
        {"c.smd": smd("C", "B"), "b.smd": smd("B", "C"), "d.smd": smd("D", "C"), "x.smd": smd("X")}
    )
    assert list(tree.specs) == ["X", "B", "C", "D"]
    assert messages(tree) == ["Specs depend on each other: B -> C -> B"]
    assert errors(tree) == [("tree-cycle", "b.smd", 5)]


def test_a_cycle_is_told_in_the_direction_of_depends():
    tree = build_tree({"a.smd": smd("A", "C"), "b.smd": smd("B", "A"), "c.smd": smd("C", "B")})
    assert messages(tree) == ["Specs depend on each other: A -> C -> B -> A"]


def test_a_spec_that_depends_on_itself_is_a_cycle():
    assert messages(build_tree({"a.smd": smd("A", "A")})) == ["Specs depend on each other: A -> A"]


def test_each_of_two_cycles_is_told():
    files = {f"{a}.smd": smd(a, b) for a, b in [("A", "B"), ("B", "A"), ("C", "D"), ("D", "C")]}
    assert [code for code, _, _ in errors(build_tree(files))] == ["tree-cycle", "tree-cycle"]


def test_a_duplicate_id_is_told_in_both_files():
    tree = build_tree({"a.smd": smd("A"), "b/a.smd": smd("A")})
    assert errors(tree) == [("tree-duplicate-id", "a.smd", 2), ("tree-duplicate-id", "b/a.smd", 2)]
    assert "b/a.smd" in messages(tree)[0]
    assert "a.smd" in messages(tree)[1]
    assert tree.specs["A"].path == "a.smd"


def test_an_unknown_dependency_names_the_closest_spec():
    tree = build_tree({"a.smd": smd("TIDES"), "b.smd": smd("B", "TIDE, Q")})
    found = [(d.message, d.hint, d.place.line) for d in tree.diagnostics if d.severity == "error"]
    assert found == [
        ("Unknown spec in depends: 'TIDE'", "did you mean TIDES?", 5),
        ("Unknown spec in depends: 'Q'", "", 5),
    ]


def test_a_spec_with_an_invalid_id_is_no_spec_but_stops_no_check():
    tree = build_tree({"a.smd": smd("../up"), "b.smd": smd("B", "'../up'")})
    assert list(tree.specs) == ["B"]
    assert errors(tree) == [("smd-invalid-id", "a.smd", 2)]


def test_an_architecture_of_no_spec_is_an_error():
    tree = build_tree({"a.smd": smd("TIDES"), "a.amd": amd("TIDE", ("C", ""))})
    assert errors(tree) == [("tree-unknown-spec", "a.amd", 1)]
    assert "did you mean TIDES?" in [d.hint for d in tree.diagnostics]


def test_components_are_checked_over_all_files_of_a_spec():
    tree = build_tree(
        {
            "a.smd": smd("A"),
            "a.amd": amd("A", ("Store", "**Depends on:** core"), ("CORE", "")),
            "b.amd": amd("A", ("store", "**Depends on:** Cores, Nothing Near")),
        }
    )
    found = [(d.code, d.place.path, d.hint) for d in tree.diagnostics if d.severity == "error"]
    assert found == [
        ("tree-duplicate-component", "b.amd", ""),
        ("tree-unknown-component", "b.amd", "did you mean CORE?"),
        ("tree-unknown-component", "b.amd", ""),
    ]
    assert len(tree.architectures["A"]) == 2


def test_components_of_different_specs_do_not_clash():
    files = {"a.smd": smd("A"), "b.smd": smd("B"), "a.amd": amd("A", ("C", "")), "b.amd": amd("B", ("C", ""))}
    assert errors(build_tree(files)) == []


def test_components_that_depend_on_each_other_are_an_error():
    components = [("One", "**Depends on:** Two"), ("Two", "**Depends on:** One")]
    tree = build_tree({"a.smd": smd("A"), "a.amd": amd("A", *components)})
    assert messages(tree) == ["Components depend on each other: One -> Two -> One"]


@pytest.mark.parametrize(
    ("content", "code", "line", "column"),
    [
        (b"# T\n\xff\n", "file-not-utf-8", 2, 1),
        (b"# T\nab\x00", "file-binary", 2, 3),
        (b"x" * (MAX_BYTES + 1), "file-too-large", 0, 0),
        (b"\n" * (MAX_LINES + 1), "file-too-long", 0, 0),
    ],
)
def test_what_no_person_wrote_is_refused_with_its_place(content, code, line, column):
    (found,) = build_tree({"a.smd": content, "b.txt": b"\xff"}).diagnostics
    assert (found.code, found.severity, found.place.line, found.place.column) == (code, "error", line, column)


def test_diagnostics_come_by_path_and_line():
    tree = build_tree({"b.smd": b"", "a.smd": smd("A", "Q"), "a.amd": amd("A", ("C", ""))})
    places = [(d.place.path, d.place.line) for d in tree.diagnostics]
    assert places == sorted(places)
    assert {path for path, _ in places} == {"a.amd", "a.smd", "b.smd"}


def test_strict_turns_warnings_into_errors_and_leaves_infos():
    tree = build_tree({"a.smd": smd("A") + b"\n## Other\n\nx\n"})
    assert not tree.has_errors
    strict = with_strict(tree)
    assert strict.has_errors
    assert {d.severity for d in strict.diagnostics} == {"error", "info"}
    assert len(strict.diagnostics) == len(tree.diagnostics)


def test_a_folder_is_read_to_its_depth_in_order(tmp_path):
    write(
        tmp_path,
        {
            "specs/b/c.smd": smd("C"),
            "specs/a.SMD": smd("A"),
            "specs/.git/x.smd": smd("X"),
            "specs/a.md": b"\xff",
        },
    )
    (tmp_path / "specs/dir.smd").mkdir()
    tree = load_specs(tmp_path, "specs")
    assert {spec.path for spec in tree.specs.values()} == {"specs/a.SMD", "specs/b/c.smd"}
    assert errors(tree) == []


@pytest.mark.parametrize(
    ("spec_dir", "code"),
    [
        ("none", "tree-missing-folder"),
        ("empty", "tree-no-specs"),
        ("..", "tree-outside-root"),
        ("/", "tree-outside-root"),
    ],
)
def test_a_folder_without_specs_is_one_error(tmp_path, spec_dir, code):
    (tmp_path / "empty").mkdir()
    tree = load_specs(tmp_path, spec_dir)
    assert [d.code for d in tree.diagnostics] == [code]
    assert tree.has_errors


def test_links_are_followed_inside_of_the_project_only(tmp_path):
    root = tmp_path / "project"
    write(root, {"specs/a.smd": smd("A"), "shared/b.smd": smd("B")})
    write(tmp_path, {"out/c.smd": smd("C")})
    (root / "specs/inner").symlink_to(root / "shared")
    (root / "specs/outer").symlink_to(tmp_path / "out")
    (root / "specs/c.smd").symlink_to(tmp_path / "out/c.smd")
    (root / "specs/loop").symlink_to(root / "specs")
    (root / "specs/self.smd").symlink_to(root / "specs/self.smd")
    tree = load_specs(root, "specs")
    assert set(tree.specs) == {"A", "B"}
    assert ("file-outside-root", "specs/c.smd", 0) in errors(tree)


def test_a_linked_folder_of_specs_outside_is_refused(tmp_path):
    write(tmp_path, {"out/c.smd": smd("C"), "project/x": b""})
    (tmp_path / "project/specs").symlink_to(tmp_path / "out")
    tree = load_specs(tmp_path / "project", "specs")
    assert [d.code for d in tree.diagnostics] == ["tree-outside-root"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_told(tmp_path):
    write(tmp_path, {"specs/a.smd": smd("A"), "specs/b.smd": smd("B")})
    (tmp_path / "specs/b.smd").chmod(0)
    assert errors(load_specs(tmp_path, "specs")) == [("file-unreadable", "specs/b.smd", 0)]


def test_a_pipe_that_is_named_like_a_spec_does_not_hang(tmp_path):
    write(tmp_path, {"specs/a.smd": smd("A")})
    os.mkfifo(tmp_path / "specs/b.smd")
    assert set(load_specs(tmp_path, "specs").specs) == {"A"}


def test_a_file_of_endless_size_is_not_read_to_its_end(tmp_path):
    write(tmp_path, {"specs/a.smd": smd("A")})
    with (tmp_path / "specs/b.smd").open("wb") as file:
        file.truncate(1 << 40)
    assert errors(load_specs(tmp_path, "specs")) == [("file-too-large", "specs/b.smd", 0)]
