"""Three-way merges of one file by git."""

from __future__ import annotations

import shutil

import pytest

from ossature.build.merging import has_markers, holds_all, merge, without_hand

BASE = b"one\ntwo\nthree\nfour\nfive\n"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@needs_git
class TestMerge:
    def test_changes_at_two_places_are_both_kept(self):
        merged = merge(BASE, BASE.replace(b"one", b"ONE"), BASE.replace(b"five", b"FIVE"))
        assert merged is not None
        assert merged.is_clean
        assert merged.content == b"ONE\ntwo\nthree\nfour\nFIVE\n"

    def test_two_changes_of_one_line_are_a_conflict_that_shows_all_three(self):
        merged = merge(BASE, BASE.replace(b"two", b"mine"), BASE.replace(b"two", b"theirs"))
        assert merged is not None
        assert merged.conflicts == 1
        for text in (
            b"mine (on disk)\nmine\n",
            b"generated before\ntwo\n",
            b"theirs\n>>>>>>> theirs (new)\n",
        ):
            assert text in merged.content
        assert has_markers(merged.content)

    def test_the_same_change_on_both_sides_is_made_once(self):
        both = BASE.replace(b"two", b"2")
        merged = merge(BASE, both, both)
        assert merged is not None
        assert merged.content == both

    @pytest.mark.parametrize("end", [b"\r\n", b"\n"])
    def test_line_ends_and_odd_bytes_stay(self, end: bytes):
        base = end.join([b"a", b"b", b"\xff\xfe", b"d", b"e"])
        merged = merge(base, base.replace(b"a", b"A"), base + end + b"f")
        assert merged is not None
        assert merged.content == end.join([b"A", b"b", b"\xff\xfe", b"d", b"e", b"f"])

    def test_binary_files_are_not_merged(self):
        assert merge(b"a\0b", b"a\0c", b"a\0d") is None

    def test_users_own_config_has_no_say(self, tmp_path, monkeypatch):
        (tmp_path / ".gitconfig").write_text("[merge]\n\tconflictStyle = merge\n[core]\n\tautocrlf = true\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("GIT_DIR", "/nowhere")
        merged = merge(BASE, BASE.replace(b"two", b"mine"), BASE.replace(b"two", b"theirs"))
        assert merged is not None
        assert b"|||||||" in merged.content
        assert b"\r" not in merged.content


def test_without_git_no_merge_is_offered(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert merge(BASE, BASE + b"a\n", BASE + b"b\n") is None


def test_text_about_markers_is_no_unsettled_merge():
    assert not has_markers(b"Title\n=======\n>>>>>>> quoted\n")


@pytest.mark.parametrize(
    ("text", "base", "held"),
    [
        (b"a\nx\nb\ny\n", b"a\nb\n", True),
        (b"x\ny", None, False),
        (b"a\nx\nb\ny", None, True),
        (b"y\nx\n", b"a\nb\n", False),
        (b"x\n", b"a\nb\n", False),
    ],
)
def test_lines_of_a_person_are_held_in_their_order(text: bytes, base: bytes | None, held: bool):
    assert holds_all(text, base=base, mine=b"a\nx\nb\ny\n") is held


class TestWithoutHand:
    def test_text_without_lines_of_a_person_is_itself(self):
        assert without_hand(b"new\n", base=BASE, mine=BASE + b"mine\n") == b"new\n"

    def test_carried_over_lines_are_taken_out(self):
        mine = BASE.replace(b"two", b"mine")
        text = mine + b"six\n"
        found = without_hand(text, base=BASE, mine=mine)
        assert b"mine" not in found
        assert b"six\n" in found
        if shutil.which("git"):
            assert found == BASE + b"six\n"

    def test_lines_that_cannot_be_taken_back_are_left_out(self, monkeypatch):
        monkeypatch.setenv("PATH", "")
        assert without_hand(b"a\nmine\nb\n", base=b"x\n", mine=b"mine\n") == b"a\nb\n"
        assert without_hand(b"a\nmine\nb\n", base=None, mine=b"mine\n") == b"a\nb\n"
