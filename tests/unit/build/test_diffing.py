"""Diffs of a task's files."""

from ossature.build.diffing import unified, unified_text


def test_new_changed_and_removed_files():
    diff = unified(
        {"a": b"1\n", "b": b"1\n", "c": b"1\n"}, {"a": b"2\n", "b": b"1\n", "d": b"1\n", "c": None}
    )
    assert "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n" in diff
    assert "--- a/c\n+++ /dev/null\n" in diff
    assert "--- /dev/null\n+++ b/d\n" in diff
    assert "a/b" not in diff


def test_missing_newline_is_told():
    assert unified_text("a", "1", "1\n") == (
        "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n\\ No newline at end of file\n+1\n"
    )


def test_binary_and_huge_files_are_told_by_size():
    assert "binary or very large: 2 bytes -> none" in unified({"a": b"\xff\xfe"}, {"a": None})
    assert "1 bytes -> 500000 bytes" in unified({"a": b"x"}, {"a": b"y\n" * 250_000})
    assert "binary or very large: 3 bytes -> 1 bytes" in unified({"a": b"a\0b"}, {"a": b"x"})


def test_only_a_line_feed_ends_a_line():
    assert unified_text("a", "1\x0c2\u2028\r\n", "1\x0c3\u2028\r\n") == (
        "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\x0c2\u2028\r\n+1\x0c3\u2028\r\n"
    )
