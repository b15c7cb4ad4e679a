"""What people did to outputs, judged from digests alone."""

from __future__ import annotations

from ossature.build.handedits import edits_of, with_renames
from ossature.digest import digest_bytes, digest_text
from ossature.store.ledger import Landing


def landing(files: dict[str, str], generated: dict[str, str] | None = None) -> Landing:
    return Landing("l", "001", "S", "T", tuple(files), "", "", files=files, generated=generated or {})


def found(files, disk, *, generated=None, heads=None, replaced=(), unowned=None):
    edits = edits_of(
        "001",
        landing(files, generated),
        heads=heads or {},
        on_disk=disk.get,
        is_replaced=lambda path: path in replaced,
    )
    return [
        (edit.path, edit.kind, edit.base, edit.accepted, edit.disk, edit.renamed_to)
        for edit in with_renames(edits, lambda: unowned or {})
    ]


def test_untouched_files_are_no_edits():
    assert found({"a": "A", "b": "B"}, {"a": "A", "b": "B"}) == []


def test_edited_deleted_and_replaced_are_told_apart():
    assert found({"a": "A", "b": "B", "c": "C"}, {"a": "mine"}, replaced={"c"}) == [
        ("a", "edited", "A", "A", "mine", ""),
        ("b", "deleted", "B", "B", None, ""),
        ("c", "replaced", "C", "C", None, ""),
    ]


def test_edit_of_an_accepted_edit_starts_from_what_was_generated():
    assert found({"a": "accepted"}, {"a": "again"}, generated={"a": "G"}) == [
        ("a", "edited", "G", "accepted", "again", "")
    ]


def test_disk_of_a_later_writer_is_not_held_against_an_earlier_one():
    assert found({"a": "A", "b": "B"}, {"a": "of 002", "b": "mine"}, heads={"a": "002", "b": "001"}) == [
        ("b", "edited", "B", "B", "mine", "")
    ]


def test_renamed_is_a_deleted_file_whose_bytes_are_at_an_unowned_path():
    assert found({"a": "A"}, {}, unowned={"z": "A", "y": "other"}) == [("a", "renamed", "A", "A", None, "z")]


def test_one_place_stands_for_one_file():
    assert [(each[1], each[5]) for each in found({"a": "A", "b": "A"}, {}, unowned={"z": "A"})] == [
        ("renamed", "z"),
        ("deleted", ""),
    ]


def test_empty_files_are_not_taken_for_one_another():
    empty = digest_bytes(b"")
    assert found({"a": empty}, {}, unowned={"z": empty})[0][1] == "deleted"


def test_unowned_files_are_not_looked_at_for_nothing():
    edits = edits_of(
        "001", landing({"a": digest_text("A")}), heads={}, on_disk={"a": "x"}.get, is_replaced=lambda _: False
    )

    def unowned() -> dict[str, str]:
        raise AssertionError("they were read")

    assert with_renames(edits, unowned) == edits
